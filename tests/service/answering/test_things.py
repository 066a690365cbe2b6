import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.kinds import Kind
from service.answering.things import find, is_pronoun


def found(kind: Kind, text: str) -> list[str]:
    """Give the things of a kind as they stand in the text."""
    return [text[start:end] for start, end in find(kind, text)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("The team visited 40 boats.", ["40"]),
        ("Of 1,300 boats, 2,040.5 were wet.", ["1,300", "2,040.5"]),
        ("Twenty-three of the fifty boats sank.", ["Twenty-three", "fifty"]),
        ("Between 20 and 30 boats, or 5 to 7 barges.", ["Between 20 and 30", "5 to 7"]),
        ("Some 1.2 million gulls and two hundred and fifty crabs.", ["1.2 million", "two hundred and fifty"]),
        ("None of the dozens of boats leaked.", ["None", "dozens"]),
        ("Crews of 5,6 and 7.", ["5", "6 and 7"]),
        ("There are 7.", ["7"]),
        ("No boats at all.", []),
    ],
)
def test_a_number_may_be_in_figures_or_words_and_a_range(text: str, numbers: list[str]) -> None:
    """It is marked whole, with its thousands and its millions."""
    assert found(Kind.NUMBER, text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "12. The crew rowed.",
        "2.1 The crew rowed.",
        "3.2.1. The crew rowed.",
        "See paragraph 14 and section 3.",
        "Pages 14 to 16 tell more.",
        "Pupils of Year 6 and of key stage 2 rowed.",
        "A 14-year-old, aged 14, rowed.",
        "Children aged between 14 and 16 rowed.",
        "Children of ages 5 to 11 rowed.",
        "It rained in 2019, in 2018/19 and on 12 May.",
        "It rained on 31 June 2019.",
        "They waited 20 to 30 weeks, or between 5 and 6 years.",
        "It cost £40, or £5 to 10 million.",
        "It leaked by 20 to 30% or five per cent.",
        "One of the boats and one another.",
        "The A30, B-52 and version 1.2.3.4x.",
    ],
)
def test_what_only_looks_like_a_number_is_no_count(text: str) -> None:
    """Numbers of paragraphs, ages, years, days, lengths of time, sums and shares are not how many there are."""
    assert found(Kind.NUMBER, text) == []


@pytest.mark.parametrize(
    ("text", "thing", "pronoun"),
    [
        ("Those who asked for a boat had one.", "one", True),
        ("Those who had one, or two.", "one", True),
        ("One boat leaked.", "One", False),
        ("Twenty asked.", "Twenty", False),
    ],
)
def test_a_number_may_stand_for_something_named_before(text: str, thing: str, pronoun: bool) -> None:
    """Where nothing follows it to count."""
    start = text.index(thing)
    assert is_pronoun(text, (start, start + len(thing))) is pronoun


def test_a_count_beside_what_is_none_is_found() -> None:
    """Each number is judged by itself."""
    text = "12. In 2019, 6 of the 14-year-olds waited 3 weeks for £5 and 7 boats."
    assert found(Kind.NUMBER, text) == ["6", "7"]


