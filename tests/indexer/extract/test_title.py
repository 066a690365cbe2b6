"""Titles in the properties of files."""

import pytest

from indexer.extract.title import plausible_title


@pytest.mark.parametrize("title", ["Visits in Ashby", "Annual report 2021", "Report on the Final Year"])
def test_titles_that_people_give_are_kept(title: str) -> None:
    """A title of some words is plausible."""
    assert plausible_title(f" {title}\r\n") == title


@pytest.mark.parametrize(
    "title",
    [
        None,
        "",
        "Report",
        "ashby_final v2",
        "my report.docx",
        "Microsoft Word - Report on Ashby",
        "PowerPoint Presentation",
        "Ashby - draft report",
        "Full Report Template",
        "Ashby report version 3",
        "C:\\My files\\report",
    ],
)
def test_file_names_and_working_titles_are_dropped(title: str | None) -> None:
    """What a program or a hurried author put there says nothing about the document."""
    assert plausible_title(title) is None
