"""Searching on Milvus Lite, and phrases word for word as the embedded word index has them."""

from base64 import b64encode
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.address import MilvusAddress
from indexer.errors import GenerationGoneError, InputError
from indexer.lexical import Lexical
from indexer.lexical.stems import analyzer
from indexer.milvus import arms as module
from indexer.milvus.arms import MilvusArms
from indexer.milvus.expressions import visible
from indexer.milvus.phrases import Written
from indexer.milvus.server import Server, Table
from indexer.milvus.vocabulary import Vocabulary, tokens
from indexer.records import IndexedText, Version
from indexer.repetition import Repeated
from indexer.where import EVERYTHING, Among, Either, Field, Not
from indexer.words import Terms, split_query, take_apart
from tests.indexer import test_lexical
from tests.indexer.milvus.test_vocabulary import stems

TEXTS = [
    ("Harbour board", "The well-being of sailors is the captain's first care."),
    ("Harbour board", "Wellbeing and safety: 1,300 sailors agree."),
    ("", "Sailors care for the first captain, per (cent) by cent."),
    ("Café report", "A naïve Søren rows 50% of the ferries."),
    ("Mill", "The ferries leave at noon; a ferry left at one."),
    ("Ferries", "Nothing about boats: rates of 3-4 and 3.5m a year."),
    ("Mill", "The ferries leave at noon; a ferry left at one."),
    ("", "Straße and æther, ﬁrst of ŀittle."),
]
BODIES = ["North", "North", "", "South", "South", "", "North", "South"]
REMOVED, LATER = 50, 51  # ids of passages that the generation does not see


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a file with the passages, one a document, and two that do not count."""
    made = Server(MilvusAddress(str(tmp_path_factory.mktemp("lite") / "index.db"), "citewell", lite=True))
    made.ensure(4)
    rows = [row(number, context, text, BODIES[number - 1]) for number, (context, text) in enumerate(TEXTS, 1)]
    rows += [row(REMOVED, "", "ferries", "", added=2), row(LATER, "", "ferries", "", added=9)]
    made.upsert(Table.PASSAGES, rows)
    yield made
    made.close()


def row(number: int, context: str, text: str, body: str, *, added: int = 1) -> dict[str, object]:
    sketch = np.arange(number, dtype="<u4")
    return {
        "id": number,
        "vector": vector(number).tolist(),
        "document": 100 + number,
        "added": added,
        "body": body,
        "kind": "",
        "published": -1,
        "page": 10 * number,
        "sketch": b64encode(sketch.tobytes()).decode(),
        "input": 0,
        "words": tokens(stems(context) + stems(text)),
    }


def vector(number: int) -> NDArray[np.float32]:
    """Give a direction a passage; those of equal texts are equal."""
    same = next(at for at, one in enumerate(TEXTS) if one == TEXTS[number - 1]) if number <= len(TEXTS) else number
    made = np.random.default_rng(same).normal(size=4).astype(np.float32)
    return made / np.linalg.norm(made)


def searching(server: Server) -> MilvusArms:
    def texts(ids: Sequence[int]) -> dict[int, tuple[str, str]]:
        return {number: TEXTS[number - 1] for number in ids if number <= len(TEXTS)}

    vocabulary = Vocabulary.of(stems(context) + stems(text) for context, text in TEXTS)
    repeated = Repeated(np.array([1, 2], np.uint32), np.array([3, 1], np.uint32))
    return MilvusArms(server, Version(3, "t"), visible(3, [2], []), 0, vocabulary, repeated, stems, texts)


@pytest.fixture(scope="module")
def arms(server: Server) -> MilvusArms:
    return searching(server)


@pytest.fixture(scope="module")
def embedded() -> Lexical:
    return test_lexical.of(*(IndexedText(0, context, text) for context, text in TEXTS))


def test_the_nearest_are_the_exact_ones(arms: MilvusArms) -> None:
    """Every passage of the generation, best first and ties by id, with its inner product."""
    query = vector(3)
    wanted = sorted(
        ((float(vector(n) @ query), n) for n in range(1, 9)), key=lambda pair: (-round(pair[0], 5), pair[1])
    )
    found = arms.nearest(query, 100, EVERYTHING)
    assert [one for one, _ in found] == [n for _, n in wanted]
    assert [score for _, score in found] == pytest.approx([score for score, _ in wanted], abs=1e-5)
    assert arms.nearest(query, 2, EVERYTHING) == found[:2]
    assert arms.nearest(query, 0, EVERYTHING) == []


def test_conditions_and_ids_limit_what_is_near(arms: MilvusArms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both hold together, also where the ids are asked for in several lists."""
    query, north = vector(5), Among(Field.BODY, frozenset({"North"}))
    every = [one for one, _ in arms.nearest(query, 100, EVERYTHING)]
    assert {one for one, _ in arms.nearest(query, 100, north)} == {1, 2, 7}
    assert {one for one, _ in arms.nearest(query, 100, Not(north))} == {3, 4, 5, 6, 8}
    assert arms.nearest(query, 100, Either(())) == []
    holding = np.array([1, 3, 5, 7, REMOVED], np.int64)
    assert [one for one, _ in arms.nearest(query, 100, EVERYTHING, holding)] == [
        n for n in every if n in {1, 3, 5, 7}
    ]
    assert {one for one, _ in arms.nearest(query, 100, north, holding)} == {1, 7}
    assert arms.nearest(query, 100, EVERYTHING, np.empty(0, np.int64)) == []
    whole = arms.nearest(query, 3, EVERYTHING, holding)
    monkeypatch.setattr(module, "chunks", lambda ids: [ids[:2], ids[2:]])
    assert arms.nearest(query, 3, EVERYTHING, holding) == whole


