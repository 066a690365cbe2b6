"""Passages by their words: always the right ones of the store's generation, whatever lies in the folder."""

import json
import logging
import math
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer import lexical
from indexer.errors import UnusableIndexError
from indexer.lexical import Lexical, drop_other_generations, write_generation
from indexer.manifests import read_manifest, sealed
from indexer.records import Filter, IndexedText, Version
from indexer.where import where
from indexer.words import Terms, split_query, take_apart

PIER = "The ferry leaves the north pier at noon."
MILL = "An old mill stands by the river, where the captain’s daughter lives."
WELL = "Well-being at sea is the captain's first care; 1,300 sailors agree."


class History:
    """A store in memory: passages with the generation that added them, tombstones, and a token a generation."""

    def __init__(self, token: str = "a") -> None:
        self.token = token
        self.tokens = [""]
        self.version = Version(0, "")
        self.live: dict[int, tuple[int, IndexedText]] = {}  # id -> generation, passage
        self.tombstones: dict[int, int] = {}
        self.next_id = 1
        self.asked: list[int] = []  # generations since which passages were asked for

    def commit(self, *added: str | IndexedText, removed: list[int] | None = None) -> list[int]:
        """Make a generation, and give the ids of what was added."""
        self.tokens.append(f"{self.token}{len(self.tokens)}")
        self.version = Version(len(self.tokens) - 1, self.tokens[-1])
        for i in removed or []:
            del self.live[i]
            self.tombstones[i] = self.version.generation
        first = self.next_id
        for one in added:
            made = IndexedText(0, "", one) if isinstance(one, str) else one
            made = IndexedText(self.next_id, made.context, made.text, made.body, made.kind, made.published)
            self.live[self.next_id] = self.version.generation, made
            self.next_id += 1
        return list(range(first, self.next_id))

    @property
    def passage_count(self) -> int:
        return len(self.live)

    def texts_since(self, generation: int) -> Iterator[IndexedText]:
        self.asked.append(generation)
        yield from (text for _, (added, text) in sorted(self.live.items()) if added > generation)

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        return np.array(sorted(i for i, removed in self.tombstones.items() if removed > generation), np.int64)

    def has_version(self, version: Version) -> bool:
        return version.generation in range(1, len(self.tokens)) and self.tokens[version.generation] == version.token


def published(folder: Path, store: History) -> Path:
    """Write the folder of the store's generation, and give it."""
    write_generation(folder, store, store.version)
    drop_other_generations(folder, store.version)
    return folder / f"lexical-{store.version.generation:08d}"


def in_memory(store: History) -> Lexical:
    return Lexical.open(Path("/nonexistent"), store)


def of(*texts: str | IndexedText) -> Lexical:
    """Make an index whose passages have the ids 1, 2, ..."""
    store = History()
    store.commit(*texts)
    return in_memory(store)


def ids(index: Lexical, query: str, k: int = 100, wanted: Filter = Filter()) -> list[int]:  # noqa: B008 - frozen
    return [i for i, _ in index.search(split_query(query), k, where(wanted))]


def matching(index: Lexical, query: str, wanted: Filter = Filter()) -> list[int]:  # noqa: B008 - frozen
    found = index.matching(split_query(query), where(wanted))
    assert found is not None
    assert found.dtype == np.int64
    return [int(i) for i in found]


def is_from_folder(folder: Path, store: History) -> bool:
    """Tell whether opening did without reading the passages of the store."""
    store.asked.clear()
    Lexical.open(folder, store)
    return not store.asked


def check_some(index: Lexical, store: History) -> None:
    """Compare with an index of the same passages made at once in memory."""
    fresh = in_memory(store)
    assert (index.version, len(index)) == (store.version, len(store.live))
    for query in ("ferry pier river", "captain", "the -ferry"):
        found, expected = (dict(one.search(split_query(query), 1000)) for one in (index, fresh))
        assert found == pytest.approx(expected, rel=2e-4)  # rounded either way
    assert matching(index, "x -ferry") == matching(fresh, "x -ferry")


# --- scores


