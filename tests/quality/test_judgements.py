"""The judgements of the hand-read sample of real reports are read as people read them."""

from pathlib import Path

import pytest

from indexer.records import Judgement, Span, Standing
from tests.quality.judgements import FLOOR, in_files, sample, score

SHARED = Path(__file__).resolve().parents[3] / "shared"


def test_the_sample_is_read_right_and_nothing_is_silently_wrong() -> None:
    """At least 99 in 100 areas are as people read them; the rest says that it is unreadable."""
    if not (SHARED / "reports").is_dir():
        pytest.skip("the folder ../shared with real reports is absent")
    gold = sample()
    found = dict([*in_files(SHARED / "reports", gold), *in_files(SHARED / "seeds", gold)])
    done = score(gold, found)
    assert found.keys() == gold.keys()
    assert done.wrong == ()
    assert done.share >= FLOOR, done.missed


def test_a_wrong_grade_counts_otherwise_than_an_unreadable_one() -> None:
    """Another grade, a page without it, and a grade where there is none are wrong; unreadable is missed."""
    gold = {
        "a.pdf": {"framework": "F", "page": 1, "judgements": dict.fromkeys(("one", "two", "three", "four"), "good")}
    }
    there, elsewhere = (Span(1, 0, 4),), (Span(2, 0, 4),)
    found = (
        Judgement("one", Standing.GRADED, "good", there),
        Judgement("two", Standing.GRADED, "inadequate", there),
        Judgement("three", Standing.GRADED, "good", elsewhere),
        Judgement("four", Standing.UNREADABLE),
        Judgement("five", Standing.GRADED, "good", there),
    )
    done = score(gold, {"a.pdf": ("F", found)})
    assert (done.right, len(done.missed), len(done.wrong)) == (1, 1, 3)
