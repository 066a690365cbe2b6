"""Measures threads and counts on a real index: `python -m tests.quality.scans INDEX`.

Counts are compared with taking every sentence of every passage apart. Threads are gone through for every body with
three reports or more: inspections must come in the order of their days, and each quote must be on the page of its
own report, to the letter. Prints one line of figures and each thing that is wrong.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from indexer.collection import Reader
from indexer.lexical import stems_of
from indexer.metadata import body_key
from indexer.records import Document
from indexer.settings import Settings
from service.candidates import Generation
from service.cli.command import open_searcher
from service.counting import count
from service.query import Query
from service.scanning import words_of_matter
from service.search import Searcher
from service.threads import Thread, thread
from service.timeline import inspected

MATTERS = (
    "caseloads,management oversight,private fostering,supervision,missing children,thresholds,early help,neglect,"
    "placement stability,return home interviews,caseloads or workloads,unregistered placements"
).split(",")
THREAD_MATTERS = MATTERS[:4]
LEAST = 3  # reports of a body


def main(index: Path) -> int:
    """Measure, print, and give how much is wrong."""
    searcher = open_searcher(Settings.load(index=index))
    with searcher.opened() as (reader, generation):
        counts = list(wrong_counts(searcher, reader, generation))
        bodies = bodies_of(generation.catalogue.documents)
        threads, quotes, wrong = 0, 0, list(counts)
        for body in bodies:
            for matter in THREAD_MATTERS:
                found = thread(searcher, reader, generation, Query(matter, bodies=(body,)))
                threads += 1
                quotes += sum(one.said is not None for one in found.inspections)
                wrong += list(wrong_thread(found, reader))
    for line in wrong:
        print(line)
    print(
        f"{len(MATTERS)} counts, {len(counts)} unlike brute force; {threads} threads of {len(bodies)} bodies, "
        f"{quotes} quotes, {len(wrong) - len(counts)} out of order or not to the letter"
    )
    return len(wrong)


def wrong_counts(searcher: Searcher, reader: Reader, generation: Generation) -> Iterator[str]:
    """Count each matter both ways."""
    sentences = [
        (document.doc_id, set(stems_of(stored.passage.text[start:end])))
        for document in generation.catalogue.documents
        for stored in reader.passages(reader.passage_ids(document.doc_id)).values()
        for start, end in stored.passage.sentences
    ]
    for matter in MATTERS:
        wanted = [set(one) for one in words_of_matter(matter)]
        expected = {doc_id for doc_id, stems in sentences if any(one <= stems for one in wanted)}
        found = {one.document.doc_id for one in count(searcher, reader, generation, Query(matter)).raised}
        if found != expected:
            yield f"`{matter}`: {len(found)} counted, {len(expected)} by brute force"


def bodies_of(documents: tuple[Document, ...]) -> list[str]:
    """Give one name of each body that has so many inspections."""
    names: dict[str, str] = {}
    reports: dict[str, list[Document]] = defaultdict(list)
    for one in documents:
        if one.metadata.body and inspected(one):
            names.setdefault(body_key(one.metadata.body), one.metadata.body)
            reports[body_key(one.metadata.body)].append(one)
    return [names[key] for key, some in reports.items() if len(some) >= LEAST]


def wrong_thread(found: Thread, reader: Reader) -> Iterator[str]:
    """Check the order by what the reports themselves say, and each quote by its page."""
    published = [one.document.metadata.published for one in found.inspections]
    dated = [day for day in published if day]
    if dated != sorted(dated):
        yield f"`{found.matter}`, {found.bodies[0]}: published {dated}"
    days = [one.when.day for one in found.inspections]
    if days != sorted(days) or not all(one.document.metadata.body in found.bodies for one in found.inspections):
        yield f"`{found.matter}`, {found.bodies[0]}: inspected {days}"
    for one in found.inspections:
        for quote in [one.said.quote, *([one.said.changed] if one.said.changed else [])] if one.said else []:
            cut = [
                reader.page_text(one.document.doc_id, page)[start:end] for page, start, end in quote.citation.spans
            ]
            if quote.citation.doc_id != one.document.doc_id or "\n".join(cut) != quote.text:
                yield f"`{found.matter}`, {one.document.path}: not to the letter: {quote.text!r}"


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
