import json
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import InputError
from service.evaluation.questions import Evidence, Questions, QuestionType, read_questions

GOOD: dict[str, Any] = {
    "id": "q1",
    "type": "factual",
    "question": "Who painted the pier?",
    "answers": ["the town"],
    "evidence": [{"path": "a/1.txt", "page": 2, "quote": "The town did."}],
    "filters": {"body": "Redbrook"},
}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8")
    return path


def test_a_question_is_read_with_its_evidence(tmp_path: Path) -> None:
    """Blank lines and fields for people are passed over; the same page named twice counts once, with both quotes."""
    again = GOOD["evidence"][0] | {"quote": "It was the town."}
    twice = GOOD | {"evidence": [*GOOD["evidence"], again, {"path": "b.txt", "page": 1}]}
    questions = read_questions(written(tmp_path, "", twice, "", GOOD | {"id": "q2"}))
    assert [one.id for one in questions.all] == ["q1", "q2"]
    first = questions.all[0]
    assert (first.type, first.text) == (QuestionType.FACTUAL, "Who painted the pier?")
    assert first.evidence == (
        Evidence("a/1.txt", 2, quotes=("The town did.", "It was the town.")),
        Evidence("b.txt", 1),
    )
    assert first.answers == ("the town",)
    assert first.documents == ("a/1.txt", "b.txt")
    assert questions.name == "questions.jsonl"


def test_signs_that_end_lines_elsewhere_may_stand_in_a_question(tmp_path: Path) -> None:
    """Only a line feed ends a line of JSON lines."""
    odd = GOOD | {"question": "Who\u2028painted\x85it?"}
    questions = read_questions(written(tmp_path, json.dumps(odd, ensure_ascii=False)))
    assert questions.all[0].text == odd["question"]


def test_only_so_many_questions_are_read(tmp_path: Path) -> None:
    """What comes after the limit is not even looked at."""
    assert len(read_questions(written(tmp_path, GOOD, GOOD | {"id": "q2"}, "no JSON"), 2).all) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Invalid JSON"),
        ("[]", "line 2: Input should be an object"),
        (GOOD, "line 2: there is a question `q1` above; give it another id"),
        (GOOD | {"id": 7}, "line 2: `id`: Input should be a valid string; write a JSON object with `id`, `type`"),
        (GOOD | {"id": ""}, "line 2: `id`: "),
        (GOOD | {"id": "q2", "question": "  "}, "line 2: `question`: "),
        (GOOD | {"id": "q2", "answers": "the town"}, "`answers`: Input should be a valid array"),
        (GOOD | {"id": "q2", "type": "riddle"}, "`type` is 'riddle'; write one of factual, explanatory, temporal"),
        (GOOD | {"id": "q2", "type": "query"}, "`type` is 'query'; write one of"),
        (GOOD | {"id": "q2", "evidence": [{"path": "a", "page": 0}]}, "`evidence.0.page`: "),
        (GOOD | {"id": "q2", "evidence": [{"path": "a", "page": True}]}, "`evidence.0.page`: "),
        (GOOD | {"id": "q2", "evidence": [{"page": 1}]}, "`evidence.0.path`: Field required"),
        (GOOD | {"id": "q2", "evidence": []}, "a question of type factual has at least one entry"),
        (GOOD | {"id": "q2", "type": "unanswerable"}, "a question of type unanswerable has no evidence"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: object, message: str) -> None:
    """The message has the file, the line, what is wrong and what to write."""
    path = written(tmp_path, GOOD, line)
    with pytest.raises(InputError) as error:
        read_questions(path)
    assert str(error.value).startswith(f"`{path}` line 2: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"\n", "no question")]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, data: bytes | None, message: str) -> None:
    """A missing file, one that is not text, and one without questions."""
    path = tmp_path / "questions.jsonl"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_questions(path)


def test_the_hash_tells_whether_the_same_was_asked(tmp_path: Path) -> None:
    """It depends on questions, answers and evidence, and on nothing that the figures do not depend on."""
    questions = read_questions(written(tmp_path, GOOD))
    same = read_questions(written(tmp_path, GOOD | {"filters": {}}))
    assert Questions("another name", same.all).sha256 == questions.sha256
    moved = GOOD | {"evidence": [GOOD["evidence"][0] | {"page": 3}]}
    for other in (GOOD | {"answers": []}, moved):
        assert read_questions(written(tmp_path, other)).sha256 != questions.sha256
