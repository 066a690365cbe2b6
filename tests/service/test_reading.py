import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reading import LIKELY, Names, Period, Role, interpreted, read

BODIES = (
    "Lyne & Wold",
    "Fenmark, Greybridge and Ashpool",
    "Bremshire",
    "North Bremshire",
    "East Tarnside",
    "West Tarnside",
    "Oakhaven upon Pell, City of",
    "Millbury-on-Arrow",
    "St Osric",
    "East Holding of Cragland",
    "Isle of Skerry",
    "Thornwood Forest",
    "Royal Borough of Kingsmere",
    "Marling",
    "Castle",
    "Bréval",
    "Quillfordshire",
    "Quillfordshire Children's Trust",
    "Ravensworth Children First",
    "London Corporation",
)
NAMES = Names(BODIES)


def named(question: str, names: Names = NAMES) -> dict[str, float]:
    return {one.body: one.certainty for one in read(question, names).named}


def likely(question: str, names: Names = NAMES) -> tuple[str, ...]:
    return read(question, names).bodies()


# --- bodies


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("How good is fostering in Lyne and Wold?", "Lyne & Wold"),
        ("How good is fostering in Lyne & Wold?", "Lyne & Wold"),
        ("How good is fostering in Lyne Wold?", "Lyne & Wold"),
        ("What did Wold's leaders say?", "Lyne & Wold"),
        ("Did Ashpool recruit enough carers?", "Fenmark, Greybridge and Ashpool"),
        ("Does Fenmark, Greybridge & Ashpool Council recruit?", "Fenmark, Greybridge and Ashpool"),
        ("How many homes has Oakhaven?", "Oakhaven upon Pell, City of"),
        ("How many homes are in Pell?", "Oakhaven upon Pell, City of"),
        ("How many homes has the City of Oakhaven-upon-Pell?", "Oakhaven upon Pell, City of"),
        ("Is Millbury on Arrow improving?", "Millbury-on-Arrow"),
        ("Is Millbury upon Arrow improving?", "Millbury-on-Arrow"),
        ("Is Millbury–on–Arrow improving?", "Millbury-on-Arrow"),
        ("What about Saint Osric?", "St Osric"),
        ("What about St. Osric’s schools?", "St Osric"),
        ("Who runs East Holding?", "East Holding of Cragland"),
        ("Who runs services in Skerry?", "Isle of Skerry"),
        ("Who runs Thornwood's homes?", "Thornwood Forest"),
        ("Who runs the Royal Borough of Kingsmere?", "Royal Borough of Kingsmere"),
        ("Who runs Kingsmere council?", "Royal Borough of Kingsmere"),
        ("How is Breval doing?", "Bréval"),
        ("How is BRE\u0301VAL doing?", "Bréval"),
        ("How is the City of London doing?", "London Corporation"),
        ("Who is in the Ravensworth first team?", "Ravensworth Children First"),
        ("How is Ravensworth doing?", "Ravensworth Children First"),
        ("Did N Bremshire improve?", "North Bremshire"),
        ("Did N. Bremshire improve?", "North Bremshire"),
        ("What is in Quillfords?", "Quillfordshire"),
        ("What does FGA plan for care leavers?", "Fenmark, Greybridge and Ashpool"),
        ("What does RBLW plan?", "Lyne & Wold"),
        ("What is said of L&W's homes?", "Lyne & Wold"),
    ],
)
def test_a_body_is_known_by_the_names_people_give_it(question: str, body: str) -> None:
    """Whole names, parts, spellings, ranks and initials all name the one body."""
    assert likely(question) == (body,)


def test_a_longer_name_hides_the_shorter_one_in_it() -> None:
    """A county is not named by the name of its northern half, and both are when both are written."""
    assert named("Is North Bremshire any good?") == {"North Bremshire": 1.0}
    assert named("Is Bremshire any good?") == {"Bremshire": 1.0}
    assert likely("Is North Bremshire better than Bremshire?") == ("North Bremshire", "Bremshire")


