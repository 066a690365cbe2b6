"""Whether one run is better than another on the same questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import InputError
from service.evaluation.answers import MEASURES, answer_measured
from service.evaluation.measures import Figure, figure, sign_flip_p
from service.evaluation.outcomes import ALL, FORMAT, Evaluation, Kind, Outcome, Setup, measured, read_evaluation


@dataclass(frozen=True, slots=True)
class Difference:
    """The second run less the first, over questions: above 0, the second is better."""

    before: float
    after: float
    difference: Figure
    p: float  # of a two-sided paired randomisation test
    wins: int  # questions that are better in the second run
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class Change:
    """The ranks, before and after, of the first hit that is right; None where no hit was."""

    id: str
    type: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, question by question."""

    format: int
    kind: Kind
    before: Setup
    after: Setup
    groups: dict[str, dict[str, Difference]]  # by type, then measure; of answers where both runs have them
    changes: tuple[Change, ...]  # worst losses first
    unchanged: int


def compare_files(before: Path, after: Path) -> Comparison:
    """Compare what `citewell eval --json` printed twice. Raises InputError, also where a file is something else."""
    return compare(read_evaluation(before), read_evaluation(after))


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare two runs. Raises InputError where they did not ask the same questions of the same documents."""
    both = _paired(before, after)
    pairs = [pair for pair in both if pair[0].gold]
    if not pairs:
        raise InputError("none of the questions has an answer, so there are no ranks to compare")
    ranks = [(one, _first_rank(before.kind, one), _first_rank(before.kind, other)) for one, other in pairs]
    changes = [Change(one.id, one.type, was, now) for one, was, now in ranks if was != now]
    return Comparison(
        format=FORMAT,
        kind=before.kind,
        before=before.settings,
        after=after.settings,
        groups={
            name: _differences(before.kind, _of_group(name, pairs)) | _answer_differences(_of_group(name, both))
            for name in before.groups
        },
        changes=tuple(sorted(changes, key=lambda one: _reciprocal(one.after) - _reciprocal(one.before))),
        unchanged=len(pairs) - len(changes),
    )


def _paired(before: Evaluation, after: Evaluation) -> list[tuple[Outcome, Outcome]]:
    """Put the outcomes of each question together."""
    if before.settings.questions_sha256 != after.settings.questions_sha256:
        raise InputError(
            f"the two runs asked different questions (of `{before.settings.questions}` and of "
            f"`{after.settings.questions}`); evaluate both on the same file"
        )
    others = {one.id: one for one in after.outcomes}
    if differ := set(others) ^ {one.id for one in before.outcomes}:
        raise InputError(
            f"question `{min(differ)}` was left out of one of the runs, since a document was missing from the index; "
            "evaluate both on an index of the same documents"
        )
    pairs = [(one, others[one.id]) for one in before.outcomes]
    for one, other in pairs:
        if one.absent != other.absent:
            raise InputError(
                f"for question `{one.id}` the two indexes hold different documents; "
                "evaluate both on an index of the same documents"
            )
    return pairs


def _of_group(name: str, pairs: Sequence[tuple[Outcome, Outcome]]) -> list[tuple[Outcome, Outcome]]:
    return [pair for pair in pairs if name in {ALL, pair[0].type}]


def _differences(kind: Kind, pairs: Sequence[tuple[Outcome, Outcome]]) -> dict[str, Difference]:
    rows = [(measured(kind, one), measured(kind, other)) for one, other in pairs]
    return {name: _difference([(was[name], now[name]) for was, now in rows]) for name in rows[0][0]}


def _answer_differences(pairs: Sequence[tuple[Outcome, Outcome]]) -> dict[str, Difference]:
    rows = [
        (answer_measured(one.type, one.answered), answer_measured(one.type, other.answered))
        for one, other in pairs
        if one.answered and other.answered
    ]
    values = {name: [(was[name], now[name]) for was, now in rows if name in was] for name in MEASURES}
    return {name: _difference(some) for name, some in values.items() if some}


def _difference(values: Sequence[tuple[float, float]]) -> Difference:
    gaps = [now - was for was, now in values]
    return Difference(
        before=sum(was for was, _ in values) / len(values),
        after=sum(now for _, now in values) / len(values),
        difference=figure(gaps),
        p=sign_flip_p(gaps),
        wins=sum(gap > 0 for gap in gaps),
        losses=sum(gap < 0 for gap in gaps),
        ties=sum(gap == 0 for gap in gaps),
    )


def _first_rank(kind: Kind, one: Outcome) -> int | None:
    return one.page_rank if kind == "questions" else one.document_rank


def _reciprocal(rank: int | None) -> float:
    return 0.0 if rank is None else 1 / rank
