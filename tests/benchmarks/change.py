"""What it takes to make an index of reports, and to follow them as they change.

    python -m tests.benchmarks.change REPORTS [--files N] [--rounds N]

Every step is a real `citewell index` on a temporary copy of the first N reports; two more are kept back, to add one
and to put the other in its place. The usual recipe has no such steps: it pays for the first one each time.
"""

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from indexer.settings import Settings
from indexer.sources import Source, scan
from tests.benchmarks.processes import CITEWELL, run

REFUSED = 5  # exit code where some files cannot be read


@dataclass(frozen=True, slots=True)
class Step:
    """What one sync took."""

    seconds: float  # of the whole process
    peak_mb: float  # of it and the processes that read files
    passages: int  # of what is new or changed
    encoded: int  # passages


def main(reports: Path, files: int, rounds: int) -> None:
    found = list(scan([reports], Settings.load()).sources)
    suffix = Counter(source.file.suffix for source in found).most_common(1)[0][0]
    *_, added, other = [source for source in found if source.file.suffix == suffix]
    first = [source for source in found if source.path not in {added.path, other.path}][:files]
    with TemporaryDirectory() as scratch:
        copy, index = Path(scratch, "reports"), Path(scratch, "index")
        for source in first:
            _put(source, copy / source.path)
        place = copy / added.path

        def again(change: Callable[[], object]) -> Step:
            change()
            return _synced(copy, index)

        took = {f"first index of {len(first)} files": [_synced(copy, index)]}
        for _ in range(rounds):
            for name, change in (
                ("again, nothing changed", lambda: None),
                ("one file added", lambda: _put(added, place)),
                ("that file changed", lambda: _put(other, place)),
                ("that file removed", place.unlink),
            ):
                took.setdefault(name, []).append(again(change))
    whole = next(iter(took.values()))[0].seconds
    print(f"`citewell index`, seconds of the whole process, median of {rounds}, memory with its children")
    for name, steps in took.items():
        seconds = float(np.median([step.seconds for step in steps]))
        peak = max(step.peak_mb for step in steps)
        work = f"{steps[-1].encoded:6,} of {steps[-1].passages:6,} passages encoded"
        print(f"  {name:26} {seconds:7.2f}  {seconds / whole:5.2f} of the first  {work}  {peak:6.0f} MB at most")


def _put(source: Source, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.file, place)


def _synced(reports: Path, index: Path) -> Step:
    command = [*CITEWELL, "index", "--json", "--index", str(index), str(reports)]
    used = run(command, is_watched=True, fine=(0, REFUSED))
    report = json.loads(used.output)
    return Step(used.seconds, used.peak_mb, report["passages"], report["encoded"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.change")
    parser.add_argument("reports", type=Path)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.reports, given.files, given.rounds)