def test_a_whole_name_is_certain_and_its_characters_leave_out_the_possessive() -> None:
    """The characters are those of the name alone."""
    question = "What do Lyne & Wold’s carers say?"
    (one,) = read(question, NAMES).named
    assert (question[one.start : one.end], one.certainty) == ("Lyne & Wold", 1.0)


def test_a_short_form_of_two_bodies_is_read_as_each_with_little_certainty() -> None:
    """Neither is certain enough to be told to a person, and the word stays in the topic."""
    reading = read("How many carers has Tarnside?", NAMES)
    assert {one.body for one in reading.named} == {"East Tarnside", "West Tarnside"}
    assert all(one.certainty < LIKELY for one in reading.named)
    assert reading.topic == "How many carers has Tarnside?"


def test_a_short_form_of_many_bodies_names_none() -> None:
    """What fits four bodies tells nothing."""
    many = Names([f"Upper {side} Tarnside" for side in ("North", "South", "East", "West")] + ["Inner Tarnside"])
    assert named("How many carers has Tarnside?", many) == {}


def test_an_area_wider_than_the_body_is_uncertain() -> None:
    """The collection may lack the other half."""
    assert named("How is Tarnside?", Names(["East Tarnside"])) == {"East Tarnside": 0.3}


def test_another_direction_is_another_place() -> None:
    """South Tarnside is neither East nor West; the south of Bremshire may still be told in its reports."""
    assert named("How is South Tarnside doing?") == {}
    assert 0 < named("How is South Bremshire doing?")["Bremshire"] < LIKELY


@pytest.mark.parametrize("word", ["North", "East", "Isle", "Forest", "Holding", "London"])
def test_a_word_of_direction_or_feature_names_nobody(word: str) -> None:
    """Nor does the region whose name is part of a rank."""
    assert likely(f"What happened to the {word} plan?") == ()


def test_a_trust_and_its_council_are_both_kept() -> None:
    """What is named comes first; the other one may hold the answer too."""
    trust = "Quillfordshire Children's Trust"
    assert named("How is Quillfordshire doing?") == {"Quillfordshire": 1.0, trust: 0.4}
    assert named(f"How is {trust} doing?") == {trust: 1.0, "Quillfordshire": 0.4}
    assert likely("How is the Quillfordshire trust doing?") == (trust,)


@pytest.mark.parametrize(
    "question",
    [
        "Did Ofsted find good progress in marling lessons?",
        "Did Ofsted find that a castle was visited?",
        "Who castles the budget?",
        "What did Marl say?",
        "Is there a Peel clinic?",
    ],
)
def test_an_ordinary_word_is_no_name(question: str) -> None:
    """A word in small letters is none where the writer uses capitals, nor is a short word that is nearly one."""
    assert likely(question) == ()


def test_capitals_and_position_tell_how_sure_a_name_is() -> None:
    """Beyond doubt inside a sentence, less so at its start or in a question without capitals."""
    inside = named("What is said of Castle?")["Castle"]
    opening = named("Castle visits, what is said?")["Castle"]
    placed = named("what is said about visits in castle")["Castle"]
    alone = named("what is said when castle visits")["Castle"]
    assert inside > opening > LIKELY > alone
    assert inside > placed > LIKELY
    assert named("Castle's visits, what is said?")["Castle"] == 1.0


def test_a_word_like_a_verb_is_doubted_at_the_start() -> None:
    """An "-ing" that opens a sentence is rather a verb, unless it owns something or has a date."""
    assert named("Marling records, what is said?")["Marling"] < LIKELY
    assert likely("Marling's records, what is said?") == ("Marling",)
    assert likely("Marling 2016: what is said?") == ("Marling",)


def test_part_of_another_name_is_doubted() -> None:
    """A capital beside a short form may make both the name of a person."""
    assert named("What did Ashpool say?")["Fenmark, Greybridge and Ashpool"] > LIKELY
    assert named("What did Ashpool Manners say?")["Fenmark, Greybridge and Ashpool"] < LIKELY


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("How is Bremshrie doing?", "Bremshire"),
        ("How is Brmshire doing?", "Bremshire"),
        ("How is Kingsmeer council doing?", "Royal Borough of Kingsmere"),
        ("how is quilfordshier doing in 2019", "Quillfordshire"),
        ("how is life in kingsmeere", "Royal Borough of Kingsmere"),
        ("How is Nroth Bremshire doing?", "North Bremshire"),
        ("how is thornwod forest doing", "Thornwood Forest"),
    ],
)
def test_small_mistakes_are_forgiven(question: str, body: str) -> None:
    """One letter in words of five and two in words of nine; never as certain as the right spelling."""
    assert 0 < named(question)[body] < 1


