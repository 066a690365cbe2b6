"""Syncs that die, or whose disk fails or is full, and several that start at once."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from re import search
from signal import SIGKILL
from tempfile import TemporaryDirectory
from time import sleep

from indexer.database import HOLDER_FILE, STORE_FILE
from service.query import Query
from tests.faults import shim
from tests.faults.indexing import (
    PHASES,
    Announced,
    Checked,
    Ended,
    Running,
    Seen,
    Sync,
    change,
    check,
    check_and_finish,
    documents,
    fill,
    leftovers,
    queries,
    run,
    started,
    sync_once,
)
from tests.faults.shim import DIED, Fault, Operation, logged
from tests.faults.table import Row

KILLS, KILLS_EACH = 200, 15
SIZES = 50
RACES = 50
LOG = f"{STORE_FILE}-wal"
PARTS = 2  # attempts side by side, where there are thousands


@dataclass(frozen=True, slots=True)
class Case:
    """An index, and what its sources have become since: a sync leads from the one state to the other."""

    sources: Path
    index: Path  # as it was
    old: Seen
    new: Seen
    asked: Sequence[Query]

    def served(self, checked: Checked) -> Iterator[str]:
        """Complain where an index says anything but the whole of the old state or of the new one."""
        yield from checked.problems
        if checked.seen not in {self.old, self.new}:
            yield f"generation {checked.seen.generation} is neither the old state nor the new one"

    def finished(self, ended: Ended | None, checked: Checked, left: Sequence[str]) -> Iterator[str]:
        """Complain where a sync did not lead to the new state, or left something over."""
        if ended is None or ended.error:
            yield f"the sync did not complete: {ended and ended.message}"
        yield from checked.problems
        if checked.seen != self.new:
            yield f"generation {checked.seen.generation} is not the new state"
        yield from (f"left over: {name}" for name in left)


def make_case(folder: Path, seed: int, *, files: int, first: bool = False, paragraphs: int = 3) -> Case:
    """Make an index and changed sources; or where it is the `first` sync, sources alone.

    What the new state says is told by a copy of the index, which is synced without a fault.
    """
    random, asked = Random(seed), queries(seed)
    sources, index, twin = folder / "sources", folder / "index", folder / "twin"
    fill(sources, random, files, paragraphs)
    if first:
        return Case(sources, index, Seen(0), _synced(sources, twin, asked), asked)
    old = _synced(sources, index, asked)
    change(sources, random, add=2, alter=2, remove=2, paragraphs=paragraphs)
    shutil.copytree(index, twin)
    return Case(sources, index, old, _synced(sources, twin, asked), asked)


def _synced(sources: Path, index: Path, asked: Sequence[Query]) -> Seen:
    ended = run(sync_once, Sync(sources, index))
    assert not ended.error, ended.message
    checked = run(check, index, asked)
    assert not checked.problems, checked.problems
    assert checked.seen.documents == documents(sources)
    assert not leftovers(None, index)
    seen: Seen = checked.seen
    return seen


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
        # What cannot be removed is left to the next sync.
        if ended.error and (over := run(leftovers, plan.index)):
            yield f"at once left over: {', '.join(over)}"
    first, again, last, over = run(check_and_finish, replace(plan, bug="", fault=None), case.asked)
    left["new" if first.seen == case.new else "old"] += 1
    yield from (f"then: {one}" for one in case.served(first))
    if ended is not None and first.seen != (case.old if ended.error else case.new):
        yield f"it said {ended.message or 'that it completed'!r}, and serves generation {first.seen.generation}"
    yield from (f"after another sync: {one}" for one in case.finished(again, last, over))


def _told_well(ended: Ended) -> Iterator[str]:
    if ended.error and ended.exit_code != 3:
        yield f"exit code {ended.exit_code} with {ended.error}: {ended.message}"


# --- kill -9


@dataclass
class Kills:
    """Syncs that were killed, one after the other, on one index."""

    phases: Counter[str] = field(default_factory=Counter)  # in which each kill fell
    left: Counter[str] = field(default_factory=Counter)  # "old" or "new", as served after the kill
    generations: int = 0  # how many the index came to
    problems: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many syncs were killed."""
        return self.phases.total()


