"""Judges the titles that files carry in their properties."""

import re

from indexer.extract.characters import clean

_NO_TITLE = re.compile(  # 50 of the 59 titles in 223 published PDFs are of these kinds
    r"^(microsoft (word|powerpoint|excel)|word document|powerpoint|slide|document|presentation|untitled|title)\b"
    r"|\b(draft|template|v\d+|version \d+)\b|\.[a-z]{2,4}$|[/\\_]",
    re.IGNORECASE,
)


def plausible_title(title: str | None) -> str | None:
    """Return a title unless it is a single word, a file name, a program's default or a draft's working title."""
    title = " ".join(clean(title or "")[0].split())
    return title if " " in title and not _NO_TITLE.search(title) else None
