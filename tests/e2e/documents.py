"""Makes a folder of documents as people have them: invented reports in every format, and files that are none."""

import io
from collections.abc import Sequence
from pathlib import Path

import docx
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
LEFT, TOP, STEP, SIZE = 60, HEIGHT - 90, 16, 11

HEADER = "Ambleford children's services: report of the spring inspection"
FOOTER = "Care Watch, registered office 5 Mill Lane"
PAGES = 7

# Sentences that the tests look for, with the page of the PDF each stands on.
FOSTER = "Forty-one foster carers left the service last year, and only nineteen new ones were approved."
FOSTER_PAGE = 3
OVERNIGHT = (
    "When the out-of-hours team receives a call at night, the duty manager records the decision the same hour,"
    " rings the family's own social worker before nine the next morning"
)
AFTER_MIDNIGHT = "and makes sure that a senior practitioner has read the record by noon."
BREAK_PAGE = 4  # the sentence begins here and ends on the next page
BULLETS = ("publish the waiting times for therapy every month", "train all drivers of school taxis in first aid")
SCANNED_PAGE = 7

FILLER = (
    "Leaders know their service and have a clear plan for the year. Staff told inspectors that supervision is regular"
    " and that their managers are easy to find. Records of visits are up to date and say what the child thinks."
)
SECTIONS = ("Foster care", "Nights and weekends", "Schools and transport", "What needs to improve")

MARKDOWN = """---
title: Libraries lend musical instruments
publisher: The Wold Courier
body: Wold
published: 2023-09-14
kind: news
---

# Libraries lend musical instruments

Since September any child in Wold can borrow a violin, a trumpet or a small drum from the town library for a term.
The library keeps sixty instruments, and a music teacher mends them on Thursdays.
"""
TEXT = """Review of the winter shelter

The shelter at the old fire station in Thornby opened on 140 nights. Volunteers served 9,300 hot meals, and the
kitchen ran out of gas only once, on the second of January.
"""
PAGE = """<!DOCTYPE html><html><head><title>River bathing</title></head><body>
<nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>River bathing reopens below the weir</h1>
<p>Bathing in the river below the weir is allowed again after tests found hardly any bacteria in the water during
the whole of June. Swimmers should keep away from the sluice gates, where the current is strong.</p>
<p>The parish council put up two lifebelts and a board that shows the water temperature, which volunteers read every
morning. Dogs must stay on the eastern bank.</p></article>
<footer>Copyright The Weir Gazette</footer></body></html>
"""
ERROR_PAGE = """<!DOCTYPE html><html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The requested page was not found on this server.</p></body></html>
"""
REFUSED = {
    "broken-link.pdf": "error_page",
    "empty.txt": "empty",
    "locked.pdf": "encrypted",
    "scan.pdf": "needs_ocr",
}
RULES = r"""
[[path_rules]]
pattern = '(?P<body>[^/]+)/(?P<published>\d{4}-\d{2}-\d{2})-.*'
kind = "annual review"
"""


def write_documents(folder: Path) -> None:
    """Write one good file of each format, and one file for each of some refusals."""
    (folder / "thornby").mkdir(parents=True)
    (folder / "report.pdf").write_bytes(report())
    (folder / "libraries.md").write_text(MARKDOWN)
    (folder / "thornby" / "2022-06-01-shelter.txt").write_text(TEXT)
    (folder / "bathing.html").write_text(PAGE)
    (folder / "minutes.docx").write_bytes(minutes())
    (folder / "broken-link.pdf").write_text(ERROR_PAGE)
    (folder / "empty.txt").touch()
    (folder / "locked.pdf").write_bytes(locked())
    (folder / "scan.pdf").write_bytes(scan())


