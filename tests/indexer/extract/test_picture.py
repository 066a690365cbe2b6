"""Pages as pictures, with quotes marked."""

import io

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.errors import Refusal
from indexer.extract import pdf as reader
from indexer.extract.characters import raw_runs
from indexer.extract.picture import draw
from indexer.records import Box, Picture
from tests.indexer.extract.files import blank, lines, pdf, raw_pdf, refusal
from tests.quality.boxes import compared, text_under

TURNS = pytest.mark.parametrize("degrees", [0, 90, 180, 270])
Run = tuple[int, int]


def image_of(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.png))
    assert image.format == "PNG"
    return image.convert("RGB")


def is_yellow(pixel: object) -> bool:
    """Tell whether a pixel is of the wash, between letters."""
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return bool(red > 200 and green > 200 and blue < 150)


def places(data: bytes, *quotes: str) -> list[Run]:
    """Find the raw characters of words on the first page, as an index would."""
    page = reader.read(data).pages[0]
    return [
        run
        for quote in quotes
        for run in raw_runs(page.raw_map, page.text.index(quote), page.text.index(quote) + len(quote))
    ]


def marked(data: bytes, *quotes: str) -> tuple[Picture, str]:
    """Draw the first page with words marked, and read what its file has within the boxes."""
    picture = draw(data, 1, places(data, *quotes), 500)
    with pypdfium2.PdfDocument(data) as document:
        return picture, compared(text_under(document[0], picture.boxes))


def area(box: Box, picture: Picture) -> tuple[int, int, int, int]:
    return (
        round(box.left * picture.width),
        round(box.top * picture.height),
        round(box.right * picture.width),
        round(box.bottom * picture.height),
    )


def test_each_line_of_a_quote_has_a_box() -> None:
    """A quote over a line end has two, which hold its words and not the rest of the lines."""
    data = pdf(lines("Carers meet every month in", "Ashby and talk. Then they", "go home again."))
    picture, under = marked(data, "every month in\nAshby and talk.")
    first, second = picture.boxes
    assert first.bottom < (second.top + second.bottom) / 2
    assert under == picture.marked == "everymonthinAshbyandtalk."


@TURNS
def test_marks_are_where_the_words_are_shown(degrees: int) -> None:
    """On a turned page of which a part is shown, yellow is within the boxes alone, and around it a dark line."""
    content = b"BT /F1 12 Tf 150 760 Td (Hello there, Ashby and all) Tj 0 -14 Td (who live beside it) Tj ET"
    data = raw_pdf(content, page=b"/CropBox[100 160 600 800]/Rotate %d" % degrees)
    picture, under = marked(data, "there, Ashby")
    assert under == "there,Ashby"
    (box,) = picture.boxes
    assert (picture.width > picture.height) == (degrees in {90, 270})
    image = image_of(picture)
    left, top, right, bottom = area(box, picture)
    yellow = [(x, y) for x in range(image.width) for y in range(image.height) if is_yellow(image.getpixel((x, y)))]
    assert all(left - 1 <= x <= right + 1 and top - 1 <= y <= bottom + 1 for x, y in yellow)
    assert len(yellow) > 0.4 * (right - left) * (bottom - top)
    middle = (left + right) // 2
    edge = [image.getpixel((middle, y)) for y in range(top - 4, top + 1)]
    assert min(sum(pixel) for pixel in edge if isinstance(pixel, tuple)) < 200


def test_letters_stay_dark_under_the_wash() -> None:
    """Yellow is laid on the paper, not on the ink."""
    data = pdf(lines("HHHHHHHHHH", size=40))
    picture, _ = marked(data, "HHHHHHHHHH")
    left, top, right, bottom = area(picture.boxes[0], picture)
    ink = image_of(picture).crop((left + 3, top + 3, right - 3, bottom - 3))
    assert sum(sum(pixel) < 120 for pixel in ink.get_flattened_data()) > 0.1 * ink.width * ink.height  # type: ignore[arg-type]