def bm25(store: History, query: str, wanted: Filter) -> dict[int, float]:
    """Score by the textbook: context and text together, k1 1.2, b 0.75, as Lucene and Tantivy have it."""
    scores: dict[int, float] = {}
    bags = {i: take_apart(f"{text.context}\n{text.text}")[0] for i, (_, text) in store.live.items()}
    average = sum(map(len, bags.values())) / max(1, len(bags))
    for word in dict.fromkeys(take_apart(query)[0]):
        having = [i for i, bag in bags.items() if word in bag]
        for i in having:
            often = bags[i].count(word)
            share = often * 2.2 / (often + 1.2 * (0.25 + 0.75 * len(bags[i]) / average))
            scores[i] = scores.get(i, 0) + rarity(len(having), len(bags)) * share
    return {i: score for i, score in scores.items() if is_wanted(store.live[i][1], wanted)}


def rarity(having: int, of: int) -> float:
    return math.log(1 + (of - having + 0.5) / (having + 0.5))


def is_wanted(text: IndexedText, wanted: Filter) -> bool:
    return (
        (wanted.bodies is None or text.body in wanted.bodies)
        and (wanted.kinds is None or text.kind in wanted.kinds)
        and (wanted.published_from is None or (text.published or date.min) >= wanted.published_from)
        and (wanted.published_to is None or (text.published or date.max) <= wanted.published_to)
    )


def test_worked_example() -> None:
    """Three passages of two words on average, the word in one of them once: ln(1 + 2.5/1.5) * 2.2 / 2.2."""
    assert of("oak elm", "ash elm", "elm ash").search(Terms("oak"), 10) == [(1, 0.98083)]


WORDS = st.lists(st.sampled_from("oak elm ash fir".split()), max_size=6).map(" ".join)
DAYS = st.sampled_from([None, date(2019, 12, 31), date(2020, 1, 1), date(2021, 6, 1)])
BODIES, KINDS = ("Lyne", "Wold & Wye"), ("visit", "inspection")
TEXTS = st.builds(
    IndexedText,
    st.just(0),
    WORDS,
    WORDS,
    st.sampled_from([None, *BODIES]),
    st.sampled_from([None, *KINDS]),
    DAYS,
)
FILTERS = st.builds(
    Filter,
    st.none() | st.frozensets(st.sampled_from([*BODIES, "Nowhere"])),
    st.none() | st.frozensets(st.sampled_from(KINDS)),
    DAYS,
    DAYS,
)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(TEXTS, max_size=12),
    query=WORDS,
    phrase=WORDS,
    excluded=WORDS,
    wanted=FILTERS,
    k=st.integers(0, 14),
)
def test_any_search_gives_the_textbook_result(
    *, texts: list[IndexedText], query: str, phrase: str, excluded: str, wanted: Filter, k: int
) -> None:
    """The best k by BM25 of those that fit filter, phrases and exclusions are found, ties by id."""
    store = History()
    store.commit(*texts)
    index = in_memory(store)
    terms = Terms(query, (phrase,) if phrase else (), (excluded,) if excluded else ())
    fitting = [
        i
        for i, (_, text) in store.live.items()
        if is_wanted(text, wanted) and (not phrase or f" {phrase} " in f" {text.text} ")
        if not excluded or not any(f" {excluded} " in f" {field} " for field in (text.text, text.context))
    ]
    expected = {i: score for i, score in bm25(store, query, wanted).items() if i in fitting}

    found = index.search(terms, k, where(wanted))
    everything = index.search(terms, 100, where(wanted))

    assert dict(everything) == pytest.approx(expected, rel=2e-4)
    assert everything == sorted(everything, key=lambda hit: (-hit[1], hit[0]))
    assert found == everything[:k]
    matches = index.matching(terms, where(wanted))
    assert (matches is None) == (not phrase and not excluded)
    assert matches is None or matches.tolist() == fitting


def test_ties_go_by_id_however_many_there_are() -> None:
    """Hundreds of equal passages come in the order of their ids, also where the list ends among them."""
    index = of(*["oak elm"] * 300, "oak")
    for k in (1, 2, 50, 299):
        assert ids(index, "oak", k) == [301, *range(1, k)]


def test_context_and_text_count_alike() -> None:
    """A word is worth the same wherever it stands, and is counted over both."""
    index = of(IndexedText(0, "oak", "elm"), IndexedText(0, "elm", "oak"), IndexedText(0, "oak", "oak"), "ash")
    (_, high), (_, one), (_, other) = index.search(Terms("oak"), 9)
    assert ids(index, "oak") == [3, 1, 2]
    assert high > one == other


# --- shares


