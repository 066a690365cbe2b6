"""The words that judge, in the English of British inspections; phrases between commas, `*` for any ending.

General words only, and no phrase of any one collection; `tones` tells what they make of a sentence.
"""

import re
from functools import cache
from itertools import groupby

# --- words that praise

GOOD = """
    accessible, accurate*, ambitious, appreciat*, appropriate, appropriately, beneficial*, benefit from,
    benefited from, benefits from, benefitting from, best practice, better than, broad range, careful, carefully,
    caring, child-centred, child-focused, clear, clearly, close attention, closely, coherent*, cohesive*,
    collaborative*, commitment, committed, compassionate*, complimentary, comprehensive, comprehensively,
    confidence, confident*, consistent, consistently, constructive*, creative*, decisive*, dedicated, detailed,
    determined, diligent*, discernible, effective, effectively, efficient*, embedded, encouraging*, engaged,
    enthusias*, equitable, excellent, exceptional*, exemplary, extensive, flexible, fully, good, good-quality,
    happy, helpful*, high quality, high-quality, highly, holistic*, honest*, impressive*, influential, innovative*,
    insightful, kind, knowledgeable, manageable, meaningful*, nurturing, outstanding, passionate*, person-centred,
    positive, positively, praise*, proactive*, progress well, prompt, promptly, proportionate*, proud, purposeful*,
    quickly, rapidly, real difference, realistic*, reflective, regular, regularly, relevant, reliable, resilien*,
    respectful*, responsive*, rich, rigorous*, robust*, safe, safely, seamless*, secure, securely, sensible,
    sensitive*, settled, skilful*, skilled, sound, soundly, stability, stable, strength, strengths, strong,
    stronger, strongly, succeed*, success, successes, successful*, sufficient, sufficiently, suitabl*, supportive*,
    sustained, swift*, systematic*, tailored, tangible, tenacious*, thorough*, thoughtful*, thriv*, timelier,
    timely, tirelessly, transparent*, trusted, trusting, valuable, valued, vibrant, vigilant, visible, warm, warmth,
    welcoming, well, well-*, wide range, work hard, worked hard, working hard, works hard
"""

# Verbs that say that something serves its purpose. They praise only where nothing blames.
SERVES = """
    able to, access to, adequate*, allowing, allows, assured, careful consideration, contributes, enabled, enables,
    enabling, encouraged, encourages, enhanced, ensured, ensures, ensuring, equips, escalated, facilitates,
    feel safe, full range, good use, have access, helped, helping, helps, immediate*, improves, informed by,
    involved, leads to better, listened to, make a difference, makes a difference, making a difference, meet their,
    meets, promoted, promotes, promoting, protected, provides, range of, reduces, reflect, reflects, resourced,
    routinely, strengthened, strengthens, supported, supporting, supports, tracked, understand, understands
"""

# --- words that blame

BAD = """
    a * challenge, a * concern, a * issue, a * risk, a * weakness, a challenge, a concern, absence of, absent,
    an issue, backlog*, below average, blurred, burdensome, caseloads are high, challenges, confus*,
    could be better, could be clearer, could be improved, could be strengthened, danger*, declin*, deficien*,
    delay*, descriptive, deteriorat*, difficult*, disappointing*, disjointed, disrupt*, drift, drifting,
    dysfunctional, errors, exposed to, fail, failed, failing*, fails, failur*, formulaic, fragile, fragmented,
    further work, gap, gaps, generalised, generic, hampered, harmful, has not yet, have not yet, high caseloads,
    high levels of agency, high turnover, higher than, hinder*, impede*, improvement* are needed,
    improvement* are required, improvement* is needed, improvement* is required, improvement* needed,
    improvement* required, in isolation, inability, inaccura*, inadequa*, inappropriat*, incomplete, inconsisten*,
    ineffective*, ineffectual, inefficien*, inequit*, infrequent*, insecure, instability, insufficien*,
    it is concerning, jeopard*, lack, lacked, lacking, lacks, late, left at risk, lengthy, less clear,
    less consistent, less effective, less evident, less likely, less so, less well, limit, limited, limits,
    little evidence, little impact, long waits, missed opportunities, misunderst*, more needs to be done,
    more to do, more work, must ensure, must improve, need for improvement, need to be improved,
    need to be strengthened, need to ensure, need to improve, need to strengthen, needs further, needs improvement,
    needs strengthening, needs to be better, needs to be improved, needs to be strengthened, needs to ensure,
    needs to improve, needs to strengthen, neglected to, of concern, over stretched, over-optimistic, overdue,
    overly, overoptimistic, overstretched, overwhelm*, patchy, poor, poor-quality, poorer, poorly, problem,
    problems, reactive, remedial, require improvement, requires improvement, requiring improvement,
    room for improvement, scope to, serious concern*, shortage*, shortcoming*, shortfall*, should be better,
    should ensure, slow, slowly, sporadic*, still to, stretched, struggl*, superficial*, unacceptabl*, unallocated,
    unassessed, unaware, uncertain*, unclear, under-developed, underdeveloped, undermin*, unduly, unfocused,
    unmanageable, unmet, unreliab*, unresolved, unsafe, unsatisfactor*, unstable, unsuitabl*, unsupported, untimely,
    unwieldy, vague, variab*, variation, varies, vary, waiting list*, waiting too, weak, weaker, weakness*,
    worrying*, worse, worsen*, yet to
"""

