"""PDF files."""

import io

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from indexer.errors import Refusal
from indexer.extract import pdf as reader
from indexer.extract.characters import raw_offset
from indexer.records import Box, Line
from tests.indexer.extract.files import HEIGHT, WIDTH, blank, lines, pdf, picture, raw_pdf, refusal

SENTENCE = "Visits to families in Ashby happen every week."


def box_of(line: Line) -> Box:
    """Return the line's box, which it must have."""
    assert line.box is not None
    return line.box


def test_each_page_has_its_own_number_and_text() -> None:
    """Pages count from 1, blank ones too, and a blank page is not taken for a scan."""
    found = reader.read(pdf(lines("First page here."), blank, lines("Third page here.")))
    assert [(page.number, page.text) for page in found.pages] == [
        (1, "First page here."),
        (2, ""),
        (3, "Third page here."),
    ]
    assert not any(page.needs_ocr for page in found.pages)
    assert found.format == "pdf"
    assert found.reader.startswith("pypdfium2 ")
    assert found.notes == ()


def test_lines_know_their_place_size_and_weight() -> None:
    """A line's box is given in fractions of the page from the top left, with its font's size and boldness."""

    def draw(canvas: Canvas) -> None:
        lines("Plan for the year", font="Helvetica-Bold", size=18, top=700)(canvas)
        lines(SENTENCE, top=400)(canvas)

    page = reader.read(pdf(draw)).pages[0]
    heading, body = page.lines
    assert page.text[heading.start : heading.end] == "Plan for the year"
    assert (heading.size, heading.bold) == (18, True)
    assert (body.size, body.bold) == (12, False)
    for line, baseline in ((heading, 700), (body, 400)):
        box = box_of(line)
        assert box.left == pytest.approx(60 / WIDTH, abs=0.01)
        assert box.top < 1 - baseline / HEIGHT < box.bottom
        assert box.bottom - box.top == pytest.approx((line.size or 0) * 1.15 / HEIGHT, rel=0.2)
    assert box_of(body).right == pytest.approx(
        (60 + Canvas("").stringWidth(SENTENCE, "Helvetica", 12)) / WIDTH, abs=0.01
    )


def test_line_is_bold_only_where_it_starts_and_ends_bold() -> None:
    """Bold words that open a paragraph make no bold line, and a bullet's or number's own font does not count."""

    def draw(canvas: Canvas) -> None:
        for y, pieces in (
            (700, (("Helvetica-Bold", "Aims: "), ("Helvetica", "to see families sooner"))),
            (680, (("Helvetica", "2. "), ("Helvetica-Bold", "Leaders and their plans"))),
        ):
            text = canvas.beginText(60, y)
            for font, piece in pieces:
                text.setFont(font, 12)
                text.textOut(piece)
            canvas.drawText(text)

    page = reader.read(pdf(draw)).pages[0]
    assert [line.bold for line in page.lines] == [False, True]


def test_word_broken_after_a_hyphen_keeps_it() -> None:
    """PDFium's own mark for a line-end hyphen becomes a hyphen, and the line's box spans both drawn lines."""
    page = reader.read(pdf(lines("Support is long-", "term in Ashby."))).pages[0]
    assert page.text == "Support is long-term in Ashby."
    (line,) = page.lines
    assert box_of(line).bottom - box_of(line).top > 25 / HEIGHT
    assert box_of(line).right > (60 + 80) / WIDTH


def test_bullets_of_symbol_fonts_become_bullets() -> None:
    """A private code at the start of a line is a bullet."""
    content = b"BT /F1 12 Tf 60 700 Td (n first item) Tj 0 -20 Td (n second item) Tj ET"
    page = reader.read(raw_pdf(content, characters={"n": "\uf06e"})).pages[0]
    assert page.text.startswith("• first item\n• seco")


def test_raw_map_leads_to_the_readers_own_characters() -> None:
    """Each character of the text is found at its mapped place among PDFium's, odd ones before it or not."""
    import pypdfium2

    content = b"BT /F1 12 Tf 60 700 Td (z smile 1 here) Tj 0 -20 Td (second 2line) Tj 0 -20 Td (third) Tj ET"
    data = raw_pdf(content, characters={"z": "\uf0b7", "1": "\U0001f600", "2": "\u200b"})
    page = reader.read(data).pages[0]
    assert page.text == "• smile 😀 here\nsecond line\nthird"
    with pypdfium2.PdfDocument(data) as document:
        textpage = document[0].get_textpage()
        for at, char in enumerate(page.text):
            code = pypdfium2.raw.FPDFText_GetUnicode(textpage, raw_offset(page.raw_map, at))
            assert code == {"•": 0xF0B7, "😀": 0xD83D}.get(char, ord(char))


def test_glyph_without_meaning_is_unknown_and_no_hyphen() -> None:
    """PDFium writes U+FFFE for such glyphs too; the text says that a character is not known."""
    content = b"BT /F1 12 Tf 60 700 Td (some 5 words are here) Tj ET"
    assert reader.read(raw_pdf(content, characters={"5": "\0"})).pages[0].text == "some \ufffd words are here"


