"""Whether a sentence of a report says that its matter has changed."""

import re
from enum import StrEnum


class Change(StrEnum):
    """How a matter is, compared with before."""

    IMPROVED = "improved"
    DECLINED = "declined"
    UNCHANGED = "unchanged"


def change_of(sentence: str) -> Change | None:
    """Tell what a sentence itself says of its matter compared with before, None where it plainly says nothing.

    What is wanted, planned or meant for is no change, nor is what becomes of one person. Where some of it has become
    better and some has stayed, it is improved; where it is said to be both better and worse, nothing is told.
    """
    text = plain(sentence)
    found = {change for change, pattern in _SAID for match in pattern.finditer(text) if _holds(text, match)}
    if {Change.IMPROVED, Change.DECLINED} <= found:
        return None
    return next((change for change in Change if change in found), None)


def plain(text: str) -> str:
    """Write a text in small letters on one line, without the sign or number before it."""
    return _BEFORE.sub("", " ".join(text.split()).replace("’", "'")).lower()


_BEFORE = re.compile(r"^(?:[^\w\"'(]+|\(?(?:\d{1,3}|[a-z])[.)]\s*)+", re.IGNORECASE)

# What comes before a change that is not one: it is wanted, expected, asked about, meant or denied, or one person's.
_OPEN = re.compile(
    r"(?:\b(?:to|will|would|should|could|can|may|might|must|if|whether|unless|until|ensur\w+|how|need\w*|aim\w*|hop\w+"
    r"|expect\w*|plan(?:s|ned)?|intend\w*|designed|in order|likely|not|no|never|cannot|little|limited|lack|when|where"
    r"|whose?|so that)|n't)\b[^,;:]{0,60}$"
    r"|\b(?:child|children|people|person|adult|leaver|famil\w+)(?:'s|s'|ies') (?:\w+ )?"
    r"(?:behaviour|circumstances|difficulties|health|lives|needs|outcomes|problems|situations?|wellbeing) $"
)
# What comes after one likewise: it is yet to come, it is people's lives, or only a name has the word.
_WANTED = re.compile(
    r"(?:[^,;:]{0,40}?\b(?:is|are))? (?:still |also )?(?:needed|required|necessary|planned|expected|under ?way)\b"
    r"| (?:the )?(?:\w+ ){0,2}(?:lives|outcomes|life chances|wellbeing)\b"
    r"| (?:actions?|activit\w+|agenda|areas?|boards?|journey|notice|partner\w*|plan\w*|priorit\w+|programmes?"
    r"|strateg\w+|work)\b"
)


def _holds(text: str, match: re.Match[str]) -> bool:
    return not _OPEN.search(text[: match.start()]) and not _WANTED.match(text, match.end())


# Things that are better the fewer, and things that are better the more there is of them.
_BURDENS = (
    r"(?:absences?|agency (?:staff|workers|social workers)|backlogs?|caseloads?|changes of social worker|delays?"
    r"|drift|exclusions?|gaps?|instability|repeat referrals?|re-referrals?|shortages?|shortfalls?|sickness|turnover"
    r"|unallocated (?:cases|work)|vacanc(?:y|ies)|waiting (?:lists?|times?)|waits?|workloads?)"
)
_GAINS = (
    r"(?:attainment|attendance|capacity|completion rates?|compliance|confidence|consistency|engagement|morale"
    r"|participation|performance|permanence|quality|resources|retention|skills|stability|standards|take-up|timeliness)"
)

