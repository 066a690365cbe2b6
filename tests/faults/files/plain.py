"""Plain text and Markdown that no person wrote: endless lines, odd characters, front matter that multiplies."""

import codecs
from random import Random

from tests.faults.files import Kind, Target, times

SENTENCE = "Families in Ashby are seen by their own worker every week.\n"


def _matter(text: str) -> tuple[str, bytes]:
    return ".md", f"---\n{text}\n---\n\n# Visits\n\n{SENTENCE}".encode()


# --- front matter


def no_aliases(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let each list hold the one before it ten times."""
    kind = random.choice(("[{}]", "{{x: [{}]}}"))
    rows = ["a0: &a0 [word, word]"]
    rows += [f"a{n}: &a{n} {kind.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, 12)]
    return _matter("\n".join(rows))


def no_merges(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Let each mapping take in the one before it several times."""
    depth = random.choice((9, 12))
    rows = ["a0: &a0 {x: 1, y: 2}"]
    rows += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, depth)]
    return _matter("\n".join(rows))


def no_tags(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Ask for objects to be made and programs to be run."""
    escaped = target.outside / target.mark
    tags = (
        f'!!python/object/apply:os.system ["touch {escaped}"]',
        f"!!python/object/new:pathlib.Path ['{escaped}']",
        "!!python/name:os.system",
        f"!!python/object/apply:open ['{escaped}', 'w']",
        "!<tag:yaml.org,2002:python/module:os> x",
        "!unknown {a: b}",
    )
    return _matter(f"title: {random.choice(tags)}")


def no_deep_lists(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    opened, closed = random.choice((("[", "]"), ("{a: ", "}"), ("- ", "")))
    depth = random.choice((50, 2000, 12_000))
    return _matter("x: " + opened * depth + closed * depth if closed else "x:\n  " + opened * depth + "a")


def no_circle(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return _matter(random.choice(("a: &a [*a]", "a: &a {b: *a}", "a: b\nc: &c {*c : d}", "a: &a [[*a], {b: *a}]")))


def odd_values(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    values = (
        "9" * 5000,
        "0x" + "f" * 5000,
        "1" + ":59" * 500,
        "0b" + "1" * 9999,
        "1e999",
        ".nan",
        "2021-02-31",
        "0001-01-01",
        "9999-12-31T23:59:59+23:59",
        "0001-01-01T00:00:00+14:00",
        "!!binary aGVsbG8=",
        "!!set {a, b}",
        "!!omap [a: b]",
        '"\\x1b[2J\\u202e\\0\\uD800"',
        "x" * times(1e6, scale),
        "null",
        "[1, [2, {3: 4}]]",
    )
    names = random.sample(("title", "publisher", "body", "published", "kind", "source", "licence", "1.5"), 4)
    return _matter("\n".join(f"{name}: {random.choice(values)}" for name in names))


def many_values(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    return _matter("\n".join(f"name{n}: value" for n in range(times(random.choice((900, 20_000)), scale))))


# --- Markdown


def marks(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Repeat what makes careless parsers of Markdown take the square of their time."""
    piece = random.choice(
        (
            "[",
            "![",
            "[a](",
            "*a _b ",
            "**a*",
            "> ",
            "`" * 3 + " `",
            "<a ",
            "<!--",
            "&#",
            "- ",
            "1. ",
            "\\",
            "[a]: b\n",
            "a\n=\n",
        )
    )
    return (
        ".md",
        f"# Visits\n\n{SENTENCE}\n{piece * times(random.choice((5e3, 5e4)), scale)}\n\n# End\n\n{SENTENCE}".encode(),
    )


def nested_lists(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    depth = times(random.choice((100, 1500)), scale)
    return ".md", ("# Visits\n\n# Lists\n\n" + "".join(f"{'  ' * n}- level {n}\n" for n in range(depth))).encode()


def wide_table(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Name many columns once, so that each short row has to be filled up."""
    columns, rows = random.choice(((1000, 5000), (5000, 1000)))
    head = "|" + "a|" * columns + "\n|" + "-|" * columns + "\n"
    return ".md", (f"# Visits\n\n{SENTENCE}\n# Table\n\n{head}" + "|x|\n" * times(rows, scale)).encode()


def references(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    long = "x" * 1000
    return ".md", (f"# Visits\n\n[a]: /{long} '{long}'\n\n" + "[a] " * times(20_000, scale) + "\n\n# End\n").encode()


# --- plain text


def long_line(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    piece = random.choice(
        (
            "word ",
            "x",
            "Sentence. ",
            " ",
            "-",
            "1. ",
            "(",
            "a.b.",
            "“",
            "\t",
            "Mr. ",
            "1 May 2020 ",
            "https://a.b/",
            "e.g. ",
            "\u00a0",
        )
    )
    return ".txt", (SENTENCE + piece * (times(random.choice((1e6, 1e7)), scale) // len(piece)) + "end.").encode()


def many_lines(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    piece = random.choice(
        ("\n", "a\n", "\r", "\u2028", "• item\n", "1\n", "Heading\n\n", "Page 1 of 9\n\f", "2 May 2019\n")
    )
    return ".txt", (SENTENCE + piece * times(random.choice((1e5, 1e6)), scale) + SENTENCE).encode()


def many_pages(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    piece = random.choice(("\f", "a\f", "Header\nText of a page.\nFooter 1\f"))
    return ".txt", (SENTENCE + piece * times(random.choice((5_000, 100_000)), scale) + SENTENCE).encode()


def marks_without_letters(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Pile up combining marks, characters that show nothing, and marks that turn the direction of text."""
    sign = random.choice("\u0301\u200b\u202e\u2066\u0336\ufe0f\U000e0041\u200d\ufeff\u00ad\u034f")
    return ".txt", (SENTENCE + "a" + sign * times(1e6, scale) + "\n" + SENTENCE).encode()


def controls(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Carry what a terminal would obey."""
    signs = (
        "\x1b]0;title\x07",
        "\x1b[2J\x1b[31m",
        "\x9b31m",
        "\x08" * 3,
        "\r",
        "\x1b[6n",
        "\x1bP+q\x1b\\",
        "\x0e",
        "\u202e",
    )
    text = "".join(SENTENCE.replace("seen", random.choice(signs)) for _ in range(50))
    return ".txt", text.encode()


def no_text(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Give bytes that are nothing, or nothing but blanks."""
    return random.choice((".txt", ".md", ".pdf", ".html")), random.choice(
        (
            b"",
            b" \n\t\f" * 5000,
            bytes(5000),
            random.randbytes(5000),
            b"",
            codecs.BOM_UTF8,
            codecs.BOM_UTF16_LE,
        )
    )


def encodings(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Claim by a mark an encoding that it is not in, and hold halves of pairs."""
    marks = codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE
    text = SENTENCE * 20
    bodies = (
        text.encode() + b"\xed\xa0\x80" + text.encode(),
        text.encode("utf-16-le") + b"\x00\xd8",
        text.encode("utf-16-be") + b"\xd8\x00" + text.encode("utf-16-be"),
        text.encode("utf-32-le") + b"\xff\xff\xff\xff",
        text.encode() + b"\xf4\x90\x80\x80",
        text.encode("utf-7") + b"+2AA-",
        text.encode() + b"\xc0\xaf\xe0\x80\xaf",
        text.encode("cp037"),
        text.replace("e", "é").encode("latin-1"),
    )
    return ".txt", random.choice((b"", b"", *marks)) + random.choice(bodies)


def any_characters(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Take characters from all of Unicode."""
    alphabet = [
        chr(random.choice((random.randrange(0x300), random.randrange(0xD800), random.randrange(0xE000, 0x110000))))
        for _ in range(200)
    ]
    alphabet += list(" \n\n.•-1(“") * 5
    return ".txt", "".join(random.choices(alphabet, k=times(50_000, scale))).encode()


KINDS: tuple[Kind, ...] = (
    no_aliases,
    no_merges,
    no_tags,
    no_deep_lists,
    no_circle,
    odd_values,
    many_values,
    marks,
    nested_lists,
    wide_table,
    references,
    long_line,
    many_lines,
    many_pages,
    marks_without_letters,
    controls,
    no_text,
    encodings,
    any_characters,
)
