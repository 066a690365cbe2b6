"""The claims of invented stories about real reports are checked as people would check them."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from indexer.embedded import Embedded
from indexer.extract import Readers
from indexer.metadata import body_key
from indexer.settings import Settings
from indexer.sync import sync
from service.press import Bearing, Checked, ClaimKind, Outcome
from service.press.claims import At, GradeClaim, Tense
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.quality.claims import FLOOR, Row, checked, sample, score

SHARED = Path(__file__).resolve().parents[3] / "shared"
SET = "first"  # the reports of its bodies can be read in some seconds


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Row, tuple[Checked, ...]]]]:
    """Check the stories of a set against the reports on their bodies."""
    if not (SHARED / "reports").is_dir():
        pytest.skip("the folder ../shared with real reports is absent")
    rows = [row for row in sample() if row["set"] == SET]
    folder = tmp_path_factory.mktemp("claims")
    for source in sorted((SHARED / "reports").iterdir()):
        name = body_key(source.name.split("_", 1)[-1].replace("&", "and"))
        if source.is_dir() and any(body_key(row["body"]) == name for row in rows):
            shutil.copytree(source, folder / "reports" / source.name)
    settings = Settings(index=folder / "index")
    with Readers(settings) as readers:
        sync([folder / "reports"], settings, encoder=WordEncoder(), readers=readers)
    with Searcher(Embedded.open(settings.index), WordEncoder()).opened() as (reader, generation):
        yield [(row, checked(row, reader, generation)[1]) for row in rows]


@pytest.mark.e2e
def test_verdicts_are_right(found: list[tuple[Row, tuple[Checked, ...]]]) -> None:
    """Of what is called supported, and of what is called altered, at least 95 in 100 are."""
    done = score(found)
    assert done.precision(Bearing.SUPPORTED) >= FLOOR, done.differing
    assert done.precision(Bearing.ALTERED) >= FLOOR, done.differing


def test_a_wrong_verdict_counts_and_a_silent_one_does_not() -> None:
    """A claim that is missed costs recall alone, one that is wrong the precision of its verdict."""
    row = {
        "id": "x",
        "set": "made",
        "body": "Lyne",
        "day": None,
        "expect": [
            {"kind": "grade", "at": "good", "verdict": "supported"},
            {"kind": "grade", "at": "inadequate", "verdict": "supported"},
        ],
    }

    def claim(words: str, verdict: Bearing) -> Checked:
        made = GradeClaim(At(0, 9, 0, len(words)), "good", (), Tense.NOW)
        return Checked(made, words, Outcome(verdict, ""), (), ())

    right = score([(row, (claim("good", Bearing.SUPPORTED), claim("inadequate", Bearing.NOT_COVERED)))])
    wrong = score([(row, (claim("good", Bearing.ALTERED), claim("outstanding", Bearing.SUPPORTED)))])
    assert (right.precision("supported"), right.recall("supported")) == (1.0, 0.5)
    assert (wrong.precision("altered"), wrong.precision("supported")) == (0.0, 0.0)


def test_the_sample_is_large_and_holds_no_words_of_reports() -> None:
    """At least 60 claims on 10 bodies; what is quoted is a place of a report."""
    rows = sample()
    assert sum(len(row["expect"]) for row in rows) >= 60
    assert len({row["body"] for row in rows}) >= 10
    assert all("{0}" in row["text"] for row in rows if row.get("quotes"))
    assert {want["kind"] for row in rows for want in row["expect"]} == set(ClaimKind)
    assert all(row["day"] is None or date.fromisoformat(row["day"]) for row in rows)
