from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from service.citation import Citation
from service.references import markdown, plain
from service.signs import safe_line

CITED = Citation(
    doc_id="abc123",
    title="Redbrook: a visit",
    publisher="Office of Visits",
    body="Redbrook Council",
    published=date(2018, 5, 22),
    kind="inspection",
    source="redbrook/2018.pdf",
    page=3,
    page_end=4,
    spans=((3, 120, 300), (4, 0, 80)),
    text_sha256="a" * 64,
    doc_sha256="b" * 64,
    link="",
)
HOSTILE = st.text(alphabet=st.sampled_from("ab \n\r\t`*_[]()<>&!#|~\\\"'\u201d\u202e@$:/.-+1=^w\ud7ff"), max_size=60)


def tokens(text: str) -> list[Token]:
    """Read Markdown, with tables, strikethrough and HTML."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def shown(text: str) -> str:
    """Write a text as a citation shows it."""
    return safe_line(" ".join(text.split()))


def test_plain_text_says_all_that_is_needed_to_find_the_quote() -> None:
    """Quote, title, body, publisher, day, pages, file, characters and both hashes, each on the line it belongs to."""
    assert plain(CITED, "Carers\nwere hired.").split("\n") == [
        "“Carers were hired.”",
        "— Redbrook: a visit, Redbrook Council, Office of Visits, 22 May 2018, pages 3 to 4.",
        "File: redbrook/2018.pdf, document abc123.",
        "Place: page 3, characters 120 to 300; page 4, characters 0 to 80.",
        f"SHA-256 of the text as stored: {'a' * 64}",
        f"SHA-256 of the file: {'b' * 64}",
    ]


def test_what_is_unknown_is_left_out() -> None:
    """A citation without body, publisher and day has no gaps; a body that the title names is not said twice."""
    bare = replace(CITED, body=None, publisher=None, published=None, page_end=3)
    assert plain(bare, "x").split("\n")[1] == "— Redbrook: a visit, page 3."
    named = replace(CITED, title="Visit of REDBROOK COUNCIL", publisher=None, published=None)
    assert plain(named, "x").split("\n")[1] == "— Visit of REDBROOK COUNCIL, pages 3 to 4."


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_document_can_forge_a_line(title: str, source: str, text: str) -> None:
    """Whatever a title, a path and a quote hold, the lines are six and begin as they should."""
    lines = plain(replace(CITED, title=title, source=source), text).splitlines()
    assert len(lines) == 6
    assert [line.split(" ")[0] for line in lines[2:]] == ["File:", "Place:", "SHA-256", "SHA-256"]
    assert "\u202e" not in "".join(lines)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_of_a_document_is_markup(title: str, source: str, text: str) -> None:
    """Markdown of a citation is a block quote and a paragraph of text; it shows the words that were given."""
    found = tokens(markdown(replace(CITED, title=title, source=source), text))
    assert [one.type for one in found if one.level == 0 and one.nesting >= 0] == ["blockquote_open", "paragraph_open"]
    inline = [one for one in found if one.type == "inline"]
    assert len(inline) == 2
    kinds = {child.type for one in inline for child in one.children or ()}
    assert kinds <= {"text", "text_special", "hardbreak"}
    quote, facts = ("".join(child.content for child in one.children or ()) for one in inline)
    assert quote == f"“{shown(text)}”"
    assert facts.startswith(f"— {shown(title) or CITED.body}")


@pytest.mark.parametrize("address", ["https://evil.example/x", "http://e.example", "www.evil.example"])
def test_addresses_in_a_quote_stay_text(address: str) -> None:
    """Also where every bare address would become a link."""
    reader = MarkdownIt("commonmark")
    escaped = markdown(replace(CITED, title=address), f"see {address} now")
    assert address not in escaped
    assert address in reader.render(escaped)


def test_long_quotes_stay_whole() -> None:
    """Nothing is cut."""
    assert "word " * 5000 + "end" in plain(CITED, "word\n" * 5000 + "end")
