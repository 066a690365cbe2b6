import shutil
from datetime import date
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from indexer.errors import EncoderMismatchError, IndexFormatError, IndexMissingError, InputError
from indexer.records import Filter
from indexer.store import Reader, Store
from service.query import Query
from service.search import SearchResult
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, Library, make_library
from tests.service.test_citation import change

QUESTIONS = [
    "How did the school budget change?",
    "Who visited families each week?",
    "otters in the river",
    "zebra",
    REPORTS["loose.txt"],
]
REDBROOK, BLUEHILL = "Redbrook Council", "Bluehill City Council"
FILTERS = {
    "none": (Query("x"), set(REPORTS)),
    "body": (Query("x", bodies=("Redbrook",)), {"redbrook/2019.txt", "redbrook/2022.txt"}),
    "bodies": (Query("x", bodies=("Redbrook", "Bluehill")), set(REPORTS) - {"loose.txt"}),
    "kind": (Query("x", kinds=("inspection",)), {"redbrook/2019.txt", "bluehill/2021.txt"}),
    "from": (Query("x", published_from=date(2021, 12, 31)), {"bluehill/2021.txt", "redbrook/2022.txt"}),
    "to": (Query("x", published_to=date(2019, 5, 22)), {"redbrook/2019.txt"}),
    "day": (Query("x", published_from=date(2021, 12, 31), published_to=date(2021, 12, 31)), {"bluehill/2021.txt"}),
    "all": (Query("x", bodies=("Redbrook",), kinds=("inspection",)), {"redbrook/2019.txt"}),
    "nothing": (Query("x", bodies=("Bluehill",), published_to=date(2020, 1, 1)), set[str]()),
}


def sources(result: SearchResult) -> list[str]:
    """Return the path of each hit."""
    return [hit.citation.source for hit in result.hits]


def brute_force(reader: Reader, question: str, paths: set[str]) -> list[tuple[int, float]]:
    """Compare the question with every passage of these documents, as stored in float16; best first."""
    encoder = WordEncoder()
    asked = encoder.encode_query(question)
    documents = [document for document in reader.documents() if document.path in paths]
    ids = [passage_id for document in documents for passage_id in reader.passage_ids(document.doc_id)]
    scored = []
    for passage_id, stored in reader.passages(ids).items():
        vector = encoder.encode_passages([stored.passage.input])[0].astype(np.float16).astype(np.float32)
        scored.append((passage_id, float(vector @ asked)))
    return sorted(scored, key=lambda hit: (-hit[1], hit[0]))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_hits_are_those_of_comparing_with_every_passage(shelf: Library, question: str, name: str) -> None:
    """Filters act before ranking: the best of what they let through come back, however few and however far."""
    wanted, paths = FILTERS[name]
    searcher = shelf.searcher()
    with Store.open(shelf.settings.index).reading() as reader:
        expected = brute_force(reader, question, paths)
    for k in (1, 3, 100):
        query = Query(question, k, wanted.bodies, wanted.kinds, wanted.published_from, wanted.published_to)
        hits = searcher.search(query).hits
        assert [hit.passage_id for hit in hits] == [passage_id for passage_id, _ in expected[:k]]
        assert [hit.dense for hit in hits] == pytest.approx([cosine for _, cosine in expected[:k]], abs=1e-5)


def test_a_result_says_how_it_was_made(shelf: Library) -> None:
    """Ranks count from 1, scores fall between 0 and 1, and the filters in force are named as the index has them."""
    query = Query("school budget", bodies=("redbrook", "bluehill"), published_from=date(2019, 1, 1))
    result = shelf.searcher().search(query)
    assert (result.query, result.mode, result.generation) == ("school budget", "dense", 1)
    assert result.took_ms > 0
    read = result.interpreted
    assert read.body == f"{BLUEHILL}, {REDBROOK}"
    assert (read.published_from, read.published_to, read.phrases) == (date(2019, 1, 1), None, ())
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    best = result.hits[0]
    assert {best.text[start:end] for start, end in best.highlights} == {"school", "budget"}


def test_a_score_means_the_same_for_every_query(shelf: Library) -> None:
    """Over all queries together, the nearer passage has the higher score; they tell the best from the worst."""
    searcher = shelf.searcher()
    hits = [hit for question in QUESTIONS for hit in searcher.search(Query(question, k=100)).hits]
    scores = [hit.score for hit in sorted(hits, key=lambda hit: hit.dense)]
    assert scores == sorted(scores)
    assert 0 < scores[0] < scores[-1] < 1


def test_every_citation_reads_again_as_the_hit(shelf: Library) -> None:
    """The spans of a hit's pages, joined by line feeds, are its text to the letter."""
    hits = shelf.searcher().search(Query("school", k=100)).hits
    assert {hit.citation.source for hit in hits} == set(REPORTS)
    for hit in hits:
        pages = REPORTS[hit.citation.source].split("\f")
        assert "\n".join(pages[page - 1][start:end] for page, start, end in hit.citation.spans) == hit.text


def test_an_unknown_body_is_refused(shelf: Library) -> None:
    """A name that no document has is an error with the nearest, not an empty result."""
    with pytest.raises(InputError, match="did you mean `Redbrook Council`"):
        shelf.searcher().search(Query("x", bodies=("Redbrok",)))


