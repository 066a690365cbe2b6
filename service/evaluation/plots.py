"""Pictures of an evaluation as SVG; the same figures always give the same bytes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import InputError
from service.evaluation.answers import Answers
from service.evaluation.compare import Comparison
from service.evaluation.measures import Calibration, hit
from service.evaluation.outcomes import ALL, Evaluation, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEEPEST = 20  # rank up to which hits are drawn
WIDTH, HEIGHT = 6.4, 4.2  # inches


def check_plots() -> None:
    """Raise InputError where matplotlib is not installed, before an evaluation takes its minutes."""
    if find_spec("matplotlib") is None:
        raise InputError("plots need matplotlib, which is not installed; run `pip install 'citewell[plots]'`")


def plot_evaluation(found: Evaluation, folder: Path) -> None:
    """Draw hit@k by type (hit-at-k.svg), recall by type (recall.svg) and the scores' reliability (reliability.svg).

    Of answers, how many are wrong of the surest (risk-coverage.svg) and their reliability (confidence.svg). There
    is no picture of what was not measured, such as ranks where no question has an answer.
    """
    if found.groups:
        with _picture(folder / "hit-at-k.svg") as axes:
            _draw_hits(found, axes)
        with _picture(folder / "recall.svg") as axes:
            _draw_recall(found, axes)
    if found.calibration:
        with _picture(folder / "reliability.svg") as axes:
            _draw_reliability(found.calibration, axes, "mean score of the hits", "share of them that are relevant")
    if answers := found.answers:
        with _picture(folder / "risk-coverage.svg") as axes:
            _draw_risk(answers, axes)
        if answers.calibration:
            with _picture(folder / "confidence.svg") as axes:
                _draw_reliability(
                    answers.calibration, axes, "mean confidence of the answers", "share whose first quote is right"
                )


def plot_comparison(found: Comparison, folder: Path) -> None:
    """Draw the first right rank of each changed question, before and after (rank-changes.svg)."""
    with _picture(folder / "rank-changes.svg") as axes:
        _draw_changes(found, axes)


@contextmanager
def _picture(path: Path) -> Iterator["Axes"]:
    """Give axes to draw on, and write them to a file."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    # Ids from a fixed salt and no date: equal figures, equal files. Text stays text, whatever fonts there are.
    with rc_context({"svg.hashsalt": "citewell", "svg.fonttype": "none"}):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        yield axes
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_hits(found: Evaluation, axes: "Axes") -> None:
    view: View = "page" if found.kind == "questions" else "document"
    ranks = range(1, DEEPEST + 1)
    for name, group in found.groups.items():
        needs = [one.needs(view) for one in found.outcomes if one.gold and name in {ALL, one.type}]
        shares = [sum(hit(one, k) for one in needs) / len(needs) for k in ranks]
        axes.plot(ranks, shares, marker=".", label=f"{name} ({group.questions})", linewidth=2 if name == ALL else 1)
    axes.set(xlabel="k", ylabel=f"questions with a right {view} in the first k hits", xlim=(0.5, DEEPEST + 0.5))
    axes.set_ylim(0, 1.02)
    axes.set_xticks([1, *range(5, DEEPEST + 1, 5)])
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_recall(found: Evaluation, axes: "Axes") -> None:
    measures = [name for name in found.groups[ALL].figures if "recall@" in name]
    width = 0.8 / len(measures)
    for number, measure in enumerate(measures):
        figures = [group.figures[measure] for group in found.groups.values()]
        # Rounding may put a mean a hair outside its interval, which no bar can show.
        low = [max(0.0, one.mean - one.low) for one in figures]
        high = [max(0.0, one.high - one.mean) for one in figures]
        places = [place + (number - (len(measures) - 1) / 2) * width for place in range(len(figures))]
        means = [one.mean for one in figures]
        axes.bar(places, means, width, yerr=[low, high], capsize=3, label=measure.replace("_", " "))
    axes.set_xticks(range(len(found.groups)), [f"{name}\n({one.questions})" for name, one in found.groups.items()])
    axes.set(ylabel="share of what must be found, with 95 % interval", ylim=(0, 1.02))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(measures))  # above, where no bar is


def _draw_reliability(found: Calibration, axes: "Axes", promised: str, true: str) -> None:
    bins = found.bins
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="scores that are chances")
    axes.plot([one.score for one in bins], [one.relevant for one in bins], marker="o", label="found")
    for one in bins:
        axes.annotate(f"{one.hits:,}", (one.score, one.relevant), xytext=(4, -11), textcoords="offset points")
    axes.set(xlabel=promised, ylabel=true, xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_risk(found: Answers, axes: "Axes") -> None:
    points = found.risk.points
    label = f"area {found.risk.area:.3f}"
    axes.plot([one.coverage for one in points], [one.risk for one in points], marker=".", label=label)
    axes.axvline(found.coverage, color="grey", linestyle="--", label="beyond, none was given")
    axes.set(xlabel="share of the questions answered, the surest first", ylabel="share of the answers that are wrong")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_changes(found: Comparison, axes: "Axes") -> None:
    absent = 1.25 * max([DEEPEST, *(rank for one in found.changes for rank in (one.before, one.after) if rank)])
    points = Counter(
        (absent if one.before is None else one.before, absent if one.after is None else one.after)
        for one in found.changes
    )
    at = sorted(points)
    sizes = [20.0 * points[one] for one in at]
    axes.plot([1, absent], [1, absent], color="grey", linestyle="--")
    axes.scatter([before for before, _ in at], [after for _, after in at], s=sizes, alpha=0.6)
    what = "page" if found.kind == "questions" else "document"
    axes.set(xlabel=f"rank of the first right {what} before", ylabel="after (below the line: better)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([1, 5, 10, DEEPEST, absent], ["1", "5", "10", f"{DEEPEST}", "none"])
    axes.grid(alpha=0.3)