def shares(index: Lexical, words: str, *passage_ids: int) -> list[float]:
    found = index.shares(words, np.array(passage_ids, np.int64))
    assert found.dtype == np.float32
    return [float(share) for share in found]


def test_worked_example_of_a_share() -> None:
    """A score of idf * 1 is one of 2.2 parts of what a word can score; with a word that none has it is no less."""
    index = of("oak elm", "ash elm", "elm ash")
    assert shares(index, "oak", 1, 2, 3) == pytest.approx([1 / 2.2, 0, 0])
    assert shares(index, "oak pine", 1) == shares(index, "oak", 1)
    both = rarity(1, 3) + rarity(2, 3)
    assert shares(index, "oak ash", 1, 2) == pytest.approx([rarity(1, 3) / both / 2.2, rarity(2, 3) / both / 2.2])


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=12), query=WORDS, order=st.randoms(use_true_random=False), data=st.data())
def test_any_share_is_the_score_over_the_ceiling(
    texts: list[IndexedText], query: str, order: Any, data: st.DataObject
) -> None:
    """Shares are from 0 to 1, in the order of the ids, and are those of the textbook, whichever ids are asked for."""
    store = History()
    store.commit(*texts)
    index = in_memory(store)
    asked = data.draw(st.lists(st.sampled_from(sorted(store.live)), unique=True)) if texts else []
    order.shuffle(asked)
    bags = [set(take_apart(f"{text.context}\n{text.text}")[0]) for _, text in store.live.values()]
    having = [sum(word in bag for bag in bags) for word in dict.fromkeys(take_apart(query)[0])]
    ceiling = 2.2 * sum(rarity(count, len(bags)) for count in having if count)
    scores = bm25(store, query, Filter())

    found = shares(index, query, *asked)

    assert found == pytest.approx([scores[i] / ceiling if i in scores else 0 for i in asked], rel=1e-4)
    assert all(0 <= share < 1 for share in found)
    assert found == pytest.approx([shares(index, query, i)[0] for i in asked], rel=1e-5)


def test_shares_agree_with_the_search() -> None:
    """Passages have their shares in proportion to the scores of a search, words of any writing included."""
    index = of(PIER, MILL, WELL, IndexedText(0, "The captain's pier", "1300 sailors of the wellbeing team"))
    for query in ("the captains' pier", "well-being", "1,300 sailors", "old ferries -mill", '"north pier" river'):
        terms = Terms(split_query(query).words)
        found = index.search(terms, 100)
        of_found = shares(index, terms.words, *(i for i, _ in found))
        assert len(found) > 0
        ratios = [share / score for share, (_, score) in zip(of_found, found, strict=True)]
        assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-4)
        assert set(shares(index, terms.words, *({1, 2, 3, 4} - {i for i, _ in found}))) <= {0.0}


def test_share_approaches_one() -> None:
    """A passage of nothing but the words of the query has nearly all that there is to have."""
    index = of("oak elm " * 200, *["ash fir " * 200] * 3, "oak " + "fir " * 399)
    high, low = shares(index, "oak elm", 1, 5)
    assert 0.99 < high < 1
    assert 0 < low < 0.5


@pytest.mark.parametrize("words", ["", "?!", "zebra", "-", "\x00"])
def test_nothing_to_share(words: str) -> None:
    """Without words, or with none that any passage has, all shares are zero."""
    assert shares(of(PIER, MILL), words, 2, 1) == [0, 0]


def test_shares_of_no_passages() -> None:
    """No ids give no shares, also of an empty index, and an id that the index does not hold has none."""
    assert shares(of(PIER), "ferry") == []
    assert shares(of(), "ferry") == []
    assert shares(of(), "ferry", 7) == [0]
    assert shares(of("elm", PIER), "ferry", 7, 2)[0] == 0
    assert shares(of("elm", PIER), "ferry", 7, 2)[1] > 0


def test_a_word_counts_once_however_often_it_is_asked_for() -> None:
    """Nor does its form matter: what counts is the word's stem."""
    index = of(PIER, MILL, WELL)
    assert shares(index, "ferry ferries Ferry", 1, 2) == shares(index, "ferry", 1, 2)


