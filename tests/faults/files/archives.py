"""Archives and Word files that unpack without end, lie about what they hold, or name places outside."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from tests.faults.files import Kind, Target, times
from tests.indexer.extract.files import archive

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
ROOT_RELATIONS = (
    f'<?xml version="1.0"?><Relationships xmlns="{RELATIONS}">'
    f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
)
SENTENCE = "<w:p><w:r><w:t>Families in Ashby are seen by their own worker every week.</w:t></w:r></w:p>"


def word_xml(body: str = SENTENCE, doctype: str = "") -> str:
    """Write the main part of a Word file."""
    return f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'


def parts(document: str | bytes | None = None, **more: str | bytes) -> dict[str, str | bytes]:
    """Give the parts of a Word file; those of `more` are named `word/NAME.xml`."""
    return {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": ROOT_RELATIONS,
        "word/document.xml": word_xml() if document is None else document,
        **{f"word/{name}.xml": content for name, content in more.items()},
    }


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive, as it is and as it says that it is."""

    name: bytes
    packed: bytes
    size: int
    crc: int
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    attributes: int = 0
    stated: int | None = None  # size of the packed bytes
    copies: int = 1  # entries of the list that lead to these bytes


def deflated(name: bytes, content: bytes) -> Entry:
    """Make an honest entry."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return Entry(name, packer.compress(content) + packer.flush(), len(content), zlib.crc32(content))


def pack(entries: Sequence[Entry], *, count: int | None = None, comment: bytes = b"") -> bytes:
    """Write an archive by hand."""
    body, listed = bytearray(), bytearray()
    total = 0
    for entry in entries:
        sizes = entry.crc, len(entry.packed) if entry.stated is None else entry.stated, entry.size
        shared = struct.pack("<HHHHIII", entry.flags, entry.method, 0, 33, *sizes)
        for copy in range(entry.copies):
            name = entry.name + (b"%d" % copy if copy and entry.crc == 0 else b"")
            listed += (
                b"PK\x01\x02\x14\x03\x14\0"
                + shared
                + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, entry.attributes, len(body))
            )
            listed += name
            total += 1
        body += b"PK\x03\x04\x14\0" + shared + struct.pack("<HH", len(entry.name), 0) + entry.name + entry.packed
    number = min(total if count is None else count, 0xFFFF)
    end = struct.pack("<HHHHIIH", 0, 0, number, number, len(listed), len(body), len(comment))
    return bytes(body + listed + b"PK\x05\x06" + end + comment)


def word(*more: Entry, document: Entry | None = None) -> list[Entry]:
    """Give the entries of a Word file."""
    texts = [(name, content) for name, content in parts().items() if document is None or "document" not in name]
    made = [deflated(name.encode(), str(content).encode()) for name, content in texts]
    return [*made, *([] if document is None else [document]), *more]


@cache
def _blanks(megabytes: int) -> bytes:
    """Give the deflated form of so many megabytes of blanks; each full flush can be repeated as it is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes + b"\x03\x00"


# --- what unpacks without end


