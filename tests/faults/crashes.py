"""Syncs that are killed, and several that start at once."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from signal import SIGKILL
from tempfile import TemporaryDirectory
from time import sleep

from indexer.database import HOLDER_FILE
from tests.faults.case import Case, counted, make_case, synced_state
from tests.faults.indexing import (
    PHASES,
    Announced,
    Ended,
    Running,
    Sync,
    change,
    check,
    check_and_finish,
    documents,
    fill,
    queries,
    run,
    started,
    sync_once,
)
from tests.faults.table import Row

KILLS, KILLS_EACH = 200, 15
RACES = 50


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
    old = synced_state(sources, index, asked)
    for attempt in range(8 * total):  # on a busy machine a kill often comes too late for the phase it was meant for
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


# --- the full numbers


def rows(seed: int) -> Iterator[Row]:
    """Make all attempts at the numbers that were asked for; each row comes when it is done."""
    with TemporaryDirectory(prefix="citewell-faults-") as temporary:
        base = Path(temporary)
        yield _kill_row(base, seed)
        yield _race_row(base, seed)


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
        f"{found.generations} generations; {counted(found.problems)}",
        found.total >= KILLS and least >= KILLS_EACH and found.generations > KILLS and not found.problems,
    )


def _race_row(base: Path, seed: int) -> Row:
    folder = base / "races"
    folder.mkdir()
    found = race(folder, seed, races=RACES)
    return Row(
        "two to four syncs at once",
        found.races,
        "one wins, the others name its process; who is killed is followed by the next",
        f"{found.writers} writers; {counted(found.problems)}",
        found.races == RACES and not found.problems,
    )
