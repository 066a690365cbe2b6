import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexer.collection import Reader
from indexer.embedded import Embedded
from indexer.errors import (
    EncoderMismatchError,
    GenerationGoneError,
    IndexFormatError,
    IndexMissingError,
    InputError,
)
from indexer.records import Mode
from service.candidates import Asked, Candidates, Generation, gather
from service.citation import Citation
from service.query import Query
from service.ranking import SIGNALS, WEIGHTS, Signal, Weights
from service.search import Hit, Searcher, SearchResult
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, Library, make_library
from tests.service.test_candidates import BLUEHILL, FILTERS, QUESTIONS, REDBROOK, brute_force, gathered
from tests.service.test_citation import change


def sources(result: SearchResult) -> list[str]:
    """Return the path of each hit."""
    return [hit.citation.source for hit in result.hits]


def reread(citation: Citation, texts: Mapping[str, str]) -> str:
    """Cut a citation's spans out of the pages of its file, and check its hash."""
    pages = texts[citation.source].split("\f")
    cut = "\n".join(pages[page - 1][start:end] for page, start, end in citation.spans)
    assert citation.text_sha256 == sha256(cut.encode()).hexdigest()
    return cut


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_best_comes_first_of_what_the_filters_let_through(searcher: Searcher, question: str, name: str) -> None:
    """However few and however far, nothing that fits is lost, and a hit's cosine is that of its best passage."""
    wanted, paths = FILTERS[name]
    with searcher.opened() as (reader, _):
        cosines = brute_force(reader, question, paths)
    weights = dict(zip(SIGNALS, WEIGHTS[Mode.DENSE].signals, strict=True))
    of_passage = weights[Signal.PASSAGE]
    of_sentence = weights[Signal.SENTENCE] + weights[Signal.SENTENCE_TOPIC]  # topic and question are one here
    sums = {passage_id: of_passage * pair[0] + of_sentence * pair[1] for passage_id, pair in cosines.items()}
    for k in (1, 3, 100):
        result = searcher.search(replace(wanted, text=question, k=k, mode=Mode.DENSE))
        assert [hit.passage_id for hit in result.hits][:1] == sorted(sums, key=lambda one: -sums[one])[:1]
        assert set(sources(result)) <= paths
        assert len(result.hits) <= k
        for hit in result.hits:
            assert hit.dense == pytest.approx(cosines[hit.passage_id][0], abs=1e-5)
    assert set(sources(result)) == paths


def test_a_result_says_how_it_was_made(searcher: Searcher) -> None:
    """Ranks count from 1, scores fall between 0 and 1, and the filters in force are named as the index has them."""
    query = Query("school budget", bodies=("redbrook", "bluehill"), published_from=date(2019, 1, 1))
    result = searcher.search(query)
    assert (result.query, result.mode, result.generation) == ("school budget", "hybrid", 1)
    assert result.took_ms > 0
    read = result.interpreted
    assert read.body == f"{BLUEHILL}, {REDBROOK}"
    assert (read.published_from, read.published_to, read.phrases) == (date(2019, 1, 1), None, ())
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    assert all(0 <= hit.score <= 1 for hit in result.hits)
    best = result.hits[0]
    assert {best.text[start:end] for start, end in best.highlights} == {"school", "budget"}


@pytest.mark.parametrize("mode", list(Mode))
def test_the_parts_of_a_hit_add_up_to_its_score(searcher: Searcher, mode: Mode) -> None:
    """They make its sum, and its score is what that comes to among the sums of all that was found."""
    told = set()
    for question in [*QUESTIONS, "How was Redbrook's school budget in 2019?", "Which councils have schools?"]:
        query = Query(question, k=100, mode=mode)
        hits = searcher.search(query).hits
        found, _ = gathered(searcher, query)
        sums, shown = WEIGHTS[mode].sums(found.signals), found.ids.searchsorted([hit.passage_id for hit in hits])
        added = [sum(part.value * part.weight for part in hit.parts) for hit in hits]
        assert added == pytest.approx(sums[shown].tolist(), abs=1e-2)
        scores = [hit.score for hit in hits]
        assert scores == pytest.approx(WEIGHTS[mode].scores(sums, shown).tolist(), abs=1e-4)
        assert scores == sorted(scores, reverse=True)
        told.update(scores)
    assert len(told) > 3


def only(signal: Signal) -> Weights:
    """Make weights by which one signal alone decides."""
    return Weights(tuple(float(one is signal) for one in SIGNALS), of_share=1.0, of_largest=1.0)