def report() -> bytes:
    """Make a PDF as word processors do: cover, contents, running lines, bullets, and a scanned page at the end."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=1)
    canvas.setTitle("Inspection of Ambleford local authority children's services")
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(LEFT, HEIGHT - 200, "Inspection of Ambleford local")
    canvas.drawString(LEFT, HEIGHT - 226, "authority children's services")
    text(canvas, ["Inspection dates: 4 to 8 March 2024", "Published: 2 April 2024"], top=HEIGHT - 300)
    canvas.showPage()

    running_lines(canvas, 2)
    heading(canvas, "Contents", TOP)
    entries = zip(SECTIONS, range(3, PAGES), strict=True)
    text(canvas, [f"{section} {'.' * 60} {page}" for section, page in entries], top=TOP - 40)
    canvas.showPage()

    running_lines(canvas, 3)
    heading(canvas, SECTIONS[0], TOP)
    below = paragraph(canvas, FILLER, TOP - 40)
    paragraph(canvas, f"{FOSTER} Most of those who left had been carers for more than ten years.", below)
    canvas.showPage()

    running_lines(canvas, 4)
    heading(canvas, SECTIONS[1], TOP)
    below = paragraph(canvas, FILLER.replace("Leaders", "Night staff"), TOP - 40)
    lines = simpleSplit(OVERNIGHT, "Helvetica", SIZE, WIDTH - 2 * LEFT)
    text(canvas, lines, top=90 + STEP * len(lines))
    canvas.showPage()

    running_lines(canvas, 5)
    below = paragraph(canvas, AFTER_MIDNIGHT, TOP)
    heading(canvas, SECTIONS[2], below - 10)
    text(canvas, ["Pupils who live far away from their school now have a long-", "term bus pass."], top=below - 50)
    canvas.showPage()

    running_lines(canvas, 6)
    heading(canvas, SECTIONS[3], TOP)
    below = paragraph(canvas, "The council should:", TOP - 40)
    for number, bullet in enumerate(BULLETS):
        canvas.setFont("Symbol", SIZE)
        canvas.drawString(LEFT, below - 20 * number, "\N{BULLET}")
        canvas.setFont("Helvetica", SIZE)
        canvas.drawString(LEFT + 18, below - 20 * number, bullet)
    canvas.showPage()

    picture(canvas, "Appendix: minutes signed by hand")
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def running_lines(canvas: Canvas, page: int) -> None:
    """Draw what stands on every page."""
    canvas.setFont("Helvetica", 8)
    canvas.drawString(LEFT, HEIGHT - 40, HEADER)
    canvas.drawString(LEFT, 40, FOOTER)
    canvas.drawRightString(WIDTH - LEFT, 30, f"Page {page} of {PAGES}")


def heading(canvas: Canvas, words: str, top: float) -> None:
    canvas.setFont("Helvetica-Bold", 15)
    canvas.drawString(LEFT, top, words)


def text(canvas: Canvas, lines: Sequence[str], *, top: float) -> float:
    """Draw lines, and give the height of the next one."""
    canvas.setFont("Helvetica", SIZE)
    for number, line in enumerate(lines):
        canvas.drawString(LEFT, top - STEP * number, line)
    return top - STEP * len(lines)


def paragraph(canvas: Canvas, words: str, top: float) -> float:
    """Draw a paragraph with the space below it."""
    return text(canvas, simpleSplit(words, "Helvetica", SIZE, WIDTH - 2 * LEFT), top=top) - STEP


def picture(canvas: Canvas, words: str) -> None:
    """Draw words as a scanner does."""
    image = Image.new("L", (600, 800), 255)
    ImageDraw.Draw(image).text((60, 60), words, fill=0)
    canvas.drawImage(ImageReader(image), 0, 0, WIDTH, HEIGHT)


def scan() -> bytes:
    """Make a PDF that is a picture."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    picture(canvas, "A letter")
    canvas.save()
    return stream.getvalue()


def locked() -> bytes:
    """Make a PDF that asks for a password."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, encrypt=StandardEncryption("open sesame", strength=128))
    text(canvas, ["Nobody reads this."], top=TOP)
    canvas.save()
    return stream.getvalue()


def minutes() -> bytes:
    """Make a Word file."""
    document = docx.Document()
    document.add_heading("Minutes of the bridge committee", 1)
    document.add_paragraph(
        "The committee agreed to repaint the iron footbridge in dark green. The painters will start after the last"
        " frost and close one half of the bridge at a time."
    )
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()