@pytest.mark.parametrize(
    ("kind", "text", "things"),
    [
        (Kind.MONEY, "It cost £2.5 million, then €40 and $1,000.", ["£2.5 million", "€40", "$1,000"]),
        (Kind.MONEY, "It cost £3m, 5 million pounds and twenty pence.", ["£3m", "5 million pounds", "twenty pence"]),
        (Kind.MONEY, "It cost 40 boats.", []),
        (Kind.SHARE, "Over 60% leaked, and five per cent sank.", ["Over 60%", "five per cent"]),
        (Kind.SHARE, "From 20 to 30% leaked.", ["20 to 30%"]),
        (Kind.SHARE, "We discover 40% more.", ["40%"]),
        (Kind.SHARE, "Three in five, 7 out of 10, 8 of the 12.", ["Three in five", "7 out of 10", "8 of the 12"]),
        (
            Kind.SHARE,
            "Two-thirds, nearly half, a quarter and most.",
            ["Two-thirds", "nearly half", "a quarter", "most"],
        ),
        (Kind.SHARE, "Twelve in 2019 and 5 of 2020.", []),
        (Kind.DURATION, "Within 10 working days or six-month stays.", ["10 working days", "six-month"]),
        (
            Kind.DURATION,
            "More than two to three weeks, an hour, a few days.",
            ["More than two to three weeks", "an hour", "a few days"],
        ),
        (Kind.DURATION, "We discover two weeks.", ["two weeks"]),
        (Kind.DURATION, "Forty weekly boats.", []),
        (
            Kind.GRADE,
            "It requires improvement to be good; before, it was inadequate.",
            ["requires improvement to be good", "inadequate"],
        ),
        (Kind.GRADE, "The rule was not met, then met.", ["not met", "met"]),
        (Kind.GRADE, "The goods were outstandingly dear.", []),
        (Kind.DATE, "On 12 May 2019, in June 2020 and in 2018-19.", ["12 May 2019", "June 2020", "2018-19"]),
        (Kind.DATE, "Each 31 June from 9am to 5.30 pm in spring 2019.", ["31 June", "9am to 5.30 pm", "spring 2019"]),
        (Kind.DATE, "In June 2020 and on 12 May 2019.", ["June 2020", "12 May 2019"]),
        (Kind.DATE, "In 20 boats and 3019 crabs.", []),
        (Kind.NAME, "The ferry of Anna Thorne and the Isle of Gulls.", ["Anna Thorne and the Isle of Gulls"]),
        (Kind.NAME, "The gulls saw Anna\nThorne.", ["Anna\nThorne"]),
        (Kind.NAME, "Anna\nThorne swims.", ["Anna\nThorne"]),
        (Kind.NAME, "A gull saw that I swim. Gulls do. However, it rained.", []),
        (
            Kind.NAME,
            "A plan called “Bright nets for all” and ‘The Gull’s Nest’.",
            ["Bright nets for all", "The Gull’s Nest"],
        ),
        (Kind.NAME, 'Plans called "bright nets" and "dry feet" began.', ["bright nets", "dry feet"]),
        (Kind.NAME, "They are “the gull’s friends”.", ["the gull’s friends"]),
        (Kind.NAME, "They sang “   ” and “ la ”.", []),
        (Kind.NAME, "In the month of May the eGull sang.", []),
        (Kind.TEXT, "Anna Thorne has 40 good boats for £3 in May.", []),
    ],
)
def test_things_of_each_kind_are_found_whole(kind: Kind, text: str, things: list[str]) -> None:
    """With what belongs to them, in the words of the text, and nothing that only looks alike."""
    assert found(kind, text) == things


PIECES = (
    "12. |40|1,300|1.5|£|%| per cent|twenty|-|–|one of the |between | and | to |in 2019|12 May 2019|May|9am|aged |m|"
    "half|weeks|a few |over |good|not met|requires improvement|Anna|Thorne|A|I|“|”|‘|’|\"|'|\n|\t|. | of the |²|٣|é|É"
).split("|")


@given(st.sampled_from(Kind), st.text(max_size=300) | st.lists(st.sampled_from([*PIECES, " "])).map("".join))
def test_places_lie_in_the_text_in_order_and_hold_something(kind: Kind, text: str) -> None:
    """Of any text and every kind, without overlap, and the same when asked again."""
    places = find(kind, text)
    ends = [0, *(place for pair in places for place in pair)]
    assert ends == sorted(ends)
    assert all(end <= len(text) and text[start:end].strip() for start, end in places)
    assert places == find(kind, text)


SIZE = 60_000  # characters, of which a passage has a few thousand; looking at each from each would take minutes
ENDLESS = ["1", ",111", "1.1", "1-", "5 - ", "A ", "Aa of the ", "“", '"', "‘a", "twenty ", "one and ", "\n", "over "]
ENDLESS += [piece + " " * 999 for piece in ("5", "A", "over")]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("piece", ENDLESS, ids=lambda piece: repr(piece[:9]))
def test_no_text_takes_long(kind: Kind, piece: str) -> None:
    """A search takes a bounded number of steps a character: long digits, nested quotes, capitals without end."""
    repeated = piece * (SIZE // len(piece))
    for text in (repeated, f"1{repeated}x", f"“{repeated}"):
        assert all(start < end for start, end in find(kind, text))
