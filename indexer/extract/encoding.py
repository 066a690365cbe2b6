"""Finds the encoding of text, and says so where it had to guess."""

import codecs
import re

from indexer.errors import DocumentRefusedError, Refusal

_MARKS = (  # the marks of UTF-32 come first, since one of them starts like one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARABLE = re.compile(  # no codec that turns text into something else, such as `unicode_escape`
    r"(us-)?ascii|utf-?(8|16|16le|16be)|(iso-?8859|windows|cp|ibm|koi8|big5|euc|shift|gb|x-mac|mac|latin)[\w-]*",
    re.IGNORECASE,
)
_LATIN_1 = re.compile(r"(us-)?ascii|iso-?8859-?1|latin-?1", re.IGNORECASE)
_HEAD = 65536  # bytes that are looked at
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROLS = 0.01  # of a text's bytes; files of other kinds have a tenth and more
_STRAY_CONTROLS = 4  # in a short text
# Any even number of bytes is UTF-16 of some language, so that is never a guess.
_NEVER_GUESSED = ["utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
_MOST_CHAOS = 0.05  # charset-normalizer's measure; its own limit of 0.2 lets wrong guesses through


def decode(data: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """Return the text and, where its encoding is not plainly UTF-8, a note on how it was read.

    A byte order mark decides; then UTF-8 if all bytes fit it; then the encoding that the file declares; then a
    guess. Raises DocumentRefusedError: ENCODING naming the first byte that does not fit, UNSUPPORTED for bytes that
    are no text at all.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data, name, len(mark)), None
    head = data[:_HEAD]
    if head.count(0) > len(head) / 10:
        return _without_mark(data), "read as UTF-16, which it does not say"
    if len(head) - len(head.translate(None, _CONTROLS)) > max(_STRAY_CONTROLS, _MOST_CONTROLS * len(head)):
        raise _no_text()
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        name = _declared(data, declared) or _guess(data, error.start)
        return data.decode(name), f"read as {name}, not valid UTF-8 at byte {error.start}"


def _strictly(data: bytes, name: str, start: int) -> str:
    try:
        return data[start:].decode(name)
    except UnicodeDecodeError as error:
        raise _refused(f"the text says it is {name.upper()}, but is not", start + error.start) from error


def _without_mark(data: bytes) -> str:
    """Read UTF-16 that does not say so: in Western languages nearly every other byte is zero, and no other is."""
    head = data[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.4 * len(head) or min(even, odd) > len(head) / 100:
        raise _no_text()
    try:
        return data.decode("utf-16-le" if odd > even else "utf-16-be")
    except UnicodeDecodeError as error:
        raise _no_text() from error


def _declared(data: bytes, name: str | None) -> str | None:
    """Return the declared encoding if it is one that text comes in and fits."""
    if name is None or not _DECLARABLE.fullmatch(name):
        return None
    if _LATIN_1.fullmatch(name):
        name = "cp1252"  # as every browser has it (WHATWG Encoding Standard, section 4.2)
    try:
        data.decode(name)
    except (LookupError, UnicodeDecodeError):
        return None
    return name


def _guess(data: bytes, first_bad: int) -> str:
    """Return the encoding of text that is not UTF-8, if that can be told."""
    import charset_normalizer  # noqa: PLC0415 - for few files only

    damaged = data.decode(errors="replace")
    others = sum(not char.isascii() for char in damaged)
    wrong = damaged.count("\ufffd")
    if others > 2 * wrong:  # most of it is UTF-8, so another encoding would garble most of it
        raise _refused("the text is UTF-8 with damaged places, the first", first_bad)
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_HEAD]
    matches = charset_normalizer.from_bytes(telling, cp_exclusion=_NEVER_GUESSED)
    best = matches.best()
    if best is None or best.chaos > _MOST_CHAOS:
        raise _refused("the text is in no encoding that can be told, and not UTF-8", first_bad)
    # Where several fit a few characters equally well, those of Windows are by far the commonest, Western first.
    equal = [match for match in matches if match.chaos <= best.chaos]
    names = [name for match in equal for name in (match.encoding, *match.could_be_from_charset)]
    name = min(names, key=lambda name: (name != "cp1252", not name.startswith("cp125")))
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise _refused(f"the text looks like {name} but is not", error.start) from error
    if re.search(r"[\x80-\x9f]", text):  # no text has these, so the guess is wrong
        raise _refused("the text is in no encoding that can be told, and not UTF-8", first_bad)
    return name


def _refused(problem: str, offset: int) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.ENCODING, f"{problem} at byte {offset}, so its characters are unsure: save it again as UTF-8"
    )


def _no_text() -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.UNSUPPORTED,
        "the file is neither text nor of a type that is read, so it cannot be used: "
        "give it as PDF, HTML, DOCX, Markdown or plain text",
    )
