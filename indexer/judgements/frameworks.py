"""The frameworks that services for children in England were inspected under since 2012, as data.

Names and days are those of the inspectorate's published frameworks and of the reports made under them. In patterns a
blank stands for any white space; capitals do not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

GRADES: Mapping[str, str] = {  # best first; the two that mean "not yet good" never belong to one framework
    "outstanding": "Outstanding",
    "good": "Good",
    "requires_improvement": "Requires improvement to be good",
    "adequate": "Adequate",
    "inadequate": "Inadequate",
}
_SINCE_2013 = frozenset(("outstanding", "good", "requires_improvement", "inadequate"))
_BEFORE = frozenset(("outstanding", "good", "adequate", "inadequate"))


@dataclass(frozen=True, slots=True)
class Area:
    """What a grade is about. `kin` are the areas of other frameworks that judge nearly the same, nearest first."""

    label: str
    kin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)  # each is itself alone, so patterns made of it can be kept
class Framework:
    """What is judged, when, and how the reports call it."""

    name: str
    title: str  # pattern of the words that its reports open with
    first: date  # days on which inspections under it began
    last: date
    grades: frozenset[str]
    areas: Mapping[
        str, tuple[str, ...]
    ]  # area -> patterns of its names in tables and headings, the overall one first
    graded: bool = True  # False where it gives none of these areas a grade
    silent: tuple[str, ...] = ()  # areas that a reader will look for in vain
    sayings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # area -> patterns that a grade follows
    parts: Mapping[str, str] = field(default_factory=dict)  # area -> pattern of the opening where it is looked at


AREAS: Mapping[str, Area] = {
    "overall_effectiveness": Area("Overall effectiveness"),
    "leadership": Area("Leadership"),
    "help_and_protection": Area("Children who need help and protection"),
    "children_in_care": Area("Children in care", ("children_in_care_and_care_leavers",)),
    "care_leavers": Area("Care leavers", ("children_in_care_and_care_leavers",)),
    "children_in_care_and_care_leavers": Area(
        "Children in care and care leavers", ("children_in_care", "care_leavers")
    ),
    "adoption": Area("Adoption"),
    "lscb": Area("Local Safeguarding Children Board"),
    "quality_of_practice": Area("Quality of practice", ("quality_of_provision",)),
    "quality_of_provision": Area("Quality of provision", ("quality_of_practice",)),
    "outcomes": Area("Outcomes for looked-after children", ("children_in_care",)),
    "capacity_to_improve": Area("Capacity to improve", ("leadership",)),
}

_OVERALL = "overall effectiveness"
_LEADERS = "(?:the )?impact of leaders on social work practice with children and families"
_LIVES = "(?:(?:the )?experiences? and progress of )?"
_HELP = f"{_LIVES}children(?: and young people)? who need help and protection"
_FAMILIES = "children, young people, families and carers"
_BOARD = r"local safeguarding children['’]?s? board(?: \(LSCB\)|s)?"
_ILACS = "inspection of (?!services )(?:[^.:;]{1,80} )?children['’]?s (?:social care )?services"
_WORD = r"(?-i:[A-Z][\w’'.&-]*|&|and|area|by|council|in|le|of|on|the|under|upon|with)"  # of a place's name
_PLACE = f"{_WORD}(?: {_WORD}){{0,9}}"

FRAMEWORKS = (
    Framework(
        "Child protection 2012",
        "inspection of (?:local authority )?arrangements for the protection of children",
        date(2012, 5, 1),
        date(2013, 10, 31),
        _BEFORE,
        {
            "overall_effectiveness": (
                f"(?:the )?{_OVERALL}(?: of the arrangements to protect children(?: in {_PLACE})?)?",
            ),
            "help_and_protection": (f"(?:the )?effectiveness of the help and protection provided to {_FAMILIES}",),
            "quality_of_practice": ("(?:the )?quality of practice",),
            "leadership": ("leadership and governance",),
        },
    ),
    Framework(
        "Looked-after children 2013",
        "inspection of looked(?: |-)after children['’]?s? services",
        date(2013, 4, 1),
        date(2013, 12, 31),
        _BEFORE,
        {
            "overall_effectiveness": (
                f"(?:the )?{_OVERALL}(?: of services for looked(?: |-)after children(?: and young people)?)?",
            ),
            "capacity_to_improve": ("(?:the )?capacity to improve",),
            "outcomes": ("outcomes for looked(?: |-)after children(?: and young people)?",),
            "quality_of_provision": ("(?:the )?quality of provision",),
            "leadership": ("leadership and management",),
        },
    ),
    Framework(
        "SIF 2013",
        "inspection of services for children in need of help and protection, children looked after and care leavers",
        date(2013, 11, 1),
        date(2018, 12, 31),
        _SINCE_2013,
        {
            "overall_effectiveness": (_OVERALL,),
            "help_and_protection": (_HELP,),
            "children_in_care": (f"{_LIVES}children looked after and achieving permanence",),
            "adoption": ("adoption performance",),
            "care_leavers": ("(?:the )?experiences? and progress of care leavers",),
            "leadership": ("leadership, management and governance",),
            "lscb": (f"(?:the )?(?:effectiveness of the )?(?:{_BOARD}|LSCB)",),
        },
        sayings={
            "overall_effectiveness": (
                f"the overall judgement(?: is that (?:the )?children['’]?s services(?: in {_PLACE})?)?",
                f"children['’]?s services in {_PLACE}",
            )
        },
        parts={"lscb": f"review of the effectiveness of (?:the )?{_BOARD}"},
    ),
    Framework(
        "ILACS 2018",
        _ILACS,
        date(2018, 1, 1),
        date(2022, 12, 31),
        _SINCE_2013,
        {
            "overall_effectiveness": (_OVERALL,),
            "leadership": (_LEADERS,),
            "help_and_protection": (_HELP,),
            "children_in_care_and_care_leavers": (f"{_LIVES}children in care and care leavers",),
        },
        silent=("children_in_care", "care_leavers"),
    ),
    Framework(
        "ILACS 2023",
        _ILACS,
        date(2023, 1, 1),
        date(2026, 3, 31),
        _SINCE_2013,
        {
            "overall_effectiveness": (_OVERALL,),
            "leadership": (_LEADERS,),
            "help_and_protection": (_HELP,),
            "children_in_care": (f"{_LIVES}children in care",),
            "care_leavers": ("(?:the )?experiences? and progress of care leavers",),
        },
    ),
    Framework(
        "ILACS 2026",
        _ILACS,
        date(2026, 4, 1),
        date.max,
        _SINCE_2013,
        {
            "leadership": (_LEADERS,),
            "help_and_protection": (_HELP,),
            "children_in_care": (f"{_LIVES}children in care",),
            "care_leavers": ("(?:the )?experiences? and progress of care leavers",),
        },
        silent=("overall_effectiveness",),
    ),
    Framework(
        "JTAI",
        "joint targeted area inspection",
        date(2016, 1, 1),
        date.max,
        _SINCE_2013,
        {"overall_effectiveness": ()},
        graded=False,
    ),
)

# Visits that give no grade, by how their reports call themselves. They are made under the framework of their day.
VISITS = ("focused visit", "monitoring visit", "assurance visit", "follow-up visit")


def frameworks_with(area: str) -> tuple[str, ...]:
    """Return the names of the frameworks that grade an area, oldest first."""
    return tuple(framework.name for framework in FRAMEWORKS if framework.graded and area in framework.areas)
