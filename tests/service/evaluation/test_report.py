from dataclasses import replace

from service.evaluation.compare import compare
from service.evaluation.outcomes import Missing
from service.evaluation.questions import QuestionType
from service.evaluation.report import comparison_lines, evaluation_lines
from tests.service.evaluation.made import SETUP, outcome, run, said


def test_a_run_is_a_table_of_measures_by_type() -> None:
    """Each cell is a mean with its interval, under the type and how many questions it has."""
    found = run(
        outcome("q1", "factual", 1, hits=[(0.9, True)]),
        outcome("q2", "factual", 1),
        outcome("q3", "temporal", 3, 40),
        outcome("q4", "unanswerable", hits=[(0.1, False)]),
    )
    lines = list(evaluation_lines(found))
    assert lines[0] == "made up: mode dense, 20 hits, encoder words, generation 3; 4 questions"
    rows = [line.split("  ") for line in lines]
    (header,) = [row for row in rows if any("factual" in cell for cell in row)]
    assert [cell.strip() for cell in header if cell.strip()] == ["all (3)", "factual (2)", "temporal (1)"]
    (row,) = [row for row in rows if row[1:2] == ["complete@10"]][:1]
    assert [cell.strip() for cell in row if cell.strip()][2:] == ["1.000 1.00-1.00", "0.000 0.00-0.00"]
    text = " ".join(" ".join(lines).split())
    assert (
        "Scores of 2 hits: expected calibration error 0.100 (10 bins of equal width), 0.100 (equal mass), Brier"
        in text
    )
    assert "Brier score 0.010; AUC of the top score, answerable or not, 1.000" in text
    assert "0.9-1.0 1 0.900 1.000" in text
    assert lines[-1] == "A search took 4 ms at the median, 4 ms at p95"
    assert all(len(line) <= 100 for line in lines)


def test_a_run_without_inference_says_so() -> None:
    """Nobody takes it for one in which bodies and times were read from the questions."""
    found = run(outcome("q1", "factual", 1), setup=replace(SETUP, infer=False))
    assert "mode dense without inference" in next(iter(evaluation_lines(found)))


def test_five_types_fit_a_terminal() -> None:
    """No line of the widest table there is passes 100 columns."""
    kinds = ["factual", "explanatory", "temporal", "thematic"]
    found = run(
        *(
            replace(outcome(f"{kind} {number}", kind, number), answered=said(number % 2 == 0, exact=0.5))
            for kind in kinds
            for number in range(1, 31)
        ),
        *(replace(outcome(f"nothing {number}", "unanswerable"), answered=said()) for number in range(1, 31)),
    )
    lines = list(evaluation_lines(found))
    answers = lines.index("Answers")
    for part in (lines[:answers], lines[answers:]):
        assert 90 < max(map(len, part)) <= 100


def test_answers_are_a_second_table() -> None:
    """A row a measure and a column a type; what is told of unanswerable questions stands under all."""
    shown = {"factual": said(True, exact=1.0, confidence=0.9), "temporal": said(), "unanswerable": said()}
    found = run(
        *(replace(outcome(kind, kind, *[1] * (kind != "unanswerable")), answered=shown[kind]) for kind in shown)
    )
    lines = list(evaluation_lines(found))
    table = lines[lines.index("Answers") + 1 :]
    assert [cell.strip() for cell in table[0].split("  ") if cell.strip()] == [
        "all (3)",
        "factual (1)",
        "temporal (1)",
    ]
    assert [line[:12].strip() for line in table[1:4]] == ["answered", "unanswerable", "recall"]
    rows = {line[:12].strip(): line[12:].split() for line in table[3:10]}
    assert rows["recall"] == ["1.000", "1.00-1.00"]
    assert rows["em"] == ["1.000", "1.00-1.00"] * 2
    text = "\n".join(table)
    assert "Wrong where only the surest are answered: quarter 0.000, half 0.500, three quarters 0.667" in text
    assert (
        "Wrong among those given, to 0.333 of the questions: 0.000; area under the risk-coverage curve 0.389" in text
    )
    assert "Confidence of 1 answers: expected calibration error 0.100" in text
    assert "AUC, answerable or not, 0.750" in text
    assert table[-1] == "An answer took 30 ms at the median, 30 ms at p95"


def test_what_was_left_out_is_said() -> None:
    """Missing documents are never silently a failure."""
    lost = [Missing(f"q{number}", QuestionType.FACTUAL, ("gone",)) for number in range(2, 9)]
    partly = replace(outcome("q1", "factual", 1), absent=("gone",))
    lines = list(evaluation_lines(run(partly, missing=lost)))
    assert lines[1] == "Left out, gold document missing from the index: 7 questions (q2, q3, q4, q5, q6, ...)"
    assert lines[2] == "Some gold documents of 1 questions are missing from the index; they do not count"
    lines = list(evaluation_lines(run(replace(outcome("q1", "query", 1), absent=("gone",)))))
    assert lines[1].endswith("they count as not found")


def test_without_ranks_or_hits_the_rest_is_printed() -> None:
    """An empty index, or unanswerable questions alone."""
    lines = list(evaluation_lines(run(outcome("q1", "unanswerable"))))
    assert len(lines) == 2


def test_a_comparison_lists_differences_and_changes() -> None:
    """All measures over all questions, those of a type where something changed, then the questions."""
    before = run(outcome("q1", "factual", 1), outcome("q2", "thematic", 4))
    after = run(outcome("q1", "factual", None), outcome("q2", "thematic", 4))
    lines = list(comparison_lines(compare(before, after)))
    rows = [line.split() for line in lines]
    assert ["factual", "page", "hit@1", "1.000", "0.000", "-1.000", "(-1.00", "to", "-1.00)"] in [
        row[:9] for row in rows
    ]
    assert sum(row[:1] == ["all"] for row in rows) == 14
    assert not any(row[:1] == ["thematic"] for row in rows)
    assert lines[-2:] == ["First right page: 1 questions changed, 1 did not", "  q1 (factual): 1 -> not found"]
    assert all(len(line) <= 100 for line in lines)


def test_the_middle_of_many_changes_is_left_to_json() -> None:
    """The worst and the best are what people look at."""
    before = run(*(outcome(f"q{number:02}", "factual", 1) for number in range(70)))
    after = run(*(outcome(f"q{number:02}", "factual", number + 2) for number in range(70)))
    lines = list(comparison_lines(compare(before, after)))
    assert "  ... 10 more, all of them in --json" in lines
    assert sum("->" in line for line in lines) == 60
