"""Re-read an index: every passage from its stored pages, and some from the PDF files with a second reader.

    python -m tests.quality.reread INDEX [SAMPLE]

The second reader is pypdf, which shares no code with PDFium. Words are compared without white space and signs, since
two readers differ in spaces, hyphens at line ends and quotation marks; the order and the letters must agree.
"""

import io
import random
import sys
from pathlib import Path

from pypdf import PdfReader

from indexer.embedded import Embedded
from indexer.originals import original
from indexer.records import StoredPassage
from service.citation import cite

SAMPLE = 200
SEED = 7


def main(folder: Path, sample: int) -> None:
    store = Embedded.open(folder)
    with store.reading() as reader:
        passages = [
            passage
            for document in reader.documents()
            for passage in reader.passages(reader.passage_ids(document.doc_id)).values()
        ]
        for passage in passages:
            cite([passage], reader)  # raises where the pages do not hold the passage
    print(f"{len(passages)} of {len(passages)} passages re-read from the stored pages")
    pdfs = [passage for passage in passages if passage.document.format == "pdf"]
    chosen = random.Random(SEED).sample(pdfs, min(sample, len(pdfs)))
    missing = [passage for passage in chosen if not _second_reader_has(passage, folder)]
    print(f"{len(chosen) - len(missing)} of {len(chosen)} random passages found in the PDF by pypdf")
    for passage in missing:
        print(f"  not found: {passage.document.path} {passage.passage.spans}")


def _second_reader_has(stored: StoredPassage, folder: Path) -> bool:
    reader = PdfReader(io.BytesIO(original(folder, stored.document.sha256).read_bytes()))
    parts = stored.passage.text.split("\n") if len(stored.passage.spans) > 1 else [stored.passage.text]
    pages = "".join(_letters(reader.pages[span.page - 1].extract_text()) for span in stored.passage.spans)
    return all(_letters(part) in pages for part in parts)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SAMPLE)
