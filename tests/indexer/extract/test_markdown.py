"""Markdown."""

import pytest

from indexer.errors import Refusal
from indexer.extract import markdown as reader
from tests.indexer.extract.files import refusal

SOURCE = """---
title: Visits in Ashby
published: 2021-03-04
checked: 2021-03-05 10:00:00
pages: 3
share: .nan
tags: [visits, "zero\\u200bwidth", null]
---
# Visits *in* [Ashby](https://ashby.example)

Families are seen
every **week**.<br>More `text`.

- first item
- second
  3. inner

![A bridge in spring](bridge.png)

| Year | Visits |
|------|--------|
| 2020 | 12     |

> Quoted words.

```py
    x = 1
```

<div>dropped</div>

## Next steps ##
"""

TEXT = """Visits in Ashby

Families are seen
every week.
More text.

• first item
• second
3. inner

A bridge in spring

Year | Visits
2020 | 12

Quoted words.

    x = 1

Next steps"""


def test_markdown_becomes_plain_text() -> None:
    """Marks go, structure stays: headings, items, rows, code, and a picture's description as its caption."""
    found = reader.read(SOURCE.encode())
    (page,) = found.pages
    assert page.text == TEXT
    assert [(page.text[line.start : line.end], line.heading) for line in page.lines if line.heading] == [
        ("Visits in Ashby", 1),
        ("Next steps", 2),
    ]
    assert [page.text[line.start : line.end] for line in page.lines if line.caption] == ["A bridge in spring"]
    assert found.format == "markdown"


def test_front_matter_is_stated_in_types_that_json_has() -> None:
    """Dates become ISO strings, numbers that JSON lacks become text, odd characters go."""
    assert reader.read(SOURCE.encode()).stated == {
        "title": "Visits in Ashby",
        "published": "2021-03-04",
        "checked": "2021-03-05T10:00:00",
        "pages": 3,
        "share": "nan",
        "tags": ["visits", "zerowidth", None],
    }


@pytest.mark.parametrize(
    ("matter", "line"),
    [
        ("title: good\nlist: [1, 2", 3),
        ("\ntitle: a: b", 3),
        ("published: 2021-02-31", 1),
        ("- a list\n- of items", 1),
        ("whole: &whole [*whole]", 1),
        ("object: !!python/object/apply:os.getcwd []", 2),
        ("pages: 0x" + "f" * 5000, 1),
    ],
)
def test_front_matter_that_cannot_be_read_is_refused(matter: str, line: int) -> None:
    """A mistake is named with its line, and nothing is run or guessed."""
    refused = refusal(reader.read, f"---\n{matter}\n---\n# Title\n".encode())
    assert refused.code is Refusal.METADATA
    assert f"line {line} " in refused.message


def test_aliases_that_multiply_are_refused() -> None:
    """A short front matter cannot grow into millions of values."""
    rows = ["a0: &a0 x", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    refused = refusal(reader.read, "\n".join(["---", *rows, "---", "Text."]).encode())
    assert refused.code is Refusal.METADATA


@pytest.mark.parametrize("mark", ["> ", "- ", "1. "])
def test_no_text_is_lost_by_nesting(mark: str) -> None:
    """Lists and quotations are read to a depth that no person writes, and refused beyond, where the parser stops."""
    assert "the end" in reader.read((mark * 40 + "the end\n").encode()).pages[0].text
    refused = refusal(reader.read, (mark * 400 + "the end\n").encode())
    assert refused.code is Refusal.RESOURCES
    assert "less deep" in refused.message


def test_rule_at_the_start_is_no_front_matter() -> None:
    """A line of dashes that none closes is part of the text."""
    found = reader.read(b"---\n\n# Title\n\nSome text.")
    assert found.stated == {}
    assert found.pages[0].text == "Title\n\nSome text."


def test_file_of_front_matter_alone_is_refused() -> None:
    """Without a text there is nothing to index."""
    assert refusal(reader.read, b"---\ntitle: nothing\n---\n").code is Refusal.EMPTY
