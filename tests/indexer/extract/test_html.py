"""Saved web pages."""

from pathlib import Path

import pytest

from indexer.errors import Refusal
from indexer.extract import html as reader
from tests.indexer.extract.files import refusal

ARTICLE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Ashby praised for foster care | The Valley Herald</title>
<meta property="og:title" content="Ashby praised for foster care">
<meta property="og:site_name" content="The Valley Herald">
<meta property="article:published_time" content="2021-03-04T10:00:00Z">
<link rel="canonical" href="https://herald.example/news/1"></head><body>
<header><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav></header>
<main><article><h1>Ashby praised for foster care</h1>
<p>Ashby Council has been praised for its foster care in a report that came out on Thursday. Inspectors said
that <b>carers</b> felt well sup&shy;ported &amp; that children were <a href="/x">settled</a>.</p>
<h2>What the report found</h2>
<p>The report names three strengths of the service, which inspectors saw over two weeks in February:</p>
<ul><li>regular visits by social workers</li><li>good schools<ul><li>primary ones</li></ul></li>
<li><p>short waits for health checks</p></li></ul>
<ol><li>see families sooner</li><li>share plans</li></ol>
<table><tr><th>Year</th><th>Rating</th></tr><tr><td>2019</td><td>Good</td></tr><tr><td>2021</td><td>Great</td></tr></table>
<h3>Next steps</h3><p>The council will publish a plan by June, said a spokesman.<br>It will be short.</p>
</article><aside><h2>Most read</h2><ul><li><a href="/1">Bin days change again</a></li></ul></aside></main>
<footer>© Valley Herald. <a href="/privacy">Privacy</a></footer><script>alert("hello")</script></body></html>"""

TEXT = """Ashby praised for foster care

Ashby Council has been praised for its foster care in a report that came out on Thursday. Inspectors said that \
carers felt well supported & that children were settled.

What the report found

The report names three strengths of the service, which inspectors saw over two weeks in February:

• regular visits by social workers
• good schools
• primary ones
• short waits for health checks

1. see families sooner
2. share plans

Year | Rating
2019 | Good
2021 | Great

Next steps

