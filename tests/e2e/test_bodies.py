# SPDX-License-Identifier: MIT
"""Large and many bodies: every byte arrives, and memory stays where it was."""

import hashlib
import os
import random
import subprocess

import pytest

from harness import processes
from harness.client import chunked
from harness.waiting import Background, eventually, in_parallel

MEGABYTE = 1 << 20


def body_of(size, seed):
    return random.Random(seed).randbytes(size)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--workers", 2, "--threads", 4]], ids=["one thread", "many"])
def test_64_clients_with_mixed_sizes(serve, options):
    server = serve("echo:app", "--keep-alive", 60, *options)
    sizes = [0, 1, 100, 1460, 4095, 4096, 65_535, 65_536, 65_537, 200_000, 1_000_000, 3_000_000]

    def talk(i):
        rng = random.Random(i)
        with server.connect() as client:
            for n in range(4):
                body = body_of(rng.choice(sizes), f"{i}.{n}")
                if rng.random() < 0.3:
                    cut = rng.randrange(len(body) + 1)
                    pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
                    fields, sent = [("Transfer-Encoding", "chunked")], chunked(*pieces)
                else:
                    fields, sent = [("Content-Length", str(len(body)))], body
                sending = Background(client.send_request, "POST", f"/{i}/{n}", fields, sent)
                response = client.read_response()
                sending.result()
                assert response["X-Path"] == f"/{i}/{n}"
                assert response.body == body, f"client {i}, request {n}, {len(body)} bytes"

    in_parallel(talk, range(64))


BULK = """
    import hashlib
    import os

    BLOCK = bytes(range(256)) * 256

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/download":
            start_response("200 OK", [("Content-Length", str(len(BLOCK) * 1600))])
            return (BLOCK[:-1] + BLOCK[-1:] for _ in range(1600))  # an object of its own each
        digest, size = hashlib.sha256(), 0
        for block in iter(lambda: environ["wsgi.input"].read(65536), b""):
            digest.update(block)
            size += len(block)
        start_response("200 OK", [("X-Files", ",".join(os.listdir("."))), ("X-Size", str(size))])
        return [digest.hexdigest().encode()]
"""
BLOCK = bytes(range(256)) * 256
SIZE = len(BLOCK) * 1600  # 100 MB


