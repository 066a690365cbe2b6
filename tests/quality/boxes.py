"""Measure whether the boxes on the pictures of pages hold the quoted words, all of them and no others.

    python -m tests.quality.boxes INDEX [--count 200] [--seed 1]

Sentences of passages of PDFs are drawn at random and asked for as a client asks for a picture. Then the characters
whose ink has its middle within a box are read from the file itself, where PDFium turns the picture's points into the
page's own, and compared with the sentence without white space, hyphens and signs of symbol fonts. A box that reaches
over a word or line that is not quoted is a miss. It ends with status 1 below 99 in 100.
"""

import argparse
import ctypes
import random
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import pypdfium2
import pypdfium2.raw as pdfium

from indexer.embedded import Embedded
from indexer.records import Box, Document, Passage, Span
from indexer.settings import Settings
from indexer.store import Reader
from service.pictures import Pictures, file_of

FLOOR = 0.99
FINE = 1_000_000  # pixels of the side of a picture fine enough for any place on it
LEFT_OUT = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf", "Cn", "Co", "Cs", "Pd"))  # categories


def main(folder: Path, count: int, seed: int) -> bool:
    rng = random.Random(seed)
    settings = Settings(index=folder)
    store, pictures = Embedded.open(folder), Pictures(settings)
    cold, warm, sizes, lines, misses, turned = [], [], [], [], [], 0
    with store.reading() as reader:
        documents = [document for document in reader.documents() if document.format == "pdf"]
        quotes = list(drawn_quotes(documents, reader, count, rng))
        first, _ = quotes[0]
        pictures.draw(reader.version, first, reader.page(first.doc_id, 1)[0], ())  # which starts the process
        for document, span in quotes:
            place = (span.start, span.end)
            stored, _ = reader.page(document.doc_id, span.page)
            started = perf_counter()
            picture = pictures.draw(reader.version, document, stored, [place])
            made = perf_counter()
            pictures.draw(reader.version, document, stored, [place])
            warm.append((perf_counter() - made) * 1000)
            cold.append((made - started) * 1000)
            sizes.append(len(picture.png) / 1000)
            lines.append(len(picture.boxes))
            quote = stored.text[span.start : span.end]
            with pypdfium2.PdfDocument(file_of(folder, document)) as pdf:
                page = pdf[span.page - 1]
                turned += page.get_rotation() != 0
                under = text_under(page, picture.boxes)
            if compared(under) != compared(quote):
                misses.append(f"{document.path}, page {span.page}:\n  quoted {quote!r}\n  boxed  {under!r}")
    pictures.close()
    print(*misses, sep="\n")
    share = 1 - len(misses) / len(quotes)
    print(
        f"{share:.4f} of {len(quotes)} quotes boxed to the letter, {len({one.doc_id for one, _ in quotes})} documents"
    )
    print(f"boxes: {sum(lines)}, {sum(one > 1 for one in lines)} quotes of several; {turned} on turned pages")
    print(f"first time: {spread(cold)} ms; again: {spread(warm)} ms; {spread(sizes)} kB")
    return share >= FLOOR


def drawn_quotes(
    documents: Sequence[Document], reader: Reader, count: int, rng: random.Random
) -> Iterator[tuple[Document, Span]]:
    """Draw sentences from documents, as what stands of each on its pages."""
    given = 0
    while given < count:
        document = rng.choice(documents)
        stored = reader.passages([rng.choice(reader.passage_ids(document.doc_id))])
        (passage,) = (one.passage for one in stored.values())
        if passage.sentences:
            for span in spans_of(passage, *rng.choice(passage.sentences)):
                yield document, span
                given += 1


def spans_of(passage: Passage, start: int, end: int) -> Iterator[Span]:
    """Give the places on pages of the characters [start, end) of a passage."""
    at = 0
    for span in passage.spans:
        first, last = max(start, at), min(end, at + span.end - span.start)
        if first < last:
            yield Span(span.page, span.start + first - at, span.start + last - at)
        at += span.end - span.start + 1


def text_under(page: pypdfium2.PdfPage, boxes: Sequence[Box]) -> str:
    """Read the characters whose ink has its middle within one of the boxes, in the file's order."""
    textpage = page.get_textpage()
    areas = [(*_point(page, box.left, box.top), *_point(page, box.right, box.bottom)) for box in boxes]
    found = []
    edges = [ctypes.c_double() for _ in range(4)]
    for index in range(textpage.count_chars()):
        if pdfium.FPDFText_IsGenerated(textpage, index) or not pdfium.FPDFText_GetCharBox(textpage, index, *edges):
            continue
        left, right, bottom, top = (edge.value for edge in edges)
        x, y = (left + right) / 2, (bottom + top) / 2
        if any(min(a, c) <= x <= max(a, c) and min(b, d) <= y <= max(b, d) for a, b, c, d in areas):
            found.append(chr(pdfium.FPDFText_GetUnicode(textpage, index)))
    textpage.close()
    return "".join(found)


def _point(page: pypdfium2.PdfPage, across: float, down: float) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDF_DeviceToPage(page, 0, 0, FINE, FINE, 0, round(across * FINE), round(down * FINE), x, y)
    return x.value, y.value


def compared(text: str) -> str:
    """Leave out what stands for no letter, figure or mark that is drawn, or is not the same in file and index."""
    return "".join(char for char in re.sub("[•\ufffd]", "", text) if unicodedata.category(char) not in LEFT_OUT)


def spread(values: Sequence[float]) -> str:
    """Write the middle, the 95th of 100 and the largest of some figures."""
    ordered = sorted(values)
    late = ordered[int(0.95 * (len(ordered) - 1))]
    return f"median {median(ordered):.1f}, 95 of 100 within {late:.1f}, at most {ordered[-1]:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.exit(0 if main(arguments.index, arguments.count, arguments.seed) else 1)