def test_a_page_without_a_quote_has_no_mark() -> None:
    """It is drawn as it is, black on white."""
    picture = draw(pdf(blank, lines("Some words")), 2, (), 500)
    assert (picture.boxes, picture.marked) == ((), "")
    image = image_of(picture)
    assert image.size == (picture.width, picture.height) == (500, 667)
    assert not any(is_yellow(pixel) for pixel in image.get_flattened_data())
    assert min(sum(pixel) for pixel in image.get_flattened_data()) < 100  # type: ignore[arg-type]
    assert image.getpixel((1, 1)) == (254, 254, 254)  # nearly white, which the palette has instead


def test_a_box_over_another_line_would_be_noticed() -> None:
    """What the other tests rely on sees more where a box is only a little too high."""
    data = pdf(lines("Over it.", "Quoted here.", "Below it."))
    picture, under = marked(data, "Quoted here.")
    assert under == "Quotedhere."
    (box,) = picture.boxes
    high = Box(box.left, box.top - 0.02, box.right, box.bottom)
    with pypdfium2.PdfDocument(data) as document:
        assert compared(text_under(document[0], [high])) == "Overit.Quotedhere."


@pytest.mark.parametrize("ascent", [b"900", b"3000"])
def test_a_font_that_states_great_heights_marks_no_other_line(ascent: bytes) -> None:
    """Where the heights of its letters would reach over other lines, their ink alone counts."""
    stated = b"<</Type/FontDescriptor/FontName/X/Flags 32/Ascent %s/Descent -%s/FontBBox[0 -%s 900 %s]>>"
    font = b"X/FirstChar 32/LastChar 33/Widths[300 500]/FontDescriptor" + stated % (ascent, ascent, ascent, ascent)
    content = b"BT /F1 12 Tf 60 700 Td (Words over it) Tj 0 -14 Td (Quoted words) Tj 0 -14 Td (Words below) Tj ET"
    _, under = marked(raw_pdf(content, font=font), "Quoted words")
    assert under == "Quotedwords"


def test_columns_are_marked_apart() -> None:
    """Words of two columns that stand side by side are in two boxes, with the gap between them free."""
    content = b"BT /F1 12 Tf 60 700 Td (Left side) Tj 250 0 Td (Right side) Tj ET"
    picture, under = marked(raw_pdf(content), "Left side", "Right side")
    left, right = picture.boxes
    assert left.right < 0.3 < right.left
    assert under == "LeftsideRightside"


def test_letters_between_two_places_stay_free() -> None:
    """However near they are, two places are not joined over what stands between."""
    picture, under = marked(pdf(lines("goido")), "go", "do")
    assert len(picture.boxes) == 2
    assert under == "godo"


def test_letters_of_several_sizes_are_one_line() -> None:
    """A sign set small and high, as of a note, does not cut the box in two."""
    content = b"BT /F1 12 Tf 60 700 Td (Visited) Tj /F1 7 Tf 4 Ts (3) Tj 0 Ts /F1 12 Tf ( in May) Tj ET"
    data = raw_pdf(content)
    picture, under = marked(data, reader.read(data).pages[0].text)
    assert len(picture.boxes) == 1
    assert under == "Visited3inMay"


def test_sideways_text_has_a_box_a_line_too() -> None:
    """Text that is written upwards on an upright page is marked as a whole."""
    content = b"BT /F1 12 Tf 0 1 -1 0 300 200 Tm (Going up here) Tj ET"
    picture, under = marked(raw_pdf(content), "Going up here")
    (box,) = picture.boxes
    assert box.bottom - box.top > 2 * (box.right - box.left)
    assert under == "Goinguphere"


def test_a_word_broken_by_a_hyphen_is_marked_on_both_lines() -> None:
    """It has no line end in the text, and yet two boxes."""
    data = pdf(lines("They met in the after-", "noon of that day, and talked."))
    page = reader.read(data).pages[0]
    quote = page.text[page.text.index("after") : page.text.index(" of that")]
    picture, under = marked(data, quote)
    assert len(picture.boxes) == 2
    assert under == "afternoon"