class Memory:
    """The most memory that the worker had to itself while the block ran, over what it had before."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.before = processes.anonymous_memory(self.pid)
        self.most = self.before
        self.is_over = False
        self.watching = Background(self._watch)
        return self

    def _watch(self):
        while not self.is_over:
            self.most = max(self.most, processes.anonymous_memory(self.pid))

    def __exit__(self, *_):
        self.is_over = True
        self.watching.result()

    @property
    def growth(self):
        return self.most - self.before


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_upload_of_100_megabytes(serve, coding):
    server = serve(BULK)
    server.request("POST", body=b"warm up")
    (worker,) = server.workers()
    digest = hashlib.sha256(BLOCK * 1600).hexdigest()
    with Memory(worker) as memory, server.connect() as client:
        if coding == "length":
            client.send_request("POST", fields=[("Content-Length", str(SIZE))])
            for _ in range(1600):
                client.send(BLOCK)
        else:
            client.send_request("POST", fields=[("Transfer-Encoding", "chunked")])
            for _ in range(1600):
                client.send(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK))
            client.send(b"0\r\n\r\n")
        response = client.read_response()
    assert (response["X-Size"], response.text) == (str(SIZE), digest)
    assert memory.growth < 16 * MEGABYTE


@pytest.mark.slow
@pytest.mark.parametrize("pace", ["fast", "slow"])
def test_download_of_100_megabytes(serve, pace):
    server = serve(BULK)
    server.request("POST", body=b"warm up")
    (worker,) = server.workers()
    with Memory(worker) as memory, server.connect(receive_buffer=65536 if pace == "slow" else None) as client:
        client.send_request("GET", "/download")
        assert client.read_head()["Content-Length"] == str(SIZE)
        for _ in range(1600):
            assert client.read_exactly(len(BLOCK)) == BLOCK
    assert memory.growth < 16 * MEGABYTE


@pytest.mark.slow
def test_many_uploads_at_once_stay_out_of_memory(serve):
    server = serve(BULK)
    server.request("POST", body=b"warm up")
    (worker,) = server.workers()
    with Memory(worker) as memory:
        in_parallel(lambda _: server.request("POST", body=BLOCK * 32), range(32))  # 64 MB
    assert memory.growth < 16 * MEGABYTE


# --- the temporary file --------------------------------------------------------------------------


def temporary_files(server, folder):
    links = [link for pid in server.workers() for link in processes.open_files(pid)]
    return [link for link in links if link.startswith(str(folder))]


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (tmp_path / "gunicorn.conf.py").write_text(f"tmp_upload_dir = {str(folder)!r}\n")
    return folder


def test_large_body_waits_in_a_file_without_a_name(serve, uploads):
    server = serve("echo:app", "--body-buffer-size", 10_000)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "200000")])
        client.send(b"x" * 150_000)
        eventually(lambda: temporary_files(server, uploads), "a temporary file")
        assert list(uploads.iterdir()) == []
        client.send(b"x" * 50_000)
        assert client.read_response().body == b"x" * 200_000
        eventually(lambda: not temporary_files(server, uploads), "the file to be gone")


def test_small_body_needs_no_file(serve, uploads):
    server = serve("echo:app", "--body-buffer-size", 10_000)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "10000")])
        client.send(b"x" * 9_999)
        assert not temporary_files(server, uploads)
        client.send(b"x")
        assert client.read_response().body == b"x" * 10_000
        assert not temporary_files(server, uploads)


@pytest.mark.parametrize("size", [9_999, 10_000, 10_001, 19_999, 20_000, 20_001, 100_000])
def test_sizes_around_the_buffer(serve, uploads, size):
    server = serve("echo:app", "--body-buffer-size", 10_000)
    body = body_of(size, size)
    with server.connect() as client:
        assert client.request("POST", body=body).body == body
        fields = [("Transfer-Encoding", "chunked")]
        assert client.request("POST", "/", fields, chunked(body[:5000], body[5000:])).body == body


def test_file_of_a_client_that_leaves_is_gone(serve, uploads):
    server = serve("echo:app", "--body-buffer-size", 10_000)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "200000")])
        client.send(b"x" * 150_000)
        eventually(lambda: temporary_files(server, uploads), "a temporary file")
        client.reset()
    eventually(lambda: not temporary_files(server, uploads), "the file to be gone")


@pytest.fixture
def small_disk(uploads):
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(uploads)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root, outside of containers")
    yield uploads
    subprocess.run(["umount", "--lazy", str(uploads)], check=True)


def test_full_disk_fails_the_request_and_not_the_worker(small_disk, serve):
    server = serve("echo:app", "--body-buffer-size", 10_000)
    server.get()
    workers = server.workers()
    body = b"x" * 3 * MEGABYTE

    def send(client):
        try:
            client.send_request("POST", body=body)
        except OSError:
            return "cut"

    with server.connect() as client:
        sending = Background(send, client)
        assert client.read_response().status in (500, 503, 507)
        client.close()
        sending.result()
    server.log.expect("No space left on device", level="ERROR")
    assert len(server.request("POST", body=b"x" * 500_000).body) == 500_000
    assert server.workers() == workers


def test_folder_for_uploads_that_is_not_there(serve, tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text("tmp_upload_dir = '/nowhere/at/all'\n")
    server = serve("echo:app", "--body-buffer-size", 10_000)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "20000")])
        client.send(b"x" * 20_000)
        assert client.read_response().status == 500
    server.log.expect("No such file", level="ERROR")
    assert server.request("POST", body=b"small").body == b"small"