The council will publish a plan by June, said a spokesman.
It will be short."""


def page(title: str, *paragraphs: str, heading: str = "") -> bytes:
    """Make a small web page."""
    body = f"<h1>{heading or title}</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<!doctype html><html><head><title>{title}</title></head><body><main>{body}</main></body></html>".encode()


def test_article_is_read_without_the_site_around_it() -> None:
    """Headings, lists, tables and line breaks stay; menus, asides, footers and scripts go."""
    found = reader.read(ARTICLE.encode())
    (only,) = found.pages
    assert only.text == TEXT
    assert {only.text[line.start : line.end]: line.heading for line in only.lines if line.heading} == {
        "Ashby praised for foster care": 1,
        "What the report found": 2,
        "Next steps": 3,
    }
    assert found.format == "html"
    assert found.title == "Ashby praised for foster care | The Valley Herald"


def test_metadata_is_what_the_pages_own_tags_state() -> None:
    """Title, publisher, date and address come from the meta tags, and none is made up where there is no tag."""
    assert reader.read(ARTICLE.encode()).stated == {
        "title": "Ashby praised for foster care",
        "publisher": "The Valley Herald",
        "published": "2021-03-04",
        "source": "https://herald.example/news/1",
    }
    text = "Ashby Council said on 5 May 2020 that it will open two more family centres next year. " * 3
    assert reader.read(page("Family centres", text)).stated == {}


def test_date_that_is_no_date_is_not_stated() -> None:
    """A tag with anything but an ISO date says nothing that can be relied on."""
    odd = ARTICLE.replace("2021-03-04T10:00:00Z", "last Thursday").replace("https://herald.example/news/1", "/news/1")
    assert reader.read(odd.encode()).stated.keys() == {"title", "publisher"}


@pytest.mark.parametrize(
    "data",
    [
        page("404 Not Found", "nginx"),
        page(
            "Ashby Council",
            "The page you want has moved.",
            "Please use the menu to find it.",
            heading="Page not found",
        ),
        page("Access denied", "You do not have permission to see this page on this server today."),
        page("Error 503", "The site is busy. " * 8),
        page("Sign in to your account", "Enter your name. " * 12),
        b"<html><head><title>Reports</title></head><body></body></html>",
        b"<html>",
    ],
)
def test_page_without_an_article_is_refused(data: bytes) -> None:
    """What a server sent instead of the document is not indexed."""
    assert refusal(reader.read, data).code is Refusal.ERROR_PAGE


def test_refusal_names_the_page_by_its_own_title() -> None:
    """The message quotes the title, so that a person sees what was saved."""
    assert "“404 Not Found”" in refusal(reader.read, page("404 Not Found", "nginx")).message


def test_long_article_about_an_error_is_read() -> None:
    """A headline with such words is no error page where an article follows."""
    story = page(
        "Files not found in court case", "The court in Ashby was told that the papers were lost in May. " * 15
    )
    assert "papers were lost" in reader.read(story).pages[0].text


def test_declared_encoding_is_used() -> None:
    """A page in the encoding of its own meta tag is read, and a note tells."""
    data = ARTICLE.replace('charset="utf-8"', 'charset="iso-8859-1"').replace(
        "three strengths", "“three” £5 strengths"
    )
    found = reader.read(data.encode("cp1252"))
    assert "“three” £5 strengths" in found.pages[0].text
    assert found.notes[0].startswith("read as cp1252")


def test_entities_of_the_file_are_not_taken_in(tmp_path: Path) -> None:
    """A page cannot make its reader open a file or multiply text."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    entities = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "aaaaaaaaaa">]>'
    data = ARTICLE.replace("<!DOCTYPE html>", entities).replace("three strengths", "three &x;&y; strengths")
    text = reader.read(data.encode()).pages[0].text
    assert "the secret" not in text
    assert "aaaaaaaaaa" not in text


def test_real_error_page_of_the_collection_is_refused() -> None:
    """The collection holds a saved error page, named .pdf, which must not become a document."""
    reports = Path(__file__).parents[4] / "shared" / "reports"
    saved = [path for path in reports.glob("*/*.pdf") if b"<html" in path.read_bytes()[:200]]
    if not saved:
        pytest.skip("no ../shared/reports here")
    assert [refusal(reader.read, path.read_bytes()).code for path in saved] == [Refusal.ERROR_PAGE]


def test_controls_written_as_numbers_are_dropped() -> None:
    """They neither keep the article from being read nor reach its text, title or address."""
    odd = "&#27;[2J&#x7;"
    head = f"Ashby {odd}praised for foster care | The Valley Herald"
    text = ARTICLE.replace("Ashby praised for foster care | The Valley Herald", head)
    text = text.replace("<p>Ashby Council", f"<p>{odd}Ashby Council").replace("news/1", f"news/{odd}&#x202e;1")
    found = reader.read(text.encode())
    assert found.pages[0].text == TEXT.replace("Ashby Council", "[2JAshby Council")
    assert found.title == "Ashby [2Jpraised for foster care | The Valley Herald"
    assert found.stated["source"] == "https://herald.example/news/[2J1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<div>" * 300, id="nested deep"),
        pytest.param(f"<p>{'word ' * 2_200_000}</p>", id="long text"),
        pytest.param(f"<p title='{'x' * 11_000_000}'>a</p>", id="long attribute"),
    ],
)
def test_page_that_the_parser_does_not_finish_is_refused(body: str) -> None:
    """Its limits end the text in the middle, which is never taken for the whole."""
    refused = refusal(reader.read, page("Visits in Ashby", *["Carers felt well supported."] * 20, body, "The end."))
    assert refused.code is Refusal.RESOURCES
    assert "cannot be read whole" in refused.message
