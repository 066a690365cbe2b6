"""What is found in a document itself: in its text, and then in the properties of its file."""

from collections.abc import Sequence

from indexer.metadata.bodies import find_body
from indexer.metadata.facts import Fact, as_metadata, merge, one_line, read_day
from indexer.metadata.headings import find_headings, find_kind, find_title
from indexer.metadata.publication import find_events, find_published, find_publisher
from indexer.records import Extracted, Metadata, Origin


def found_in_text(extracted: Extracted, kinds: Sequence[str]) -> Metadata:
    """Find what the text says, keeping the place, and then what the file's own properties say.

    `kinds` are the kinds of report looked for, the first that fits counts; one has to open a heading, since a
    headline may speak of an inspection without being its report. Front matter is stated, so it is not read here.
    """
    pages = [page for page in extracted.pages if page.text.strip()]
    if not pages:
        return Metadata()
    headings = find_headings(pages, untitled=extracted.title is None)
    body = find_body(pages, headings)
    found = {
        "title": find_title(pages[0], headings, body),
        "body": body,
        "kind": find_kind(pages[0], headings, body, kinds),
        "publisher": find_publisher(pages),
        "published": find_published(pages),
        "events": find_events(pages[0]),
    }
    return merge(
        as_metadata(Origin.TEXT, {name: fact for name, fact in found.items() if fact}),
        as_metadata(Origin.TEXT, _properties(extracted)),
    )


def _properties(extracted: Extracted) -> dict[str, Fact]:
    """Return what the file says about itself outside its text, such as the meta tags of a web page."""
    stated = {} if extracted.format in {"markdown", "text"} else extracted.stated
    texts = {name: Fact(one_line(str(stated.get(name) or ""))) for name in ("title", "publisher", "source")}
    if not texts["title"].value:
        texts["title"] = Fact(extracted.title)
    return {**texts, "published": Fact(read_day(stated.get("published")))}
