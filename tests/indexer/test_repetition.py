from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.repetition import (
    EXACT_BELOW,
    RUN,
    SAMPLE,
    Repeated,
    count_owners,
    is_due,
    likeness,
    sketch,
    spread,
)

WORDS = "pier mill weir barn lane gate ford well moor dale".split()
TEXTS = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)
LONG = " ".join(f"{one} and {other}" for one in WORDS for other in WORDS if one != other)
SKETCHES = st.frozensets(st.integers(0, 12), max_size=8).map(lambda runs: np.array(sorted(runs), np.uint32))


# --- sketches


@given(TEXTS)
def test_a_sketch_is_a_sorted_set_of_runs(text: str) -> None:
    """Each run counts once however often it occurs, and there are no more than runs."""
    made = sketch(text, None)
    assert made.dtype == np.uint32
    assert (np.diff(made.astype(np.int64)) > 0).all()
    assert len(made) <= max(0, len(text.split()) - RUN + 1)


@given(TEXTS, TEXTS)
def test_the_same_runs_are_kept_wherever_they_occur(before: str, text: str) -> None:
    """What is kept of a text is kept of every text that holds it."""
    assert set(sketch(text, None)) <= set(sketch(f"{before} {text}", None))


def test_about_one_run_in_a_few_is_kept() -> None:
    """Enough to tell long texts apart, at a fraction of the space."""
    runs = len(set(zip(*(LONG.split()[at:] for at in range(RUN)), strict=False)))
    assert 0.5 < len(sketch(LONG, None)) * SAMPLE / runs < 2


@given(TEXTS, TEXTS)
def test_the_name_of_its_body_does_not_tell_a_text_apart(before: str, after: str) -> None:
    """Two bodies of which the same is said have the same sketch, whatever case their names are written in."""
    one = sketch(f"{before} Alder Council {after} ALDER's", "Alder Council")
    other = sketch(f"{before} Birch Town {after} Birch's", "Birch Town")
    assert one.tolist() == other.tolist() == sketch(f"{before} {after}", None).tolist()


def test_line_ends_case_and_punctuation_do_not_tell_a_text_apart() -> None:
    """The words count, not how a page lays them out."""
    assert sketch(LONG.replace(" and ", ",\nAnd  "), None).tolist() == sketch(LONG, None).tolist()


@pytest.mark.parametrize("text", ["", "one two three", " ".join(["Alder"] * 50)])
def test_a_text_of_few_words_has_an_empty_sketch(text: str) -> None:
    """There is no run in it."""
    assert sketch(text, "Alder").tolist() == []


# --- likeness


@given(SKETCHES, SKETCHES)
def test_likeness_is_the_share_of_runs_that_both_have(one: np.ndarray, other: np.ndarray) -> None:
    """It is the same both ways, 1 for equal sketches, and 0 where neither has a run."""
    either = set(one) | set(other)
    expected = len(set(one) & set(other)) / len(either) if either else 0.0
    assert likeness(one, other) == likeness(other, one) == expected


# --- spread


def in_columns(sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Put sketches one after the other, and tell where each begins."""
    runs = np.concatenate([np.empty(0, np.uint32), *sketches]).astype(np.uint32)
    return runs, np.cumsum([0, *map(len, sketches)], dtype=np.int64)


def spread_of(sketches: Sequence[np.ndarray], owners: Sequence[int]) -> np.ndarray:
    """Count over these passages, and tell how widely each one's words are repeated."""
    columns = in_columns(sketches)
    return spread(*columns, count_owners(*columns, np.array(owners, np.int64)))


@given(st.lists(st.tuples(SKETCHES, st.integers(0, 3)), max_size=8))
def test_spread_is_the_mean_logarithm_of_how_many_owners_have_a_run(
    passages: list[tuple[np.ndarray, int]],
) -> None:
    """It counts bodies, not passages."""
    owners_of = {
        run: {owner for sketch, owner in passages if run in sketch} for sketch, _ in passages for run in sketch
    }
    expected = [
        sum(np.log(len(owners_of[run])) for run in sketch) / len(sketch) if len(sketch) else 0.0
        for sketch, _ in passages
    ]
    made = spread_of([sketch for sketch, _ in passages], [owner for _, owner in passages])
    assert made.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_body_that_repeats_itself_is_not_widely_repeated() -> None:
    """A paragraph in three reports of one body is its own; in reports of three bodies it is common."""
    same = [sketch(LONG, None)] * 3
    assert spread_of(same, [5, 5, 5]).tolist() == [0, 0, 0]
    assert spread_of(same, [5, 6, 7]).tolist() == pytest.approx([np.log(3)] * 3)


@given(st.lists(st.tuples(SKETCHES, st.integers(0, 3)), max_size=8), st.integers(1, 64))
def test_however_little_is_looked_at_together_the_counts_are_the_same(
    passages: list[tuple[np.ndarray, int]], at_once: int
) -> None:
    """Memory is bounded without a change in what is found."""
    sketches, owners = [one for one, _ in passages], [owner for _, owner in passages]
    expected = spread_of(sketches, owners)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("indexer.repetition.AT_ONCE", at_once * 64)
        few = spread_of(sketches, owners)
        patched.setattr("indexer.repetition.AT_ONCE", 1)
        columns = in_columns(sketches)
        counted = count_owners(*columns, np.array(owners, np.int64))
    assert few.tolist() == expected.tolist()
    assert spread(*columns, counted).tolist() == expected.tolist()
    assert np.all(np.diff(counted.runs.astype(np.int64)) > 0)


def test_words_that_were_not_counted_are_a_passages_own() -> None:
    """What is new since the last count repeats nothing until it is counted as well."""
    counted = Repeated(np.array([3, 7], np.uint32), np.array([2, 4], np.uint32))
    made = spread(np.array([3, 5, 7, 9], np.uint32), np.array([0, 1, 2, 4], np.int64), counted)
    assert made.tolist() == pytest.approx([np.log(2), 0, np.log(4) / 2])


def test_repetition_of_many_is_counted_once_a_tenth_has_changed() -> None:
    """Few passages are counted with each change; of many the last count stands for a while."""
    assert is_due(EXACT_BELOW, 1)
    assert not is_due(EXACT_BELOW, 0)
    assert not is_due(100_000, 10_000)
    assert is_due(100_000, 10_001)
