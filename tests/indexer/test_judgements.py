"""Judgements are read where they stand plainly, and never guessed."""

import re
from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.judgements import AREAS, FRAMEWORKS, GRADES, find_judgements, frameworks_with
from indexer.records import Event, Judgement, Metadata, Page, Standing

LEADERS = "The impact of leaders on social work practice with children and families"
HELP = "The experiences and progress of children who need help and protection"
CARE = "The experiences and progress of children in care"
LEAVERS = "The experiences and progress of care leavers"
TITLE = "Inspection of Fairport local authority children’s services\nInspection dates: 5 to 9 June 2023\n"
OF_2018 = "Fairport\nInspection of children’s social care services\nInspection dates: 4 to 8 June 2018\n"
SINGLE = (
    "Fairport\nInspection of services for children in need of help and \nprotection, children looked after and care"
    " leavers\n{review}Inspection date: 2 June 2015 – 25 June 2015\n"
)
REVIEW = "and\nReview of the effectiveness of the Local Safeguarding Children \nBoard1\n"
TABLE_2023 = (
    "Judgement Grade\n"
    "The impact of leaders on social work \npractice with children and families\nGood \n"
    "The experiences and progress of \nchildren who need help and protection\nRequires improvement to be good\n"
    "The experiences and progress of \nchildren in care\nOutstanding\n"
    "The experiences and progress of care \nleavers\nGood\n"
    "Overall effectiveness Good \n"
)
ALL_2023 = {
    "overall_effectiveness": "good",
    "leadership": "good",
    "help_and_protection": "requires_improvement",
    "children_in_care": "outstanding",
    "care_leavers": "good",
}
PROSE = "Children in Fairport are seen by people who know them well.\n"


def on(day: date | None, kind: str | None = "inspection", title: str | None = None) -> Metadata:
    """Metadata as found in a report on that day."""
    return Metadata(title=title, kind=kind, events=(Event(day, day),) if day else ())


def read(*texts: str, day: date | None = date(2023, 6, 5)) -> tuple[str | None, Mapping[str, Judgement]]:
    framework, judgements = find_judgements([Page(at, text) for at, text in enumerate(texts, 1)], on(day))
    assert len({judgement.area for judgement in judgements}) == len(judgements)
    return framework, {judgement.area: judgement for judgement in judgements}


def told(*texts: str, day: date | None = date(2023, 6, 5)) -> dict[str, str]:
    """Each area with its grade, or why there is none."""
    return {area: each.grade or each.state.name for area, each in read(*texts, day=day)[1].items()}


# --- tables


def test_a_table_gives_each_area_its_grade_and_the_overall_one_comes_first() -> None:
    """Names wrap over lines, grades stand behind them or on the next line."""
    framework, found = read(TITLE + TABLE_2023 + PROSE)
    assert framework == "ILACS 2023"
    assert {area: each.grade for area, each in found.items()} == ALL_2023
    assert next(iter(found)) == "overall_effectiveness"


def test_a_span_holds_the_area_s_name_and_the_words_of_its_grade() -> None:
    """What is shown as evidence is the row itself."""
    text = TITLE + TABLE_2023
    (span,) = read(text)[1]["children_in_care"].spans
    assert text[span.start : span.end] == "The experiences and progress of \nchildren in care\nOutstanding"


def test_numbered_rows_and_grades_that_wrap_are_read() -> None:
    """The single inspection framework numbers its rows, and narrow columns break a grade in up to three lines."""
    text = SINGLE.format(review="") + (
        "Children’s services in Fairport require improvement to be \ngood\n"
        "1. Children who need help and protection\nRequires \nimprovement to be \ngood\n"
        "2. Children looked after and achieving \npermanence\nInadequate\n"
        "2.1 Adoption performance Outstanding\n2.2 Experiences and progress of care leavers\nRequires \nImprovement\n"
        "3. Leadership, management and governance Good\n"
    )
    assert told(text, day=date(2015, 6, 2)) == {
        "overall_effectiveness": "requires_improvement",
        "help_and_protection": "requires_improvement",
        "children_in_care": "inadequate",
        "adoption": "outstanding",
        "care_leavers": "requires_improvement",
        "leadership": "good",
        "lscb": "NOT_BY_KIND",
    }


