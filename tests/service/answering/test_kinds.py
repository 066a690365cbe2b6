import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.kinds import LONGEST_OF, Kind, wanted

QUESTIONS = {
    Kind.NUMBER: (
        "How many boats were mended?",
        "Since the storm, how many boats has the harbour lost?",
        "What is the number of boats in the harbour?",
        "What was the total number of boats mended?",
        "How big is the fleet?",
        "What is the limit on boats for each pilot?",
        "how many boats",
        "number of boats harbour",
        "How many boats were judged good?",
        "How many year 11 sailors passed?",
        "How many day trips were sold?",
        "hwo many boats were mended",
        "who many boats were mended",
    ),
    Kind.MONEY: (
        "How much did the pier cost?",
        "How much money was spent on the pier?",
        "What was the cost of the pier?",
        "What does the ferry cost?",
        "how much was paid to the crew",
        "What is the hourly rate of a pilot?",
        "hwo much did the pier cost",
    ),
    Kind.SHARE: (
        "What percentage of the boats leaked?",
        "What proportion of crews can swim?",
        "Which share of the catch was sold?",
        "What is the rate of leaks?",
        "percentage of boats that leaked",
        "How large a share of the catch is herring?",
        "By how much did the catch fall?",
        "How did the rate fall?",
    ),
    Kind.DURATION: (
        "How long did the crew wait?",
        "How many weeks did the crew wait?",
        "How soon does the lifeboat come?",
        "what is the average wait for a berth",
        "how long wait berth",
        "hwo many weeks did the crew wait",
    ),
    Kind.GRADE: (
        "What grade did the harbour get?",
        "How was the lighthouse rated?",
        "What was the lighthouse judged to be?",
        "Which rating has the ferry?",
        "harbour grade 2021",
        "How did visitors rate the harbour?",
        "How did the visitors rate its crews?",
        "How did the visitors rate Kentwood?",
    ),
    Kind.DATE: (
        "When was the pier opened?",
        "When did the ferry sink?",
        "In what year did the ferry sink?",
        "Which day do the boats come in?",
        "What was the date of the visit?",
        "date of visit",
        "What time does the ferry leave?",
        "What are the opening hours of the mill?",
        "Since when has the mill been closed?",
    ),
    Kind.NAME: (
        "Who leads the ferry?",
        "By whom was the pier opened?",
        "Whose boats leaked?",
        "What is the name of the ferry?",
        "What is the new ferry called?",
        "Which towns have a pier?",
        "name of the ferry",
    ),
    Kind.TEXT: (
        "What did the visitors find?",
        "Why did the ferry sink?",
        "Why has the number of boats fallen?",
        "And why was the harbour rated good?",
        "How well are the crews trained?",
        "Did the crews improve?",
        "herring and gulls",
        "waht did the visitors find",
        "A number of boats leaked; what was done?",
        "There are so many boats. Tell me of them.",
        "People who swim: what do they say?",
        "What happens when it rains?",
    ),
}
TABLE = [(kind, question) for kind, questions in QUESTIONS.items() for question in questions]


@pytest.mark.parametrize(("kind", "question"), TABLE)
def test_a_question_tells_what_kind_of_answer_it_wants(kind: Kind, question: str) -> None:
    """Whole questions and a few words, also with the question word mistyped."""
    assert wanted(question).kind is kind


@pytest.mark.parametrize(("kind", "question"), [pair for pair in TABLE if "rate Kentwood" not in pair[1]])
def test_capitals_play_no_part(kind: Kind, question: str) -> None:
    """Many people type without, or with the key for capitals held."""
    assert wanted(question.lower()).kind is kind
    assert wanted(question.upper()).kind is kind


@pytest.mark.parametrize(
    ("question", "of"),
    [
        ("How many boats were mended?", {"boat", "mend"}),
        ("How many of the pilots can swim?", {"pilot", "swim"}),
        ("What share of the catch is herring?", {"catch", "herr"}),
        ("Who leads the ferry?", {"lead", "ferr"}),
        ("How long did the crew wait?", {"crew", "wait"}),
        ("When was the pier opened?", set()),
        ("Why did the boats sink?", set()),
    ],
)
def test_what_is_counted_or_named_stands_behind_the_question_word(question: str, of: set[str]) -> None:
    """Without the words that are in every question, and without endings; a date or a sentence is of nothing."""
    assert wanted(question).of == of


def test_only_the_next_few_words_say_what_is_counted() -> None:
    """What comes long after the question word is about something else."""
    near = [f"word{place}" for place in range(LONGEST_OF)]
    assert wanted(f"How many {' '.join(near)} elsewhere?").of == set(near)


@given(
    st.text(max_size=1000)
    | st.lists(st.sampled_from("how many what rate who ? - when did the £ 7".split())).map(" ".join)
)
def test_any_question_has_one_kind(question: str) -> None:
    """Whatever is typed, and always the same."""
    assert wanted(question) == wanted(question)
    assert "" not in wanted(question).of
