"""`citewell eval` from end to end, on the invented reports."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from service.answering.answer import Answer, Quote
from service.query import Query
from service.search import Searcher
from tests.service.conftest import Citewell, Library
from tests.service.evaluation.made import answer

QUESTIONS = [
    {
        "id": "carers",
        "type": "factual",
        "question": "Foster carers were hired in spring",
        "answers": ["Foster"],
        "evidence": [{"path": "redbrook/2019.txt", "page": 2, "quote": "Foster carers were hired in spring."}],
    },
    {
        "id": "budget",
        "type": "temporal",
        "question": "How did the school budget change?",
        "evidence": [{"path": "redbrook/2019.txt", "page": 1}, {"path": "redbrook/2022.txt", "page": 1}],
    },
    {
        "id": "gone",
        "type": "factual",
        "question": "Who painted the pier?",
        "evidence": [{"path": "greenmouth/2020.txt", "page": 1}],
    },
    {"id": "nobody", "type": "unanswerable", "question": "Who sold the mill?", "evidence": []},
]


class Quoting:
    """Quotes the first hit where it is sure enough, in full."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher

    def ask(self, query: Query) -> Answer:
        """Search once and quote."""
        found = self.searcher.search(query)
        first = found.hits[0]
        quotes = (Quote(first.text, first.citation, (0, 6)),) if "mill" not in query.text else ()
        return replace(answer(*quotes, confidence=first.score), found=found)


@pytest.fixture(autouse=True)
def _answerer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out how answers are found: here it is measured whether they are right."""
    monkeypatch.setattr("service.answering.Answerer", Quoting, raising=False)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Give a question file."""
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in QUESTIONS))
    return path


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Give a public set of two documents."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(
        '{"_id": "a/1", "title": "Pier", "text": "It was painted in spring."}\n'
        '{"_id": "a/2", "title": "Mill", "text": "It was sold to the town."}\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "painted"}\n{"_id": "2", "text": "sold"}\n')
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta/1\t1\n2\ta/2\t1\n")
    return folder