def test_all_names_and_then_all_grades_are_read_in_their_order() -> None:
    """A reader may give the columns of a table one after the other."""
    names, grades = (LEADERS, HELP, CARE, LEAVERS, "Overall effectiveness"), "Good Inadequate Outstanding Good Good"
    text = TITLE + "Judgement\n" + "\n".join(names) + "\nGrade\n" + grades.replace(" ", "\n") + "\n"
    _, found = read(text)
    assert [each.grade for each in found.values()] == ["good", "good", "inadequate", "outstanding", "good"]
    assert [text[at.start : at.end] for at in found["help_and_protection"].spans] == [HELP, "Inadequate"]


def test_a_table_of_a_markdown_file_is_read() -> None:
    """Readers of other formats put bars between cells."""
    rows = (LEADERS, HELP, CARE, LEAVERS, "Overall effectiveness")
    assert set(told(TITLE + "Judgement | Grade\n" + "".join(f"{name} | Good\n" for name in rows)).values()) == {
        "good"
    }


@pytest.mark.parametrize(
    "table",
    [
        f"Good\n{LEADERS}\nInadequate\n{HELP}\nGood\n{CARE}\nGood\n{LEAVERS}\nInadequate\nOverall effectiveness\n",
        f"{LEADERS}\nGood\n{HELP}\n{CARE}\nGood\n{LEAVERS}\nInadequate\nOverall effectiveness Good\n",
        f"{LEADERS}\n{HELP}\n{CARE}\n{LEAVERS}\nOverall effectiveness\nGood\nGood\nInadequate\nGood\n",
        f"{LEADERS}\nGood\nInadequate\n{HELP}\nGood\nGood\n{CARE}\nGood\nGood\n",
    ],
    ids=["grades first", "one grade short", "columns of unequal length", "two grades a row"],
)
def test_a_table_whose_grades_cannot_be_told_apart_gives_none(table: str) -> None:
    """One that is out of step would give every area its neighbour's grade."""
    assert set(told(TITLE + table).values()) == {"UNREADABLE"}


