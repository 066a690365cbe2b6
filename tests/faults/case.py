"""An index and what its sources have become since, so that a sync leads from the one state to the other."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from service.query import Query
from tests.faults.indexing import (
    Checked,
    Ended,
    Seen,
    Sync,
    change,
    check,
    documents,
    fill,
    leftovers,
    queries,
    run,
    sync_once,
)


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
        return Case(sources, index, Seen(0), synced_state(sources, twin, asked), asked)
    old = synced_state(sources, index, asked)
    change(sources, random, add=2, alter=2, remove=2, paragraphs=paragraphs)
    shutil.copytree(index, twin)
    return Case(sources, index, old, synced_state(sources, twin, asked), asked)


def synced_state(sources: Path, index: Path, asked: Sequence[Query]) -> Seen:
    ended = run(sync_once, Sync(sources, index))
    assert not ended.error, ended.message
    checked = run(check, index, asked)
    assert not checked.problems, checked.problems
    assert checked.seen.documents == documents(sources)
    assert not leftovers(None, index)
    seen: Seen = checked.seen
    return seen


def counted(problems: Sequence[str]) -> str:
    """Say how many problems there are, and the first of them."""
    return f"{len(problems)} problems, such as: {problems[0]}" if problems else "0 problems"