def test_words_find_passages_of_the_generation(arms: MilvusArms) -> None:
    """By stems, whatever a person types; equal passages tie and go by id."""
    found = arms.by_words(Terms("ferry"), 10, EVERYTHING)
    assert {one for one, _ in found} == {4, 5, 6, 7}
    scores = dict(found)
    assert min(scores.values()) > 0
    assert scores[5] == scores[7]
    assert [one for one, _ in found].index(5) + 1 == [one for one, _ in found].index(7)
    assert arms.by_words(Terms("ferry"), 1, EVERYTHING) == found[:1]
    assert [one for one, _ in arms.by_words(Terms("ferry"), 10, Among(Field.BODY, frozenset({"North"})))] == [7]
    assert [one for one, _ in arms.by_words(Terms("captain of the sailors' wellbeing"), 10, EVERYTHING)][:3] == [
        1,
        3,
        2,
    ]
    assert arms.by_words(Terms('!? "" '), 10, EVERYTHING) == []
    assert arms.by_words(Terms("unheard"), 10, EVERYTHING) == []


def test_last_digits_make_no_order(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal passages in two segments may get scores on two sides of any digit; they tie all the same."""
    given = [(7, 0.12345651), (5, 0.12345649), (2, 0.1234), (1, 0.1233995)]
    monkeypatch.setattr(server, "nearest", lambda *_, **__: given)
    found = searching(server).nearest(vector(1), 10, EVERYTHING)
    assert found == [(5, 0.12345651), (7, 0.12345651), (1, 0.1234), (2, 0.1234)]
    assert searching(server).nearest(vector(1), 1, EVERYTHING) == found[:1]


def test_words_weigh_as_much_in_every_segment(
    server: Server, arms: MilvusArms, embedded: Lexical, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is that of the whole generation, whatever scores a server makes of its parts."""
    query = Terms("ferries captain first")
    monkeypatch.setattr(server, "by_words", lambda *_: [(one, 20.0 - one) for one in (1, 3, 4, 5, 6, 7, 8)])
    wanted = embedded.search(query, 10, EVERYTHING)
    assert dict(arms.by_words(query, 10, EVERYTHING)) == pytest.approx(dict(wanted), rel=1e-3)
    assert [one for one, _ in arms.by_words(query, 3, EVERYTHING)] == [one for one, _ in wanted[:3]]


def test_words_heed_phrases_and_exclusions(arms: MilvusArms) -> None:
    """As in the embedded index, these limit what is found by words, too."""
    assert {one for one, _ in arms.by_words(split_query('"the ferries" leave'), 10, EVERYTHING)} == {4, 5, 7}
    assert {one for one, _ in arms.by_words(split_query("ferries -noon"), 10, EVERYTHING)} == {4, 6}


@pytest.mark.parametrize(
    "query",
    [
        '"well-being"',
        '"wellbeing"',
        '"well being"',
        '"first care"',
        '"captain\'s first"',
        '"first captain"',
        '"per cent"',
        '"cent by cent"',
        '"naive"',
        '"soren rows"',
        '"naïve Søren"',
        '"50 per cent"',
        '"50%"',
        '"ferry"',
        '"ferries"',
        '"harbour board"',
        '"1300 sailors"',
        '"3.5m"',
        '"3-4"',
        '"strasse"',
        '"aether"',
        '"first of"',
        '"noon a ferry"',
        '"sailors" "care"',
        '"ferries" -noon',
        "ferries -ferry",
        "sailors -cafe",
        "sailors -mill",
        "sailors -harbour -ferries",
        'sailors -"the captain"',
        'sailors -"harbour board"',
        "sailors -unheard",
    ],
)
def test_phrases_and_exclusions_are_those_of_the_embedded_index(
    arms: MilvusArms, embedded: Lexical, query: str
) -> None:
    """Word for word in the text; what is excluded stands in neither the text nor its context."""
    wanted, found = embedded.matching(split_query(query), EVERYTHING), arms.holding(split_query(query), EVERYTHING)
    assert wanted is not None
    assert found is not None
    assert found.tolist() == wanted.tolist()
    assert found.dtype == np.int64


words = st.sampled_from(
    "well-being wellbeing well being a-b a b ab naïve naive 3-4 50% per cent (cent) it's its".split()
)


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=6).map(" ".join), st.lists(words, min_size=1, max_size=3).map(" ".join))
def test_any_phrase_stands_where_the_embedded_index_finds_it(text: str, phrase: str) -> None:
    """Reading a text decides as Tantivy's positions do."""
    terms = Terms("x", (phrase,) if take_apart(phrase)[0] else ())
    found = test_lexical.of(text).matching(terms, EVERYTHING)
    assert Written.of(text).has(phrase) == bool(found is not None and len(found))


