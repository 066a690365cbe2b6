"""What passes between the parent and its reader processes: frames of JSON, and bytes as they are. Never pickle.

A request is a file's bytes with `{"name": ...}` to have it read, or `{"draw": {"page", "runs", "width"}}` to have one
of its pages drawn. The answer is `extracted`, or `drawn` with the picture's bytes, or `refused`.

A frame is the two lengths (JSON 4 bytes, attached bytes 8 bytes, both big-endian), the JSON and the attached bytes.
"""

import json
import struct
from dataclasses import astuple
from typing import IO, Any

from indexer.records import Box, Extracted, Line, Page, Picture

OUT_OF_MEMORY = 12  # exit status of a reader process that ran into its memory limit; ENOMEM of POSIX
_LENGTHS = struct.Struct(">IQ")
_PNG = b"\x89PNG\r\n\x1a\n"


class FrameTooLargeError(Exception):
    """The other side sends more than is allowed; the argument is the size in bytes."""


def write_frame(stream: IO[bytes], message: dict[str, Any], attached: bytes = b"") -> None:
    """Send one frame. Raises OSError where nobody reads, UnicodeEncodeError for lone surrogates."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    stream.write(_LENGTHS.pack(len(body), len(attached)) + body)
    stream.write(attached)
    stream.flush()


def read_frame(stream: IO[bytes], limit: int) -> tuple[dict[str, Any], bytes] | None:
    """Receive one frame of `limit` bytes at most; None where the other side has gone.

    Raises FrameTooLargeError, or ValueError for anything that is no frame.
    """
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    body_length, attached_length = _LENGTHS.unpack(head)
    if body_length + attached_length > limit:
        raise FrameTooLargeError(body_length + attached_length)
    body, attached = stream.read(body_length), stream.read(attached_length)
    if len(body) < body_length or len(attached) < attached_length:
        return None
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("no JSON object in the frame")  # noqa: TRY004 - the sender's fault, not the caller's
    return message, attached


def to_json(extracted: Extracted) -> dict[str, Any]:
    """Write an `Extracted` in JSON's types; pages and lines as lists, since there are many of them."""
    return {
        "format": extracted.format,
        "reader": extracted.reader,
        "title": extracted.title,
        "stated": dict(extracted.stated),
        "notes": list(extracted.notes),
        "pages": [
            [page.number, page.text, [_line_to_json(line) for line in page.lines], page.raw_map, page.needs_ocr]
            for page in extracted.pages
        ],
    }


def from_json(message: dict[str, Any]) -> Extracted:
    """Read what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    stated = message["stated"]
    if not isinstance(stated, dict):
        raise TypeError("what is stated is no mapping")
    return Extracted(
        format=_text(message["format"]),
        reader=_text(message["reader"]),
        title=None if message["title"] is None else _text(message["title"]),
        stated=stated,
        notes=tuple(map(_text, message["notes"])),
        pages=tuple(map(_page_from_json, message["pages"])),
    )


def picture_to_json(picture: Picture) -> dict[str, Any]:
    """Write all of a `Picture` but its bytes in JSON's types."""
    boxes = [astuple(box) for box in picture.boxes]
    return {"width": picture.width, "height": picture.height, "boxes": boxes, "marked": picture.marked}


def picture_from_json(message: dict[str, Any], png: bytes) -> Picture:
    """Read what `picture_to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    if not png.startswith(_PNG):
        raise ValueError("no picture")
    boxes = tuple(Box(*map(float, box)) for box in message["boxes"])
    return Picture(png, int(message["width"]), int(message["height"]), boxes, _text(message["marked"]))


def _page_from_json(values: list[Any]) -> Page:
    number, text, lines, raw_map, needs_ocr = values
    runs = tuple((int(start), int(raw_start)) for start, raw_start in raw_map)
    return Page(int(number), _text(text), tuple(map(_line_from_json, lines)), runs, bool(needs_ocr))


def _text(value: object) -> str:
    """Give text that can be stored and printed, which excludes halves of pairs."""
    if not isinstance(value, str):
        raise TypeError("no text where there should be some")
    value.encode()
    return value


def _line_to_json(line: Line) -> list[Any]:
    box = None if line.box is None else astuple(line.box)
    return [line.start, line.end, box, line.size, line.bold, line.heading, line.caption]


def _line_from_json(values: list[Any]) -> Line:
    start, end, box, size, bold, heading, caption = values
    size = None if size is None else float(size)
    return Line(int(start), int(end), box and Box(*map(float, box)), size, bool(bold), int(heading), bool(caption))
