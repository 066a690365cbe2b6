"""Measure whether what is said to have become of recommendations is on the same matter, as judged by eye.

    python -m tests.quality.followup INDEX

`followup.jsonl` has 80 links of reports of one body, drawn at random among those that were made and judged only after
the thresholds were set: a recommendation with the one that repeats it, or with the first later sentence on it. It
prints how many of these links are still made, and how many of those are right. New links are not judged.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from indexer.collection import Reader
from indexer.encoder import SentenceEncoder
from indexer.opening import existing
from indexer.recommendations import find_recommendations
from indexer.records import Document, Findings
from indexer.settings import Settings
from service.followup import Followed, Said, followed_up
from service.search import Searcher

GOLD = Path(__file__).with_suffix(".jsonl")


def main(index: Path) -> None:
    """Follow the recommendations of all reports of the gold file, and print the figures."""
    settings = Settings.load(index=index)
    links = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]
    paths = {link["item"][0] for link in links}
    searcher = Searcher(existing(settings), SentenceEncoder(settings))
    with searcher.opened() as (reader, held):
        documents = tuple(_with_findings(one, reader) for one in held.catalogue.documents)
        generation = replace(held, catalogue=replace(held.catalogue, documents=documents))
        followed = [
            one
            for document in documents
            if document.path in paths
            for one in followed_up(searcher.encoder, reader, generation, document)
        ]
    items = {_place(one.item): one for one in followed}
    for kind in ("repeated", "later"):
        judged = [link for link in links if link["link"] == kind]
        made = [link for link in judged if _is_made(link, items.get(_key(link["item"])))]
        right = sum(link["same"] for link in made)
        count = sum(bool(one.repeated if kind == "repeated" else one.later) for one in followed)
        print(
            f"{kind}: {len(made)} of {len(judged)} judged links are made, {right} of them right "
            f"({right / max(1, len(made)):.3f}); in all {count} of {len(followed)} items have one"
        )


def _with_findings(document: Document, reader: Reader) -> Document:
    """Find recommendations in the stored text, for an index made before they were kept."""
    if document.findings.recommendations:
        return document
    pages, removals = zip(*(reader.page(document.doc_id, at + 1) for at in range(document.pages)), strict=True)
    found = find_recommendations(pages, [one for some in removals for one in some])
    return replace(document, findings=Findings(recommendations=found))


def _is_made(link: dict[str, Any], followed: Followed | None) -> bool:
    if followed is None:
        return False
    said = followed.repeated if link["link"] == "repeated" else next(iter(followed.later), None)
    return said is not None and _place(said) == _key(link["to"])


def _place(said: Said) -> str:
    return _key([said.document.path, said.citation.spans])


def _key(place: Sequence[Any]) -> str:
    return json.dumps(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
