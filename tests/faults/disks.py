"""Syncs whose disk fails at one operation, or is full, and the order in which they write."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from re import search
from tempfile import TemporaryDirectory

from indexer.database import STORE_FILE
from tests.faults import shim
from tests.faults.case import Case, counted, make_case
from tests.faults.indexing import Ended, Sync, check_and_finish, leftovers, run, started, sync_once
from tests.faults.shim import DIED, Fault, Operation, logged
from tests.faults.table import Row

SIZES = 50
LOG = f"{STORE_FILE}-wal"
PARTS = 2  # attempts side by side, where there are thousands


# --- a fault at each operation


@dataclass
class Everywhere:
    """Faults at one operation after the other."""

    points: int = 0  # tried, of those that were reached
    operations: int = 0  # that a sync makes
    left: Counter[str] = field(default_factory=Counter)  # "old" or "new", as served after the fault
    ended: Counter[str] = field(default_factory=Counter)  # "died", "failed", "completed"
    problems: list[str] = field(default_factory=list)


def fail_everywhere(
    folder: Path, case: Case, library: Path, what: str, *, every: int = 1, first: int = 1
) -> Everywhere:
    """Let a fault happen at each operation on a file of the index, or from the first on at one of so many."""
    found = Everywhere()
    for at in count(first, every):
        ended, problems = fail_at(folder, case, library, what, at, left=found.left)
        if ended is not None and ended.operations < at:
            found.operations = ended.operations
            return found
        found.points += 1
        found.ended["died" if ended is None else "failed" if ended.error else "completed"] += 1
        found.problems += [f"{what} at operation {at}: {one}" for one in problems]
    raise AssertionError  # numbers do not end


def fail_at(
    folder: Path, case: Case, library: Path, what: str, at: int, *, bug: str = "", left: Counter[str] | None = None
) -> tuple[Ended | None, list[str]]:
    """Let a fault happen at one operation; give how the sync ended, None where it died, and what was wrong then."""
    index = folder / f"{what} {at} {bug}"
    if case.index.exists():
        shutil.copytree(case.index, index)
    plan = Sync(case.sources, index, bug, Fault(library, at, what))
    with started(sync_once, plan) as running:
        ended = running.end()
        status = running.process.exitcode
    is_reached = ended is None or ended.operations >= at
    problems = (
        list(_after_fault(case, plan, ended, status, Counter() if left is None else left)) if is_reached else []
    )
    shutil.rmtree(index, ignore_errors=True)
    return ended, problems


def _after_fault(case: Case, plan: Sync, ended: Ended | None, status: int, left: Counter[str]) -> Iterator[str]:
    if ended is None and status != DIED:
        yield f"the process ended with {status}"
    if ended is not None:
        yield from _told_well(ended)
        # What cannot be removed is left to the next sync; a copy of a removed file is then named.
        over = [one for one in run(leftovers, plan.index) if one.removeprefix("original ") not in ended.message]
        if ended.error and over:
            yield f"at once left over: {', '.join(over)}"
    first, again, last, over = run(check_and_finish, replace(plan, bug="", fault=None), case.asked)
    left["new" if first.seen == case.new else "old"] += 1
    yield from (f"then: {one}" for one in case.served(first))
    is_new = ended is not None and (not ended.error or " is up to date, but " in ended.message)
    if ended is not None and first.seen != (case.new if is_new else case.old):
        yield f"it said {ended.message or 'that it completed'!r}, and serves generation {first.seen.generation}"
    yield from (f"after another sync: {one}" for one in case.finished(again, last, over))


def _told_well(ended: Ended) -> Iterator[str]:
    if ended.error and ended.exit_code != 3:
        yield f"exit code {ended.exit_code} with {ended.error}: {ended.message}"


# --- a disk that is full


@dataclass
class Full:
    """Syncs that found too little space."""

    needed: int = 0  # bytes with which a sync succeeds
    told: list[tuple[int, float]] = field(default_factory=list)  # bytes that were missing, and that it said were
    problems: list[str] = field(default_factory=list)


def fill_disk(folder: Path, case: Case, library: Path, *, sizes: int, bug: str = "") -> Full:
    """Sync with less and less space on the disk, at so many sizes."""
    found = Full(_space_needed(folder, case, library))
    for place in range(sizes):
        space = found.needed * place // sizes
        index = folder / f"full-{place}"
        if case.index.exists():
            shutil.copytree(case.index, index)
        plan = Sync(case.sources, index, bug, Fault(library, budget=space))
        ended = run(sync_once, plan)
        where = f"with {space} of {found.needed} bytes"
        found.problems += [f"{where}: {one}" for one in _after_fault(case, plan, ended, 0, Counter())]
        if not ended.error:
            found.problems.append(f"{where}: it completed")
        elif told := search(r"about ([\d.,]+) MB more are needed, ([\d.,]+) MB are free", ended.message):
            more, free = (float(one.replace(",", "")) * 1e6 for one in told.groups())
            found.told.append((found.needed - space, more))
            if free > space + 50_000:
                found.problems.append(f"{where}: it said that {free} are free")
        else:
            found.problems.append(f"{where}: it did not say how much is missing: {ended.message}")
        shutil.rmtree(index, ignore_errors=True)
    return found


def _space_needed(folder: Path, case: Case, library: Path) -> int:
    """Find the space with which a sync succeeds, to a hundredth."""
    few, enough = 0, 1_000_000_000
    while enough - few > enough / 100:
        space = (few + enough) // 2 if enough < 1_000_000_000 else max(10_000, few * 4)
        index = folder / "trial"
        if case.index.exists():
            shutil.copytree(case.index, index)
        ended = run(sync_once, Sync(case.sources, index, fault=Fault(library, budget=space)))
        few, enough = (space, enough) if ended.error else (few, space)
        shutil.rmtree(index)
    return enough


# --- the order of things


def misordered(operations: Sequence[Operation]) -> list[str]:
    """Complain of what a power cut could undo or tear, in a log of a whole sync.

    A name must not be given to content that is not on the disk, and must itself be on the disk before the store shows
    the new generation, that is, before its log is made durable for the last time; later names before the end. (What
    SQLite does with its own files is its own business, but for the name of the first of them.)
    """
    unsynced: set[Path] = set()  # files with content that may be lost
    names: set[Path] = set()  # that may be lost
    problems = []
    shown = max(place for place, one in enumerate(operations) if one.name == "fsync" and one.path.name == LOG)
    for place, one in enumerate(operations):
        if one.name in {"write", "truncate"} and not one.path.name.startswith(STORE_FILE):
            unsynced.add(one.path)
        elif one.name == "fsync":
            unsynced.discard(one.path)
            names -= {path for path in names if path.parent == one.path}
        elif one.name == "unlink":
            unsynced.discard(one.path)
            names.discard(one.path)
        elif one.name == "rename" and one.source is not None:
            inside = {path for path in unsynced if one.source in {path, *path.parents}}
            problems += [f"{path.name} is renamed before its content is on the disk" for path in sorted(inside)]
            names = {path for path in names if one.source not in {path, *path.parents}} | {one.path}
        elif one.name in {"link", "mkdir"} or (one.path.name == STORE_FILE and one.name == "create"):
            names.add(one.path)
        if place == shown:
            problems += [f"the name {path.name} is not on the disk when the store shows it" for path in sorted(names)]
    return problems + [f"the name {path.name} is not on the disk at the end" for path in sorted(names)]


def logged_sync(folder: Path, case: Case, library: Path, *, bug: str = "") -> list[Operation]:
    """Give the operations of a whole sync."""
    index, log = folder / f"logged {bug}", folder / f"log {bug}"
    if case.index.exists():
        shutil.copytree(case.index, index)
    ended = run(sync_once, Sync(case.sources, index, bug, Fault(library, log=log)))
    assert not ended.error, ended.message
    return logged(log)


# --- the full numbers


def rows(seed: int) -> Iterator[Row]:
    """Make all attempts at the numbers that were asked for; each row comes when it is done."""
    with TemporaryDirectory(prefix="citewell-faults-") as temporary:
        base = Path(temporary)
        if shim.compiler() is None or not run(shim.works, library := shim.build(base)):
            missing = "neither gcc nor a kernel that lets calls be watched, so disks could not be made to fail"
            yield Row("a failing disk", 0, "the old or the new generation whole", missing, met=False)
            return
        cases = []
        for name, first in (("first", True), ("next", False)):
            (base / name).mkdir()
            cases.append(make_case(base / name, seed, files=6, first=first))
        yield _order_row(base, cases, library)
        yield _full_row(base, seed, library)
        for what in shim.FAULTS:
            yield _everywhere_row(base, cases, library, what)


def _everywhere_row(base: Path, cases: Sequence[Case], library: Path, what: str) -> Row:
    def attempt(first: int) -> list[Everywhere]:
        (folder := base / f"{what} {first}").mkdir()
        return [fail_everywhere(folder, case, library, what, every=PARTS, first=first) for case in cases]

    with ThreadPoolExecutor(PARTS) as threads:
        found = [one for part in threads.map(attempt, range(1, PARTS + 1)) for one in part]
    ended = sum((one.ended for one in found), Counter[str]())
    problems = [problem for one in found for problem in one.problems]
    return Row(
        f"{what} at each operation on a file, of a first and of a later sync",
        sum(one.points for one in found),
        "the old or the new generation whole, 50 queries as expected, the next sync completes; "
        "an error says what is wrong and leaves nothing over",
        f"{', '.join(f'{number} {how}' for how, number in sorted(ended.items()))}; {counted(problems)}",
        all(one.points >= one.operations // PARTS - 5 for one in found) and not problems,
    )


def _order_row(base: Path, cases: Sequence[Case], library: Path) -> Row:
    logs = [logged_sync(base, case, library) for case in cases[:1]]
    problems = [problem for log in logs for problem in misordered(log)]
    renames = sum(one.name == "rename" for log in logs for one in log)
    wanted = "content is on the disk before its name, the name before the commit"
    return Row("files renamed into their place in a sync", renames, wanted, counted(problems), not problems)


def _full_row(base: Path, seed: int, library: Path) -> Row:
    folder = base / "full"
    folder.mkdir()
    case = make_case(folder, seed, files=20, paragraphs=40)
    found = fill_disk(folder, case, library, sizes=SIZES)
    shares = sorted(said / missing for missing, said in found.told)
    return Row(
        "a full disk, at sizes from nothing to nearly enough",
        len(found.told),
        "exit code 3 and how much is missing, the old index whole, nothing left over; with space it completes",
        f"said {shares[0]:.1f} to {shares[-1]:.1f} times what was missing; {counted(found.problems)}",
        len(found.told) == SIZES and not found.problems,
    )