def test_a_new_generation_is_seen_without_a_restart(library: Library) -> None:
    """An open searcher finds a document that was added, and no longer one that was removed or reworded."""
    searcher = library.searcher()
    assert "loose.txt" in sources(searcher.search(Query("bees", k=100)))

    library.write("harbour.txt", "Boats came into the harbour at night.")
    library.write("redbrook/2022.txt", "The swimming pool was heated again.")
    (library.sources / "loose.txt").unlink()
    library.sync()

    result = searcher.search(Query("Boats came into the harbour at night.", k=100))
    assert result.generation == searcher.generation() == 2
    assert sources(result)[0] == "harbour.txt"
    assert "loose.txt" not in sources(result)
    assert not any("shrank" in hit.text for hit in result.hits)


def test_results_agree_with_the_generation_they_name_while_the_index_changes(library: Library) -> None:
    """Threads that search during syncs get hits of one generation only, never of a document that it has not."""
    searcher = library.searcher()
    base = set(REPORTS)
    present = {1: base}
    wrong: list[object] = []
    generations: set[int] = set()
    done = Event()

    def hammer() -> None:
        searches = 0
        while searches < 10 or not done.is_set():
            try:
                result = searcher.search(Query("school edition", k=100))
            except Exception as error:  # noqa: BLE001 - an error in a thread would go unseen
                wrong.append(error)
                return
            editions = {hit.text for hit in result.hits if hit.citation.source == "edition.txt"}
            expected = {f"This is edition {result.generation}."} if result.generation > 1 else set()
            if editions != expected or set(sources(result)) != present[result.generation]:
                wrong.append((result.generation, editions, sources(result)))
            generations.add(result.generation)
            searches += 1

    threads = [Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for generation in range(2, 8):
        (library.sources / f"only-{generation - 1}.txt").unlink(missing_ok=True)
        library.write(f"only-{generation}.txt", f"School number {generation} opened.")
        library.write("edition.txt", f"This is edition {generation}.")
        present[generation] = base | {"edition.txt", f"only-{generation}.txt"}
        assert library.sync().generation == generation
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 7 in generations


def test_an_older_copy_that_was_put_back_is_served(library: Library, tmp_path: Path) -> None:
    """A searcher follows the folder to an older generation, and from there into another history."""
    searcher = library.searcher()
    shutil.copytree(library.settings.index, tmp_path / "copy")
    library.write("harbour.txt", "Boats came into the harbour at night.")
    library.sync()
    query = Query("Boats came into the harbour at night.", k=100)
    assert searcher.search(query).generation == 2

    shutil.rmtree(library.settings.index)
    shutil.copytree(tmp_path / "copy", library.settings.index)
    result = searcher.search(query)
    assert result.generation == 1
    assert set(sources(result)) == set(REPORTS)

    library.write("harbour.txt", "Geese came into the harbour at night.")
    library.sync()
    result = searcher.search(query)
    assert result.generation == 2
    assert result.hits[0].text == "Geese came into the harbour at night."


def test_an_index_that_was_deleted_is_not_served(library: Library, tmp_path: Path) -> None:
    """A searcher does not live on in the memory of a folder that is gone, and recovers when it is back."""
    searcher = library.searcher()
    searcher.warm_up()
    library.settings.index.rename(tmp_path / "away")
    with pytest.raises(IndexMissingError, match="run `citewell index SOURCE`"):
        searcher.search(Query("school"))
    (tmp_path / "away").rename(library.settings.index)
    assert searcher.search(Query("school")).hits


@pytest.mark.parametrize("table", ["pages", "passages"])
def test_altered_text_is_never_served(library: Library, table: str) -> None:
    """A searcher that is already open notices an alteration, too."""
    searcher = library.searcher()
    assert searcher.search(Query("school budget", k=1)).hits
    change(library, f"UPDATE {table} SET text = replace(text, 'budget', 'profit')")
    with pytest.raises(IndexFormatError):
        searcher.search(Query("school budget", k=1))


def test_another_encoder_is_refused_with_the_command_that_helps(library: Library) -> None:
    """Vectors of two models do not compare, so nothing is found until one of them is used throughout."""
    searcher = library.searcher()
    stranger = library.searcher(WordEncoder(model="other words"))
    with pytest.raises(EncoderMismatchError, match=r"'other words', not 'words'.* run `citewell index --reencode"):
        stranger.search(Query("school"))

    library.sync(WordEncoder(model="other words"), reencode=True)
    assert stranger.search(Query("school")).generation == 2
    with pytest.raises(EncoderMismatchError, match=r"'words', not 'other words'"):
        searcher.search(Query("school"))


def test_warming_up_opens_everything(library: Library) -> None:
    """After it, the first query finds the vectors loaded; a missing index is told at once."""
    searcher = library.searcher()
    searcher.warm_up()
    shutil.rmtree(library.settings.index)
    with pytest.raises(IndexMissingError):
        searcher.warm_up()


def test_unknown_dates_fit_no_filter_on_dates(shelf: Library) -> None:
    """A document without a date is not taken for one of any time."""
    with Store.open(shelf.settings.index).reading() as reader:
        allowed = reader.allowed(Filter(published_from=date.min, published_to=date.max))
        loose = reader.passage_ids(reader.find("loose.txt").doc_id)
    assert allowed is not None
    assert not set(loose) & set(allowed.tolist())


def test_an_index_of_no_documents_finds_nothing(tmp_path: Path) -> None:
    """An empty collection is a collection."""
    library = make_library(tmp_path)
    shutil.rmtree(library.sources)
    library.sources.mkdir()
    library.sync()
    assert library.searcher().search(Query("school")).hits == ()
