"""What stores are asked: by meaning, by words and under any condition."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.errors import CitewellError
from indexer.where import All, Among, Either, Field, Not, Published, Where
from tests.contract.library import REPORTS, SAME, STATED
from tests.fakes import WordEncoder

MANY = 1000  # passages, more than there are
QUESTIONS = [
    "How did the school budget of Alder change between 2019 and 2022?",
    "Which councils say that children felt safe?",
    "Who trained the foster carers?",
    "otters in the river",
    "How many families were visited each week?",
    "When was the library opened?",
    "zebra crossings",
]
WORDS = "school budget otters carers children families river zebra the of safe".split()
TERMS = [
    "school budget",
    "the of and",
    "zebra",
    "café",
    "1300 percent",
    "well-being",
    "wellbeing",
    "carers carers otters",
    "",
    "?!",
]
# With phrases, and with what is excluded.
NARROW = [
    '"school budget"',
    '"SCHOOL   Budget" share',
    '"budget school"',
    '"school" "budget"',
    '"Alder"',
    '"first visit"',
    '"the otters came back"',
    '"well-being"',
    '"wellbeing"',
    '"well being"',
    '"unlocked"',
    '"un-locked"',
    '"strasse"',
    '"naive" words',
    '"40%" saw',
    '"children\'s families"',
    '"childrens"',
    '"trained each of them before the first child"',
    f'"{SAME}"',
    "school -budget",
    "school -alder",
    "budget -Alder",
    "school -zebra",
    "café -cafe",
    "being -wellbeing",
    'school -"share of"',
    '"school budget" -shrank',
    '"school" -"five per cent"',
    '"share" -first -second',
]


def vector(text: str) -> NDArray[np.float32]:
    """Give the vector of a question."""
    made: NDArray[np.float32] = WordEncoder().encode_queries([text])[0]
    return made


_NAMES = st.sampled_from([*sorted({name for row in STATED.values() for name in (row[1], row[3])}), 'x" or id > 0'])
_DAYS = st.sampled_from([date(1999, 1, 1), date(2019, 5, 22), date(2020, 6, 1), date(2021, 7, 1), date(2022, 2, 28)])
# Documents are named by their places, as each store numbers them itself; the last of these is nobody's.
_PLACES = st.frozensets(st.integers(0, len(REPORTS)), max_size=4)
CONDITIONS: st.SearchStrategy[Where] = st.recursive(
    st.builds(Among, st.sampled_from([Field.BODY, Field.KIND]), st.frozensets(_NAMES, max_size=3))
    | st.builds(Among, st.just(Field.DOCUMENT), _PLACES)
    | st.builds(Published, st.none() | _DAYS, st.none() | _DAYS),
    lambda parts: (
        st.builds(All, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Either, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Not, parts)
    ),
    max_leaves=6,
)
VECTORS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(lambda words: vector(" ".join(words)))


def numbered(condition: Where, numbers: Sequence[int]) -> Where:
    """Put the numbers of documents in the place of their places."""
    match condition:
        case Among(Field.DOCUMENT, places):
            by_place = dict(enumerate(numbers))
            return Among(Field.DOCUMENT, frozenset(by_place.get(int(place), 2**40) for place in places))
        case All(parts):
            return All(tuple(numbered(part, numbers) for part in parts))
        case Either(parts):
            return Either(tuple(numbered(part, numbers) for part in parts))
        case Not(part):
            return Not(numbered(part, numbers))
        case _:
            return condition


def examples(count: int, check: Callable[..., None], **given_: st.SearchStrategy[Any]) -> None:
    """Make a check with so many examples."""
    quiet = [HealthCheck.too_slow, HealthCheck.differing_executors]
    settings(max_examples=count, deadline=None, database=None, suppress_health_check=quiet)(given(**given_)(check))()


def told(ask: Callable[[], object]) -> object:
    """Give an answer, or an error as its kind and text."""
    try:
        return ask()
    except CitewellError as error:
        return type(error), str(error)