def test_the_weights_decide_the_order(shelf: Library) -> None:
    """By one signal alone, that which has most of it comes first, and nothing else has a part in it."""
    first = {}
    for signal in (Signal.PASSAGE, Signal.WORDS, Signal.TIME):
        searcher = Searcher(Embedded.open(shelf.settings.index), WordEncoder(), {Mode.HYBRID: only(signal)})
        hits = searcher.search(Query("rivers, volunteers and otters in 2019", k=100)).hits
        values = [part.value for hit in hits for part in hit.parts if part.signal == signal]
        assert values[0] == max(values)
        assert len(values) == sum(len(hit.parts) for hit in hits)
        first[signal] = hits[0].citation.source
    assert first[Signal.WORDS] == "bluehill/2021.txt"
    assert first[Signal.TIME] == "redbrook/2019.txt"


@pytest.mark.parametrize("mode", list(Mode))
def test_every_citation_reads_again_as_the_hit(searcher: Searcher, mode: Mode) -> None:
    """The spans of a hit's pages, joined by line feeds, are its text to the letter, and the hash is of it."""
    hits = searcher.search(Query("school, the bridges and the otters", k=100, mode=mode)).hits
    assert {hit.citation.source for hit in hits} == set(REPORTS)
    for hit in hits:
        assert reread(hit.citation, REPORTS) == hit.text
        assert all(hit.text[start:end].strip() for start, end in hit.highlights)


FERRY = "On day {} the ferry to the island sailed at dawn, and its crew sang on the island until the ferry left."


def ferries(folder: Path, log: str) -> list[Hit]:
    """Search a log of two days for the second."""
    library = make_library(folder, {"log.txt": log}, "path\n")
    weights = {Mode.DENSE: only(Signal.PASSAGE)}
    searcher = Searcher(Embedded.open(library.settings.index), WordEncoder(), weights)
    return list(searcher.search(Query("day two of the ferry to the island", k=5, mode=Mode.DENSE)).hits)


def test_neighbours_that_are_found_are_one_hit(tmp_path: Path) -> None:
    """Its text reads on as in the report, over page breaks too, and its citation covers all of it."""
    log = FERRY.format("one") + "\n\n" + FERRY.format("two").replace("and its", "and\fits")
    (hit,) = ferries(tmp_path, log)
    assert hit.text == reread(hit.citation, {"log.txt": log})
    assert hit.text.replace("\n", " ").split() == log.split()
    assert hit.passage_id == 2  # by which it was found, but which does not come first
    assert (hit.citation.page, hit.citation.page_end) == (1, 2)


def test_neighbours_on_two_pages_are_two_hits(tmp_path: Path) -> None:
    """A citation begins on the page of the passage that was found, not on the one before."""
    log = "\f".join(FERRY.format(day) for day in ("one", "two"))
    hits = ferries(tmp_path, log)
    assert [(hit.passage_id, hit.citation.page, hit.citation.page_end) for hit in hits] == [(2, 2, 2), (1, 1, 1)]
    assert [reread(hit.citation, {"log.txt": log}) for hit in hits] == [hit.text for hit in hits]


WARDENS = (
    "trains its wardens in the harbour each spring and every warden learns to row, to mend nets and to read the tide"
    " before the boats go out again"
)
TWINS = {"alder.txt": f"Alder {WARDENS}", "birch.txt": f"Birch {WARDENS}"}
TWIN_MANIFEST = "path,body\nalder.txt,Alder Council\nbirch.txt,Birch Council\n"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", ["Alder", "Birch"])
def test_what_two_reports_say_alike_is_one_hit_with_both_cited(tmp_path: Path, name: str, mode: Mode) -> None:
    """That of the body which the question names comes first; the other stands below it, and reads again, too."""
    searcher = make_library(tmp_path, TWINS, TWIN_MANIFEST).searcher()
    (hit,) = searcher.search(Query(f"What do wardens learn in {name}?", mode=mode)).hits
    (twin,) = hit.twins
    assert hit.citation.body == f"{name} Council"
    assert {hit.citation.source, twin.source} == set(TWINS)
    assert reread(hit.citation, TWINS) == hit.text
    assert reread(twin, TWINS) == TWINS[twin.source]


def test_a_filter_keeps_twins_out(tmp_path: Path) -> None:
    """What is not to be looked at is not cited either."""
    searcher = make_library(tmp_path, TWINS, TWIN_MANIFEST).searcher()
    for query in (Query("wardens", bodies=("Birch",)), Query("wardens -alder")):
        (hit,) = searcher.search(query).hits
        assert (hit.citation.source, hit.twins) == ("birch.txt", ())