def test_shares_after_removals_of_a_large_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares are from 0 to 1 also where removed passages still count in how rare a word is."""
    monkeypatch.setattr(lexical, "REBUILD_BELOW", 0)
    store = History()
    store.commit(*[f"the ferry {number}" for number in range(99)], "the mill")
    published(tmp_path, store)
    store.commit(removed=[1, 2, 3, 4, 5])
    published(tmp_path, store)
    index = Lexical.open(tmp_path, store)
    for query in ("the", "mill", "ferry", "the mill"):
        assert all(0 <= share <= 1 for share in shares(index, query, *store.live))


# --- words


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("ferry", "The FERRIES sail"),
        ("captains", "the captain’s hat"),
        ("captain's", "three captains"),
        ("captain’s", "the captain's hat"),
        ("well-being", "well-being"),
        ("wellbeing", "well-being"),
        ("well being", "well-being"),
        ("well-being", "wellbeing"),
        ("well-being", "well\u2011being"),
        ("lighthouse", "the light-\nhouse"),
        ("1300", "1,300 sailors"),
        ("1,300", "1300 sailors"),
        ("3.5m", "it cost £3.5m."),
        ("percent", "45% of all"),
        ("45%", "per cent"),
        ("cafe", "the café"),
        ("café", "the cafe\u0301"),
        ("find", "ﬁnd"),
    ],
)
def test_words_are_found_however_they_are_written(query: str, text: str) -> None:
    """A query of these words finds that text, and not the one that has none of them."""
    assert ids(of("something else", text), query) == [2]
    assert ids(of("something else", IndexedText(0, text, "")), query) == [2]


@pytest.mark.parametrize("query", ["", "?!", "...", "- – •", "\x00", "zebra", "a" * 100_000, "\ud800"[:0]])
def test_nothing_to_find(query: str) -> None:
    """A query without words, or with none that any passage has, finds nothing."""
    assert of(PIER).search(Terms(query), 10) == []


@pytest.mark.parametrize(
    "query", ["text:ferry", "ferry^9 AND pier~", "(ferry", "+ferry *", "[a TO z] ferry", "ferry\\", "{", "/ferry/"]
)
def test_no_character_is_syntax(query: str) -> None:
    """What would be an operator elsewhere only stands between words here."""
    index = of(PIER, MILL, "z")
    assert ids(index, query)[:1] == ids(index, " ".join(take_apart(query)[0]))[:1]


def test_words_of_any_length_are_indexed() -> None:
    """A word longer than Tantivy takes is left out, and does no harm to the passage."""
    assert ids(of(f"{'a' * 70_000} ferry"), "ferry") == [1]


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ('"north pier"', PIER, True),
        ("“North Pier”", PIER, True),
        ('"pier north"', PIER, False),
        ('"ferry the"', PIER, False),
        ('"ferries"', PIER, False),
        ('"noon"', PIER, True),
        ('"captain\'s daughter"', MILL, True),
        ('"captain’s daughter"', MILL, True),
        ('"the river where"', MILL, True),
        ('"river, where"', MILL.replace(" ", "\n"), True),
        ('"well-being at sea"', WELL, True),
        ('"well being at sea"', WELL, True),
        ('"well-being at sea"', "Wellbeing at sea.", True),
        ('"wellbeing"', WELL, True),
        ('"being at"', WELL, True),
        ('"wellbeing well"', WELL, False),
        ('"agree wellbeing"', WELL, False),
        ('"lighthouse dayroom"', "light-house day-room", False),
        ('"1300 sailors"', WELL, True),
        ('"45% of"', "45 per cent of all", True),
    ],
)
def test_phrases_stand_word_for_word(query: str, text: str, found: bool) -> None:
    """A phrase needs its words next to one another, unstemmed, in the text itself."""
    index = of(text, "the ferry and the captain and the well of the north")
    assert matching(index, query) == [1] * found
    assert ids(index, query) == [1] * found
    assert matching(of(IndexedText(0, text, "")), query) == []


def test_all_phrases_are_needed() -> None:
    """Two phrases are found only where both stand."""
    assert ids(of(PIER, MILL, f"{PIER} {MILL}"), '"north pier" "old mill"') == [3]


def test_what_is_excluded_stands_neither_in_text_nor_context() -> None:
    """Passages with any excluded word or phrase are out, whatever else they have."""
    index = of(PIER, "the ferry", IndexedText(0, "From the north pier", "the ferry"), "the ferry at north-pier")
    assert ids(index, "ferry -pier") == [2]
    assert ids(index, 'ferry -"pier at"') == [2, 3, 4]
    assert ids(index, 'ferry -"north pier"') == [2]
    assert ids(index, "ferry -piers") == ids(index, "ferry")
    assert ids(index, 'ferry -noon -"from the"') == [2, 4]
    assert matching(index, "mill -pier") == [2]


def test_a_well_known_word_joined_is_excluded_apart_as_well() -> None:
    """To exclude a hyphenated word excludes its other spelling."""
    index = of("well-being", "wellbeing", "well")
    assert matching(index, "x -well-being") == [3]
    assert matching(index, "x -wellbeing") == [3]


def test_a_query_without_conditions_restricts_nothing() -> None:
    """Filters alone are for the caller, who has them anyway."""
    assert of(PIER).matching(Terms("ferry"), where(Filter(bodies=frozenset()))) is None


def test_filters_do_not_change_scores() -> None:
    """Nor do phrases and exclusions: a score means the same with and without."""
    text = IndexedText(0, "", PIER, "Lyne", "visit", date(2020, 1, 1))
    index = of(text, MILL)
    every = Filter(frozenset(["Lyne"]), frozenset(["visit"]), date(2020, 1, 1), date(2020, 1, 1))
    (plain, *_) = index.search(Terms("ferry pier"), 10)
    assert index.search(Terms("ferry pier", ("north pier",), ("mill",)), 10, where(every)) == [plain]


# --- one generation


def test_an_empty_collection() -> None:
    """There is nothing to find, before the first sync and after."""
    store = History()
    for _ in range(2):
        index = in_memory(store)
        assert (len(index), index.search(Terms("ferry"), 10)) == (0, [])
        assert matching(index, '"ferry"') == []
        store.commit()


def test_a_folder_gives_the_same_as_memory(tmp_path: Path) -> None:
    """What was written is opened without reading the store."""
    store = History()
    store.commit(PIER, MILL, IndexedText(0, "river", WELL))
    published(tmp_path, store)
    assert is_from_folder(tmp_path, store)
    check_some(Lexical.open(tmp_path, store), store)


def test_an_empty_collection_is_written(tmp_path: Path) -> None:
    """A folder without passages is a folder all the same."""
    store = History()
    store.commit()
    published(tmp_path, store)
    assert is_from_folder(tmp_path, store)
    store.commit(PIER)
    published(tmp_path, store)
    check_some(Lexical.open(tmp_path, store), store)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    """A reader may have no right to write, and a folder holds exactly what its manifest says."""
    store = History()
    store.commit(PIER)
    path = published(tmp_path, store)
    before = {one.name: one.stat().st_mtime_ns for one in path.iterdir()}
    Lexical.open(tmp_path, store).search(Terms("ferry"), 3)
    assert {one.name: one.stat().st_mtime_ns for one in path.iterdir()} == before
    modes = {one.stat().st_mode & 0o777 for one in path.iterdir()}
    assert modes == {path.stat().st_mode & 0o666}  # all that may read the folder may read its files


def test_a_lock_of_tantivys_is_no_damage(tmp_path: Path) -> None:
    """One of its threads may come to leave it in a folder after the last look at it."""
    store = History()
    store.commit(PIER)
    (published(tmp_path, store) / ".tantivy-meta.lock").touch()
    assert is_from_folder(tmp_path, store)


def test_opening_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of links is gone once the files are open."""
    store = History()
    store.commit(PIER)
    published(tmp_path, store)
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(links))
    assert all(is_from_folder(tmp_path, store) for _ in range(20))
    assert list(links.iterdir()) == []


