"""What the instrument invents is what it says, and what it takes for nearest is."""

from pathlib import Path

import numpy as np
import pytest

from indexer.where import EVERYTHING, Facts, FactSheet, fits
from tests.scale import crowd
from tests.scale.crowd import A_DOCUMENT, DIM, QUESTIONS, TOP, conditions, documents, exact, questions, vectors
from tests.scale.million import as_table, embedded, mapped, measured, recall

COUNT = 40 * A_DOCUMENT - 1


def test_vectors_have_the_length_of_one_and_are_the_same_each_time() -> None:
    """And others with another seed."""
    made = vectors(COUNT, 0, COUNT)
    np.testing.assert_allclose(np.linalg.norm(made.astype(np.float32), axis=1), 1, atol=1e-3)
    assert (made == vectors(COUNT, 0, COUNT)).all()
    assert not (made == vectors(COUNT, 1, COUNT)).all(axis=1).any()


def test_passages_crowd() -> None:
    """Most have another of their matter near by, and all have something in common."""
    made = vectors(COUNT, 0, COUNT).astype(np.float32)
    cosines = made @ made.T - np.eye(len(made), dtype=np.float32)
    assert np.median(cosines.max(axis=1)) > 0.6
    assert 0.1 < np.median(cosines) < 0.4


def test_documents_are_spread_over_what_is_asked_for() -> None:
    """One in 200 is of a body, about one in 10 of a year."""
    facts = [
        Facts(number, one.metadata.body, one.metadata.kind, one.metadata.published)
        for number, one in enumerate(documents(A_DOCUMENT * 10_000))
    ]
    assert len(facts) == 10_000
    shares = {name: sum(fits(one, condition) for one in facts) for name, condition in conditions(3).items()}
    assert shares == pytest.approx(dict(zip(shares, (10_000, 1000, 50, 10), strict=True)), rel=0.1)


def test_exact_is_what_a_look_at_all_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over several parts, and where fewer fit than are asked for."""
    monkeypatch.setattr(crowd, "AT_ONCE", 700)
    held, asked, papers = vectors(COUNT, 0, COUNT), questions(COUNT), documents(COUNT)
    facts = FactSheet.of(range(len(papers)), papers)
    best = exact(asked, held, facts)
    scores = asked @ held.astype(np.float32).T
    for number in (0, QUESTIONS - 1):
        for name, condition in conditions(number).items():
            allowed = np.flatnonzero(facts.fitting(condition)[np.arange(COUNT) // A_DOCUMENT])
            wanted = sorted(allowed.tolist(), key=lambda one: -scores[number, one])[:TOP]
            assert best[name][number] == set(wanted)
    assert {len(found) for found in best["body and kind, 1 in 1000"]} > {0}


def test_the_embedded_index_finds_all(tmp_path: Path) -> None:
    """It is exact at this size; its file is in memory once it was searched."""
    held, asked, papers = vectors(COUNT, 0, COUNT), questions(COUNT), documents(COUNT)
    facts = FactSheet.of(range(len(papers)), papers)
    told: dict[str, float] = {}
    file = tmp_path / "embedded.faiss"
    ask = embedded(held, file, facts, told)
    seen = measured(ask, asked, exact(asked, held, facts))
    assert [one["recall"] for one in seen.values()] == pytest.approx([1] * len(seen), abs=0.002)
    assert mapped(file) >= 2 * DIM * COUNT
    assert "embedded  body, 1 in 200" in as_table({"milvus": {}, "embedded": {"asked": seen}})


def test_recall_is_the_share_of_what_there_is() -> None:
    """What was found besides does not count."""
    assert recall([[1, 2, 9], []], [{1, 2, 3}, {4}]) == 0.5
    assert recall([[]], [set()]) == 0


def test_questions_are_asked_without_a_condition_first() -> None:
    """The others let fewer through."""
    assert next(iter(conditions(0).values())) == EVERYTHING