@pytest.mark.parametrize(
    "question",
    ["How is Dremshire doing?", "how does it castel", "How is Bremen doing?", "Costle visits", "How is Bredshort?"],
)
def test_what_is_too_far_from_a_name_is_not_corrected(question: str) -> None:
    """Another first letter, too many mistakes, or nothing that shows a name."""
    assert named(question) == {}


def test_a_mistake_in_a_short_name_is_doubted() -> None:
    """Another place may have that name; a long word is rather the one that is known."""
    names = Names(["Ashby", "Kingsmere"])
    assert 0 < named("Is Ashbu good?", names)["Ashby"] < LIKELY
    assert LIKELY < named("Is Kingsmeer good?", names)["Kingsmere"] < 1
    assert named("is ashbu good", names) == {}


def test_long_words_and_initials_in_a_question_without_capitals() -> None:
    """A long word is seldom an ordinary one; initials need their capitals."""
    assert likely("when did bremshire reply") == ("Bremshire",)
    assert LIKELY > named("when did kingsmen and castle reply")["Castle"] > 0
    assert named("what does fga plan") == named("WHAT DOES FGA PLAN") == {}
    assert 0 < named("FGA carers")["Fenmark, Greybridge and Ashpool"] < LIKELY


def test_a_known_word_is_never_taken_for_a_mistake_in_another() -> None:
    """Two bodies one letter apart stay two."""
    names = Names(["Ashfold", "Ashford"])
    assert named("Is Ashford good?", names) == {"Ashford": 1.0}
    assert named("Is Ashfond good?", names) == {}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str])
def test_neither_case_nor_a_possessive_loses_a_full_name(body: str, change: object) -> None:
    """Both halves of a question that has no other capitals."""
    assert callable(change)
    assert body in named(change(f"what do inspectors say of carers in {body}?"))
    assert body in named(change(f"what are the views of {body}'s carers?"))


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=60))
def test_any_bodies_and_any_question_can_be_read(bodies: list[str], question: str) -> None:
    """Names may be empty, odd or equal, and what is named is one of them."""
    assert {one.body for one in read(question, Names(bodies)).named} <= set(bodies)


PIECES = st.sampled_from(
    [
        *BODIES,
        "Wold's",
        *"Bremshrie LBLW Castle castle in the of London's council 2018 2015/16 July between and since by".split(),
    ]
)
QUESTIONS = st.lists(PIECES | st.text(max_size=6), max_size=12).map(" ".join)


@given(QUESTIONS)
def test_what_is_read_stands_in_the_question_without_overlap(question: str) -> None:
    """Names that share characters share all of them; times and names never meet; certainties are from 0 to 1."""
    reading = read(question, NAMES)
    places = {(one.start, one.end) for one in reading.named} | {(time.start, time.end) for time in reading.times}
    assert all(0 <= start < end <= len(question) for start, end in places)
    assert all(one[1] <= other[0] for one, other in pairwise(sorted(places)))
    assert not {(one.start, one.end) for one in reading.named} & {(one.start, one.end) for one in reading.times}
    assert all(0 < one.certainty <= 1 for one in reading.named)


@given(QUESTIONS)
def test_a_topic_is_never_blank(question: str) -> None:
    """Whatever is cut out, something to search for stays."""
    assert bool(read(question, NAMES).topic.strip()) == bool(question.strip())


@given(
    st.lists(
        st.sampled_from("how many carers did inspectors meet while visiting homes this year".split()), max_size=12
    )
)
def test_a_question_without_a_body_names_none(words: list[str]) -> None:
    """Ordinary words stay ordinary."""
    assert named(" ".join(words)) == {}


