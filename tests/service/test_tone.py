import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.tone import Change, Tone, change_of, tone_of


@pytest.mark.parametrize(
    "sentence",
    [
        "Supervision is regular and reflective.",
        "17. The duty team responds swiftly when neighbours ring.",
        "There is no delay in finding homes for babies.",
        "Few letters were unclear.",
        "Visits are not too short.",
        "Children no longer wait too long.",
        "Leaders have reduced delay in court work.",
        "Help is not only timely but also well planned.",
        "The library van helps lonely families.",
        "When lodgings break down, staff act promptly.",
        "The panel has a good understanding of gaps.",
    ],
)
def test_praise_is_a_strength(sentence: str) -> None:
    """A good thing is one, and so is a bad thing that is denied, seen or kept away."""
    assert tone_of(sentence) is Tone.STRENGTH


@pytest.mark.parametrize(
    "sentence",
    [
        "Caseloads are too high for the night team.",
        "Audits lack rigour.",
        "Notes do not always include fathers.",
        "Not all records are up to date.",
        "Too few lodgings are visited.",
        "The rota is not yet reliable.",
        "Managers aren't visible.",
        "Supervision is neither regular nor reflective.",
        "There is insufficient checking of letters.",
        "However, the choice of hostels is limited.",
        "Rent arrears remain a significant challenge.",
        "More work is needed so that visits are effective.",
        "• Ensure that all letters are clear and kind.",
    ],
)
def test_blame_is_a_weakness(sentence: str) -> None:
    """A bad thing is one, and so is a good thing that is denied, missing, not always so or asked for."""
    assert tone_of(sentence) is Tone.WEAKNESS


@pytest.mark.parametrize(
    "sentence",
    [
        "Letters are clear, but replies are slow.",
        "Although most rotas are sound, some are inconsistent.",
        "Visits are timely; however, notes of them lack detail.",
        "Despite strong leadership, the backlog has grown.",
        "The helpline is good, with some calls being poorly recorded.",
        "Attendance has improved but is not yet good enough.",
    ],
)
def test_praise_beside_blame_is_mixed(sentence: str) -> None:
    """What is set against something else, or stands in a part of its own, counts beside it."""
    assert tone_of(sentence) is Tone.MIXED


@pytest.mark.parametrize(
    "sentence",
    [
        "A new telephone system was bought in May.",
        "The night team has twelve workers.",
        "",
        "If visits are poor, the panel is told.",
        "Work is under way to ensure good visits.",
    ],
)
def test_what_judges_nothing_is_neutral(sentence: str) -> None:
    """Facts are no judgement, and neither is what something is meant for or depends on."""
    assert tone_of(sentence) is Tone.NEUTRAL


@pytest.mark.parametrize(
    "headings",
    [
        ("What needs to improve",),
        ("Findings", "Areas for improvement"),
        ("Areas for priority action", "Within three months:"),
        ("Recommendations",),
        ("What does the council need to improve?",),
    ],
)
def test_what_stands_under_a_list_of_wants_is_a_weakness(headings: tuple[str, ...]) -> None:
    """Its items name a matter without judging it, also under a heading that says by when."""
    assert tone_of("■ The quality of letters to lodgers.", headings) is Tone.WEAKNESS
    assert tone_of("The quality of letters has improved.", headings) is Tone.STRENGTH


@pytest.mark.parametrize(
    "headings", [(), ("Requires improvement", "Findings"), ("Areas for improvement", "How lodgers are helped")]
)
def test_other_headings_judge_nothing(headings: tuple[str, ...]) -> None:
    """Neither does a grade nor a list of wants that another heading has followed."""
    assert tone_of("The quality of letters to lodgers.", headings) is Tone.NEUTRAL


@pytest.mark.parametrize(
    ("sentence", "change"),
    [
        ("Supervision has improved since the last visit.", Change.IMPROVED),
        ("Letters are much better.", Change.IMPROVED),
        ("Rotas are no longer a concern.", Change.IMPROVED),
        ("The backlog has been greatly reduced.", Change.IMPROVED),
        ("There has been significant progress in tracing lodgers.", Change.IMPROVED),
        ("Attendance is improving but remains too low.", Change.IMPROVED),
        ("The night service has deteriorated.", Change.DECLINED),
        ("Waiting times have lengthened.", Change.DECLINED),
        ("Early gains have not been sustained.", Change.DECLINED),
        ("Turnover of staff remains a concern.", Change.UNCHANGED),
        ("The hostel continues to be well run.", Change.UNCHANGED),
        ("Recording has not improved.", Change.UNCHANGED),
        ("There has been little progress in tracing lodgers.", Change.UNCHANGED),
    ],
)
def test_a_change_is_told_where_the_sentence_says_so(sentence: str, change: Change) -> None:
    """It is compared with before, in words; better counts before what has stayed."""
    assert change_of(sentence) is change


@pytest.mark.parametrize(
    "sentence",
    [
        "Recording needs to improve.",
        "Leaders are committed to continuous improvement.",
        "The plan aims to improve outcomes for lodgers.",
        "Visits will have improved by June.",
        "Managers check whether recording has improved.",
        "The improvement board has met twice.",
        "Further improvement in recording is needed.",
        "Lodgers remain in the hostel until June.",
        "The child's circumstances have improved.",
        "Visits have improved, and letters have deteriorated.",
        "Supervision is good.",
        "Good support improves the lives of lodgers.",
        "",
    ],
)
def test_what_is_wanted_meant_or_unclear_is_no_change(sentence: str) -> None:
    """Neither is what becomes of one person, nor a sentence that tells of both better and worse."""
    assert change_of(sentence) is None


@given(st.lists(st.sampled_from("Letters are not always clear , but visits have improved .".split())))
def test_line_ends_do_not_matter(words: list[str]) -> None:
    """Page texts break lines within sentences."""
    assert tone_of("\n".join(words)) is tone_of("  ".join(words))
    assert change_of("\n".join(words)) is change_of(" ".join(words))


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """There is always a tone, and a change or none."""
    assert tone_of(text) in Tone
    assert change_of(text) in {None, *Change}
