"""Word files."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from lxml import etree

from indexer.errors import Refusal
from indexer.extract import docx as reader
from tests.indexer.extract.files import archive, refusal

Document = docx.document.Document


def word(write: Callable[[Document], None]) -> bytes:
    """Make a Word file with what `write` puts into it."""
    document = docx.Document()
    write(document)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """Replace one part of a Word file."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        return archive({entry: content if entry == name else old.read(entry) for entry in old.namelist()})


def test_paragraphs_lists_and_tables_come_in_their_order() -> None:
    """Headings carry their level, items a bullet, table rows bars, captions their mark."""

    def write(document: Document) -> None:
        document.add_heading("The plan for Ashby", 0)
        document.add_heading("Aims", 2)
        document.add_paragraph("Families are seen\nsooner.")
        document.add_paragraph("more visits", style="List Bullet")
        document.add_paragraph("shared plans", style="List Number")
        table = document.add_table(2, 3)
        for row in range(2):
            for column in range(3):
                table.cell(row, column).text = f"r{row}c{column}"
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        document.add_paragraph("A bridge in Ashby", style="Caption")
        document.core_properties.title = "Plan for Ashby"

    found = reader.read(word(write))
    (page,) = found.pages
    assert page.text == (
        "The plan for Ashby\n\nAims\n\nFamilies are seen\nsooner.\n\n• more visits\n• shared plans\n\n"
        "wide | r0c2\nr1c0 | r1c1 | r1c2\n\nA bridge in Ashby"
    )
    assert [line.heading for line in page.lines][:3] == [1, 2, 0]
    assert [line.caption for line in page.lines] == [False] * (len(page.lines) - 1) + [True]
    assert (found.format, found.title) == ("docx", "Plan for Ashby")


def test_changes_under_review_are_read_as_accepted() -> None:
    """Inserted words count, deleted ones do not, and text boxes and content controls are read once."""
    body = f"""<w:body {nsdecls("w")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">
      <w:p><w:r><w:t xml:space="preserve">Visits are </w:t></w:r>
        <w:del><w:r><w:delText>rare</w:delText></w:r></w:del><w:ins><w:r><w:t>weekly</w:t></w:r></w:ins></w:p>
      <w:sdt><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>
      <w:p><w:r><w:t>Beside</w:t></w:r><w:r><mc:AlternateContent>
        <mc:Choice><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Choice>
        <mc:Fallback><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Fallback>
      </mc:AlternateContent></w:r></w:p></w:body>"""

    def write(document: Document) -> None:
        document.element.replace(document.element.body, parse_xml(body))

    assert reader.read(word(write)).pages[0].text == "Visits are weekly\n\nIn a control\n\nBeside\n\nIn a box"


def test_text_of_a_box_within_a_box_is_read_once() -> None:
    """Boxes that programs nest give their text after the paragraph that holds them."""
    body = f"""<w:body {nsdecls("w")}><w:p><w:r><w:t>Outside</w:t></w:r><w:r><w:txbxContent>
      <w:p><w:r><w:t>In a box</w:t></w:r><w:r><w:txbxContent><w:p><w:r><w:t>Further in</w:t></w:r></w:p>
      </w:txbxContent></w:r></w:p></w:txbxContent></w:r></w:p></w:body>"""

    def write(document: Document) -> None:
        document.element.replace(document.element.body, parse_xml(body))

    assert reader.read(word(write)).pages[0].text == "Outside\n\nIn a box\n\nFurther in"


def test_styles_based_on_each_other_in_a_circle_end() -> None:
    """A paragraph whose style leads back to itself is read like others."""

    def write(document: Document) -> None:
        one, two = (document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH) for name in ("One", "Two"))
        one.base_style, two.base_style = two, one
        document.add_paragraph("Visits are weekly.", style="One")

    assert reader.read(word(write)).pages[0].text == "Visits are weekly."


def test_tree_that_outgrows_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lxml calls an unknown error is said as what it is."""

    def parse(stream: io.BytesIO) -> None:
        raise etree.XMLSyntaxError("unknown error", etree.ErrorTypes.ERR_NO_MEMORY, 0, 0)  # type: ignore[call-arg]

    monkeypatch.setattr(docx, "Document", parse)
    with pytest.raises(MemoryError):
        reader.read(archive({"word/document.xml": ""}))


def test_file_without_text_is_refused() -> None:
    """There is nothing to index in it."""
    assert refusal(reader.read, word(lambda document: None)).code is Refusal.EMPTY


def test_archive_that_inflates_too_far_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are counted as they inflate, and the entries too, before anything is parsed."""
    data = word(lambda document: None)
    monkeypatch.setattr(reader, "MOST_BYTES", 2**20)
    bomb = with_part(data, "word/document.xml", b"<w>" + b" " * 2**21)
    assert len(bomb) < 2**16
    assert refusal(reader.read, bomb).code is Refusal.RESOURCES
    monkeypatch.setattr(reader, "MOST_ENTRIES", 5)
    assert "entries" in refusal(reader.read, data).message


def test_sizes_that_an_archive_states_are_not_believed() -> None:
    """An entry that claims to be small and is large is found out."""
    data = bytearray(with_part(word(lambda document: None), "word/document.xml", b" " * 2**20))
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        size = made.getinfo("word/document.xml").file_size.to_bytes(4, "little")
    lying = bytes(data).replace(size, (5).to_bytes(4, "little"))
    assert lying != data
    assert refusal(reader.read, lying).code is Refusal.DAMAGED


@pytest.mark.parametrize("content", [b"no xml", b"", b'<?xml version="1.0"?><other/>'])
def test_damaged_file_is_refused(content: bytes) -> None:
    """A part that is no XML, or not Word's, is refused in one line."""
    refused = refusal(reader.read, with_part(word(lambda document: None), "word/document.xml", content))
    assert refused.code in (Refusal.DAMAGED, Refusal.EMPTY)
    assert "\n" not in refused.message


def test_cut_archive_is_refused() -> None:
    """A download that broke off is damaged."""
    assert refusal(reader.read, word(lambda document: None)[:-200]).code is Refusal.DAMAGED


def test_entities_of_the_file_are_not_taken_in(tmp_path: Path) -> None:
    """A Word file cannot make its reader open a file or multiply text."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    content = f"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "aaaaaaaa">]>
      <w:document {nsdecls("w")}><w:body><w:p><w:r><w:t>Visits are weekly. &x;&y;</w:t></w:r></w:p></w:body>
      </w:document>"""
    text = reader.read(with_part(word(lambda document: None), "word/document.xml", content.encode())).pages[0].text
    assert "secret" not in text
    assert "aaaaaaaa" not in text