# Parts of what follows.
_LY = r"(?:(?:\w+ly|also|now|since|then|much|very|all|further|again|greatly|year on year) )*"
_HAVE = rf"(?:has|have|had|having) {_LY}"
_BEEN = rf"{_HAVE}(?:been {_LY})?"
_BE = rf"(?:is|are|was|were) {_LY}"
_BIG = (
    r"(?:an?|clear|considerable|continued|continuing|demonstrable|discernible|distinct|dramatic|early|encouraging"
    r"|evident|further|good|great|huge|impressive|marked|much|notable|noticeable|positive|rapid|real|recent|significant"
    r"|some|steady|strong|substantial|sustained|tangible|visible)"
)
_SEEN = r"(?:there (?:has|have) been|there (?:is|are)|seen|shows?|made|evidence of)"
_UP = r"(?:increased|risen|grown|gone up|doubled|lengthened|built up)"
_DOWN = (
    r"(?:reduced|decreased|fallen|dropped|gone down|narrowed|shortened|halved|been cleared|been eliminated|lessened)"
)
_ALONE = r"(?! (?:behind|the|their|its|risks?|harm)\b)"  # with no object, which something else would be said of
_UPPING = rf"(?:increasing|rising|growing|widening){_ALONE}"
_DOWNING = rf"(?:reducing|decreasing|falling|dropping|narrowing){_ALONE}"
_FEW = r"[^,;:.]{0,60}?\b"
_STATE = (
    r"(?:an? (?:\w+ )?(?:area (?:for|of) \w+|barrier|challenge|concern|issue|problem|risk|strength|weakness)"
    r"|adequate|challenging|effective|fragile|good|high|in(?!\b)\w+|largely|limited|low|not|outstanding|patchy|poor"
    r"|robust|slow|stable|static|strong|stubbornly|the same|too|un\w+|variable|very|weak)"
)
_IMPROVED = (
    rf"{_BEEN}(?:improved|strengthened|enhanced|transformed|turned around|progressed well)",
    rf"{_BE}(?:improving|becoming more effective|getting better)",
    r"(?:is|are) (?:(?:now|much|significantly) )+(?:better|more effective|stronger)(?! than)",
    (
        rf"(?:{_HAVE}become|became|becoming) {_LY}"
        r"(?:more (?!challenging|complex|difficult|fragile|limited|vari)\w+|better|stronger|timelier|safer|quicker)"
    ),
    rf"{_SEEN} (?:{_BIG} )*(?:improvements?|signs of improv(?:ing|ement))",
    rf"{_BIG} (?:and {_BIG} )?improvements? (?:in|to|since|on|of|can|has|have)",
    rf"improvements? (?:in {_FEW} )?(?:{_HAVE}been|{_BE}(?:evident|visible|seen|clear|apparent|noted))",
    rf"(?:there (?:has|have) been|there is) (?:{_BIG} )+progress (?:in|on|with|since|towards|against)",
    r"(?:progress|improvements?|improved (?:\w+ ){0,3})\s?since",
    (
        rf"(?:{_HAVE}led to|{_HAVE}resulted in|led to|resulted in) (?:{_BIG} )*"
        r"(?:improved (?!outcomes|life)|improvements?|better (?!outcomes))"
    ),
    r"(?:succeeded|successful|effective) in (?:improving|strengthening)",
    r"continu(?:es?|ed) to (?:improve|strengthen)",
    r"despite [^,;]{0,40}?\bimprov(?:ing|ements?)",
    (
        rf"{_BE}no longer (?:an? |too |so )?(?:\w+ )?"
        r"(?:concern|weak|weakness|problem|poor|inadequate|delay|issue|un\w+|in\w+)"
    ),
    r"(?:better|stronger|timelier|more (?:consistent|effective|timely)) than (?:before|previously|at the)",
    rf"{_BURDENS} {_FEW}(?:{_BEEN}{_DOWN}|{_BE}{_DOWNING}|{_BE}reduced)",
    rf"{_GAINS} {_FEW}(?:{_BEEN}{_UP}|{_BE}{_UPPING})",
    rf"{_HAVE}(?:reduced|cut|lowered|cleared) (?:\w+ ){{0,5}}{_BURDENS}",
    rf"{_HAVE}(?:increased|raised) (?:\w+ ){{0,3}}{_GAINS}",
    rf"gaps? [^,;:.]{{0,140}}?{_BEEN}(?:narrowed|closed)",
)
_DECLINED = (
    rf"{_BEEN}(?:deteriorated|declined|worsened|weakened|slipped|regressed|got worse|gone backwards)",
    rf"{_BE}(?:deteriorating|declining|worsening|getting worse)",
    rf"(?:{_HAVE}become|became|becoming) {_LY}(?:worse|weaker|poorer|slower|less \w+)",
    rf"(?:{_SEEN}|led to) (?:{_BIG} )*(?:deteriorations?|decline|worsening)",
    r"(?:deterioration|decline) (?:\w+ ){0,6}since",
    r"continu(?:es?|ed) to (?:deteriorate|decline|worsen)",
    r"(?:has|have) not been (?:sustained|maintained)",
    rf"{_BE}no longer (?:good|effective|outstanding|strong|timely|robust|sufficient)",
    r"(?:worse|weaker|poorer|less (?:consistent|effective)) than (?:before|previously|at the)",
    rf"{_BURDENS} {_FEW}(?:{_BEEN}{_UP}|{_BE}{_UPPING})",
    rf"{_GAINS} {_FEW}(?:{_BEEN}{_DOWN}|{_BE}{_DOWNING})",
    rf"gaps? [^,;:.]{{0,140}}?{_BEEN}widened",
)
_UNCHANGED = (
    rf"remain(?:s|ed)? {_LY}{_STATE}",
    rf"{_BE}still {_STATE}",
    (
        r"continu(?:es?|ed) to "
        r"(?:be|lack|provide|experience|face|benefit|show|perform|deliver|offer|achieve|struggle)"
    ),
    rf"{_HAVE}not (?:yet )?(?:been )?(?:\w+ly )?(?:improved|deteriorated|declined|changed|worsened)",
    (
        r"(?:has|have) (?:not been any|been (?:no|little|limited)) (?:\w+ )?"
        r"(?:improvement|deterioration|change|decline|progress)"
    ),
    r"(?:no|little|limited|insufficient) (?:evidence of |signs? of )?(?:improvement|progress) (?:has|since|in)",
    rf"{_BE}(?:unchanged|persisting)",
    rf"(?:{_HAVE}persisted|persists?)",
    r"(?:same|similar) (?:\w+ )?(?:as|to) (?:\w+ ){0,3}(?:previous|last) inspection",
)
_SAID = tuple(
    (change, re.compile(rf"\b{pattern}\b"))
    for change, patterns in (
        (Change.IMPROVED, _IMPROVED),
        (Change.DECLINED, _DECLINED),
        (Change.UNCHANGED, _UNCHANGED),
    )
    for pattern in patterns
)
