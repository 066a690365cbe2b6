"""Recommendations of real reports are found as people see them."""

from pathlib import Path

import pytest

from tests.quality.recommendations import reports, score, summed

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reports"
FLOOR = 0.95


@pytest.mark.e2e
def test_items_of_real_reports_are_those_that_were_checked_by_eye() -> None:
    """F1 over 20 reports of 2013 to 2025 stays above the floor, with the layout and by the text alone."""
    if not FOLDER.is_dir():
        pytest.skip("../shared/reports is not here")
    read = list(reports(FOLDER))
    assert summed([score(report) for report in read]).f1 >= FLOOR
    assert summed([score(report, with_lines=False) for report in read]).f1 >= FLOOR
