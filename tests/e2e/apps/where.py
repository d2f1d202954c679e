# SPDX-License-Identifier: MIT
"""Says who and where the worker is, as JSON. With ?SECONDS it takes its time."""

import json
import os
import sys
import time


def app(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"] or 0))
    os.umask(mask := os.umask(0))
    said = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "folder": os.getcwd(),
        "path": sys.path,
        "user": os.geteuid(),
        "group": os.getegid(),
        "groups": os.getgroups(),
        "umask": mask,
        "variables": {name: value for name, value in os.environ.items() if name.startswith("TEST_")},
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]
