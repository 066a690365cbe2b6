"""A quote with its citation as text that people paste elsewhere: plain, or Markdown.

Each is lines of its own: the quote, whose report it is from, where it stands, the hashes. Titles and quotes come from
documents that anybody may have written, so white space in them is a single space, which keeps them from forging a
further line, and signs that would turn or hide what is read are replaced.
"""

import re
from datetime import date

from service.citation import Citation
from service.signs import safe_line


def plain(citation: Citation, text: str) -> str:
    """Write a quote and its citation as plain text."""
    return "\n".join((f"“{_line(text)}”", *_facts(citation)))


def markdown(citation: Citation, text: str) -> str:
    """Write a quote and its citation in Markdown: a block quote and paragraphs, in which nothing is markup."""
    quote, *facts = (_escaped(line) for line in (f"“{_line(text)}”", *_facts(citation)))
    return f"> {quote}\n\n" + "  \n".join(facts)


def long_day(day: date) -> str:
    """Write a day as people read it: 22 May 2018."""
    return f"{day.day} {day:%B %Y}"


def facts_line(body: str | None, published: date | None, kind: str | None) -> str:
    """Name body, day and kind of a report in a line, as far as they are known."""
    return " · ".join(fact for fact in (body, published and long_day(published), kind) if fact)


def pages_of(citation: Citation) -> str:
    """Name the pages: "page 3" or "pages 3 to 4"."""
    one_page = citation.page == citation.page_end
    return f"page {citation.page}" if one_page else f"pages {citation.page} to {citation.page_end}"


def _facts(citation: Citation) -> tuple[str, ...]:
    published = citation.published and long_day(citation.published)
    is_named = (citation.body or "").casefold() in citation.title.casefold()
    about = [citation.title, None if is_named else citation.body, citation.publisher, published, pages_of(citation)]
    whose = [line for fact in about if fact and (line := _line(fact))]
    places = "; ".join(f"page {page}, characters {start} to {end}" for page, start, end in citation.spans)
    return (
        f"— {', '.join(whose)}.",
        f"File: {_line(citation.source)}, document {_line(citation.doc_id)}.",
        f"Place: {places}.",
        f"SHA-256 of the text as stored: {citation.text_sha256}",
        f"SHA-256 of the file: {citation.doc_sha256}",
    )


def _line(text: str) -> str:
    return safe_line(" ".join(text.split()))


def _escaped(line: str) -> str:
    """Take from a line that begins with none of its marks all that Markdown, or GitHub's, would read in it."""
    return _MARKS.sub(r"\\\g<0>", line)


# Also what makes a link of a bare address; `$` begins a formula and `@` names somebody on some sites.
_MARKS = re.compile(r"[\\`*_\[\]<>&~|^$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