def test_an_open_index_outlives_its_folder(tmp_path: Path) -> None:
    """Who has a generation open can search it after the next one has taken its place."""
    store = History()
    store.commit(PIER, MILL)
    old = published(tmp_path, store)
    index = Lexical.open(tmp_path, store)
    before = index.search(Terms("ferry"), 10)
    store.commit(WELL, removed=[1])
    published(tmp_path, store)
    assert not old.exists()
    assert index.search(Terms("ferry"), 10) == before == [(1, before[0][1])]
    newer = index.caught_up(store)
    assert newer.search(Terms("ferry"), 10) == []
    assert newer.caught_up(store) is newer


def test_catching_up_with_another_history(tmp_path: Path) -> None:
    """After an older copy of the store was put back, nothing of the lost history is found."""
    lost, store = History("a"), History("b")
    lost.commit(PIER)
    store.commit(MILL)
    published(tmp_path, lost)
    index = Lexical.open(tmp_path, lost)
    assert ids(index.caught_up(store), "ferry") == []
    published(tmp_path, store)
    assert is_from_folder(tmp_path, store)
    check_some(index.caught_up(store), store)


def test_threads_share_an_index() -> None:
    """Searches for different things at once do not mix up their results."""
    index = of(*[PIER, MILL, WELL] * 50)
    queries = ["ferry", "mill river", "captain -river", '"first care"']
    expected = [ids(index, query) for query in queries]
    wrong: list[Any] = []

    def search(number: int) -> None:
        wrong.extend(found for _ in range(30) if (found := ids(index, queries[number])) != expected[number])

    threads = [Thread(target=search, args=(number,)) for number in range(len(queries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- from one generation to the next

steps = st.lists(
    st.tuples(
        st.lists(st.sampled_from([PIER, MILL, WELL, "ferry", "river mill"]), max_size=3),
        st.integers(0, 7),  # bits: which of the live ones are removed, by id modulo 3
        st.booleans(),  # whether the folder is written
    ),
    min_size=1,
    max_size=4,
)


def play(folder: Path, steps: list[tuple[list[str], int, bool]]) -> History:
    """Make a history of these changes, with a folder at the end."""
    store = History()
    for number, (added, gone, written) in enumerate(steps):
        store.commit(*added, removed=[i for i in store.live if gone >> i % 3 & 1])
        if written or number == len(steps) - 1:
            published(folder, store)
    assert is_from_folder(folder, store)
    assert len(list(folder.iterdir())) == 1
    return store


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_any_history_gives_the_result_of_writing_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[str], int, bool]]
) -> None:
    """However passages came and went, a small collection has the scores of one written at once."""
    folder = tmp_path_factory.mktemp("history")
    store = play(folder, steps)
    check_some(Lexical.open(folder, store), store)


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_removed_passages_are_never_found(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[str], int, bool]]
) -> None:
    """A large collection, which is not rewritten for each removal, finds the same passages all the same."""
    folder = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lexical, "REBUILD_BELOW", -1)
        patched.setattr(lexical, "REMOVED_SHARE", 100.0)
        store = play(folder, steps)
    index, fresh = Lexical.open(folder, store), in_memory(store)
    assert len(index) == len(store.live)
    for query in ("ferry pier", "captain river", "the"):
        assert sorted(ids(index, query)) == sorted(ids(fresh, query))
    assert matching(index, "x -ferry") == matching(fresh, "x -ferry")
    assert matching(index, '"the river"') == matching(fresh, '"the river"')


