"""PDFs that unpack without end, lead in circles, lie about themselves, or are something else besides."""

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

import pypdf

from tests.faults.files import Bad, Kind, Target, times
from tests.indexer.extract.files import archive, bomb_pdf, lines, pdf, slow_pdf

WORDS = b"BT /F1 12 Tf 50 700 Td (Families in Ashby are seen by their own worker every week.) Tj ET"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
BOX = b"/MediaBox[0 0 600 800]"
RESOURCES = b"/Resources<</Font<</F1 5 0 R>>>>"
NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483647", b"2147483648", b"-2147483648", b"99999999999999999999", b"1e9")


def write(objects: Sequence[bytes], trailer: bytes = b"", start: bytes | None = None) -> bytes:
    """Put objects, numbered from 1, into a file; the first is the catalogue."""
    made = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    begin = b"%d" % len(made) if start is None else start
    made += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    made += b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%s\n%%%%EOF" % (len(objects) + 1, trailer, begin)
    return bytes(made)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Write a stream of a true length."""
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), entries, content)


def packed(content: bytes, entries: bytes = b"") -> bytes:
    """Write a deflated stream."""
    return stream(zlib.compress(content, 9), b"/Filter/FlateDecode" + entries)


def page(
    content: bytes = stream(WORDS),
    *more: bytes,
    entries: bytes = b"",
    box: bytes = BOX,
    resources: bytes = RESOURCES,
    pages: bytes = b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    catalogue: bytes = b"",
    font: bytes = FONT,
) -> list[bytes]:
    """Give the objects of a file of one page: catalogue, pages, page, content, font, and more from number 6 on."""
    return [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
        pages,
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R%s%s%s>>" % (box, resources, entries),
        content,
        font,
        *more,
    ]


# --- what unpacks, or is drawn, without end


def no_flate_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", bomb_pdf(times(random.choice((512, 1024)), scale))


def no_flate_bomb_of_many_layers(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    layers = random.randrange(3, 6)
    data = b" " * times(2**28, scale)
    for _ in range(layers):
        data = zlib.compress(data, 9)
    return ".pdf", write(page(stream(data, b"/Filter[%s]" % (b"/FlateDecode" * layers))))


def no_run_length_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    data = zlib.compress(b"\x81 " * times(4e6, scale) + b"\x80", 9)  # each pair of bytes stands for 128 blanks
    return ".pdf", write(page(stream(data, b"/Filter[/FlateDecode/RunLengthDecode]")))


def no_predictor_bomb(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    wide = random.choice((b"99999999", b"2147483647", b"-5"))
    parameters = b"/DecodeParms<</Predictor 15/Columns %s/Colors 4/BitsPerComponent 16>>" % wide
    return ".pdf", write(page(packed(b"\x02" + b" " * times(1e6, scale), parameters)))


def letters(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", slow_pdf(times(random.choice((2e5, 1e6, 1.5e6)), scale))


def no_operators(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    operator = random.choice(
        (b"q ", b"q Q ", b"0 0 m 1 1 l S ", b"1 0 0 1 0 0 cm ", b"0 0 1 1 re f ", b"BT ET ", b"/x ")
    )
    return ".pdf", write(page(packed(operator * times(1e6, scale))))


def long_string(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", write(page(packed(b"BT /F1 1 Tf (" + b"word " * times(2e5, scale) + b") Tj ET")))


def forms_within_forms(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Each form draws the next one several times."""
    depth, width = random.choice(((28, 2), (9, 10), (2000, 1)))
    forms = [
        stream(
            b"/X Do " * width,
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (7 + n),
        )
        for n in range(depth)
    ]
    last = stream(WORDS, b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]" + RESOURCES)
    resources = b"/Resources<</XObject<</X 6 0 R>>/Font<</F1 5 0 R>>>>"
    return ".pdf", write(page(stream(b"/X Do"), *forms, last, resources=resources))


