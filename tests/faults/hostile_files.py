"""Hostile files among honest ones: bombs, lies, circles, names and things that are no files."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from indexer.errors import Refusal
from tests.faults.files import Bad, Target, archives, good, make, pdf, places, plain, web
from tests.faults.files.drive import Job, Read, Result
from tests.faults.files.places import Fate
from tests.faults.table import Row
from tests.indexer.extract.files import bomb_pdf, slow_pdf

ROOT = Path(__file__).parents[2]
REPORTS = ROOT.parent / "shared" / "reports"
MOST_PARENT_MB = 256  # texts of several files at the limits of `indexer.extract.limits`, and what the heap then keeps
SLACK_S = 10  # beyond the limit of time for one file: the machine may have other things to do
CANARY = "The rowan by the north gate flowered twice that spring."
BULK = {"parse_memory_mb": 1024, "parse_cpu_s": 6, "parse_wall_s": 30, "max_file_mb": 20}
QUICK = {"parse_memory_mb": 384, "parse_cpu_s": 1, "parse_wall_s": 20, "max_file_mb": 20}
DEFAULTS: dict[str, Any] = {"max_file_mb": 20}
FULL = {"pdf": 300, "mutated": 500, "archives": 110, "web": 60, "plain": 60}
OUTSIDE = ("changed outside", "written", "text of a file outside", "a reader process tried", "calls to the address")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, and all that is wrong with it."""

    bad: tuple[Bad, ...]
    fates: Mapping[str, Fate]  # of places, by path
    result: Result
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Room:
    """A folder in which an attempt takes place."""

    base: Path
    target: Target
    listener: socket.socket

    def calls(self) -> int:
        """Count who has called the address that the files name."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self.listener.accept()[0].close()
                count += 1
        return count


def mixture(random: Random, target: Target, counts: Mapping[str, int], scale: float = 1.0) -> list[Bad]:
    """Make so many files of each family: pdf, mutated, archives, web, plain."""
    kinds = {"pdf": pdf.KINDS, "archives": archives.KINDS, "web": web.KINDS, "plain": plain.KINDS}
    made = [
        Bad(f"{name}-{bad.name}", bad.data, bad.refused)
        for name, count in counts.items()
        if name in kinds
        for bad in make(kinds[name], random, target, count, scale)
    ]
    return made + list(pdf.mutated(_reports(), random, counts.get("mutated", 0)))


def heaviest(random: Random, target: Target) -> list[Bad]:
    """Make the files that take the most, for the limits as they are by default."""
    return [
        Bad("bomb.pdf", bomb_pdf(1024), refused=True),
        Bad("letters.pdf", slow_pdf(1_500_000), refused=True),
        Bad("archive.docx", archives.no_bomb_within_the_limit(random, target, 1)[1], refused=True),
        Bad("merges.md", plain.no_merges(Random(1), target, 1)[1], refused=True),
        Bad("lines.txt", b"1\n" * 5_000_000, refused=True),
    ]


def attempt(
    seed: int,
    files: Callable[[Random, Target], Sequence[Bad]],
    settings: Mapping[str, Any],
    *,
    with_places: bool = False,
    plant: str = "",
    timeout_s: float = 900,
) -> Outcome:
    """Index hostile files among twenty good ones in a process of its own, and say what is wrong with the result.

    `plant` is run by each reader process first, a bug that the check has to see; in it `OUTSIDE` is the folder where
    nothing may be written.
    """
    random = Random(seed)
    with _room(random) as room:
        source = room.base / "source"
        names = good.write(source)
        bad = files(random, room.target)
        for one in bad:
            (source / one.name).write_bytes(one.data)
        fates: dict[str, Fate] = {}
        if with_places:
            for name, made in (("places", places.make), ("swaps", lambda folder, _: places.before_swaps(folder))):
                (source / name).mkdir()
                fates |= {f"{name}/{path}": fate for path, fate in made(source / name, room.target).items()}
        job = Job(
            str(room.base),
            str(source),
            str(room.base / "good"),
            str(source / "swaps") if with_places else "",
            str(room.target.canary),
            str(room.target.outside),
            dict(settings),
            f"OUTSIDE = {str(room.target.outside)!r}\n{plant}",
        )
        before = _listing(room.base)
        result = _drive(room.base, job, timeout_s)
        changed = sorted(set(before.items()) ^ set(_listing(room.base).items()))
        strays = [
            str(path) for place in ("/", "/tmp", Path.cwd()) for path in Path(place).glob(f"*{room.target.mark}*")
        ]
        if with_places:
            places.remove(source / "places")
        problems = _problems(result, names, bad, fates, settings)
        problems += [f"changed outside the index: {path}" for path, _ in changed] + [
            f"written: {path}" for path in strays
        ]
        if calls := room.calls():
            problems.append(f"calls to the address in the files: {calls}")
    return Outcome(tuple(bad), fates, result, tuple(problems))


def _problems(
    result: Result, names: Sequence[str], bad: Sequence[Bad], fates: Mapping[str, Fate], settings: Mapping[str, Any]
) -> list[str]:
    problems = [
        f"good file lost or altered: {name}" for name in names if result.read.get(name) != result.alone.get(name)
    ]
    problems += [f"good file not read at all: {name}" for name in names if name not in result.alone]
    for one in bad:
        if one.refused and one.name not in result.refused:
            problems.append(f"not refused: {one.name}")
        if not one.refused and (one.name in result.refused) == (one.name in result.read):
            problems.append(f"neither read nor refused: {one.name}")
    for path, fate in fates.items():
        if (path in result.read, path in result.refused) != (fate is Fate.READ, fate is Fate.REFUSED):
            problems.append(f"should be {fate}: {path!a}")
    problems += _problems_of_refusals(result)
    for path, read in result.read.items():
        problems += [f"raw character in what was read of {path}: {read.raw}"] * (read.raw is not None)
        problems += [f"text of a file outside in {path}"] * read.canary
        problems += [f"half of one state and half of another in {path}"] * (
            path.endswith("changing.txt") and read.signs > 2
        )
    memory, wall = settings.get("parse_memory_mb", 1024), settings.get("parse_wall_s", 120)
    problems += [f"a reader process took {result.child_mb} MB, more than {memory}"] * (result.child_mb > memory)
    problems += [f"the parent grew by {result.parent_mb} MB"] * (result.parent_mb > MOST_PARENT_MB)
    problems += [f"{name} took {took:.0f} s" for name, took in result.seconds.items() if took > wall + SLACK_S]
    problems += [f"a reader process tried: {deed}" for deed in result.deeds]
    return problems


def _problems_of_refusals(result: Result) -> Iterator[str]:
    for path, (code, message) in result.refused.items():
        if code not in set(Refusal) or not message:
            yield f"no code or reason: {path}"
        if not path.isprintable() or not message.isprintable():
            yield f"raw character in the refusal of {path!a}: {message!a}"
        if len(message) > 1000:
            yield f"{len(message)} characters of reason: {path}"


@contextmanager
def _room(random: Random) -> Iterator[_Room]:
    """Make a folder with the canary, a place where nothing may be written, and a listener that nobody may call."""
    base = Path(tempfile.mkdtemp(prefix="cw-")).resolve()
    for name in ("source", "good", "secret", "outside", "home", "tmp", "here"):
        (base / name).mkdir()
    outside = base / "outside" / f"{random.randrange(2**64):016x}"
    outside.mkdir()
    canary = base / "secret" / "canary.txt"
    canary.write_text(CANARY + "\n")
    good.write(base / "good")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        try:
            yield _Room(base, Target(canary, address, outside), listener)
        finally:
            shutil.rmtree(base)


def _drive(base: Path, job: Job, timeout_s: float) -> Result:
    (base / "job.json").write_text(json.dumps(asdict(job)), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.files.drive", base / "job.json"],
        cwd=base / "here",
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(base / "home"),
            "TMPDIR": str(base / "tmp"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the parent died ({done.returncode}):\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout)
    for name in ("read", "alone"):
        told[name] = {path: Read(**read) for path, read in told[name].items()}
    told["refused"] = {path: (code, message) for path, (code, message) in told["refused"].items()}
    return Result(**told)


def _listing(base: Path) -> dict[str, tuple[int, int, int]]:
    """List all that may not change."""
    own = {
        base / name for name in ("index", "alone", "watch", "line", "job.json", "source/swaps", "source/places/deep")
    }
    found = {}
    for folder, folders, names in os.walk(base):
        folders[:] = [name for name in folders if Path(folder, name) not in own]
        for path in (Path(folder, name) for name in [*folders, *names]):
            if path not in own:
                status = path.lstat()
                found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def _reports() -> list[bytes]:
    """Take the smallest real reports, or made ones where there are none."""
    files = sorted(REPORTS.rglob("*.pdf"), key=lambda path: (path.stat().st_size, path))[:40]
    reports = [data for path in files if (data := path.read_bytes()).startswith(b"%PDF")]
    return reports or [pdf.review()]


def rows(seed: int) -> list[Row]:
    """Try a thousand files at the memory that is allowed by default, and a few with all limits as they are."""
    many = attempt(seed, partial(mixture, counts=FULL), BULK, with_places=True)
    few = attempt(seed, heaviest, DEFAULTS)
    result, tried = many.result, len(many.bad) + len(many.fates)
    slowest = max(few.result.seconds.values())
    peak = max(result.child_mb, few.result.child_mb)
    kept = sum(result.read.get(name) == alone for name, alone in result.alone.items())
    outside = [problem for problem in many.problems if problem.startswith(OUTSIDE)]
    families = ", ".join(f"{count} {name}" for name, count in FULL.items())
    return [
        Row(
            f"hostile files ({families}) and {len(many.fates)} names, links and pipes, among 20 good files",
            tried,
            "20 good as if alone, all others refused with a reason or read without harm",
            f"{kept} good, {len(result.refused)} refused, {len(result.read) - kept} read; {_told(many)}",
            kept == 20 and not many.problems,
        ),
        Row(
            "memory of reader processes, of their parent",
            tried,
            f"at most 1,024 MB; grows by {MOST_PARENT_MB} MB at most",
            f"{peak:,} MB; by {max(result.parent_mb, few.result.parent_mb)} MB",
            peak <= 1024 and max(result.parent_mb, few.result.parent_mb) <= MOST_PARENT_MB,
        ),
        Row(
            "writing outside the index, connecting, reading other files",
            tried,
            "never",
            f"{len(outside)} times",
            not outside,
        ),
        Row(
            "the heaviest files, with the default limits",
            len(few.bad),
            "refused within 120 s",
            f"{len(few.result.refused)} refused within {slowest:.0f} s; {_told(few)}",
            slowest <= 120 and not few.problems,
        ),
    ]


def _told(outcome: Outcome) -> str:
    return f"{len(outcome.problems)} wrong" + (f", the first: {outcome.problems[0]}" if outcome.problems else "")