# That something is not so always, not enough or too much, which blames whatever it is said of.
SCOPE = """
    as yet, in only, no clear, no evidence, not adequately, not all, not always, not clear*, not consistently,
    not effective*, not enough, not every, not fully, not good enough, not quickly enough, not routinely,
    not specific, not sufficient*, not well enough, not yet, only a few, only a minority, only some, rarely, seldom,
    too *, too early, too few, too late, too little, too long, too many, too much, too often, too quickly, too slow,
    too soon, very few
"""

BLAME = f"{BAD}, {SCOPE}"

# --- words that turn round what comes after them, in the same clause

NOT = "not, no, never, nor, neither, cannot, without, none, little, few, nobody, hardly, free of, free from, *n't"
NO_FEW = "a few, not only, no doubt, no small measure, no matter, no less"  # that turn nothing round
LACKS = """
    absence of, affecting, affects, could be, fail, failed, failing, fails, failure, failures, further work,
    hamper*, hinder*, impede*, inability, insufficien*, insufficiently, lack, lacked, lacking, lacks, less, limited,
    limits, more needs to be done, more to do, more work, need to, needed to, needs to, rarely, require improvement,
    requires improvement, scope to, seldom, should be, still to, too few, too little, unable, undermin*, yet to
"""

# What blames by denying, even where it denies no praise.
DENIES = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|has|have|can|could)(?: (?:still |also |often |therefore )?not|n't)"
    r"|cannot|not (?!being\b|includ)\w+ing)\b"
)

# What keeps a bad thing from being blamed: it is seen, met or kept away.
SHIELDS = """
    address, addressed, addresses, addressing, avoid*, aware of, awareness of, challenge, challenges, eliminat*,
    in response to, learn from, learning from, minimis*, mitigat*, overcome, overcoming, prevent*, recognis*,
    rectify*, reduce, reduced, reduces, reducing, reduction in, regardless of, remedy, resolve, resolved, resolves,
    resolving, respond*, tackle, tackled, tackles, tackling, to identify, understand*
"""
# Such parts of a sentence say on what condition something is so, and neither that it is nor that it is not.
CONDITIONS = "if, when, where, whenever, wherever, unless, until, in case, whether"
# What something is meant for is not what it is.
PURPOSES = "so that, in order to, to ensure, to make sure, to help, to enable, to support, to allow, to consistently"

# --- how a sentence is put together

CONTRASTS = """
    albeit, although, apart from, but, despite, even though, except, however, in spite of, nevertheless,
    nonetheless, notwithstanding, though, whereas, while, whilst, with the exception of, yet
"""
NO_CONTRAST = "not yet, as yet, yet to, for a while, once in a while, but also, but rather"
# An item of a list that begins so asks for something.
ORDERS = re.compile(
    r"(?:urgently |further |continue to )?(?:"
    r"(?:clarify|develop|embed|enable|ensure|establish|implement|improve|make sure|put in place|strengthen"
    r"|take (?:\w+ )?(?:action|steps))\b"
    r"|(?:accelerate|address|build|consider|continue|create|increase|monitor|raise|reduce|review|tackle)"
    r" (?:all|an?|each|every|how|its|more|that|the|their|there|whether)\b)"
)

# Headings above what is to become better, and those below them that say by when.
WANTING = re.compile(
    r"(?:what|areas?|things?)\b.{0,60}\b(?:needs?|must|should|could|has|have)\b.{0,20}\bimprove"
    r"|\bareas? (?:for|of) (?:\w+ )?(?:improvement|development|action|weakness|concern)"
    r"|\b(?:areas? for )?(?:priority|immediate|urgent|required) (?:and immediate )?(?:actions?|improvements?)\b"
    r"|\brecommendations?\b|\b(?:main|key) weaknesses\b|\bwhat (?:must|should) (?:\w+ ){0,4}do\b",
    re.IGNORECASE,
)
DEADLINES = re.compile(
    r"\W*(?:immediately|within\b.{0,30}\b(?:days?|weeks?|months?|year)|by \w+ \d{4})\W*", re.IGNORECASE
)


@cache
def found_by(phrases: str) -> re.Pattern[str]:
    """Make a pattern that finds the phrases as whole words of a plain text, the longest that fits at each place."""
    each = sorted({" ".join(one.split()) for one in phrases.split(",")}, key=lambda one: (one[0], -len(one), one))
    parts = (re.escape(one).replace(r"\*", r"[\w'-]*").replace(r"\ ", " ") for one in each)
    by_letter = ("|".join(some) for _, some in groupby(parts, key=lambda part: part[0]))  # is faster to look through
    return re.compile(rf"\b(?<!['-])(?:{'|'.join(f'(?:{one})' for one in by_letter)})(?![\w'-])")
