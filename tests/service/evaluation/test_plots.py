import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from indexer.errors import InputError
from service.evaluation.compare import compare
from service.evaluation.plots import check_plots, plot_comparison, plot_evaluation
from tests.service.evaluation.made import outcome, run, said

FOUND = run(
    outcome("q1", "factual", 1, hits=[(0.9, True), (0.2, False)]),
    outcome("q2", "thematic", 3, None, hits=[(0.4, False)]),
    outcome("q3", "unanswerable", hits=[(0.6, False)]),
)


def words(path: Path) -> str:
    """Parse an SVG file and give the text in it."""
    root = ElementTree.parse(path).getroot()  # our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return " ".join(" ".join(root.itertext()).split())


def test_a_run_is_drawn_as_three_pictures(tmp_path: Path) -> None:
    """Each is an SVG file that names what it shows, as text."""
    plot_evaluation(FOUND, tmp_path / "new" / "folder")
    drawn = {path.name: words(path) for path in (tmp_path / "new" / "folder").iterdir()}
    assert drawn.keys() == {"hit-at-k.svg", "recall.svg", "reliability.svg"}
    for label in ("questions with a right page in the first k hits", "all (2)", "factual (1)", "thematic (1)"):
        assert label in drawn["hit-at-k.svg"]
    assert "page recall@20 document recall@20" in drawn["recall.svg"]
    assert "share of them that are relevant" in drawn["reliability.svg"]


def test_answers_are_drawn_as_two_more(tmp_path: Path) -> None:
    """How many of the surest are wrong, and what confidence is worth; where none was given, no confidence."""
    shown = [said(True, confidence=0.9), said(False, confidence=0.4), said()]
    for name, some in (("some", shown), ("none", [said()] * 3)):
        asked = [replace(one, answered=other) for one, other in zip(FOUND.outcomes, some, strict=True)]
        plot_evaluation(run(*asked), tmp_path / name)
    text = words(tmp_path / "some" / "risk-coverage.svg")
    assert "share of the questions answered, the surest first" in text
    assert f"area {(0 + 1 / 2 + 2 / 3) / 3:.3f}" in text
    assert "share whose first quote is right" in words(tmp_path / "some" / "confidence.svg")
    assert (tmp_path / "none" / "risk-coverage.svg").exists()
    assert not (tmp_path / "none" / "confidence.svg").exists()


def test_a_comparison_is_drawn_as_one(tmp_path: Path) -> None:
    """What was not found before or after has its own tick; without changes the picture is empty."""
    after = run(outcome("q1", "factual", None), outcome("q2", "thematic", 1, 2), outcome("q3", "unanswerable"))
    for number, other in enumerate((after, FOUND)):
        plot_comparison(compare(FOUND, other), tmp_path / str(number))
        text = words(tmp_path / str(number) / "rank-changes.svg")
        assert "rank of the first right page before" in text
        assert "none" in text


def test_a_public_set_is_drawn_by_documents(tmp_path: Path) -> None:
    """It has no types and no pages."""
    folder = tmp_path / "plots"
    plot_evaluation(run(outcome("q1", "query", 4)), folder)
    assert {path.name for path in folder.iterdir()} == {"hit-at-k.svg", "recall.svg"}
    assert "right document" in words(folder / "hit-at-k.svg")
    assert "document recall@100" in words(folder / "recall.svg")


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    """Unanswerable questions have scores and no ranks."""
    plot_evaluation(run(outcome("q3", "unanswerable", hits=[(0.6, False)])), tmp_path / "plots")
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["reliability.svg"]


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    """So that a picture in a repository changes only with what it shows."""
    for name in ("one", "two"):
        plot_evaluation(FOUND, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_missing_matplotlib_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, so most installations lack it."""
    check_plots()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"run `pip install 'citewell\[plots\]'`"):
        check_plots()
