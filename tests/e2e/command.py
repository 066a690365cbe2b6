"""Runs the real `citewell` command in processes of its own."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CITEWELL = [sys.executable, "-m", "service.cli"]
PATIENCE = 120  # seconds until something has certainly gone wrong, also on a busy machine

# The same command, which tells at its end, on standard error, what it loaded and whom it tried to reach.
WATCHED = """
import atexit, json, sys
reached = []
def loaded():
    return sorted({"torch", "transformers", "openvino"} & sys.modules.keys())
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        reached.append(f"{event} {arguments[-2:]!r}")
sys.addaudithook(watch)
atexit.register(lambda: print(json.dumps({"loaded": loaded(), "reached": reached}), file=sys.stderr))
from service.cli import main
main()
"""


def environment(folder: Path) -> dict[str, str]:
    """Give this process's environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITEWELL_")}
    return {**kept, "XDG_CONFIG_HOME": str(folder / "no-config"), "NO_COLOR": "1"}


def citewell(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*CITEWELL, *arguments],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start a command and let it run."""
    return subprocess.Popen(
        [*CITEWELL, *arguments],
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def watched(*arguments: str, cwd: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run a command to its end, and tell what it loaded to run a model and which addresses it tried to reach."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    seen: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return done, seen


@contextmanager
def served(cwd: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve on a free port while the block runs; give the process and its address."""
    log = cwd / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*CITEWELL, "serve", *arguments, "--port", "0"],
            cwd=cwd,
            env=environment(cwd),
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        wait_until(lambda: "running on" in log.read_text(), process)
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
        assert found, log.read_text()
        yield process, found[1]
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait until something holds, which it has to while the process still runs."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