def kill_syncs(
    folder: Path, seed: int, *, total: int, each: int, files: int = 60, bug: str = "", phases: Sequence[str] = PHASES
) -> Kills:
    """Kill so many syncs at random moments, each phase at least so often; all leave their mark on one index."""
    random, asked, found = Random(seed), queries(seed), Kills()
    sources, index, twin = folder / "sources", folder / "index", folder / "twin"
    fill(sources, random, files)
    old = _synced(sources, index, asked)
    for attempt in range(3 * total):
        if found.total >= total and all(found.phases[phase] >= each for phase in phases):
            break
        few = files // 10
        added = random.randint(1, few)
        change(sources, random, add=added, alter=random.randint(0, few), remove=added)
        shutil.rmtree(twin, ignore_errors=True)
        shutil.copytree(index, twin)
        with started(sync_once, Sync(sources, twin)) as running:
            assert not running.end().error
            timeline = running.phases
        case = Case(sources, index, old, run(check, twin, asked).seen, asked)
        assert case.new.documents == documents(sources)
        wanted = min(phases, key=lambda phase: (found.phases[phase], random.random()))
        hit = _killed(Sync(sources, index, bug), timeline, wanted, random)
        if hit is not None:
            found.phases[hit] += 1
        first, again, last, over = run(check_and_finish, Sync(sources, index), asked)
        found.left["new" if first.seen == case.new else "old"] += hit is not None
        where = f"attempt {attempt}, killed when {hit}"
        found.problems += [f"{where}: {one}" for one in (*case.served(first), *case.finished(again, last, over))]
        if last.seen != case.new:  # what comes next would say nothing new
            break
        old = last.seen
    found.generations = old.generation
    return found


def _killed(plan: Sync, timeline: Sequence[Announced], wanted: str, random: Random) -> str | None:
    """Kill a sync at a moment of a phase, by the time that another took; tell in which phase it was, if any."""
    ends = [*(one.at_s for one in timeline[1:]), timeline[-1].at_s + 0.02]
    lengths = [end - one.at_s if one.phase == wanted else 0.0 for one, end in zip(timeline, ends, strict=True)]
    (place,) = random.choices(range(len(timeline)), lengths)
    with started(sync_once, plan) as running:
        for _ in range(place + 1):
            if not isinstance(running.next(), Announced):
                break
        sleep(random.uniform(0, lengths[place]))
        running.kill()
        ended = running.end()
        status = running.process.exitcode
        return running.phases[-1].phase if ended is None and status == -SIGKILL and running.phases else None


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


# --- several at once


@dataclass
class Races:
    """Syncs of one index that were started at the same time."""

    races: int = 0
    writers: int = 0
    problems: list[str] = field(default_factory=list)


def race(folder: Path, seed: int, *, races: int, bug: str = "") -> Races:
    """Start two to four syncs at once, so many times; every third time the one that wins is killed."""
    random, found = Random(seed), Races()
    case = make_case(folder, seed, files=4)
    dead = run(_own_number)
    for number in range(races):
        index = folder / f"race-{number}"
        shutil.copytree(case.index, index)
        (index / HOLDER_FILE).write_text(str(dead))  # as a writer leaves it that was killed
        writers = random.randint(2, 4)
        with ExitStack() as stack:
            plan = Sync(case.sources, index, bug, waits=True)
            running = [stack.enter_context(started(sync_once, plan)) for _ in range(writers)]
            with ThreadPoolExecutor(writers) as threads:
                told = list(threads.map(_place_or_end, running))
            winners = [one for one, end in zip(running, told, strict=True) if end is None]
            ends = [end for end in told if end is not None]
            where = f"race {number} of {writers}"
            if len(winners) != 1:
                found.problems.append(f"{where}: {len(winners)} won")
            for end in ends:
                if end.error != "IndexBusyError" or end.exit_code != 3:
                    found.problems.append(f"{where}: {end.error}: {end.message}")
                elif f"process {winners[0].process.pid} is writing" not in end.message:
                    found.problems.append(f"{where}: {winners[0].process.pid} writes, but: {end.message}")
            for winner in winners:
                if number % 3:
                    winner.connection.send("go on")
                else:
                    winner.kill()
                ended = winner.end()
                if number % 3 and (ended is None or ended.error):
                    found.problems.append(f"{where}: the winner did not complete: {ended and ended.message}")
        first, again, last, over = run(check_and_finish, Sync(case.sources, index), case.asked)
        found.problems += [f"{where}: {one}" for one in (*case.served(first), *case.finished(again, last, over))]
        found.races, found.writers = found.races + 1, found.writers + writers
        shutil.rmtree(index)
    return found


