"""How many searches a second the service answers, by its number of workers.

    python -m tests.benchmarks.throughput INDEX QUESTIONS.jsonl [WORKERS ...]

Sixteen clients ask hybrid searches over connections that they keep. Half of the questions are those of the file,
again and again; half were never asked before: the beginning of one question and the end of another. Each number of
workers has a service of its own in each round, and the numbers take turns, so what else the machine does falls on all
of them. The clients run on the same processors.
"""

import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from urllib.parse import quote

import numpy as np

from service.evaluation.questions import read_questions

CLIENTS = 16
ROUNDS = 3
ASKING_S = 8.0
PATIENCE_S = 60.0
WORKERS = (1, 2, 4)


@dataclass
class Figures:
    """What was measured of one number of workers, over all rounds."""

    took: list[float] = field(default_factory=list)  # seconds, of requests that were answered
    asked_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)  # 0 where the connection broke
    ready_s: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)  # of the processes together; what they share counts once
    rss_mb: list[float] = field(default_factory=list)
    cpu_s: float = 0.0  # of the service


def main(index: Path, file: Path, numbers: Sequence[int]) -> None:
    questions = [question.text for question in read_questions(file).all]
    figures = {number: Figures() for number in numbers}
    new = new_questions(questions)
    for _ in range(ROUNDS):
        for number in numbers:
            measure(figures[number], index, number, questions, new)
    print(f"{CLIENTS} clients, {len(os.sched_getaffinity(0))} processors, {ROUNDS} rounds of {ASKING_S:g} s")
    print("workers  searches/s  p50 ms  p95 ms  p99 ms  p99/p50  other answers  PSS MB  RSS MB  ready s  ms CPU each")
    for number, found in figures.items():
        p50, p95, p99 = 1000 * np.quantile(found.took, [0.5, 0.95, 0.99])
        done = found.statuses.pop(200)
        print(
            f"{number:7} {done / found.asked_s:11.1f} {p50:7.1f} {p95:7.1f} {p99:7.1f} {p99 / p50:8.1f}"
            f" {dict(found.statuses) or 'none'!s:>14} {max(found.pss_mb):7.0f} {max(found.rss_mb):7.0f}"
            f" {np.median(found.ready_s):8.1f} {1000 * found.cpu_s / done:12.1f}"
        )


def measure(figures: Figures, index: Path, workers: int, questions: Sequence[str], new: Iterator[str]) -> None:
    """Let the clients ask a fresh service, once all of them have asked what they will ask again and again."""
    with serving(index, workers) as (process, port, ready_s), ThreadPoolExecutor(CLIENTS) as clients:
        all_know = Barrier(CLIENTS + 1)

        def ask(client: int) -> list[tuple[float, int]]:
            rng = random.Random(client)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            for question in rng.sample(questions, len(questions)):
                asked(connection, question)
            connection.close()  # the service does, too, where nothing is asked for 5 s
            all_know.wait()
            end = time.monotonic() + ASKING_S
            found = []
            while time.monotonic() < end:
                found.append(asked(connection, rng.choice(questions) if rng.random() < 0.5 else next(new)))
            connection.close()
            return found

        futures = [clients.submit(ask, client) for client in range(CLIENTS)]
        all_know.wait()
        began, used = time.monotonic(), cpu_s(process.pid)
        for future in futures:
            for took, status in future.result():
                figures.statuses[status] += 1
                if status == http.client.OK:
                    figures.took.append(took)
        figures.cpu_s += cpu_s(process.pid) - used
        figures.asked_s += time.monotonic() - began
        figures.pss_mb.append(memory_mb(process.pid, "Pss"))
        figures.rss_mb.append(memory_mb(process.pid, "Rss"))
        figures.ready_s.append(ready_s)


def asked(connection: http.client.HTTPConnection, question: str) -> tuple[float, int]:
    """Ask one question; give the seconds that it took and the status."""
    started = time.monotonic()
    try:
        connection.request("GET", f"/v1/search?q={quote(question)}")
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except OSError:
        connection.close()
        status = 0
    return time.monotonic() - started, status


def new_questions(questions: Sequence[str]) -> Iterator[str]:
    """Give questions that are all different; one thread at a time takes one, as `next` of a list's iterator does."""
    halves = [(words[: len(words) // 2], words[len(words) // 2 :]) for words in map(str.split, questions)]
    made = {" ".join([*one, *other]) for one, _ in halves for _, other in halves} - {*questions}
    return iter(random.Random(0).sample(sorted(made), len(made)))


@contextmanager
def serving(index: Path, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """Start a service; give its process, its port and the seconds until it answered."""
    environment = {**os.environ, "CITEWELL_LIMITS__WAITING": "1000"}
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--index", str(index)]
    with tempfile.NamedTemporaryFile() as log:
        began = time.monotonic()
        process = subprocess.Popen([*command, "--workers", str(workers)], env=environment, stdout=log, stderr=log)
        try:
            while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", Path(log.name).read_text())):
                if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                    raise RuntimeError(Path(log.name).read_text())
                time.sleep(0.02)
            port = int(found[1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            connection.request("GET", "/readyz")
            assert json.load(connection.getresponse())["status"] == "ready"
            connection.close()
            ready_s = time.monotonic() - began
            while Path(log.name).read_text().count("Application startup complete") < workers:
                time.sleep(0.02)
            yield process, port, ready_s
        finally:
            process.terminate()
            process.wait()


def tree(pid: int) -> list[int]:
    """Give a process and those it has started."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(below for child in children for below in tree(child))]


def memory_mb(pid: int, kind: str) -> float:
    """Measure the memory of a process and those it has started: `Pss` or `Rss`."""
    rollups = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in tree(pid)]
    return (
        sum(int(size) for text in rollups for size in re.findall(rf"^{kind}:\s+(\d+) kB", text, re.MULTILINE)) / 1024
    )


def cpu_s(pid: int) -> float:
    """Measure the processor time of a process and those it has started."""
    ticks = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime and stime (proc(5))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(one) for one in sys.argv[3:]] or WORKERS)