@given(st.integers(0, 13), st.sampled_from(["drop", "swap", "join"]))
def test_a_damaged_table_never_gives_another_grade(at: int, how: str) -> None:
    """A line that is lost, out of place or run into the next one costs grades and alters none."""
    lines = TABLE_2023.splitlines()
    at = min(at, len(lines) - 2)
    damaged = {
        "drop": lines[:at] + lines[at + 1 :],
        "swap": [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
        "join": [*lines[:at], f"{lines[at]} {lines[at + 1]}", *lines[at + 2 :]],
    }[how]
    found = told(TITLE + "\n".join(damaged) + "\n" + PROSE)
    assert all(said in {ALL_2023[area], "UNREADABLE"} for area, said in found.items())


def test_a_grade_that_opens_a_sentence_is_none() -> None:
    """A heading's next line may begin with such a word, or end with it in the middle of a sentence."""
    assert told(f"{TITLE}{PROSE}{CARE}\nGood homes are found for most of them.\n")["children_in_care"] == "UNREADABLE"
    assert told(f"{TITLE}{PROSE}{CARE}\nGood\nhomes are found for them.\n")["children_in_care"] == "UNREADABLE"


def test_a_figure_beside_a_grade_must_say_the_same() -> None:
    """Reports until 2013 number their grades."""
    title = "Inspection of looked after children \nservices\nInspection dates: 8 – 12 July 2013\n"
    rows = (
        "Overall effectiveness of services for looked \nafter children and young people\nGrade 4 (Inadequate)\n"
        f"{PROSE}Capacity to improve Adequate Grade 3\n{PROSE}Quality of provision\nGrade 2 (Adequate)\n"
    )
    assert told(title + rows, day=date(2013, 7, 8)) == {
        "overall_effectiveness": "inadequate",
        "capacity_to_improve": "adequate",
        "outcomes": "UNREADABLE",
        "quality_of_provision": "UNREADABLE",
        "leadership": "UNREADABLE",
    }


# --- sentences


@pytest.mark.parametrize(
    ("sentence", "area", "grade"),
    [
        ("The overall judgement is good.", "overall_effectiveness", "good"),
        (
            "The overall judgement is that children’s services require \nimprovement",
            "overall_effectiveness",
            "requires_improvement",
        ),
        (
            "Children’s services in the Royal Borough of Fairport and \nWeir are outstanding ",
            "overall_effectiveness",
            "outstanding",
        ),
        ("The graded judgment for adoption performance is that it is inadequate", "adoption", "inadequate"),
        (
            "The judgement about the experience and progress of care \nleavers is that it requires improvement.",
            "care_leavers",
            "requires_improvement",
        ),
        ("Leadership, management and governance are good because", "leadership", "good"),
        ("The effectiveness of the Local Safeguarding Children Board (LSCB) is \ninadequate.", "lscb", "inadequate"),
        ("The LSCB requires improvement to be good", "lscb", "requires_improvement"),
    ],
)
def test_a_sentence_that_says_nothing_else_gives_a_grade(sentence: str, area: str, grade: str) -> None:
    """Each is the form of a sentence of real reports."""
    found = told(SINGLE.format(review=REVIEW) + PROSE, f"Fairport\n{sentence}\n{PROSE}", day=date(2015, 6, 2))
    assert found.pop(area) == grade
    assert set(found.values()) == {"UNREADABLE"}


@pytest.mark.parametrize(
    "sentence",
    [
        "An LSCB that is inadequate does not do what it must.",
        "An LSCB requires improvement if it does not do what it should.",
        "Adoption performance was inadequate.",
        "Adoption performance is good in some teams.",
        "Inspectors found that adoption performance is good.",
        "Children’s services in Fairport are no longer inadequate.",
        "At the last inspection,\nThe overall judgement is good\n",
        "Two of its homes are good.",
    ],
)
def test_other_sentences_give_no_grade(sentence: str) -> None:
    """What a grade would mean, what was judged before, and what is true in part are no judgements."""
    found = told(SINGLE.format(review=REVIEW) + PROSE, f"{sentence}\n{PROSE}", day=date(2015, 6, 2))
    assert set(found.values()) == {"UNREADABLE"}


def test_grades_of_the_last_inspection_are_not_taken() -> None:
    """Reports list these too, with bullets or without."""
    before = "The judgements at the last inspection of this authority, in 2014, were:\n"
    rows = f"{LEADERS}: Inadequate\n{HELP}: Inadequate\nOverall effectiveness: Inadequate.\n"
    bullets = "".join(f"• {row}\n" for row in rows.splitlines())
    assert told(TITLE + TABLE_2023, PROSE + before + rows, PROSE + before + bullets) == ALL_2023
    assert set(told(TITLE, PROSE + before + rows, PROSE + before + bullets).values()) == {"UNREADABLE"}


# --- agreement


def test_places_that_agree_give_one_grade_with_the_first_place() -> None:
    """The heading of a section repeats what the front page says."""
    _, found = read(TITLE + TABLE_2023, f"{PROSE}{CARE}: outstanding\n1. {PROSE}")
    assert (found["children_in_care"].grade, [at.page for at in found["children_in_care"].spans]) == (
        "outstanding",
        [1],
    )


def test_places_that_disagree_make_the_area_unreadable_and_are_all_shown() -> None:
    """It is not for us to choose; the other areas stand."""
    texts = (TITLE + TABLE_2023, f"{PROSE}{CARE}: good\n1. {PROSE}")
    _, found = read(*texts)
    assert found["children_in_care"].state is Standing.UNREADABLE
    assert [at.page for at in found["children_in_care"].spans] == [1, 2]
    assert {**told(*texts), "children_in_care": "outstanding"} == ALL_2023


def test_a_grade_of_another_scale_is_unreadable() -> None:
    """Nothing was judged adequate in 2023."""
    assert told(TITLE + TABLE_2023.replace("Outstanding", "Adequate"))["children_in_care"] == "UNREADABLE"


def test_a_report_may_say_that_an_area_is_not_judged() -> None:
    """That is a statement of its own, and no grade."""
    _, found = read(SINGLE.format(review="") + "2.1 Adoption performance Not judged\n", day=date(2016, 7, 28))
    assert (found["adoption"].state, found["adoption"].grade) == (Standing.NOT_JUDGED, None)


# --- frameworks


@pytest.mark.parametrize(
    ("day", "framework"),
    [
        (date(2022, 12, 31), "ILACS 2018"),
        (date(2023, 1, 1), "ILACS 2023"),
        (date(2026, 3, 31), "ILACS 2023"),
        (date(2026, 4, 1), "ILACS 2026"),
        (date(2016, 1, 1), None),
    ],
)
def test_the_day_decides_between_frameworks_of_one_title(day: date, framework: str | None) -> None:
    """Reports of the same title are made under other rules from one day to the next."""
    assert read(TITLE + TABLE_2023, day=day)[0] == framework


def test_without_a_day_the_areas_decide_where_these_are_all_there() -> None:
    """Care leavers apart, and an overall grade, is the framework of 2023 and no other."""
    assert read(TITLE + TABLE_2023, day=None)[0] == "ILACS 2023"
    assert read(TITLE + PROSE, day=None) == (None, {})


def test_the_joint_area_of_2018_is_equated_with_neither_of_its_halves() -> None:
    """A series of grades of care leavers has a gap there, which says why."""
    table = f"{LEADERS} Good\n{HELP} Good\n{CARE} and care \nleavers Inadequate\nOverall effectiveness Good\n"
    found = told(OF_2018 + table, day=date(2018, 6, 4))
    assert found["children_in_care_and_care_leavers"] == "inadequate"
    assert {found["children_in_care"], found["care_leavers"]} == {"NOT_BY_FRAMEWORK"}


def test_from_april_2026_there_is_no_overall_grade() -> None:
    """Even where the text speaks of one."""
    found = told(TITLE + TABLE_2023, day=date(2026, 4, 20))
    assert found == {**ALL_2023, "overall_effectiveness": "NOT_BY_FRAMEWORK"}


def test_a_review_of_the_board_is_expected_only_where_the_title_names_it() -> None:
    """The last inspections under the single framework had none."""
    day = date(2015, 6, 2)
    assert told(SINGLE.format(review=REVIEW) + PROSE, day=day)["lscb"] == "UNREADABLE"
    assert told(SINGLE.format(review="") + PROSE, day=day)["lscb"] == "NOT_BY_KIND"


@pytest.mark.parametrize(
    ("kind", "day", "framework"),
    [
        ("focused visit", date(2023, 10, 18), "ILACS 2023"),
        ("focused visit", date(2018, 10, 2), "ILACS 2018"),
        ("assurance visit", date(2021, 2, 2), "ILACS 2018"),
        ("monitoring visit", date(2017, 5, 9), "SIF 2013"),
        ("focused visit", date(2026, 5, 5), "ILACS 2026"),
    ],
)
def test_a_visit_gives_no_grades_whatever_its_letter_speaks_of(kind: str, day: date, framework: str) -> None:
    """It is made under the framework of its day, and says of every area that it does not judge it."""
    text = f"Dear Ms Hale\nA {kind} to Fairport\n{PROSE}Overall effectiveness: inadequate\n"
    name, judgements = find_judgements([Page(1, text)], on(day, kind))
    assert name == framework
    assert {each.state for each in judgements} <= {Standing.NOT_BY_KIND, Standing.NOT_BY_FRAMEWORK}
    assert judgements[0].area == "overall_effectiveness"


def test_a_joint_inspection_gives_no_grades() -> None:
    """It is under a framework of its own."""
    text = "Joint targeted area inspection of Fairport\nInspection dates: 3 to 7 July 2023\n" + TABLE_2023
    assert read(text, day=date(2023, 7, 3)) == (
        "JTAI",
        {"overall_effectiveness": Judgement("overall_effectiveness", Standing.NOT_BY_KIND)},
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Inspection of Fairport children’s services finds decline\nOverall effectiveness Good\n",
        "Fairport services are now good\nOverall effectiveness: good\nInspection dates: 5 to 9 June 2023\n",
        "Inspection of Fairport adoption agency\nInspection dates: 5 to 9 June 2023\nOverall effectiveness Good\n",
        "Focused visit to Fairport: council welcomes letter\n",
    ],
)
def test_news_and_reports_of_other_things_have_no_judgements(text: str) -> None:
    """A ledger is made of the reports themselves."""
    assert find_judgements([Page(1, text)], on(date(2023, 6, 5), "focused visit" if "visit" in text else None)) == (
        None,
        (),
    )


