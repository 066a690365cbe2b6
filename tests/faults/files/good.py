"""Twenty honest files in every format, which must be read whatever lies beside them."""

import io
from pathlib import Path

import docx

from tests.indexer.extract.files import lines, pdf

PLACES = "Ashby Brill Corley Dunmow Eyam".split()
TEXT = (
    "Families in {place} are seen by their own worker every week, and {number} children moved to a foster home last"
    " year. The board reads each review twice before it is published, and keeps a list of what has to change."
)


def write(folder: Path) -> list[str]:
    """Write the files and give their names."""
    made = [file for number, place in enumerate(PLACES) for file in _of(place, number + 20)]
    for name, data in made:
        (folder / name).write_bytes(data)
    return [name for name, _ in made]


def _of(place: str, number: int) -> list[tuple[str, bytes]]:
    text = TEXT.format(place=place, number=number)
    head, name = f"Review of care in {place}", f"good-{place.lower()}"
    pages = [lines(f"{head}, page {page}", *text.split(", "), f"Page {page} ends here.") for page in (1, 2, 3)]
    document = docx.Document()
    document.add_heading(head, level=1)
    document.add_paragraph(text)
    stream = io.BytesIO()
    document.save(stream)
    page = f"<!DOCTYPE html><html><head><title>{head}</title></head><body><h1>{head}</h1><p>{text}</p></body></html>"
    return [
        (f"{name}.pdf", pdf(*pages, title=head)),
        (f"{name}.docx", stream.getvalue()),
        (f"{name}.html", page.encode()),
        (f"{name}.md", f"---\ntitle: {head}\nbody: {place}\n---\n\n# {head}\n\n{text}\n".encode()),
    ]
