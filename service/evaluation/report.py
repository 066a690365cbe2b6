"""What people read of an evaluation: plain lines, no wider than a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from service.evaluation.answers import Answers
from service.evaluation.compare import Comparison, Difference
from service.evaluation.measures import BINS, FLIPS, RESAMPLES, Calibration, Group
from service.evaluation.outcomes import ALL, Evaluation, Setup
from service.evaluation.questions import QuestionType

NAMED = 5  # questions left out that are named
COVERAGES = {"quarter": 0.25, "half": 0.5, "three quarters": 0.75}
CHANGES = 30  # questions listed, of those that got worse and of those that got better


def evaluation_lines(found: Evaluation) -> Iterator[str]:
    """Write what was measured, a table of measures by type, calibration and latency; then the same of answers."""
    yield f"{_setup(found.settings)}; {len(found.outcomes):,} questions"
    if found.missing:
        ids = ", ".join(one.id for one in found.missing[:NAMED])
        more = ", ..." if len(found.missing) > NAMED else ""
        yield f"Left out, gold document missing from the index: {len(found.missing):,} questions ({ids}{more})"
    if partly := [one for one in found.outcomes if one.absent]:
        verdict = "count as not found" if found.kind == "beir" else "do not count"
        yield f"Some gold documents of {len(partly):,} questions are missing from the index; they {verdict}"
    if found.groups:
        yield ""
        yield from _table(found.groups, by="by ")
        yield f"Each mean with its 95 % interval, {RESAMPLES:,} bootstrap resamples of the questions"
        yield ""
    if found.calibration:
        yield from _calibration(found.calibration, "Scores of", "hits", "relevant", "AUC of the top score")
    yield f"A search took {found.latency.median_ms:.0f} ms at the median, {found.latency.p95_ms:.0f} ms at p95"
    if found.answers:
        yield ""
        yield "Answers"
        yield from _answers(found.answers)


def comparison_lines(found: Comparison) -> Iterator[str]:
    """Write the differences of each measure, then the questions whose first right rank changed, worst first."""
    yield f"Before: {_setup(found.before)}"
    yield f"After:  {_setup(found.after)}"
    yield ""
    header = ("type", "measure", "before", "after", "difference", "p", "wins", "losses", "ties")
    rows = [
        _difference_row(group, name, one)
        for group, differences in found.groups.items()
        for name, one in differences.items()
        if group == ALL or one.wins or one.losses
    ]
    yield from _columns([header, *rows], left=2)
    yield f"In brackets: 95 % intervals, {RESAMPLES:,} bootstrap resamples of the questions"
    yield f"p: two-sided paired randomisation test, {FLIPS:,} assignments of signs"
    yield "A type's measures without wins and losses are left out"
    yield ""
    what = "page" if found.kind == "questions" else "document"
    yield f"First right {what}: {len(found.changes):,} questions changed, {found.unchanged:,} did not"
    shown = found.changes
    if len(shown) > 2 * CHANGES:
        shown = (*shown[:CHANGES], *shown[-CHANGES:])
    for number, one in enumerate(shown):
        if number == CHANGES and len(found.changes) > len(shown):
            yield f"  ... {len(found.changes) - len(shown):,} more, all of them in --json"
        yield f"  {one.id} ({one.type}): {_rank(one.before)} -> {_rank(one.after)}"


def _setup(settings: Setup) -> str:
    encoder = settings.encoder or "none"
    return (
        f"{settings.questions}: mode {settings.mode}{'' if settings.infer else ' without inference'}, "
        f"{settings.k} hits, encoder {encoder}, generation {settings.generation}"
    )


def _table(groups: Mapping[str, Group], *, by: str = "") -> Iterator[str]:
    """Write one column a type and one row a measure, those that begin alike together: by page, by document."""
    rows = [["", *(f"{name} ({group.questions:,})" for name, group in groups.items())]]
    last = ""
    for measure in groups[ALL].figures:
        view, _, name = measure.partition("_")
        if view != last and name:
            rows.append([f"{by}{view}", *("" for _ in groups)])
            last = view
        figures = [group.figures.get(measure) for group in groups.values()]
        label = f"  {name.replace('_', ' ')}" if name else view
        rows.append([label, *(f"{one.mean:.3f} {one.low:.2f}-{one.high:.2f}" if one else "" for one in figures)])
    yield from _columns(rows, left=1)


def _answers(found: Answers) -> Iterator[str]:
    # Unanswerable questions have one figure, which stands in the column of all.
    yield from _table({name: one for name, one in found.groups.items() if name != QuestionType.UNANSWERABLE})
    yield "Each mean is over the questions that the measure applies to, with its 95 % interval"
    yield ""
    risks = ", ".join(f"{name} {found.risk.at(coverage):.3f}" for name, coverage in COVERAGES.items())
    yield f"Wrong where only the surest are answered: {risks}"
    yield (
        f"Wrong among those given, to {found.coverage:.3f} of the questions: {found.risk.at(found.coverage):.3f}; "
        f"area under the risk-coverage curve {found.risk.area:.3f}"
    )
    if found.calibration:
        yield from _calibration(found.calibration, "Confidence of", "answers", "right", "AUC")
    yield f"An answer took {found.latency.median_ms:.0f} ms at the median, {found.latency.p95_ms:.0f} ms at p95"


def _calibration(found: Calibration, what: str, things: str, good: str, auc: str) -> Iterator[str]:
    yield f"{what} {found.hits:,} {things}: expected calibration error {found.ece:.3f} ({BINS} bins of equal width),"
    more = "" if found.auc is None else f"; {auc}, answerable or not, {found.auc:.3f}"
    yield f"{found.ece_equal_mass:.3f} (equal mass), Brier score {found.brier:.3f}{more}"
    rows = [["score", things, "mean score", good]]
    rows += [
        [f"{one.low:.1f}-{one.high:.1f}", f"{one.hits:,}", f"{one.score:.3f}", f"{one.relevant:.3f}"]
        for one in found.bins
    ]
    yield from (f"  {line}" for line in _columns(rows, left=1))


def _difference_row(group: str, name: str, one: Difference) -> tuple[str, ...]:
    gap = one.difference
    return (
        group,
        name.replace("_", " "),
        f"{one.before:.3f}",
        f"{one.after:.3f}",
        f"{gap.mean:+.3f} ({gap.low:+.2f} to {gap.high:+.2f})",
        f"{one.p:.4f}",
        f"{one.wins:,}",
        f"{one.losses:,}",
        f"{one.ties:,}",
    )


def _columns(rows: Sequence[Sequence[str]], *, left: int) -> Iterator[str]:
    """Align columns: the first `left` of them at the left, the others at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _rank(rank: int | None) -> str:
    return "not found" if rank is None else f"{rank}"
