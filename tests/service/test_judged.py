from dataclasses import replace

import pytest

from indexer.errors import InputError
from indexer.records import Document, Findings, Judgement, Standing
from service.judged import judged, split_filters
from tests.service.made import document


def graded(name: str, **grades: str) -> Document:
    """Make a report that gives grades in areas."""
    made = tuple(Judgement(area, Standing.GRADED, grade) for area, grade in grades.items())
    return replace(document(name), findings=Findings("Made", made))


REPORTS = [
    graded("one", overall_effectiveness="good", leadership="inadequate"),
    graded("two", overall_effectiveness="inadequate", leadership="good"),
    graded("none"),
    replace(
        document("unreadable"), findings=Findings("Made", (Judgement("overall_effectiveness", Standing.UNREADABLE),))
    ),
    document("story"),
]


@pytest.mark.parametrize(
    ("grades", "areas", "fitting"),
    [
        (["good"], [], ["one"]),
        (["inadequate"], [], ["two"]),
        (["good", "inadequate"], [], ["one", "two"]),
        (["good"], ["leadership"], ["two"]),
        (["Good"], ["Leadership", "overall effectiveness"], ["one", "two"]),
        ([], ["leadership"], ["one", "two"]),
        (["inadeq"], ["overall"], ["two"]),
    ],
)
def test_documents_fit_by_a_grade_in_an_area(grades: list[str], areas: list[str], fitting: list[str]) -> None:
    """The overall one where no area is named; what is unreadable fits nothing; names may be short."""
    fits = judged(REPORTS, grades, areas)
    assert [one.doc_id for one, does_fit in zip(REPORTS, fits, strict=True) if does_fit] == fitting


@pytest.mark.parametrize(
    ("grades", "areas", "message"),
    [
        (["god"], [], "no document gives the grade `god`; there are `good`"),
        (["good"], ["liedership"], "no document gives the area `liedership`; there are `leadership`"),
        (["zebra"], [], "there are `good`, `inadequate`"),
    ],
)
def test_a_name_that_nothing_has_is_refused(grades: list[str], areas: list[str], message: str) -> None:
    """The error names the nearest that there are, or all."""
    with pytest.raises(InputError, match=message):
        judged(REPORTS, grades, areas)


def test_where_nothing_is_graded_a_filter_says_so() -> None:
    """It would otherwise find nothing without a word."""
    with pytest.raises(InputError, match="none of them gives any"):
        judged([document("story")], ["good"], [])


@pytest.mark.parametrize(
    ("text", "rest", "grades", "areas"),
    [
        ("supervision grade:good", "supervision", ("good",), ()),
        ('weak plans area:"children in care" GRADE:inadequate', "weak plans", ("inadequate",), ("children in care",)),
        ("what upgrade: good", "what upgrade: good", (), ()),
        ("grade: good", "grade: good", (), ()),
        ("no filters  at all", "no filters  at all", (), ()),
    ],
)
def test_filters_are_read_from_the_question(
    text: str, rest: str, grades: tuple[str, ...], areas: tuple[str, ...]
) -> None:
    """They stand at the start of a word, with their value right behind; everything else is left as it is."""
    assert split_filters(text) == (rest, grades, areas)