def test_what_is_read_from_the_words_is_told(searcher: Searcher) -> None:
    """A filter takes the place of what was read, and nothing is read where that is switched off."""
    query = Query("How was Redbrook's budget between 2019 and 2022?")
    read = searcher.search(query).interpreted
    assert (read.body, read.published_from, read.published_to) == (REDBROOK, date(2019, 1, 1), date(2022, 12, 31))
    other = searcher.search(replace(query, bodies=("Bluehill",), published_to=date(2021, 12, 31))).interpreted
    assert (other.body, other.published_from, other.published_to) == (BLUEHILL, None, date(2021, 12, 31))
    plain = searcher.search(replace(query, infer=False)).interpreted
    assert (plain.body, plain.published_from, plain.published_to) == (None, None, None)


def test_a_question_which_councils_brings_each_before_any_again(searcher: Searcher) -> None:
    """Of two reports of one council the better stands for it; a document of nobody stands for itself."""
    for k in (3, 100):
        hits = searcher.search(Query("Which councils had a school budget?", k=k)).hits
        assert len({hit.citation.body for hit in hits[:3]}) == 3


def test_an_unknown_body_is_refused(searcher: Searcher) -> None:
    """A name that no document has is an error with the nearest, not an empty result."""
    with pytest.raises(InputError, match="did you mean `Redbrook Council`"):
        searcher.search(Query("x", bodies=("Redbrok",)))


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


SUBJECTS = {f"{name}.txt": f"The school teaches {name}." for name in "art botany chess drama".split()}


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, Searcher]:
    """Give a library that changes from example to example, and a searcher that stays open over all of them."""
    library = make_library(tmp_path_factory.mktemp("changing"), SUBJECTS, "path\n")
    return library, library.searcher()


@given(st.lists(st.frozensets(st.sampled_from(sorted(SUBJECTS))), min_size=1, max_size=3))
@hypothesis_settings(max_examples=8, deadline=None)
def test_what_was_deleted_never_comes_back(
    changing: tuple[Library, Searcher], generations: list[frozenset[str]]
) -> None:
    """Every mode finds exactly what is there, whether the index was open before or is opened now."""
    library, searcher = changing
    for present in generations:
        for path, text in SUBJECTS.items():
            if path in present:
                library.write(path, text)
            else:
                (library.sources / path).unlink(missing_ok=True)
        library.sync()
        for one in (searcher, library.searcher()):
            for mode in Mode:
                assert set(sources(one.search(Query("school", k=100, mode=mode)))) == present


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


def test_what_is_asked_again_is_not_looked_up_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is the same question, to the same generation; few results are kept."""
    asked: list[str] = []

    def noted(one: Asked, *rest: Any) -> Candidates:
        asked.append(one.terms.words)
        return gather(one, *rest)

    monkeypatch.setattr("service.search.gather", noted)
    searcher = Searcher(Embedded.open(library.settings.index), WordEncoder(), recent=2)
    first = searcher.search(Query("bees"))
    assert replace(searcher.search(Query("bees")), took_ms=0) == replace(first, took_ms=0)
    assert asked == ["bees"]
    searcher.search(Query("bees", k=1))
    searcher.search(Query("otters"))
    searcher.search(Query("bees"))
    assert asked == ["bees", "bees", "otters", "bees"]
    library.write("loose.txt", "Nothing to tell.")
    library.sync()
    assert "bees" not in searcher.search(Query("bees")).hits[0].text
    assert asked[4:] == ["bees"]


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
    """A searcher that is already open notices an alteration, too, where it reads the text again."""
    searcher = Searcher(Embedded.open(library.settings.index), WordEncoder(), recent=0)
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


def test_an_index_of_no_documents_finds_nothing(tmp_path: Path) -> None:
    """An empty collection is a collection."""
    library = make_library(tmp_path)
    shutil.rmtree(library.sources)
    library.sources.mkdir()
    library.sync()
    for mode in Mode:
        query = Query('Had Redbrook Council a "school" in 2019? -budget', mode=mode, published_from=date(2019, 1, 1))
        for one in (query, Query("school", mode=mode)):
            assert library.searcher().search(one).hits == ()


def test_what_was_removed_meanwhile_is_asked_for_once_more(searcher: Searcher) -> None:
    """An engine that keeps no old generation may lose one while it is read; whoever loses two in a row is told so."""
    tries: list[int] = []

    def ask(losses: int) -> int:
        def once(_: Reader, generation: Generation) -> int:
            tries.append(generation.version.generation)
            if len(tries) <= losses:
                raise GenerationGoneError("the generation is gone; ask again")
            return tries[-1]

        tries.clear()
        return searcher.of_one_generation(once)

    assert (ask(0), len(tries)) == (1, 1)
    assert (ask(1), len(tries)) == (1, 2)
    with pytest.raises(GenerationGoneError, match="ask again"):
        ask(2)