@pytest.mark.parametrize(
    ("below", "share", "removed", "from_scratch"),
    [
        (10, 0.05, 0, False),
        (10, 0.05, 1, True),  # few passages: any removal
        (9, 0.1, 1, False),
        (9, 0.1, 2, True),  # many: once a share is gone
        (9, 0.05, 1, True),
    ],
)
def test_when_it_is_written_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, below: int, share: float, removed: int, from_scratch: bool
) -> None:
    """Additions only ever cost themselves; removals cost a rewrite where that is quick, or due."""
    monkeypatch.setattr(lexical, "REBUILD_BELOW", below)
    monkeypatch.setattr(lexical, "REMOVED_SHARE", share)
    store = History()
    store.commit(*[PIER] * 10)
    published(tmp_path, store)
    store.commit(MILL, removed=list(range(1, 1 + removed)))
    store.asked.clear()
    path = published(tmp_path, store)
    assert store.asked == [0 if from_scratch else 1]
    assert json.loads(read_manifest(path / "manifest.json"))["removed"] == (0 if from_scratch else removed)


def test_removals_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A little removed in each of several generations leads to a rewrite as well."""
    monkeypatch.setattr(lexical, "REBUILD_BELOW", 0)
    monkeypatch.setattr(lexical, "REMOVED_SHARE", 0.25)
    store = History()
    store.commit(*[PIER] * 10)
    published(tmp_path, store)
    asked = []
    for number in range(1, 5):
        store.commit(removed=[number])
        store.asked.clear()
        published(tmp_path, store)
        asked += store.asked
    assert asked == [1, 2, 0, 4]


@pytest.mark.parametrize("links", [True, False])
def test_generations_share_files_that_never_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """The old folder stays byte for byte as it was while the new one is made, with links or copies of its files."""
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError(95, "Not supported")))
    monkeypatch.setattr(lexical, "REBUILD_BELOW", 0)
    monkeypatch.setattr(lexical, "REMOVED_SHARE", 1.0)
    store = History()
    store.commit(*[PIER, MILL] * 5)
    old = published(tmp_path, store)
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    for number in range(1, 10):  # enough segments for Tantivy to merge some
        store.commit(WELL, removed=[number])
        write_generation(tmp_path, store, store.version)
        check = Lexical.open(tmp_path, store)
        assert len(check) == len(store.live)
        if number == 1:
            assert {path.name: path.read_bytes() for path in old.iterdir()} == before
            newer = tmp_path / "lexical-00000002"
            shared = [path.name for path in newer.iterdir() if (old / path.name).exists()]
            same = {name for name in shared if (newer / name).samefile(old / name)}
            assert bool(same) == links
            assert not same & {"meta.json", ".managed.json", "manifest.json"}
    assert is_from_folder(tmp_path, store)


def test_it_can_be_written_before_the_store_shows_it(tmp_path: Path) -> None:
    """The folder of the coming generation does not disturb readers of this one, nor stays if it never comes."""
    store, coming = History(), History()
    for history in (store, coming):
        history.commit(PIER)
    published(tmp_path, store)
    coming.commit(MILL)
    write_generation(tmp_path, coming, coming.version)
    assert is_from_folder(tmp_path, store)
    assert is_from_folder(tmp_path, coming)

    store.token = "c"
    store.commit(WELL)
    write_generation(tmp_path, store, store.version)
    assert is_from_folder(tmp_path, store)
    assert not is_from_folder(tmp_path, coming)
    check_some(Lexical.open(tmp_path, store), store)
    drop_other_generations(tmp_path, store.version)
    assert [path.name for path in tmp_path.iterdir()] == ["lexical-00000002"]


def test_only_its_own_folders_are_removed(tmp_path: Path) -> None:
    """Half-written ones go as well; other files and folders are left alone."""
    (tmp_path / "lexical-00000009.4711.tmp").mkdir()
    (tmp_path / "lexical.txt").write_text("x")
    (tmp_path / "originals").mkdir()
    store = History()
    store.commit(PIER)
    published(tmp_path, store)
    assert {path.name for path in tmp_path.iterdir()} == {"lexical-00000001", "lexical.txt", "originals"}


# --- folders that are not as they were written


def flip(name: str, share: float = 0.5) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        file = next(path.glob(name))
        data = bytearray(file.read_bytes())
        data[int(share * (len(data) - 1))] ^= 1
        replace(file, bytes(data))

    return spoil


def cut(name: str) -> Callable[[Path], None]:
    return lambda path: replace(next(path.glob(name)), next(path.glob(name)).read_bytes()[:-1])


def remove(name: str) -> Callable[[Path], None]:
    return lambda path: next(path.glob(name)).unlink()


def add(name: str) -> Callable[[Path], None]:
    return lambda path: replace(path / name, b"x")


def state(**changes: Any) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        manifest = json.loads(read_manifest(path / "manifest.json")) | changes
        kept = {key: value for key, value in manifest.items() if value is not None}
        replace(path / "manifest.json", sealed(json.dumps(kept).encode()))

    return spoil


def write(text: bytes) -> Callable[[Path], None]:
    return lambda path: replace(path / "manifest.json", text)


def put_in_place(name: str, kind: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        file = next(path.glob(name)) if name else path
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        match kind:
            case "folder":
                file.mkdir()
            case "pipe":
                os.mkfifo(file)
            case "link to itself":
                file.symlink_to(file)
            case "link to zeros without end":
                file.symlink_to("/dev/zero")
            case _:
                file.touch()

    return spoil


def replace(file: Path, data: bytes) -> None:
    """Write a file anew, for the old one is shared."""
    file.unlink(missing_ok=True)
    file.write_bytes(data)


VALUES: tuple[Any, ...] = (None, "other", 7, [], {})  # None: the key is missing
SUFFIXES = ("term", "idx", "pos", "fast", "fieldnorm", "store")
SPOILED = [
    *(pytest.param(flip(f"*.{suffix}"), id=f"flip {suffix}") for suffix in SUFFIXES),
    pytest.param(cut("*.idx"), id="cut"),
    pytest.param(remove("*.pos"), id="no pos"),
    *(pytest.param(flip("meta.json", share), id=f"flip meta {share}") for share in (0, 1)),
    *(pytest.param(remove(name), id=f"no {name}") for name in ("meta.json", ".managed.json", "manifest.json")),
    *(pytest.param(add(name), id=f"added {name}") for name in ("x.del", "other")),
    *(pytest.param(flip("manifest.json", at / 10), id=f"flip manifest {at}") for at in range(11)),
    *(
        pytest.param(put_in_place(name, kind), id=f"{kind} for {name}")
        for name in ("*.idx", "manifest.json", "")
        for kind in ("folder", "pipe", "link to itself", "link to zeros without end", "empty file")
        if (name, kind) != ("", "folder")  # which it is
    ),
    pytest.param(lambda path: os.mkfifo(path / "other"), id="added pipe"),
    pytest.param(lambda path: (path / "other").mkdir(), id="added folder"),
    *(pytest.param(write(text), id=f"manifest {text!r}") for text in (b"", b"[]", b"null", b"{}", b"\xff")),
    *(
        pytest.param(state(**{key: value}), id=f"{key} {value!r}")
        for key in ("generation", "token", "analysis", "files")
        for value in VALUES
    ),
    *(pytest.param(state(count=value), id=f"count {value!r}") for value in VALUES if value != 7),
    pytest.param(shutil.rmtree, id="no folder"),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    """Make a folder that tests spoil copies of."""
    store, folder = History(), tmp_path_factory.mktemp("written")
    store.commit(PIER, MILL, WELL)
    return published(folder, store), store


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_spoiled_folder_is_not_used(
    tmp_path: Path, written: tuple[Path, History], spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """A reader says so and builds in memory; the next writing makes the folder anew."""
    source, store = written
    path = tmp_path / source.name
    shutil.copytree(source, path)
    spoil(path)
    with caplog.at_level(logging.WARNING):
        assert not is_from_folder(tmp_path, store)
    assert caplog.text
    check_some(Lexical.open(tmp_path, store), store)
    published(tmp_path, store)
    assert is_from_folder(tmp_path, store)


def test_tantivy_is_never_given_what_was_altered(
    tmp_path: Path, written: tuple[Path, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashes are looked at first, by readers and the writer alike."""
    source, store = written
    shutil.copytree(source, tmp_path / source.name)
    flip("*.term")(tmp_path / source.name)

    class Index:
        open = staticmethod(lambda *_: pytest.fail("Tantivy was given the folder"))

        def __new__(cls, *given: Any, **named: Any) -> Any:
            return tantivy.Index(*given, **named)

    monkeypatch.setattr(lexical, "tantivy", SimpleNamespace(**vars(tantivy) | {"Index": Index}))
    check_some(Lexical.open(tmp_path, store), store)
    published(tmp_path, store)