def test_a_question_file_gives_figures(citewell: Citewell, shelf: Library, questions: Path) -> None:
    """People get a table, programs one JSON document with the rank of every gold page."""
    ran = citewell("eval", questions, "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("questions.jsonl: mode ")
    assert "Left out, gold document missing from the index: 1 questions (gone)\n" in ran.out
    assert "all (2)" in ran.out
    assert "\nAnswers\n" in ran.out
    assert "all (3)" in ran.out

    ran = citewell("eval", questions, "--json", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["format"], found["kind"]) == (2, "questions")
    assert found["settings"].items() >= {"k": 20, "encoder": "words", "generation": 1}.items()
    assert [one["id"] for one in found["missing"]] == ["gone"]
    carers = found["outcomes"][0]
    assert (carers["id"], carers["type"], carers["page_rank"], carers["document_rank"]) == ("carers", "factual", 1, 1)
    assert carers["gold"] == [
        {"path": "redbrook/2019.txt", "page": 2, "gain": 1.0, "rank": 1, "document_rank": 1},
    ]
    assert carers["took_ms"] > 0
    assert found["groups"]["factual"]["figures"]["page_hit@1"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert found["calibration"]["auc"] is not None
    said = carers["answered"]
    assert (said["status"], said["short"], said["exact"]) == ("answered", "Foster", 1)
    assert said["quotes"][0].items() >= {"source": "redbrook/2019.txt", "day": "2019-05-22"}.items()
    means = {name: one["mean"] for name, one in found["answers"]["groups"]["all"]["figures"].items()}
    assert (means["quote_overlap@1"], means["quote_hit@1"], means["unanswerable_recall"]) == (1, 1, 1)


def test_answers_can_be_left_out(citewell: Citewell, shelf: Library, questions: Path) -> None:
    """The figures of search are the same with them and without."""
    arguments = ("eval", questions, "--json", "--index", shelf.settings.index)
    asked, searched = (json.loads(citewell(*arguments, *more).out) for more in ((), ("--no-answers",)))
    assert searched["answers"] is None
    assert {one["answered"] for one in searched["outcomes"]} == {None}
    assert (asked["groups"], asked["calibration"]) == (searched["groups"], searched["calibration"])


def test_only_the_first_questions_are_asked_on_request(citewell: Citewell, shelf: Library, questions: Path) -> None:
    """`--limit` is for a quick look, `-k` for a deep one."""
    ran = citewell("eval", questions, "--limit", 1, "-k", 30, "--json", "--index", shelf.settings.index)
    found = json.loads(ran.out)
    assert [one["id"] for one in found["outcomes"]] == ["carers"]
    assert found["settings"]["k"] == 30


def test_two_runs_are_compared(citewell: Citewell, library: Library, questions: Path, tmp_path: Path) -> None:
    """What got worse is seen: here a copy of the right passage that came in between."""
    index = ("--index", library.settings.index)
    (tmp_path / "before.json").write_text(citewell("eval", questions, "--json", *index).out)
    library.write("a.txt", "Foster carers were hired in spring.")
    library.sync()
    (tmp_path / "after.json").write_text(citewell("eval", questions, "--json", *index).out)

    runs = ("--compare", tmp_path / "before.json", tmp_path / "after.json")
    ran = citewell("eval", *runs)
    assert (ran.code, ran.err) == (0, "")
    assert "carers (factual): 1 -> 2" in ran.out
    found = json.loads(citewell("eval", *runs, "--json").out)
    assert found["changes"][0] == {"id": "carers", "type": "factual", "before": 1, "after": 2}
    assert found["groups"]["factual"]["page_hit@1"]["losses"] == 1

    citewell("eval", *runs, "--plots", tmp_path / "plots")
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["rank-changes.svg"]


def test_pictures_are_drawn_beside_the_figures(
    citewell: Citewell, shelf: Library, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where matplotlib is missing that is told at once, and nothing is drawn."""
    arguments = ("eval", questions, "--plots", tmp_path / "plots", "--json", "--index", shelf.settings.index)
    ran = citewell(*arguments)
    assert (ran.code, json.loads(ran.out)["format"]) == (0, 2)
    assert {path.suffix for path in (tmp_path / "plots").iterdir()} == {".svg"}

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = citewell(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "pip install 'citewell[plots]'" in ran.err


def test_a_public_set_is_indexed_and_asked(citewell: Citewell, public: Path, tmp_path: Path) -> None:
    """Without `--index` nothing stays; with it the index is used again, and that is said."""
    ran = citewell("eval", "--beir", public)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("tiny: mode ")
    assert not (tmp_path / ".citewell").exists()

    arguments = ("eval", "--beir", public, "--json", "--index", tmp_path / "kept")
    first, second = citewell(*arguments), citewell(*arguments)
    assert (first.err, second.err) == ("", f"using the index in `{tmp_path / 'kept'}` as it was made before\n")
    found = json.loads(second.out)
    assert found["kind"] == "beir"
    assert found["settings"]["k"] == 100
    assert found["groups"]["all"]["figures"]["document_ndcg@10"]["mean"] == 1
    assert json.loads(first.out)["groups"] == found["groups"]


def test_a_public_set_never_touches_the_index_of_the_settings(
    citewell: Citewell, shelf: Library, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `--index` names a folder for it, and an index of something else stays as it is even then."""
    monkeypatch.setenv("CITEWELL_INDEX", str(shelf.settings.index))
    assert citewell("eval", "--beir", public).code == 0
    ran = citewell("eval", "--beir", public, "--index", shelf.settings.index)
    assert (ran.code, ran.out) == (2, "")
    assert "does not hold the documents of `tiny`" in ran.err
    assert shelf.searcher().generation() == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("eval", 2, "name one of a question file, --beir FOLDER and --compare BEFORE.json AFTER.json"),
        ("eval {questions} --beir {public}", 2, "name one of a question file"),
        ("eval {questions} --compare a.json b.json", 2, "name one of a question file"),
        ("eval --beir {public} -k 20", 2, "-k goes with a question file"),
        ("eval --compare a.json b.json -k 20", 2, "-k goes with a question file"),
        ("eval --beir {public} --no-answers", 2, "--no-answers goes with a question file"),
        ("eval --compare a.json b.json --limit 3", 2, "--limit goes with a question file or a public set"),
        ("eval --compare a.json", 2, "requires 2 arguments"),
        ("eval --compare a.json b.json", 2, "`a.json` cannot be read"),
        ("eval {questions} --limit 0", 2, "Invalid value for '--limit'"),
        ("eval {questions} -k 10 --index {index}", 2, "k is 10; the measures look at the first 20 hits"),
        ("eval {questions} -k 0 --index {index}", 2, "k is 0; it must be from 1 to 100"),
        ("eval nowhere.jsonl --index {index}", 2, "`nowhere.jsonl` cannot be read (No such file or directory)"),
        ("eval {public} --index {index}", 2, "cannot be read (Is a directory)"),
        ("eval --beir nowhere", 2, "`nowhere/corpus.jsonl` cannot be read"),
        ("eval {questions} --index nowhere", 3, "no index in `nowhere`; run `citewell index SOURCE`"),
    ],
)
def test_what_cannot_be_evaluated_says_why(  # noqa: PLR0917 - the table's columns come last
    citewell: Citewell, shelf: Library, questions: Path, public: Path, arguments: str, code: int, message: str
) -> None:
    """A failure leaves stdout empty and says on stderr what was wrong and what to do."""
    places = {"{questions}": questions, "{public}": public, "{index}": shelf.settings.index}
    ran = citewell(*(places.get(word, word) for word in arguments.split()))
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