@pytest.mark.parametrize(
    ("degrees", "where"),
    [
        (0, (0.1, 0.0625)),
        (90, (0.9375, 0.1)),
        (180, (0.9, 0.9375)),
        (270, (0.0625, 0.9)),
    ],
)
def test_boxes_follow_the_page_as_it_is_shown(degrees: int, where: tuple[float, float]) -> None:
    """A turned page and one whose visible part starts elsewhere give places on what a person sees."""
    # The visible part is 500 by 640 from (100, 160) on; the text starts 50 from its left and 40 from its top.
    content = b"BT /F1 12 Tf 150 760 Td (Hello there, Ashby and all) Tj ET"
    data = raw_pdf(content, page=b"/CropBox[100 160 600 800]/Rotate %d" % degrees)
    box = box_of(reader.read(data).pages[0].lines[0])
    x, y = where
    assert box.left - 0.03 < x < box.right + 0.03
    assert box.top - 0.03 < y < box.bottom + 0.03
    assert min(abs(box.left - x), abs(box.right - x)) < 0.03
    assert min(abs(box.top - y), abs(box.bottom - y)) < 0.03
    assert (box.right - box.left > box.bottom - box.top) == (degrees in (0, 180))


def test_size_counts_the_scale_of_the_text() -> None:
    """Files that set size 1 and scale it have the size that is seen."""
    page = reader.read(raw_pdf(b"BT /F1 1 Tf 14 0 0 14 60 700 Tm (Scaled up in Ashby today) Tj ET")).pages[0]
    assert page.lines[0].size == 14


@given(st.lists(st.text("abc -\u2013 é.,9", min_size=1, max_size=30), max_size=8))
def test_lines_are_the_visible_parts_of_the_text(texts: list[str]) -> None:
    """Whatever is drawn, lines are trimmed, in order, apart from each other, and have boxes on the page."""
    page = reader.read(pdf(lines("Heading of the page", *texts))).pages[0]
    end = 0
    for line in page.lines:
        assert line.start >= end
        assert page.text[line.start : line.end].strip() == page.text[line.start : line.end] != ""
        box = box_of(line)
        assert 0 <= box.left <= box.right <= 1
        assert 0 <= box.top <= box.bottom <= 1
        end = line.end


def test_scanned_page_among_others_is_marked() -> None:
    """A page that is a picture with hardly a character needs OCR; a page with picture and text does not."""

    def both(canvas: Canvas) -> None:
        picture(canvas)
        lines(SENTENCE)(canvas)

    def stamped(canvas: Canvas) -> None:
        picture(canvas)
        lines("Page 3")(canvas)

    found = reader.read(pdf(lines(SENTENCE), both, stamped))
    assert [page.needs_ocr for page in found.pages] == [False, False, True]


def test_scanned_document_is_refused_with_its_pages() -> None:
    """Without any text there is nothing to index, and the refusal names the pages as ranges."""
    refused = refusal(reader.read, pdf(picture, picture, blank, picture))
    assert refused.code is Refusal.NEEDS_OCR
    assert refused.pages == (1, 2, 4)
    assert "pages 1-2, 4 of 4" in refused.message


def test_blank_document_is_refused_as_empty() -> None:
    """Pages on which nothing is drawn hold nothing to recognise either."""
    assert refusal(reader.read, pdf(blank, blank)).code is Refusal.EMPTY


def encrypted(data: bytes, user_password: str) -> bytes:
    """Lock a PDF: with a password for its owner, and one for its readers that may be empty."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user_password, "owner", algorithm="AES-256")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def test_password_is_asked_for_by_name() -> None:
    """A file that opens with a password only is refused; one that merely restricts printing is read."""
    data = pdf(lines(SENTENCE))
    assert refusal(reader.read, encrypted(data, "secret")).code is Refusal.ENCRYPTED
    assert reader.read(encrypted(data, "")).pages[0].text == SENTENCE


def test_second_reader_steps_in_and_says_so() -> None:
    """Where PDFium gives up, pypdf reads the text, without places, and a note tells."""
    broken = raw_pdf(b"BT /F1 12 Tf 60 700 Td (%s) Tj ET" % SENTENCE.encode()).replace(b"/Root 1 0 R", b"")
    found = reader.read(broken)
    assert found.reader.startswith("pypdf ")
    assert "pypdf" in found.notes[0]
    assert found.pages[0].text.strip() == SENTENCE
    assert [line.box for line in found.pages[0].lines] == [None]


@pytest.mark.parametrize(
    "data",
    [
        pdf(lines(SENTENCE))[:300],
        b"%PDF-1.7\nnothing more",
        raw_pdf(b"").replace(b"/Type/Page/Parent", b"/Type/Pest/Parent"),
        # Two pages are stated and one is there, so that page numbers are unsure.
        raw_pdf(b"BT /F1 12 Tf (some text) Tj ET").replace(b"/Count 1", b"/Count 2"),
    ],
)
def test_damaged_file_is_refused(data: bytes) -> None:
    """What neither reader can make sense of is refused in one line."""
    refused = refusal(reader.read, data)
    assert refused.code is Refusal.DAMAGED
    assert "\n" not in refused.message


def test_missing_end_is_noted() -> None:
    """A file without its end-of-file mark may lack pages, and a note says so."""
    data = raw_pdf(b"BT /F1 12 Tf 60 700 Td (%s) Tj ET" % SENTENCE.encode())
    assert "cut short" in reader.read(data.removesuffix(b"%%EOF")).notes[0]


def test_title_comes_from_the_properties() -> None:
    """The title a person gave is kept."""
    assert reader.read(pdf(lines(SENTENCE), title="Visits in Ashby")).title == "Visits in Ashby"
