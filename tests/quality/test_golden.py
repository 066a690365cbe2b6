"""The ranking of the bundled corpus is the one that was last looked at."""

from pathlib import Path

import pytest

from tests.e2e.command import citewell
from tests.quality.golden import summary

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


def test_the_corpus_ranks_as_its_golden_summary_says(tmp_path: Path) -> None:
    """A difference is a change in ranking: look at it, and write the summary anew with `tests.quality.golden`."""
    done = citewell("index", str(ROOT / "corpus"), "--index", str(tmp_path / "index"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    golden = (Path(__file__).parent / "golden" / "corpus.txt").read_text("utf-8")
    assert summary(tmp_path / "index", ROOT / "corpus" / "questions.jsonl") == golden