# --- times


def times(question: str) -> list[tuple[str, str | None, str | None]]:
    return [
        (
            time.role.value,
            time.period.start.isoformat() if time.period.start else None,
            time.period.end.isoformat() if time.period.end else None,
        )
        for time in read(question, NAMES).times
    ]


@pytest.mark.parametrize(
    ("question", "role", "start", "end"),
    [
        ("What was said in 2019?", "at", "2019-01-01", "2019-12-31"),
        ("What does the 2019 report say?", "at", "2019-01-01", "2019-12-31"),
        ("How was it in autumn 2017?", "at", "2017-09-01", "2017-11-30"),
        ("How was it in the spring term of 2022?", "at", "2022-03-01", "2022-05-31"),
        ("How was it in winter 2018/19?", "at", "2018-12-01", "2019-02-28"),
        ("How was it in July 2018?", "at", "2018-07-01", "2018-07-31"),
        ("How was it on 9 July 2018?", "at", "2018-07-09", "2018-07-09"),
        ("How was it on 2018-07-09?", "at", "2018-07-09", "2018-07-09"),
        ("How was it in 2018-07?", "at", "2018-07-01", "2018-07-31"),
        ("How was it in 2015/16?", "at", "2015-04-01", "2016-08-31"),
        ("How was it in 2023-24?", "at", "2023-04-01", "2024-08-31"),
        ("How was it in 2015/2016?", "at", "2015-04-01", "2016-08-31"),
        ("How was it in late 2014?", "at", "2014-09-01", "2014-12-31"),
        ("How was it in the year to mid-2016?", "at", "2016-05-01", "2016-08-31"),
        ("How was it at the beginning of 2024?", "at", "2024-01-01", "2024-04-30"),
        ("How was it in the first half of 2024?", "at", "2024-01-01", "2024-06-30"),
        ("Has it improved since 2018?", "since", "2018-01-01", None),
        ("Has it improved since at least 2018?", "since", "2018-01-01", None),
        ("Has it improved after the 2015 inspection?", "since", "2015-01-01", None),
        ("Has it improved after Castle's 2015 inspection?", "since", "2015-01-01", None),
        ("How is post-2018 practice?", "since", "2018-01-01", None),
        ("From 2021 onwards, how was it?", "since", "2021-01-01", None),
        ("How was it in 2021 or later?", "since", "2021-01-01", None),
        ("How was it before 2023?", "before", None, "2023-12-31"),
        ("How was it until July 2018?", "before", None, "2018-07-31"),
        ("How was it in 2014 and earlier?", "before", None, "2014-12-31"),
        ("How was it by 2016?", "by", None, "2016-12-31"),
        ("How was it by its 2016 inspection?", "by", None, "2016-12-31"),
        ("What changed between 2016 and 2019?", "between", "2016-01-01", "2019-12-31"),
        ("What changed between its 2016 and 2019 reports?", "between", "2016-01-01", "2019-12-31"),
        ("What changed from 2016 to 2020?", "between", "2016-01-01", "2020-12-31"),
        ("What changed, 2016-2020?", "between", "2016-01-01", "2020-12-31"),
        ("What changed between 2019 and 2016?", "between", "2016-01-01", "2019-12-31"),
        ("What came between January and September 2014?", "between", "2014-01-01", "2014-09-30"),
        ("What came between 3 May 2014 and 6 June 2015?", "between", "2014-05-03", "2015-06-06"),
    ],
)
def test_a_time_is_read_with_its_role(question: str, role: str, start: str | None, end: str | None) -> None:
    """Bounds are inclusive, and hold the time that is named."""
    assert times(question) == [(role, start, end)]


@pytest.mark.parametrize(
    "question",
    [
        "Are 16-17 year olds told?",
        "Were 2,000 children seen?",
        "Were over 2000 children seen?",
        "What does Section 2014 say?",
        "What does the Care Act 2014 say?",
        "Was £2019 paid, or 2019%?",
        "Since covid, how is it?",
        "What happened before the trust was set up?",
        "Is room 2012 used in May?",
        "What about 12018 and 2018x?",
        "Was it 1889 or 2150?",
    ],
)
def test_what_is_no_time_is_left_alone(question: str) -> None:
    """Counts, amounts, laws and what cannot be dated stay in the topic."""
    reading = read(question, NAMES)
    assert reading.times == ()
    assert reading.topic == question


