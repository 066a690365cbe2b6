"""Killed syncs and racing writers leave one whole generation: `crashes` in small."""

from pathlib import Path

from tests.faults.crashes import kill_syncs, race
from tests.faults.indexing import PHASES

SEED = 4


def test_a_killed_sync_leaves_one_whole_generation(tmp_path: Path) -> None:
    """Killed in each of its phases, it leaves the old generation or the new one, and the next sync completes it."""
    found = kill_syncs(tmp_path, SEED, total=len(PHASES), each=1, files=16)
    assert found.problems == []
    assert found.total >= len(PHASES)
    assert set(found.phases) == set(PHASES)
    assert set(found.left) == {"old", "new"}
    assert found.generations > found.total  # so that there was something to lose each time


def test_commits_in_parts_are_seen(tmp_path: Path) -> None:
    """A sync that commits each document by itself is found out by the kills."""
    found = kill_syncs(tmp_path, SEED, total=4, each=1, files=30, bug="commit of each document", phases=["storing"])
    assert any("is neither the old state nor the new one" in one for one in found.problems)


def test_one_of_several_writers_wins(tmp_path: Path) -> None:
    """The others are told who writes, and what a killed writer left does not stop the next."""
    found = race(tmp_path, SEED, races=3)
    assert found.problems == []
    assert found.races == 3


def test_a_missing_lock_is_seen(tmp_path: Path) -> None:
    """Without it, who comes second is not told who writes."""
    assert race(tmp_path, SEED, races=1, bug="no lock").problems