def test_letters_lose_their_marks_as_in_the_embedded_index() -> None:
    """Every letter of the Latin alphabets of Europe is compared as Tantivy folds it."""
    letters = [chr(code) for code in range(0xC0, 0x180) if chr(code).isalpha()]
    folded = [analyzer(stems=False).analyze(f"x{one.lower()}x")[0] for one in letters]
    assert [one for one, plain in zip(letters, folded, strict=True) if not Written.of(f"x{one}x").has(plain)] == []


def test_holding_heeds_the_condition(arms: MilvusArms) -> None:
    """With a phrase and without one; and what was found is kept."""
    north = Among(Field.BODY, frozenset({"North"}))
    for query, wanted in (('"ferries"', [7]), ("x -ferries", [1, 2])):
        found = arms.holding(split_query(query), north)
        assert found is not None
        assert found.tolist() == wanted
        assert arms.holding(split_query(query), north) is found
    assert arms.holding(Terms("ferries"), north) is None


def test_without_words_only_meaning_is_left(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words find nothing, and a phrase is an error that names the engine; shares go on."""
    monkeypatch.setitem(server.__dict__, "has_words", False)
    arms = searching(server)
    assert arms.by_words(Terms("ferry"), 10, EVERYTHING) == []
    assert arms.holding(Terms("ferry"), EVERYTHING) is None
    for query in ('"ferry"', "ferry -noon"):
        with pytest.raises(InputError, match=r"Milvus Lite .*2\.5 or later"):
            arms.holding(split_query(query), EVERYTHING)
    assert arms.shares("ferry", np.array([5, 1])).tolist() == [
        pytest.approx(arms.shares("ferry", np.array([5]))[0]),
        0,
    ]


def test_shares_and_rarities_are_those_of_the_embedded_index(arms: MilvusArms, embedded: Lexical) -> None:
    """By the texts themselves, in the order asked for."""
    ids = np.array([5, 1, 4, 2])
    for query in ("ferries", "sailors and wellbeing", "unheard", ""):
        assert arms.shares(query, ids) == pytest.approx(embedded.shares(query, ids), abs=0.03)
        assert arms.rarities(query) == embedded.rarities(query)
    assert arms.rarest == embedded.rarest
    assert arms.shares("ferries", np.empty(0, np.int64)).tolist() == []


def test_outlines_come_in_the_order_asked_for(arms: MilvusArms) -> None:
    """With document, page, sketch, and how widely the runs of the sketch are repeated."""
    outlined = arms.outlined(np.array([3, 1, 2]))
    assert outlined.documents.tolist() == [103, 101, 102]
    assert outlined.pages.tolist() == [30, 10, 20]
    assert [one.tolist() for one in outlined.sketches] == [[0, 1, 2], [0], [0, 1]]
    assert outlined.spread.tolist() == pytest.approx([np.log(3) / 3, 0, np.log(3) / 2])
    assert len(arms.outlined(np.empty(0, np.int64)).sketches) == 0


def test_a_passage_that_went_meanwhile_is_noticed(arms: MilvusArms) -> None:
    """Nothing is made up about it, and the search can be done again."""
    with pytest.raises(GenerationGoneError, match="moved on"):
        arms.outlined(np.array([1, 777]))


def test_nothing_is_said_of_recall(arms: MilvusArms) -> None:
    """The graph is the server's, and so are its figures."""
    assert arms.approximation is None