def no_deflate_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Hide gigabytes in the main part, or in one that nobody asked for, under a true or a false size."""
    megabytes = times(random.choice((1000, 4000)), scale)
    size = random.choice((megabytes * 2**20, 100)) & 0xFFFFFFFF
    bomb = Entry(random.choice((b"word/document.xml", b"word/media/picture.png")), _blanks(megabytes), size, 0)
    return ".docx", pack(word(document=bomb) if bomb.name.endswith(b"xml") else word(bomb))


def no_bomb_within_the_limit(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Stay under the limit of unpacked bytes, and build a tree of them that is many times as large."""
    body = random.choice(("<w:p/>", "<w:p><w:r><w:t>a</w:t></w:r></w:p>", "<w:tbl>"))
    return ".docx", archive(parts(word_xml(body * (150 * 2**20 // len(body)))))


def no_lzma_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Ask for a dictionary of four gigabytes."""
    packed = b"\x09\x04\x05\x00\x5d\xff\xff\xff\xff" + random.randbytes(99)
    return ".docx", pack(word(Entry(b"word/a.xml", packed, 100, 0, zipfile.ZIP_LZMA, flags=2)))


def no_bzip2_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as file:
        for name, content in parts(a=bytes(times(260 * 2**20, max(scale, 1)))).items():
            file.writestr(name, content)
    return ".docx", made.getvalue()


def no_archives_in_archives(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    inner = pack([Entry(b"0", _blanks(times(1000, scale)), 0xFFFFFFF0, 0)])
    for level in range(random.randrange(3, 6)):
        inner = archive({f"{level}-{number}.zip": inner for number in range(16 if level < 2 else 2)})
    return random.choice((".zip", ".docx")), inner


def no_overlapping_entries(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let thousands of entries lead to the same bytes."""
    shared = Entry(b"word/media/a", _blanks(1), 2**20, zlib.crc32(b" " * 2**20), copies=random.choice((300, 9000)))
    return ".docx", pack(word(shared))


def no_many_entries(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    empty = Entry(b"word/media/a", b"\x03\0", 0, 0, copies=random.choice((10_001, 65_000)))
    return ".docx", pack(word(empty))


# --- what lies


def lying_sizes(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    honest = deflated(b"word/document.xml", word_xml().encode())
    size, stated = random.choice(
        ((0, None), (2**31, None), (0xFFFFFFFF, None), (honest.size, 2**30), (honest.size, 5))
    )
    lying = Entry(honest.name, honest.packed, size, random.choice((honest.crc, 0)), stated=stated)
    return ".docx", pack(word(document=lying if size == honest.size else Entry(*_wrong_sum(lying))))


def _wrong_sum(entry: Entry) -> tuple[bytes, bytes, int, int]:
    return entry.name, entry.packed, entry.size, entry.crc ^ 1


def lying_count(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".docx", pack(
        word(), count=random.choice((0, 1, 60_000)), comment=random.randbytes(random.choice((0, 65_535)))
    )


def no_secret(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    honest = deflated(b"word/media/a", random.randbytes(99))
    return ".docx", pack(word(Entry(honest.name, honest.packed, honest.size, honest.crc, flags=1)))


def no_unknown_method(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".docx", pack(word(Entry(b"word/a.xml", b"abc", 3, 0, random.choice((1, 9, 93, 97, 99, 65_535)))))


def names(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Name entries so that unpacking them would write elsewhere."""
    outside, mark = str(target.outside).encode(), target.mark.encode()
    mode = random.choice((0o100644, 0o120777))  # a file, or a link
    bad = [
        b"../" * random.randrange(1, 12) + b"tmp/" + mark,
        b"/../" * 9 + outside + b"/" + mark,
        outside + b"/" + mark,
        b"..\\..\\" + mark,
        b"C:\\" + mark,
        b"word/document.xml\0.txt",
        b"word/\x1b[2J\x07\xe2\x80\xae.xml",
        b"",
        b"a" * 65_000,
        b"\xff\xfe\xfd",
        b"CON",
        b"word/../../" + outside + b"/" + mark,
    ]
    chosen = random.sample(bad, 6)
    more = [deflated(name, str(target.canary).encode()) for name in chosen]
    entries = [
        Entry(e.name, e.packed, e.size, e.crc, attributes=mode << 16, flags=random.choice((0, 0x800))) for e in more
    ]
    return random.choice((".docx", ".zip")), pack(word(*entries) if random.random() < 0.8 else entries)


def same_name_twice(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    second = word_xml(SENTENCE * 2).encode()
    return ".docx", pack(word(*[deflated(b"word/document.xml", second)] * random.randrange(1, 5)))


def relations_to_elsewhere(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let parts of the file lie outside it."""
    places = [
        target.url,
        target.canary.as_uri(),
        f"../../../../../..{target.canary}",
        "&#x9;[2J\u202e",
        "/",
        "NULL",
        "../",
    ]
    modes = "", ' TargetMode="External"'
    links = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/{kind}"{random.choice(modes)} Target="{random.choice(places)}"/>'
        for n, kind in enumerate(("image", "styles", "attachedTemplate", "frame", "subDocument", "numbering"))
    )
    made = parts() | {"word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}">{links}</Relationships>'}
    if random.random() < 0.3:
        made["_rels/.rels"] = ROOT_RELATIONS.replace("word/document.xml", random.choice(places))
    return ".docx", archive(made)


# --- what the XML inside does


def entities_from_elsewhere(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let the main part, or another one, name a file or an address as its text."""
    address = random.choice((target.canary.as_uri(), target.canary.as_uri(), target.url))
    doctype = random.choice(
        (
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "{address}">]>',
            f'<!DOCTYPE a [<!ENTITY % y SYSTEM "{address}"> %y; <!ENTITY x "x">]>',
            f'<!DOCTYPE a SYSTEM "{address}" [<!ENTITY x "x">]>',
        )
    )
    body = f"<w:p><w:r><w:t>Words before &x; and after it.</w:t></w:r></w:p>{SENTENCE}"
    made = parts(word_xml(body, doctype))
    if random.random() < 0.3:
        made = parts() | {
            "[Content_Types].xml": TYPES.replace("<Types", doctype + "<Types").replace("application/xml", "&x;")
        }
    return ".docx", archive(made)


def entities_without_end(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let each entity name the one before it ten times, or one long entity stand very often."""
    if random.random() < 0.5:
        bodies = [("e0", "laugh " * 10), *((f"e{n}", f"&e{n - 1};" * 10) for n in range(1, 12))]
    else:
        bodies = [("e11", "laugh " * times(20_000, scale))]
    doctype = "<!DOCTYPE a [" + "".join(f'<!ENTITY {name} "{text}">' for name, text in bodies) + "]>"
    text = "&e11;" * (1 if len(bodies) > 1 else times(20_000, scale))
    return ".docx", archive(parts(word_xml(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>{SENTENCE}", doctype)))


def deep_xml(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    tag = random.choice(("w:sdt", "w:tbl", "w:p", "w:r", "w:txbxContent", "w:customXml", "a"))
    depth = times(random.choice((250, 1000, 100_000)), scale)
    return ".docx", archive(parts(word_xml(f"<{tag}>" * depth + SENTENCE + f"</{tag}>" * depth)))


def boxes_within_boxes(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Nest text boxes, each of which is also met from outside."""
    depth = random.choice((20, 60, 100))
    start, end = "<w:p><w:r><w:t>a</w:t><w:txbxContent>", "</w:txbxContent></w:r></w:p>"
    return ".docx", archive(parts(word_xml(start * depth + SENTENCE + end * depth)))


def long_xml(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Write one very long attribute, text, name, or very many attributes."""
    length = times(2e7, scale)
    body = random.choice(
        (
            lambda: f'<w:p a="{"x" * length}"/>',
            lambda: f"<w:p><w:r><w:t>{'word ' * (length // 5)}</w:t></w:r></w:p>",
            lambda: f"<{'n' * length}/>",
            lambda: "<w:p " + " ".join(f'a{n}="b"' for n in range(length // 100)) + "/>",
            lambda: "<w:p><w:r>" + "<w:br/>" * (length // 50) + "</w:r></w:p>",
            lambda: "<w:tbl><w:tr>" + f"<w:tc>{SENTENCE}</w:tc>" * (length // 2000) + "</w:tr></w:tbl>",
        )
    )()
    return ".docx", archive(parts(word_xml(body + SENTENCE)))


def styles_in_a_circle(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let each style be based on the next, and the last on the first."""
    count = random.choice((1, 2, 50))
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="s{n}"><w:name w:val="s{n}"/>'
        f'<w:basedOn w:val="s{(n + 1) % count}"/></w:style>'
        for n in range(count)
    )
    body = '<w:p><w:pPr><w:pStyle w:val="s0"/></w:pPr><w:r><w:t>Words of a styled paragraph.</w:t></w:r></w:p>'
    made = parts(word_xml(body), styles=f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>')
    types = (
        '<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.styles+xml"/></Types>'
    )
    made["[Content_Types].xml"] = TYPES.replace("</Types>", types)
    made["word/_rels/document.xml.rels"] = (
        f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>"
    )
    return ".docx", archive(made)


def odd_xml(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Write the main part in an odd encoding, not as XML, or with signs that XML forbids."""
    text = word_xml()
    return ".docx", archive(
        parts(
            random.choice(
                (
                    text.encode("utf-16"),
                    text.encode("utf-32"),
                    text.replace("?>", ' encoding="utf-7"?>', 1).encode(),
                    text.replace("Families", "&#x1b;[2J&#0;"),
                    text.replace("Families", "\x1b[2J\x00"),
                    text.replace("Families", "\u202eFamilies\u200b\u2066"),
                    text[: len(text) // 2],
                    b"\xff" * 999,
                    "",
                    "<a/>",
                    text.replace("w:body", "w:other"),
                )
            )
        )
    )


def cut_or_altered(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    data = bytearray(archive(parts(word_xml(SENTENCE * 50))))
    if random.random() < 0.3:
        return ".docx", bytes(data[: random.randrange(4, len(data))])
    for _ in range(random.choice((1, 3, 20))):
        data[random.randrange(4, len(data))] = random.randrange(256)
    return ".docx", bytes(data)


def no_other_archive(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Make archives of other kinds: books, workbooks, and what other programs pack."""
    first = random.choice(("xl/workbook.xml", "ppt/presentation.xml", "META-INF/container.xml", "a.txt", "../a.txt"))
    starts = (b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
    if random.random() < 0.5:
        return random.choice((".docx", ".epub", ".txt")), archive({first: "x"})
    return random.choice((".docx", ".pdf", ".txt")), random.choice(starts) + random.randbytes(500)


KINDS: tuple[Kind, ...] = (
    no_deflate_bomb,
    no_bomb_within_the_limit,
    no_lzma_bomb,
    no_bzip2_bomb,
    no_archives_in_archives,
    no_overlapping_entries,
    no_many_entries,
    lying_sizes,
    lying_count,
    no_secret,
    no_unknown_method,
    names,
    same_name_twice,
    relations_to_elsewhere,
    entities_from_elsewhere,
    entities_without_end,
    deep_xml,
    boxes_within_boxes,
    long_xml,
    styles_in_a_circle,
    odd_xml,
    cut_or_altered,
    no_other_archive,
)