def test_several_times_are_read_one_by_one() -> None:
    """Years in a list are points, and each keeps its own role."""
    assert [start for _, start, _ in times("How did it change between the 2015, 2018 and 2023 documents?")] == [
        "2015-01-01",
        "2018-01-01",
        "2023-01-01",
    ]
    assert [role for role, *_ in times("Was it weak in 2014 and better by 2018?")] == ["at", "by"]


# --- what is asked


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What does the latest report say?", set()),
        ("What did its last inspection find?", set()),
        ("What did the first inspection find?", {"earliest"}),
        ("Who is the first response worker?", set()),
        ("What happened last summer?", set()),
        ("Has Castle improved since 2018?", {"over_time"}),
        ("Is Castle any better than it was?", {"over_time"}),
        ("How did Castle do in 2014 and in 2018?", {"over_time"}),
        ("Did Castle fix its front door?", {"over_time"}),
        ("Castle failed in 2014. Has it recovered?", {"over_time"}),
        ("Compare Castle and Marling.", {"over_time"}),
        ("What must Castle improve?", set()),
        ("How did Castle do between May and June 2014?", set()),
        ("Which councils do this well?", {"across"}),
        ("Which local authorities do this well?", {"across"}),
        ("Where did inspectors find this?", {"across"}),
        ("Since 2018, where was this found?", {"across"}),
        ("List the areas that do this.", {"across"}),
        ("Which reports on Castle say so?", set()),
        ("Which carers were trained?", set()),
    ],
)
def test_the_kind_of_answer_is_read(question: str, asked: set[str]) -> None:
    """The newest or first report, change over time, or a list of bodies."""
    reading = read(question, NAMES)
    assert {name for name in ("earliest", "over_time", "across") if getattr(reading, name)} == asked


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("How good is fostering in Castle in the 2019 report?", "How good is fostering?"),
        ("In 2017 what share of Castle's carers left?", "what share of carers left?"),
        ("Has Kingsmere council improved its front door since 2018?", "Has improved its front door?"),
        ("How is the City of London dealing with neglect?", "How is dealing with neglect?"),
        ("What does the latest report say about neglect in Castle?", "What does say about neglect?"),
        ("Castle 2019", "Castle 2019"),
        ("Bremshire and Quillfordshire", "Bremshire and Quillfordshire"),
    ],
)
def test_the_topic_is_the_question_without_names_and_times(question: str, topic: str) -> None:
    """The little words go with them; where nothing else is left, the whole question stays. Its place is told."""
    reading = read(question, NAMES)
    assert reading.topic == topic
    at = reading.topic_at
    pieces = [question[start:end] for start, end in zip(at[::2], at[1::2], strict=True)]
    assert re.findall(r"\w+", " ".join(pieces)) == ([] if topic == question else re.findall(r"\w+", topic))


def test_an_interpretation_is_what_a_person_is_told() -> None:
    """Likely bodies in their order, and the days from the first time to the last."""
    told = interpreted(read("How did Quillfordshire and Bremshire do between 2016 and 2019?", NAMES))
    assert told == ("Quillfordshire, Bremshire", Period(date(2016, 1, 1), date(2019, 12, 31)))
    assert interpreted(read("How is Tarnside since 2018?", NAMES)) == (None, Period(date(2018, 1, 1), None))
    assert interpreted(read("In 2014, and since 2018?", NAMES)) == (None, Period(date(2014, 1, 1), None))
    assert interpreted(read("By 2016, and in 2019?", NAMES)) == (None, Period(None, date(2019, 12, 31)))
    assert interpreted(read("How is it?", NAMES)) == (None, Period(None, None))


def test_roles_are_stable_words() -> None:
    """They may be shown to people and stored."""
    assert [role.value for role in Role] == ["at", "since", "before", "by", "between"]
