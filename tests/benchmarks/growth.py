"""How figures grow with the collection, from ten thousand passages up, of an index that is grown from a real one.

    python -m tests.benchmarks.growth INDEX QUESTIONS.jsonl [--most PASSAGES] [--plots FOLDER] [--keep FOLDER]

Each size is twice the one before; the last is the one asked for. What is measured, in processes of its own each time:
making what is derived from the store anew; adding one report, and changing it, with `citewell index --no-prune`; the
time from the start of a process to its first result; and warm searches in it. The files of the index are in the page
cache.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks.population import grow
from tests.benchmarks.processes import CITEWELL, Used, run

SMALLEST = 10_000  # passages
REFERENCE = 40_000  # passages of the row that the others are set beside
PROBE = [sys.executable, "-m", "tests.benchmarks.probe"]
DERIVED = "*-????????*"  # what lies beside the store is named by its generation, as `lexical-00000012`
# Of several pages and no other like it, so that nothing of it was encoded before.
REPORT = """# Visit to the harbour service of Sandmouth, number {number}

The visit number {number} took place on 4 March 2021. Inspectors looked at how quickly new referrals are read.
"""
SECTION = """
## What was found at harbour {section}

Managers at harbour {section} read {number} referrals a week. Most children see the same worker throughout, and know
whom to call when something worries them. Training is well attended, but {number} plans were written late.
"""
SECTIONS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured at one size."""

    passages: int
    words_s: float  # making these from the store
    vectors_s: float
    outlines_s: float
    derived_mb: float  # most memory meanwhile
    add_s: float  # one report, the whole process
    change_s: float
    sync_mb: float  # most memory meanwhile
    first_s: float  # from the start of a process to its first result
    median_ms: float  # of warm searches
    late_ms: float  # 95 % are faster
    search_mb: float  # memory of the process that searched
    disk_mb: float


def main(base: Path, questions: Path, most: int, plots: Path | None, keep: Path | None) -> None:
    print("  ".join(f"{field.name:>10}" for field in fields(Row)))
    rows: list[Row] = []
    with _folder(keep) as folder:
        for size in _sizes(most):
            passages = grow(folder / "index", base, size)
            rows.append(_measured(folder, questions, passages))
            print("  ".join(f"{value:10,.{2 if value < 100 else 0}f}" for value in _values(rows[-1])), flush=True)
    beside = next((row for row in rows if row.passages >= REFERENCE), rows[-1])
    print(f"times the row of {beside.passages:,} passages")
    for row in rows:
        ratios = (value / of for value, of in zip(_values(row), _values(beside), strict=True))
        print("  ".join(f"{ratio:10.2f}" for ratio in ratios))
    if plots:
        _plot(rows, plots)


def _sizes(most: int) -> Iterator[int]:
    size = SMALLEST
    while size < most:
        yield size
        size *= 2
    yield most


def _measured(folder: Path, questions: Path, passages: int) -> Row:
    index = folder / "index"
    for path in index.glob(DERIVED):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    derived = run([*PROBE, "derive", str(index)], is_watched=True)
    _synced(index, folder / f"before-{passages}.md", passages)  # not counted: there may be something left to do
    added = _synced(index, folder / f"report-{passages}.md", passages + 1)
    changed = _synced(index, folder / f"report-{passages}.md", passages + 2)
    started = perf_counter()
    asked = json.loads(run([*PROBE, "ask", str(index), str(questions)]).output)
    took = json.loads(derived.output)
    return Row(
        passages=passages,
        words_s=took["words"],
        vectors_s=took["vectors"],
        outlines_s=took["outlines"],
        derived_mb=derived.peak_mb,
        add_s=added.seconds,
        change_s=changed.seconds,
        sync_mb=max(added.peak_mb, changed.peak_mb),
        first_s=asked["first_at"] - started,  # both processes go by the one clock of the machine
        median_ms=asked["median_ms"],
        late_ms=asked["late_ms"],
        search_mb=asked["search_mb"],
        disk_mb=sum(path.stat().st_size for path in index.rglob("*") if path.is_file()) / 1e6,
    )


def _synced(index: Path, report: Path, number: int) -> Used:
    sections = (SECTION.format(section=section, number=number) for section in range(SECTIONS))
    report.write_text(REPORT.format(number=number) + "".join(sections))
    return run([*CITEWELL, "index", "--no-prune", "--index", str(index), str(report)], is_watched=True)


def _values(row: Row) -> list[float]:
    return [getattr(row, field.name) for field in fields(row)]


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True)
        yield keep
    else:
        with TemporaryDirectory() as scratch:
            yield Path(scratch)


# --- pictures


def _plot(rows: Sequence[Row], folder: Path) -> None:
    """Draw curves over the number of passages, as SVG; the same figures always give the same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "derived": ("seconds to make from the store", ["words_s", "vectors_s", "outlines_s"]),
        "change": ("seconds of `citewell index`", ["add_s", "change_s"]),
        "first": ("seconds from the start to the first result", ["first_s"]),
        "search": ("milliseconds of a warm search", ["median_ms", "late_ms"]),
        "memory": ("MB", ["derived_mb", "sync_mb", "search_mb"]),
    }
    sizes = [row.passages for row in rows]
    with rc_context({"svg.hashsalt": "citewell", "svg.fonttype": "none"}):
        for name, (label, curves) in pictures.items():
            figure = Figure(figsize=(6.4, 4.2), layout="constrained")
            axes = figure.subplots()
            for curve in curves:
                axes.plot(sizes, [getattr(row, curve) for row in rows], marker="o", label=curve.replace("_", ", "))
            axes.set(xlabel="passages", ylabel=label, xscale="log")
            axes.set_ylim(bottom=0)
            axes.set_xticks(sizes, [f"{size / 1000:,.0f}k" for size in sizes])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
            axes.legend()
            path = folder / f"growth-{name}.svg"
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--most", type=int, default=160_000, help="passages")
    parser.add_argument("--plots", type=Path, help="folder for curves as SVG; needs matplotlib")
    parser.add_argument("--keep", type=Path, help="folder, not there yet, in which the index is made and stays")
    given = parser.parse_args()
    main(given.index, given.questions, given.most, given.plots, given.keep)