def test_every_area_of_every_framework_has_a_label_and_kin_that_exist() -> None:
    """What a chart shows is told by the table of areas alone."""
    for framework in FRAMEWORKS:
        assert {*framework.areas, *framework.silent} <= AREAS.keys()
        assert framework.grades <= GRADES.keys()
    for area, about in AREAS.items():
        assert frameworks_with(area)
        assert set(about.kin) <= AREAS.keys() - {area}
    assert frameworks_with("care_leavers") == ("SIF 2013", "ILACS 2023", "ILACS 2026")


# --- any text

PIECES = st.sampled_from(
    [
        *(
            TITLE,
            OF_2018,
            SINGLE.format(review=REVIEW),
            TABLE_2023,
            PROSE,
            LEADERS,
            HELP,
            CARE,
            LEAVERS,
            "Dear Ms Hale",
        ),
        *(
            "Overall effectiveness",
            "The LSCB",
            "Children’s services in ",
            "The overall judgement",
            "2.1 Adoption performance",
        ),
        *(
            "Good",
            "Requires \nimprovement",
            "requires improvement",
            "ınadequate",
            "OUTſTANDING",
            "Not judged",
            "Adequate",
        ),
        *(
            " is ",
            " are ",
            "Grade 3",
            "(Grade 2)",
            "Grade",
            " because",
            "\n",
            "\n\n",
            " ",
            "|",
            ": ",
            ".",
            "to be good",
            "٣",
        ),
    ]
)


@given(
    st.lists(st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join), max_size=3),
    st.sampled_from([None, date(2013, 7, 8), date(2015, 6, 2), date(2018, 6, 4), date(2023, 6, 5), date(2026, 5, 5)]),
    st.sampled_from([None, "inspection", "focused visit", "news"]),
)
def test_whatever_the_text_each_area_comes_once_and_its_spans_hold_its_grade(
    texts: list[str], day: date | None, kind: str | None
) -> None:
    """No text raises an error, and no grade stands without its words."""
    framework, judgements = find_judgements([Page(at, text) for at, text in enumerate(texts, 1)], on(day, kind))
    assert bool(judgements) == (framework is not None)
    assert len({each.area for each in judgements}) == len(judgements)
    for each in judgements:
        assert (each.grade is not None) == (each.state is Standing.GRADED)
        held = [texts[at.page - 1][at.start : at.end] for at in each.spans]
        assert all(0 <= at.start < at.end <= len(texts[at.page - 1]) for at in each.spans)
        if each.grade:
            words = re.sub(r"\s+", " ", held[-1].casefold())
            assert each.grade.removeprefix("requires_").removesuffix("_to_be_good") in words
