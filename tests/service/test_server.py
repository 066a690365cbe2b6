"""Workers that do something small, in a process of their own."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexer.settings import Settings

ROOT = Path(__file__).parents[2]

# What looks after two workers; each logs that it begins, and then does what a test has put there.
TEAM = """
import os, signal, socket, sys, time
from indexer.errors import IndexMissingError
from service.server import workers

def work(listening, say_ready):
    os.write(1, b"begun\\n")
    {work}

{before}
workers.keep_working(work, socket.create_server(("127.0.0.1", 0)), workers=2, stop_s=1)
"""

# A service whose searcher takes a while to tell its generation, and tells when it was asked.
SLOW = """
import os, time
from types import SimpleNamespace
from indexer.settings import Limits, Settings
from service.app import create_app
from service.server import serve

class Slow:
    store = SimpleNamespace(folder=Settings().index)

    def generation(self):
        os.write(2, b"asked\\n")
        time.sleep(1)
        return 7

settings = Settings(port=0, limits=Limits(stop_s=20), workers=2)
serve(lambda _: create_app(Slow(), limits=settings.limits), settings)
"""


@dataclass(frozen=True)
class Done:
    """How it ended."""

    code: int
    begun: int  # workers, over time
    errors: str


@pytest.fixture
def team(tmp_path: Path) -> Callable[..., Done]:
    """Give a function that has a team work to its end."""

    def run(work: str, before: str = "") -> Done:
        code = TEAM.format(work="\n    ".join(work.splitlines()), before=before)
        with (tmp_path / "output").open("w") as output:
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        return Done(done.returncode, (tmp_path / "output").read_text().count("begun"), done.stderr)

    return run


def test_an_error_that_keeps_the_first_workers_from_starting_is_raised(team: Callable[..., Done]) -> None:
    """It is the error itself, and no worker is started again."""
    done = team("raise IndexMissingError('nothing is there')")

    assert done.errors.splitlines()[-1] == "indexer.errors.IndexMissingError: nothing is there"
    assert done.begun <= 2


def test_workers_that_die_at_once_are_given_up(team: Callable[..., Done]) -> None:
    """After three in a row in one place there is an error that tells how the last one ended."""
    done = team("os.kill(os.getpid(), signal.SIGKILL)")

    assert "UnusableIndexError: 3 workers in a row ended soon after their start, the last with SIGKILL" in done.errors
    assert 3 <= done.begun <= 6


def test_workers_that_die_as_soon_as_they_are_ready_are_given_up(team: Callable[..., Done]) -> None:
    """Being ready for a moment does not count."""
    done = team("say_ready()\nos._exit(7)")

    assert "the last with code 7" in done.errors
    assert 3 <= done.begun <= 6


def test_workers_that_lived_for_a_while_are_always_replaced(team: Callable[..., Done]) -> None:
    """Those that die after that are replaced for as often as it takes."""
    ends_it = "if os.fstat(1).st_size > 60:\n    os.kill(os.getppid(), signal.SIGTERM)\n    time.sleep(60)"
    done = team(f"say_ready()\n{ends_it}\nos._exit(7)", "workers.SHORT_LIFE_S = 0.0")

    assert done.code == 0, done.errors
    assert done.begun > 8


def test_a_worker_that_does_not_stop_is_killed(team: Callable[..., Done]) -> None:
    """The time that requests have left is all it gets."""
    stays = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(60)"
    done = team(stays)

    assert done.code == 0, done.errors
    assert done.begun <= 2


def test_a_request_that_was_begun_is_answered_when_the_workers_stop() -> None:
    """SIGTERM to the process that looks after them lets each finish, and the exit code is 0."""
    process = subprocess.Popen([sys.executable, "-c", SLOW], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        log = ""
        while not (found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log)):
            line = process.stderr.readline()
            assert line, log
            log += line
        with ThreadPoolExecutor(1) as beside:
            answer = beside.submit(urllib.request.urlopen, f"{found[1]}/readyz", timeout=60)
            while "asked" not in line:
                line = process.stderr.readline()
                assert line
            process.send_signal(signal.SIGTERM)
            with answer.result() as done:
                assert json.load(done) == {"status": "ready", "generation": 7}
        process.stderr.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def test_one_process_serves_unless_more_are_asked_for() -> None:
    """The setting has a default that changes nothing."""
    assert Settings().workers == 1
