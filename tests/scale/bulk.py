"""Makes documents on two worker hosts, and once more with one of the two killed midway: `python -m tests.scale.bulk`.

Each host is a network namespace with a Dask worker in it, so this needs Linux, iproute2 and root. By default the
encoder is a stand-in that takes `--pace` milliseconds a passage, as an accelerator would; `--real` takes the model,
and readers in child processes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

from indexer.bulk import contents_of, drop_shards
from indexer.cluster import open_cluster
from indexer.contents import Contents, to_bytes
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from indexer.shards import Tools
from tests.scale.invented import PACE, TOOLS, files, make

ROOT = Path(__file__).resolve().parents[2]
A_FILE = 20  # passages
START_S = 120


@contextmanager
def started(command: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that finds this project's modules; kill it at the end."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def dask(*words: str) -> list[str]:
    """Write the command of a scheduler or a worker."""
    return [sys.executable, "-m", "dask", *words, "--no-dashboard"]


@contextmanager
def scheduler(folder: Path, host: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a Dask scheduler; give it with its address."""
    file = folder / f"scheduler-{monotonic()}.json"
    command = dask("scheduler", "--host", host, "--port", "0", "--scheduler-file", str(file))
    with started(command, folder / "scheduler.log", **environment) as process:
        end = monotonic() + START_S
        while not file.exists() or not (found := file.read_text("utf-8").partition('"address": "')[2]):
            assert monotonic() < end, (folder / "scheduler.log").read_text("utf-8")
            sleep(0.1)
        yield process, found.partition('"')[0]


def worker(address: str, folder: Path, *, threads: int = 1) -> list[str]:
    """Write the command of a worker."""
    words = ["worker", address, "--nworkers", "1", "--nthreads", str(threads), "--local-directory", str(folder)]
    return dask(*words, "--memory-limit", "0")


@contextmanager
def host(number: int) -> Iterator[str]:
    """Make a network namespace that reaches this one as 10.77.NUMBER.1; give its name."""
    name = here = f"cw{os.getpid()}-{number}"
    run = partial(subprocess.run, check=True)
    run(["ip", "netns", "add", name])
    inside = ["ip", "-n", name]
    try:
        run(["ip", "link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name])
        run(["ip", "addr", "add", f"10.77.{number}.1/24", "dev", here])
        run(["ip", "link", "set", here, "up"])
        run([*inside, "addr", "add", f"10.77.{number}.2/24", "dev", "eth0"])
        run([*inside, "link", "set", "eth0", "up"])
        run([*inside, "link", "set", "lo", "up"])
        run([*inside, "route", "add", "default", "via", f"10.77.{number}.1"])
        yield name
    finally:
        kill_host(name)
        subprocess.run(["ip", "link", "del", here], check=False)  # at once, as the namespace takes its time
        run(["ip", "netns", "del", name])


def kill_host(name: str) -> None:
    """Kill all that runs on a host at once."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout.split()
    if pids:
        subprocess.run(["kill", "-9", *pids], check=False)


def measure(count: int, *, pace_ms: float, real: bool, kill: bool) -> tuple[float, list[str], int]:
    """Give the seconds, the hashes of all documents and how many passages were encoded, once workers are there."""
    tools = Tools(make) if real else TOOLS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = [stack.enter_context(host(number)) for number in (1, 2)]
        _, address = stack.enter_context(scheduler(folder, "0.0.0.0"))
        port = address.rpartition(":")[2]
        for number, name in enumerate(names, start=1):
            command = worker(f"tcp://10.77.{number}.1:{port}", folder / name, threads=2)
            log = folder / f"{name}.log"
            stack.enter_context(started(["ip", "netns", "exec", name, *command], log, **{PACE: str(pace_ms)}))
        _until_ready([folder / f"{name}.log" for name in names])
        settings = Settings(index=folder / "index")
        encoder = SentenceEncoder(settings) if real else TOOLS.open_encoder(settings)
        executor = stack.enter_context(open_cluster(f"tcp://127.0.0.1:{port}"))
        while executor.processors < 2 * len(names):
            sleep(0.1)
        total = -(-count // A_FILE)
        progress = _Progress(total, at=total * 2 // 5, call=partial(kill_host, names[1]) if kill else _nothing)
        started_s = monotonic()
        made = []
        for job, contents in contents_of(
            files(total, A_FILE), settings, encoder.fingerprint, executor=executor, tools=tools, told=progress.tell
        ):
            assert isinstance(contents, Contents), job
            made.append(sha256(to_bytes(contents)).hexdigest() + f" {len(contents.passages)} {job.source.path}")
        took_s = monotonic() - started_s
        drop_shards(settings.index)
        return took_s, made, progress.encoded


def _until_ready(logs: Sequence[Path]) -> None:
    end = monotonic() + START_S
    while not all("Registered to" in log.read_text("utf-8") for log in logs):
        assert monotonic() < end, [log.read_text("utf-8") for log in logs]
        sleep(0.1)


class _Progress:
    """Counts, and calls something once when so many files are done."""

    def __init__(self, total: int, at: int, call: Callable[[], None]) -> None:
        self._total, self._at, self._call = total, at, call
        self._files = 0
        self.encoded = 0

    def tell(self, done: int, encoded: int) -> None:
        before, self._files = self._files, self._files + done
        self.encoded += encoded
        if before < self._at <= self._files:
            self._call()


def _nothing() -> None:
    pass


def main() -> None:
    """Print what each of the two takes, and whether they made the same."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--pace", type=float, default=3.0, help="milliseconds that the stand-in takes for a passage")
    parser.add_argument("--real", action="store_true", help="take the model instead of the stand-in")
    given = parser.parse_args()
    results = []
    for kill in (False, True):
        took_s, made, encoded = measure(given.passages, pace_ms=given.pace, real=given.real, kill=kill)
        passages = sum(int(line.split()[1]) for line in made)
        paths = [line.split()[2] for line in made]
        print(
            f"{'one of two hosts killed' if kill else 'clean':24} {took_s:6.1f} s  {len(paths)} documents, "
            f"{len(paths) - len(set(paths))} double, {passages} passages, {encoded} encoded and fetched",
            flush=True,
        )
        results.append(made)
    same = sum(one == other for one, other in zip(*results, strict=True))
    in_order = all(made == sorted(made, key=_path) for made in results)
    print(f"{same} of {len(results[0])} documents are the same to the bit; in the order of the files: {in_order}")


def _path(line: str) -> str:
    return line.split()[2]


if __name__ == "__main__":
    main()