def _own_number(_: Connection) -> int:
    return os.getpid()


def _place_or_end(running: Running) -> Ended | None:
    """Wait until a sync has the writer's place (None), or has ended without it."""
    while isinstance(told := running.next(), Announced):
        if told.phase == "storing":
            return None
    assert isinstance(told, Ended)
    return told


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
        yield _kill_row(base, seed)
        yield _race_row(base, seed)
        if shim.compiler() is None or not run(shim.works, library := shim.build(base)):
            missing = "neither gcc nor a kernel that lets calls be watched, so disks could not be made to fail"
            yield Row("a failing disk", 0, "as above", missing, met=False)
            return
        cases = []
        for name, first in (("first", True), ("next", False)):
            (base / name).mkdir()
            cases.append(make_case(base / name, seed, files=6, first=first))
        yield _order_row(base, cases, library)
        yield _full_row(base, seed, library)
        for what in shim.FAULTS:
            yield _everywhere_row(base, cases, library, what)


def _kill_row(base: Path, seed: int) -> Row:
    folder = base / "kills"
    folder.mkdir()
    found = kill_syncs(folder, seed, total=KILLS, each=KILLS_EACH)
    least, phase = min((found.phases[phase], phase) for phase in PHASES)
    return Row(
        f"kill -9 of a sync, in {len(PHASES)} phases",
        found.total,
        "the old or the new generation whole, 50 queries as expected, the next sync completes, nothing left over",
        f"{found.left['old']} old, {found.left['new']} new, least often killed when {phase} ({least}); "
        f"{found.generations} generations; {_count(found.problems)}",
        found.total >= KILLS and least >= KILLS_EACH and found.generations > KILLS and not found.problems,
    )


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
        "as above; an error says what is wrong and leaves nothing over",
        f"{', '.join(f'{number} {how}' for how, number in sorted(ended.items()))}; {_count(problems)}",
        all(one.points >= one.operations // PARTS - 5 for one in found) and not problems,
    )


def _order_row(base: Path, cases: Sequence[Case], library: Path) -> Row:
    logs = [logged_sync(base, case, library) for case in cases[:1]]
    problems = [problem for log in logs for problem in misordered(log)]
    renames = sum(one.name == "rename" for log in logs for one in log)
    wanted = "content is on the disk before its name, the name before the commit"
    return Row("files renamed into their place in a sync", renames, wanted, _count(problems), not problems)


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
        f"said {shares[0]:.1f} to {shares[-1]:.1f} times what was missing; {_count(found.problems)}",
        len(found.told) == SIZES and not found.problems,
    )


def _race_row(base: Path, seed: int) -> Row:
    folder = base / "races"
    folder.mkdir()
    found = race(folder, seed, races=RACES)
    return Row(
        "two to four syncs at once",
        found.races,
        "one wins, the others name its process; who is killed is followed by the next",
        f"{found.writers} writers; {_count(found.problems)}",
        found.races == RACES and not found.problems,
    )


def _count(problems: Sequence[str]) -> str:
    return f"{len(problems)} problems, such as: {problems[0]}" if problems else "0 problems"
