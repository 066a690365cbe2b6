"""Made-up documents in any number: an index grown from the passages of a real one.

A made-up document takes 90 passages of the real index in a row. Within each sentence the words change places, digits
change, and now and then a word that nobody knows stands in for another, so that texts are as long and words as rare
as before, the vocabulary grows as it does in real collections, and no two passages are equal. The vectors are drawn
around the real ones. Bodies and dates of publication are invented.
"""

import random
import re
import string
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.embedded import Embedded
from indexer.encoder import Fingerprint
from indexer.hashes import text_sha256
from indexer.records import Document, Page, Passage, Span, StoredPassage
from indexer.sources import Source
from indexer.store import Reader, Store, Writer

ROOT = "/made-up"
A_DOCUMENT = 90  # passages, about as many as an inspection report has
A_BODY = 6  # documents
A_COMMIT = 18_000  # passages: enough to pay for a commit, few enough to keep SQLite's log small
NEW_WORDS = 0.003  # of all words; at a million passages some 400,000, as Heaps' law has it for as much English
# Noise beside each unit vector, as a length: made-up neighbours of one passage then have a cosine of about 0.9, as
# passages have that tell of the same matter in different reports.
NOISE = 0.33
FIRST_DAY, DAYS = date(2005, 1, 1), 7300
SYLLABLES = "bar cal dun eve fen gar hol ing kel lin mor nor oak pen rad sta tor und wes yar".split()


def grow(folder: Path, base: Path, count: int) -> int:
    """Add made-up documents of the passages of `base` until an index has `count` passages; give how many it has."""
    store = Embedded.open(base)
    with store.reading() as reader:
        ids = [number for document in reader.documents() for number in reader.passage_ids(document.doc_id)]
        fingerprint = reader.fingerprint or ""
        while True:
            with Store.writing(folder) as writer:
                first = len(writer.known())
                missing = -(-(count - writer.passage_count) // A_DOCUMENT)
                if missing <= 0:
                    return writer.passage_count
                added = min(missing, A_COMMIT // A_DOCUMENT)
                for number in range(first, first + added):
                    some = [ids[(number * A_DOCUMENT + place) % len(ids)] for place in range(A_DOCUMENT)]
                    _put(writer, reader, number, some, Fingerprint.from_json(fingerprint).dim)
                writer.commit(fingerprint, {"added": added, "updated": 0, "removed": 0})


def _put(writer: Writer, reader: Reader, number: int, ids: Sequence[int], dim: int) -> None:
    chance, rng = random.Random(number), np.random.default_rng(number)
    having, real_vectors = reader.passages(ids), reader.vectors(ids, dim)
    real = [having[one] for one in ids]
    body = _body(number // A_BODY)
    pages, passages = _pages([_varied(one, body, chance) for one in real], real)
    path = f"{number:06}.md"
    document = Document(
        doc_id=Source(ROOT, path, {}).doc_id,
        root=ROOT,
        path=path,
        sha256=text_sha256("\f".join(page.text for page in pages)),
        size=sum(len(page.text) for page in pages),
        format="markdown",
        reader="made up",
        pages=len(pages),
        metadata=replace(
            real[0].document.metadata,
            title=f"Report {number:,} on {body}",
            body=body,
            published=FIRST_DAY + timedelta(days=chance.randrange(DAYS)),
            events=(),
            evidence={},
        ),
    )
    writer.put_document(
        document,
        "made up",
        pages=pages,
        removals=(),
        passages=passages,
        vectors=[_around(real_vectors[one], rng) for one in ids],
        # A sample of runs of words, none of which is said twice once words have changed places.
        sketches=[np.unique(rng.integers(0, 2**32, max(1, len(one.text) // 25), np.uint32)) for one in passages],
    )


def _varied(real: StoredPassage, body: str, chance: random.Random) -> Passage:
    """Change the words of a passage within its sentences, each of which stays where it is and as long as it is."""
    text = real.passage.text
    ends = sorted({0, len(text), *(end for sentence in real.passage.sentences for end in sentence)})
    context = real.passage.context
    if real.document.metadata.body:
        context = context.replace(real.document.metadata.body, body)
    return replace(
        real.passage,
        text="".join(_shuffled(text[start:end], chance) for start, end in pairwise(ends)),
        context=context,
    )


def _shuffled(text: str, chance: random.Random) -> str:
    gaps, words = re.findall(r"\s+", text), text.split()
    chance.shuffle(words)
    if chance.random() < NEW_WORDS * len(words):
        place = chance.randrange(len(words))
        words[place] = "".join(chance.choices(string.ascii_lowercase, k=len(words[place])))
    if text[:1].isspace():
        words.insert(0, "")
    gaps += [""] * (len(words) - len(gaps))
    changed = "".join(word + gap for word, gap in zip(words, gaps, strict=True))
    return re.sub(r"[0-9]", lambda _: chance.choice(string.digits), changed)


def _pages(made: Sequence[Passage], real: Sequence[StoredPassage]) -> tuple[list[Page], list[Passage]]:
    """Lay passages out on pages, a new one wherever a real one began."""
    texts: list[str] = []
    passages = []
    before: tuple[str, int] | None = None
    for passage, stored in zip(made, real, strict=True):
        page = stored.document.doc_id, stored.passage.spans[0].page
        if page != before:
            texts.append("")
        start = len(texts[-1])
        span = Span(len(texts), start, start + len(passage.text))
        passages.append(replace(passage, spans=(span,)))
        texts[-1] += f"{passage.text}\n"
        before = page
    return [Page(number, text) for number, text in enumerate(texts, start=1)], passages


def _around(vectors: NDArray[np.float16], rng: np.random.Generator) -> NDArray[np.float16]:
    noise = rng.standard_normal(vectors.shape, np.float32) * np.float32(NOISE / np.sqrt(vectors.shape[1]))
    moved = vectors.astype(np.float32) + noise
    unit: NDArray[np.float32] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit.astype(np.float16)


def _body(number: int) -> str:
    parts = []
    for _ in range(3):
        number, place = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[place])
    return f"{''.join(parts).capitalize()} Council"