def test_what_is_outside_the_shown_part_has_no_box() -> None:
    """A quote that is cropped away is on the page's text, but not on its picture."""
    content = b"BT /F1 12 Tf 60 700 Td (Hidden words) Tj 0 -300 Td (Shown words) Tj ET"
    data = raw_pdf(content, page=b"/CropBox[0 0 600 600]")
    with pypdfium2.PdfDocument(data) as document:
        text = document[0].get_textpage().get_text_range()
    at = text.find("Shown")
    picture = draw(data, 1, [(at, at + 5)], 500)
    assert len(picture.boxes) == 1
    hidden = text.find("Hidden")
    if hidden >= 0:
        assert draw(data, 1, [(hidden, hidden + 6)], 500).boxes == ()


def test_annotations_are_drawn() -> None:
    """What somebody put on the page is part of how it is shown."""
    square = b"/Annots[<</Type/Annot/Subtype/Square/Rect[100 100 500 500]/C[1 0 0]/IC[1 0 0]/F 4>>]"
    image = image_of(draw(raw_pdf(b"", page=square), 1, (), 600))
    red, green, blue = image.getpixel((300, 500))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_place_is_marked_to_the_letter(data: st.DataObject) -> None:
    """Wherever a quote begins and ends, its boxes hold it and nothing else."""
    texts = data.draw(st.lists(st.text("abc iW.,é9", min_size=1, max_size=25), min_size=1, max_size=6))
    file = pdf(lines("First of all", *texts))
    text = reader.read(file).pages[0].text
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    page = reader.read(file).pages[0]
    picture = draw(file, 1, raw_runs(page.raw_map, start, end), 300)
    with pypdfium2.PdfDocument(file) as document:
        assert compared(text_under(document[0], picture.boxes)) == compared(text[start:end])
    assert compared(picture.marked) == compared(text[start:end])


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9)), max_size=4))
@settings(max_examples=15, deadline=None)
def test_runs_outside_the_page_are_left_out(runs: list[Run]) -> None:
    """Whatever an index says, boxes are on the page, and of its characters."""
    picture = draw(pdf(lines("Short")), 1, [(max(a, -5), min(b, 5)) for a, b in runs], 200)
    assert all(0 <= edge <= 1 for box in picture.boxes for edge in (box.left, box.top, box.right, box.bottom))
    assert set(picture.marked) <= set("Short")


def test_a_page_of_absurd_shape_is_refused() -> None:
    """No page makes a picture that fills the memory."""
    tall = raw_pdf(b"BT /F1 12 Tf 1 700 Td (Hello) Tj ET", page=b"/CropBox[0 0 5 800]")
    refused = refusal(lambda data: draw(data, 1, (), 2000), tall)
    assert refused.code is Refusal.TOO_LARGE
    assert "page 1 is 160 times as high as wide" in refused.message
    assert draw(tall, 1, (), 200).height == 32_000


def test_a_page_that_is_not_there_is_an_error() -> None:
    """The worker makes a refusal of it."""
    with pytest.raises((IndexError, pypdfium2.PdfiumError)):
        draw(pdf(lines("Only one")), 2, (), 500)
    with pytest.raises(pypdfium2.PdfiumError):
        draw(b"%PDF-1.7 nothing", 1, (), 500)


def test_half_a_pair_does_no_harm() -> None:
    """A character that PDFium has as two is told as one where both are marked, and can be sent where one is."""
    data = raw_pdf(b"BT /F1 12 Tf 60 700 Td (some 5 words are here) Tj ET", characters={"5": "\U0001f600"})
    with pypdfium2.PdfDocument(data) as document:
        count = document[0].get_textpage().count_chars()
    assert "\U0001f600" in draw(data, 1, [(0, count)], 200).marked
    for at in range(count):
        draw(data, 1, [(at, at + 1)], 200).marked.encode()
