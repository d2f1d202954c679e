#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures galley beside its peers: alternating rounds, the same load, one table.

    bench/run.py [--scenario hello] [--rounds 3] [--seconds 4] [--out build/bench]

Writes SCENARIO.json (every round) and SCENARIO.md (medians, and how many times galley's figure it is).
A peer that cannot be installed is reported as skipped.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import table
from processes import ROOT, Running, cpu_us, family, pss_kib

# Column, unit, and the key of a round's figure.
COLUMNS = (
    ("requests/s", "requests_per_s", "{:,.0f}"),
    ("CPU µs/request", "cpu_us_per_request", "{:.1f}"),
    ("p50 ms", "p50_ms", "{:.2f}"),
    ("p99 ms", "p99_ms", "{:.2f}"),
    ("PSS master MiB", "pss_master_mib", "{:.1f}"),
    ("PSS worker MiB", "pss_worker_mib", "{:.1f}"),
    ("first answer ms", "first_answer_ms", "{:.0f}"),
    ("errors", "errors", "{:.0f}"),
)
# Of these a ratio says something.
COMPARED = ("requests_per_s", "cpu_us_per_request")


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


def install_peers():
    """Makes the virtual environment of the peers; True when it is there."""
    venv = ROOT / table.PEERS
    stamp, wanted = venv / ".requirements", (ROOT / "requirements/bench.txt").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    pip = [venv / "bin/pip", "-q", "install", "-r", ROOT / "requirements/bench.txt"]
    try:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The peers are skipped: {error}", file=sys.stderr)
        return False
    stamp.write_text(wanted)
    return True


def version_of(server):
    python = ROOT / server.venv / "bin/python"
    code = f"import importlib.metadata as m; print(m.version({server.package!r}))"
    return output_of(python, "-c", code)


def load(port, scenario, seconds):
    """One thread of wrk for some seconds; its figures."""
    fields = [word for field in scenario.fields for word in ("-H", field)]
    url = f"http://127.0.0.1:{port}{scenario.path}"
    command = ["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", *fields]
    script = str(Path(__file__).with_name("load.lua"))
    text = subprocess.run([*command, "-s", script, url], check=True, capture_output=True, text=True).stdout
    return json.loads(text.rpartition("result: ")[2])


def measure(server, scenario, seconds):
    with Running(server, scenario) as running:
        load(running.port, scenario, 1)
        before = cpu_us(running.pid)
        found = load(running.port, scenario, seconds)
        spent = cpu_us(running.pid) - before
        master, *workers = [pss_kib(pid) / 1024 for pid in family(running.pid)]
        return {
            "requests": found["requests"],
            "requests_per_s": found["requests"] * 1e6 / found["duration_us"],
            "cpu_us_per_request": spent / max(found["requests"], 1),
            "p50_ms": found["p50_us"] / 1000,
            "p99_ms": found["p99_us"] / 1000,
            "max_ms": found["max_us"] / 1000,
            "errors": found["errors"],
            "pss_master_mib": master,
            "pss_worker_mib": max(workers, default=0),
            "first_answer_ms": running.start_s * 1000,
        }


def run_rounds(servers, scenario, rounds, seconds):
    """A B C A B C …: whatever the machine does besides, it does to all of them."""
    found = {server.name: [] for server in servers}
    for number in range(1, rounds + 1):
        for server in servers:
            print(f"round {number} of {rounds}: {server.name}", file=sys.stderr)
            found[server.name].append(measure(server, scenario, seconds))
    return found


def medians(rounds):
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def surroundings():
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "machine": f"{os.cpu_count()} × {cpu[0].partition(': ')[2] if cpu else platform.machine()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "wrk": output_of("wrk", "-v").partition(" [")[0],
        "commit": output_of("git", "-C", ROOT, "describe", "--always", "--dirty"),
    }


def cell(form, key, middle, base):
    text = form.format(middle[key])
    if key in COMPARED and middle is not base and base and base[key]:
        text += f" (×{middle[key] / base[key]:.2f})"
    return text


def markdown(report):
    middle = report["medians"]
    base = middle.get("galley")
    lines = [
        f"## {report['scenario']}: {report['text']}",
        "",
        f"Medians of {report['rounds']} alternating rounds of {report['seconds']} s; in brackets the"
        " ratio to galley.",
        "",
        "| server | " + " | ".join(title for title, _, _ in COLUMNS) + " |",
        "|---|" + "---:|" * len(COLUMNS),
    ]
    for name, version in report["versions"].items():
        cells = [cell(form, key, middle[name], base) for _, key, form in COLUMNS]
        lines.append(f"| {name} {version} | " + " | ".join(cells) + " |")
    lines += [f"| {name} | skipped |" for name in report["skipped"]]
    lines += ["", ", ".join(f"{key} {value}" for key, value in report["surroundings"].items()), ""]
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scenario", default="hello")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--out", type=Path, default=ROOT / "build/bench")
    args = options.parse_args()

    scenario = table.by_name(table.SCENARIOS, args.scenario)
    has_peers = install_peers()
    servers = [row for row in table.SERVERS if has_peers or row.venv != table.PEERS]
    found = run_rounds(servers, scenario, args.rounds, args.seconds)
    report = {
        "scenario": scenario.name,
        "text": scenario.text,
        "rounds": args.rounds,
        "seconds": args.seconds,
        "surroundings": surroundings(),
        "versions": {server.name: version_of(server) for server in servers},
        "skipped": [row.name for row in table.SERVERS if row not in servers],
        "medians": {name: medians(rounds) for name, rounds in found.items()},
        "all": found,
    }
    args.out.mkdir(parents=True, exist_ok=True)
    text = markdown(report)
    (args.out / f"{scenario.name}.json").write_text(json.dumps(report, indent=2) + "\n")
    (args.out / f"{scenario.name}.md").write_text(text)
    print(text)
    return 1 if any(middle["errors"] for middle in report["medians"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
