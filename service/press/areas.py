"""Which areas a grade is said to be of, by the words around it.

Areas are those that reports grade. Where something else is graded, such as a school, or where it is not plain what,
there is none; a grade of somebody's services, without more, is the overall one.
"""

import re
from dataclasses import dataclass

OVERALL = "overall_effectiveness"
BODY = "ŋ"  # what stands for each letter of a body's name
_FOR = re.compile(
    r"\A['\"]?\s*(?:(?:rating|grade|judge?ment)s?\s+)?(?:overall\s+)?(?:for|in|on|when\s+it\s+came\s+to)\s",
    re.IGNORECASE,
)
_AREAS = (
    ("lscb", r"safeguarding\s+(?:children\s+)?board|\blscb\b|board\s+for\s+safeguarding"),
    ("help_and_protection", r"\bhelp\s+and\s+protection\b|\bneed(?:ing)?\s+(?:of\s+)?help\b"),
    ("protection", r"\bchild\s+protection\b|\bprotect(?:ing|ion\s+of)\s+children\b|\bsafeguarding\b"),
    ("care_leavers", r"\b(?:care\s+)?leavers?\b|\bleaving[\s-]care\b|\bcare[\s-](?:leaving|experienced)\b"),
    (
        "children_in_care",
        r"\bchildren\s+in\s+(?:its\s+|the\s+council's\s+)?care\b|\b(?:children\s+)?looked[\s-]after\b",
    ),
    ("adoption", r"\badoptions?\b"),
    ("leadership", r"\bleadership\b|\bimpact\s+of\s+leaders\b|\bmanagement\s+and\s+governance\b"),
    (OVERALL, r"\boverall\b"),
)
_AREA = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _AREAS), re.IGNORECASE)
_EVERY = re.compile(
    r"\b(?:all|every)\s+(?:(?:of\s+)?(?:the\s+|its\s+|of\s+)?(?:\w+\s+)?(?:areas?|categor\w+"
    r"|judge?ments?|counts?)\b)|\bacross\s+the\s+board\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:except|including|apart\s+from|exception|other\s+than|bar(?:ring)?|all\s+but)\b", re.IGNORECASE
)
_BREAKS = re.compile(r"[;:]|\b(?:while|whilst|whereas|but|although|though|with)\b", re.IGNORECASE)
# Services that are inspected or graded by themselves, and matters that get no grade of their own.
_OTHER = re.compile(
    r"\b(?:schools?|academ(?:y|ies)|nurser(?:y|ies)|colleges?|(?:children's|care|residential"
    r"|nursing)\s+homes?|homes|hospitals?|agenc(?:y|ies)"
    r"|foster\w*|early\s+help|mash|front\s+door|hubs?|assessments?|plans?|planning|supervision"
    r"|practices?|casework|workforce|teams?|polic\w+|police"
    r"|prisons?|send|special\s+educational|housing|transport|adult|providers?|caseloads?|recording"
    r"|thresholds?|visits\s+to|support\s+for"
    r"|oversight|performance|training|gp|surger(?:y|ies)|cqc|care\s+quality|nhs|fire|youth|probation"
    r"|centres?|education|music|further)\b",
    re.IGNORECASE,
)
_SMALL = (
    "a an the its their his her our this that these those it's and or as to be been being of in on at by for"
    " from up down than then now across within throughout around into still again also once twice both first"
    " last previously previous earlier recently latest new recent current currently only just even no longer"
    " not all years year months month weeks ago after before since when following during under over one two"
    " three four five six seven eight nine ten lowest highest top second third worst best possible grade"
    " grades rating ratings judgement judgements judgment verdict status level inspection inspections report"
    " reports visit january february march april may june july august september october november december full"
    " having however so far provided provision for's area areas service's called same main"
).split()
_VERBS = (
    "is are was were has have had do does did got get gets getting given gave give gives go goes went gone"
    " going moving fell fallen falling falls rose risen rises rising kept keep keeps keeping lost lose found"
    " find finds told tell said say says saying won win received be became become becomes made make makes"
    " being put puts brought saw seen held holds shown shows slipping improving jumping climbed climbing"
    " scoring came come comes ofsted inspectors inspector watchdog regulator who which requires require"
    " inspectorate remains remain stood stands meant means announced report's"
)
_TOKENS = re.compile(
    "|".join(
        rf"(?P<{name}>(?:{pattern})(?:'s?)?(?:\s+(?:services?|work|support|provision)\b)?)"
        for name, pattern in _AREAS
    )
    + rf"|(?P<body>{BODY}+(?:'s)?)"
    + r"|(?P<service>(?P<by>\b(?:in|at|of|for|across|by|to)\s+(?:the\s+|its\s+|their\s+)?)?"
    r"\b(?:children's\s+(?:social\s+care\s+)?(?:services|department)"
    r"|social\s+services|services?(?:\s+for\s+children\b(?!\s+(?:in|who|looked"
    r"|and\s+care))(?:\s+and\s+(?:young\s+people|families))?)?|councils?|authorit(?:y|ies)|local\s+authority"
    r"|county|city|borough|department|trust|(?P<pronoun>they|it))(?:'s)?\b(?!'s))"
    + rf"|(?P<small>\b(?:{'|'.join(_SMALL)})\b(?!')|\d[\d/–-]*)"
    + rf"|(?P<verb>\b(?:{'|'.join(_VERBS.split())}|\w{{2,}}ed)\b)"
    r"|(?P<comma>,)|(?P<break>[;:]|\b(?:while|whilst|whereas|but|although|though|with)\b)"
    r"|(?P<other>[^\W\d_][\w'-]*)",
    re.IGNORECASE,
)
_OVERALL = re.compile(r"\boverall\b", re.IGNORECASE)
_SIGNS = " ,.;:'\"–—-"
_BY = re.compile(r"\b(?:in|at|of|for|across|by|to)\s+(?:the\s+|its\s+)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Graded:
    """The areas that a grade is of, or that it is of every one; so many characters `behind` it name them."""

    areas: tuple[str, ...] = ()
    is_every: bool = False
    behind: int = 0


def areas_of(before: str, after: str, last: tuple[str, ...], previous: str) -> Graded:
    """Tell what a grade is of, by the words before and after it, up to its neighbours.

    Where they name nothing, it is of the `last` areas; what "It" is at the start may be in the `previous` sentence.
    """
    # "rated good for leadership": then what names the area comes behind.
    clause = re.split(r"[,;]|\b(?:while|but|whereas)\b", after)[0]
    if _FOR.match(clause):
        if named := _named(clause):
            return Graded(named, behind=max(match.end() for match in _AREA.finditer(clause)))
        if _OTHER.search(clause):
            return Graded()
    if _EXCEPT.search(before) or _EXCEPT.search(after):
        return Graded()
    if _EVERY.search(_BREAKS.split(before)[-1]) or _EVERY.search(clause):
        return Graded(is_every=True)
    found = _walked(before, last, previous)
    if (found or not _OTHER.search(before)) and _OVERALL.search(re.split(r"\b(?:and|with)\b", clause)[0]):
        return Graded((OVERALL,))
    return Graded(found)


def _meant_by_pronoun(before: str) -> tuple[str, ...]:
    """Tell what "it" is: what is named last before it, as far as that is an area or a body."""
    for match in reversed(list(_TOKENS.finditer(before))):
        kind = str(match.lastgroup)
        if kind in dict(_AREAS):
            return (kind,)
        if kind in {"service", "body"} and not match["pronoun"]:
            break
    return () if _OTHER.search(before) else (OVERALL,)


def _walked(before: str, last: tuple[str, ...], previous: str) -> tuple[str, ...]:
    """Walk back from a grade to what it is said of; nothing where that is something without grades here."""
    found: list[str] = []
    passed = False  # a body in passing, as in "adoption in Lyne was"
    for match in reversed(list(_TOKENS.finditer(before))):
        kind = str(match.lastgroup)
        if kind == "small" or (kind in {"verb", "comma"} and not found) or (kind == "comma" and found):
            continue
        if kind in {"service", "body"}:
            if found:
                break
            if match["pronoun"]:
                return _meant_by_pronoun(
                    before[: match.start()] if before[: match.start()].strip(_SIGNS) else previous
                )
            if match["by"] or (kind == "body" and _BY.search(before, 0, match.start())):
                passed = True
                continue
            return (OVERALL,)
        if kind in {"verb", "break"}:
            if found or passed:
                break
            continue
        if kind == "other":
            if found and (found != [OVERALL] or not _OTHER.search(before)):
                break
            return ()
        if kind not in found:
            found.append(kind)
    if len(found) > 1 and OVERALL in found:
        found.remove(OVERALL)
    return tuple(reversed(found)) or ((OVERALL,) if passed else last)


def _named(words: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(str(match.lastgroup) for match in _AREA.finditer(words)))
    if len(found) > 1 and OVERALL in found:
        return tuple(one for one in found if one != OVERALL) if not words.rstrip().endswith("overall") else found[-1:]
    return found