def form_in_itself(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    form = stream(b"/X Do /X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>")
    return ".pdf", write(page(stream(WORDS + b" /X Do"), form, resources=RESOURCES[:-2] + b"/XObject<</X 6 0 R>>>>"))


def letters_that_mean_much(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Say that each drawn letter stands for many."""
    meaning = (b"0041" * random.choice((10, 200, 5000))).ljust(4, b"0")
    cmap = (
        b"begincmap 1 begincodespacerange <00><FF> endcodespacerange 1 beginbfchar <61> <%s> endbfchar endcmap"
        % meaning
    )
    font = FONT[:-2] + b"/ToUnicode 6 0 R>>"
    content = packed(b"BT /F1 12 Tf (" + b"aaaa " * times(5000, scale) + b") Tj ET")
    return ".pdf", write(page(content, packed(cmap), font=font))


def ranges_of_meanings(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    ranges = b"100 beginbfrange " + b"<0000> <FFFF> <0000> " * 100 + b"endbfrange "
    font = FONT[:-2] + b"/ToUnicode 6 0 R>>"
    return ".pdf", write(page(stream(WORDS), packed(b"begincmap " + ranges * times(20, scale)), font=font))


def odd_meanings(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let letters stand for controls, marks that turn the direction of text, and halves of pairs."""
    codes = random.sample(("001B", "0000", "202E", "D800", "DC00", "FFFF", "0300", "200B", "FEFF", "0007", "2066"), 6)
    pairs = b" ".join(b"<%02X> <%s>" % (ord("a") + n, code.encode()) for n, code in enumerate(codes))
    cmap = b"begincmap 1 begincodespacerange <00><FF> endcodespacerange 6 beginbfchar %s endbfchar endcmap" % pairs
    return ".pdf", write(page(stream(WORDS), stream(cmap), font=FONT[:-2] + b"/ToUnicode 6 0 R>>"))


def font_that_draws_itself(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 0/LastChar 255"
        b"/Encoding<</Differences[97/a]>>/CharProcs<</a 6 0 R>>/Resources<</Font<</F1 5 0 R>>>>>>"
    )
    return ".pdf", write(page(stream(WORDS), stream(b"BT /F1 1 Tf (aaaa) Tj ET"), font=font))


# --- pages


def pages_claimed(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", write(page(pages=b"<</Type/Pages/Kids[3 0 R]/Count %s>>" % random.choice(NUMBERS)))


def no_pages_shared(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let ten branches at each level be one and the same, so that few objects are millions of pages."""
    depth = random.randrange(6, 9)
    nodes = [
        b"<</Type/Pages/Parent 2 0 R/Count %d/Kids[%s]>>"
        % (10 ** (depth - n), b"%d 0 R " % (7 + n if n < depth - 1 else 3) * 10)
        for n in range(depth)
    ]
    return ".pdf", write(page(stream(WORDS), *nodes, pages=b"<</Type/Pages/Kids[6 0 R]/Count %d>>" % 10**depth))


def no_pages_named_often(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    count = random.choice((30_000, 100_000))
    return ".pdf", write(page(pages=b"<</Type/Pages/Kids[%s]/Count %d>>" % (b"3 0 R " * count, count)))


def pages_deep(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    depth = random.choice((500, 5000, 20000))
    nodes = [b"<</Type/Pages/Parent %d 0 R/Count 1/Kids[%d 0 R]>>" % (5 + n, 7 + n) for n in range(depth - 1)]
    last = b"<</Type/Pages/Parent 2 0 R/Count 1/Kids[3 0 R]>>"
    return ".pdf", write(page(stream(WORDS), *nodes, last, pages=b"<</Type/Pages/Kids[6 0 R]/Count 1>>"))


def pages_in_a_circle(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    kids = random.choice((b"2 0 R", b"2 0 R 3 0 R", b"3 0 R 2 0 R", b"1 0 R 3 0 R", b"4 0 R", b"3 0 R 99 0 R"))
    return ".pdf", write(page(pages=b"<</Type/Pages/Kids[%s]/Count 3/Parent 2 0 R>>" % kids))


def boxes(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    edges = (b"0", b"1e38", b"-1e38", b"nan", b"600", b"0.00000001", b"99999999999999999999", b"(x)", b"null", b"[]")
    box = b"/MediaBox[%s]" % b" ".join(random.choices(edges, k=random.choice((3, 4, 4, 4))))
    entries = b"/Rotate %s/UserUnit %s" % (random.choice((b"37", b"90", b"-90", b"1e9")), random.choice(NUMBERS))
    return ".pdf", write(page(entries=entries + b"/CropBox[9 9 1 1]", box=box))


def contents_in_a_circle(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", write(page(random.choice((b"[4 0 R 4 0 R]", b"4 0 R", b"[6 0 R 4 0 R]")), stream(WORDS)))


def contents_many(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", write(page(b"[%s]" % (b"6 0 R " * times(20_000, scale)), stream(WORDS)))


# --- structure


def tables_in_a_circle(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let the cross-reference table name itself, or something odd, as the one before it."""
    objects = page()
    at = write(objects).rindex(b"xref\n0")
    return ".pdf", write(objects, trailer=b"/Prev %s/XRefStm %d" % (random.choice((b"%d" % at, *NUMBERS)), at))


def start_that_is_none(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", write(page(), start=random.choice(NUMBERS))


def table_in_a_stream(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    widths = random.choice((b"[1 2 1]", b"[9 9 9]", b"[0 0 0]", b"[-1 2 1]", b"[2147483647 2147483647 1]", b"[1]"))
    entries = b"/Type/XRef/Size %s/W%s/Index[0 %s]/Root 1 0 R/Prev 9" % (
        random.choice(NUMBERS),
        widths,
        random.choice(NUMBERS),
    )
    body = write(page())
    body = body[: body.rindex(b"xref\n0")]
    at = len(body)
    return ".pdf", b"%s9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF" % (
        body,
        packed(random.randbytes(400), entries),
        at,
    )


def objects_in_themselves(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let object streams extend and hold each other."""
    entries = b"/Type/ObjStm/N %s/First %s/Extends %d 0 R" % (
        random.choice(NUMBERS),
        random.choice(NUMBERS),
        random.choice((6, 7)),
    )
    held = packed(b"6 0 7 10 " + b"<<>> " * 50, entries)
    return ".pdf", write(page(stream(WORDS), held, held, catalogue=b"/Extra 6 0 R/More 7 0 R"))


def brackets(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    opened = random.choice((b"[", b"<</A", b"(", b"<</A[")) * times(1e5, scale)
    if random.random() < 0.5:
        return ".pdf", write(page(stream(WORDS), opened, catalogue=b"/Deep 6 0 R"))
    return ".pdf", write(page(packed(WORDS + opened + b" TJ")))


def lengths(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    lying = b"<</Length %s>>stream\n%s\nendstream" % (random.choice((*NUMBERS, b"4 0 R", b"99 0 R", b"(x)")), WORDS)
    return ".pdf", write(page(lying), trailer=b"/Size %s" % random.choice(NUMBERS))


def filters(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    names = random.choices(
        "FlateDecode LZWDecode ASCII85Decode ASCIIHexDecode RunLengthDecode CCITTFaxDecode DCTDecode JBIG2Decode"
        " JPXDecode Crypt Nonsense".split(),
        k=random.choice((1, 2, 2, 300)),
    )
    entries = b"/Filter[%s]" % b"".join(b"/" + name.encode() for name in names)
    data = random.choice((random.randbytes(5000), zlib.compress(random.randbytes(5000)), b"<~" + b"z" * 9999 + b"~>"))
    return ".pdf", write(page(stream(data, entries)))


def pictures(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Claim a picture of more dots than there are bytes in the world."""
    dots = random.choice((b"2147483647", b"65535", b"-1", b"1000000"))
    kind = random.choice((b"FlateDecode", b"DCTDecode", b"JPXDecode", b"JBIG2Decode", b"CCITTFaxDecode"))
    entries = b"/Type/XObject/Subtype/Image/Width %s/Height %s/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/%s" % (
        dots,
        dots,
        kind,
    )
    picture = stream(zlib.compress(bytes(999)), entries)
    resources = RESOURCES[:-2] + b"/XObject<</X 6 0 R>>>>"
    return ".pdf", write(page(stream(WORDS + b" 600 0 0 800 0 0 cm /X Do"), picture, resources=resources))


def inline_pictures(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    piece = b"BI /W %s /H 9999 /BPC 8 /CS /RGB ID xxxx EI " % random.choice(NUMBERS)
    return ".pdf", write(page(packed(WORDS + piece * times(5000, scale))))


def deeds(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Ask the reader to run, fetch, open and save things."""
    address, file = target.url.encode(), str(target.canary).encode()
    action = random.choice(
        (
            b"<</S/JavaScript/JS(app.launchURL\\(\\'%s\\'\\); while\\(1\\){})>>" % address,
            b"<</S/URI/URI(%s)>>" % address,
            b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)/P(/c calc)>>>>",
            b"<</S/GoToR/F(%s)/D[0/Fit]>>" % file,
            b"<</S/SubmitForm/F<</FS/URL/F(%s)>>>>" % address,
            b"<</S/ImportData/F(%s)>>" % file,
        )
    )
    external = stream(WORDS, b"/F(%s)/FFilter/FlateDecode" % file)  # a stream whose data lie in another file
    return ".pdf", write(page(random.choice((external, stream(WORDS))), catalogue=b"/OpenAction " + action))


def soup(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Write objects at random, which name each other at random."""

    def value(depth: int) -> bytes:
        match random.randrange(9 if depth else 6):
            case 0:
                return random.choice(NUMBERS)
            case 1:
                return b"(" + random.randbytes(5).replace(b"\\", b"").replace(b"(", b"").replace(b")", b"") + b")"
            case 2 | 3:
                return b"%d 0 R" % random.randrange(1, 12)
            case 4 | 5:
                return b"/" + random.choice(KEYS)
            case 6:
                return b"[" + b" ".join(value(depth - 1) for _ in range(random.randrange(5))) + b"]"
        return dictionary(depth - 1)

    def dictionary(depth: int) -> bytes:
        inner = b" ".join(b"/%s %s" % (random.choice(KEYS), value(depth)) for _ in range(random.randrange(1, 8)))
        return b"<<" + inner + b">>"

    objects = page()
    for _ in range(random.randrange(1, 4)):
        objects[random.randrange(1, 5)] = dictionary(3)
    objects += [random.choice((dictionary(3), stream(WORDS), stream(random.randbytes(99)))) for _ in range(6)]
    return ".pdf", write(objects)


KEYS = (
    b"Type Pages Page Kids Count Parent Contents Resources Font XObject MediaBox Length Filter FlateDecode Root Prev"
    b" Size Subtype Form Type0 Type3 DescendantFonts Encoding ToUnicode Widths Annots ObjStm First N Extends W Index"
).split()


# --- what is locked, cut short, or two things at once


@cache
def review() -> bytes:
    """Make an honest file of five pages."""
    return pdf(
        *[lines(f"Page {n} of the review of Ashby", "Visits are made in time.") for n in range(1, 6)],
        title="A review",
    )


@cache
def _locked() -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(review()))
    writer.encrypt("secret", algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def no_locked(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", _locked()


def locked_oddly(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    lock = b"/Encrypt<</Filter/%s/V %s/R %s/Length %s/O(%s)/U(%s)/P -1>>/ID[(a)(b)]" % (
        random.choice((b"Standard", b"Nonsense")),
        *random.choices(NUMBERS, k=3),
        b"o" * random.choice((0, 32, 127)),
        b"u" * random.choice((0, 32, 127)),
    )
    return ".pdf", write(page(), trailer=lock)


def cut_short(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", review()[: random.randrange(9, len(review()))]


def no_just_the_mark(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return ".pdf", b"%PDF-1.7\n" + random.randbytes(random.choice((0, 10, 10_000)))


def two_things_at_once(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    zipped = archive({"word/document.xml": "<a/>", f"../{target.mark}": "x"})
    web = b"<html><head><script>alert(1)</script></head><body>" + b"<p>Words of a page.</p>" * 30 + b"</body></html>"
    data = random.choice(
        (
            review() + zipped,
            zipped + review(),
            b"<!--" + review() + b"-->" + web,
            web + review(),
            b" " * random.choice((1, 1000, 1020)) + review(),
            b"MZ\x90\0" + review(),
            b"\x89PNG\r\n" + review(),
            review() + review(),
        )
    )
    return random.choice((".pdf", ".html", ".docx", ".txt")), data


KINDS: tuple[Kind, ...] = (
    no_flate_bomb,
    no_flate_bomb_of_many_layers,
    no_run_length_bomb,
    no_predictor_bomb,
    letters,
    no_operators,
    long_string,
    forms_within_forms,
    form_in_itself,
    letters_that_mean_much,
    ranges_of_meanings,
    odd_meanings,
    font_that_draws_itself,
    pages_claimed,
    no_pages_shared,
    no_pages_named_often,
    pages_deep,
    pages_in_a_circle,
    boxes,
    contents_in_a_circle,
    contents_many,
    tables_in_a_circle,
    start_that_is_none,
    table_in_a_stream,
    objects_in_themselves,
    brackets,
    lengths,
    filters,
    pictures,
    inline_pictures,
    deeds,
    soup,
    no_locked,
    locked_oddly,
    cut_short,
    no_just_the_mark,
    two_things_at_once,
)


def mutated(reports: Sequence[bytes], random: Random, count: int) -> Iterator[Bad]:
    """Damage whole reports as disks, networks and attackers do."""
    for number in range(count):
        data = bytearray(random.choice(reports))
        for _ in range(random.choice((1, 1, 3, 20))):
            _damage(data, random, random.choice(reports))
        yield Bad(f"mutated-{number:04}.pdf", bytes(data), refused=False)


def _damage(data: bytearray, random: Random, other: bytes) -> None:
    at = random.randrange(len(data)) if data else 0
    length = min(random.choice((1, 16, 512, 20_000)), len(data) - at)
    match random.randrange(8):
        case 0:
            data[at:] = b""
        case 1:
            data[at : at + length] = random.randbytes(length)
        case 2:
            data[at : at + length] = bytes(length)
        case 3:
            data[at : at + length] = b""
        case 4:
            data[at:at] = data[at : at + length]
        case 5:
            start = random.randrange(len(other))
            data[at : at + length] = other[start : start + length]
        case 6:  # a number somewhere
            found = list(re.finditer(rb"\b\d+\b", data[at : at + 20_000]))
            if found:
                one = random.choice(found)
                data[at + one.start() : at + one.end()] = random.choice(NUMBERS)
        case 7:  # a size that is stated
            found = list(re.finditer(rb"/(Length|Size|Count|First|N|W|Prev|Columns|Width)[ \[]*(\d+)", data))
            if found:
                one = random.choice(found)
                data[one.start(2) : one.end(2)] = random.choice(NUMBERS)