def test_a_folder_with_right_hashes_that_tantivy_cannot_read(tmp_path: Path, written: tuple[Path, History]) -> None:
    """As from another version of Tantivy; it costs only the rebuilding."""
    source, store = written
    path = tmp_path / source.name
    shutil.copytree(source, path)
    replace(path / "meta.json", b"{}")
    state(files=lexical._hashes(path))(path)
    check_some(Lexical.open(tmp_path, store), store)


# --- disks


@pytest.mark.parametrize("size", [0, 100, 400, 1000])
def test_a_full_disk_leaves_the_last_generation(tmp_path: Path, size: int) -> None:
    """Wherever the space ends, the error is ours and says what to do, and nothing half-written stays."""
    store = History()
    store.commit(PIER)
    published(tmp_path, store)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    coming = History()
    coming.commit(PIER)
    coming.commit(*[f"{MILL} {WELL} {number}" for number in range(200)])
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        with pytest.raises(UnusableIndexError, match="free some space"):
            write_generation(tmp_path, coming, coming.version)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
    write_generation(tmp_path, coming, coming.version)
    assert is_from_folder(tmp_path, coming)


def test_an_interruption_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops the writing, its folder is gone."""
    store = History()
    store.commit(PIER)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_generation(tmp_path, store, store.version)
    assert list(tmp_path.iterdir()) == []
