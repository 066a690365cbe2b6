"""The process that reads files."""

import io
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.protocol import picture_from_json, read_frame, write_frame
from indexer.extract.worker import extract
from tests.indexer.extract.files import lines, pdf

ROOT = Path(__file__).parents[3]
HTML = b"<html><head><title>404 Not Found</title></head><body><p>Gone.</p></body></html>"


def answers(*files: tuple[str, bytes], before: str = "", memory_mb: int = 1024) -> list[dict[str, Any]]:
    """Send files to a worker of its own, which runs `before` first, and return its answers."""
    requests = [({"name": name}, data) for name, data in files]
    return [answer for answer, _ in frames(*requests, before=before, memory_mb=memory_mb)]


def frames(
    *asked: tuple[dict[str, Any], bytes], before: str = "", memory_mb: int = 1024
) -> list[tuple[dict[str, Any], bytes]]:
    """Send requests to a worker of its own, and return its answers with what is attached to them."""
    requests = io.BytesIO()
    for message, data in asked:
        write_frame(requests, message, data)
    program = (
        f"import sys; sys.argv[1:] = ['{memory_mb}', '60']\n{before}\nfrom indexer.extract.worker import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=requests.getvalue(),
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    stream = io.BytesIO(done.stdout)
    found = []
    while (frame := read_frame(stream, 2**26)) is not None:
        found.append(frame)
    assert stream.read() == b""
    return found


def test_worker_answers_each_file_until_the_input_ends() -> None:
    """It says that it is ready, then gives what it read or why not, in order, and leaves."""
    ready, first, second, third = answers(
        ("a.txt", b"Some text."), ("b.png", b"\x89PNG\r\n\x1a\n"), ("c.pdf", pdf(lines("Page text")))
    )
    assert ready == {"ready": True}
    assert first["extracted"]["pages"][0][1] == "Some text."
    assert second["refused"][0] == "unsupported"
    assert third["extracted"]["reader"].startswith("pypdfium2")


def test_worker_draws_pages_too() -> None:
    """The picture comes beside the answer; a page that is not there is a refusal, and the next file is read."""
    request = {"page": 1, "runs": [[0, 4]], "width": 300}
    _, (drawn, png), (refused, nothing), (read, _) = frames(
        ({"draw": request}, pdf(lines("Page text"))),
        ({"draw": {**request, "page": 2}}, pdf(lines("Page text"))),
        ({"name": "a.txt"}, b"Some text."),
    )
    picture = picture_from_json(drawn["drawn"], png)
    assert (picture.width, picture.height, picture.marked, len(picture.boxes)) == (300, 400, "Page", 1)
    assert (refused["refused"][0], nothing) == ("damaged", b"")
    assert read["extracted"]["pages"][0][1] == "Some text."


def test_what_libraries_print_stays_out_of_the_answers() -> None:
    """Writing to standard output, by Python or below it, does not get between the frames."""
    before = """
import indexer.extract.text as text
honest = text.read
def loud(data):
    import os
    print("hello"); os.write(1, b"hello"); os.write(2, b"hello" * 100000)
    return honest(data)
text.read = loud"""
    _, answer = answers(("a.txt", b"Some text."), before=before)
    assert "extracted" in answer


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("import pathlib; pathlib.Path('FOLDER/file').write_text('x')", "may not use open to write"),
        ("import os; os.open('FOLDER/file', os.O_CREAT)", "may not use open to write"),
        ("import os; os.mkdir('FOLDER/new')", "may not use os.mkdir"),
        ("import pathlib; pathlib.Path('FOLDER').rename('FOLDER2')", "may not use os.rename"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
        ("import subprocess; subprocess.run(['true'])", "PermissionError"),
        ("import os; os.system('true')", "PermissionError"),
        ("raise ValueError('odd\\n  thing')", "(ValueError: odd thing)"),
        ("def deep(): deep()\n    deep()", "RecursionError"),
    ],
)
def test_reader_that_misbehaves_damages_nothing(tmp_path: Path, deed: str, error: str) -> None:
    """Writing, connecting and starting programs fail, and any error becomes a refusal of that file in one line."""
    deed = deed.replace("FOLDER", str(tmp_path))
    before = f"import indexer.extract.text as text\ndef read(data):\n    {deed}\ntext.read = read"
    _, answer = answers(("a.txt", b"Some text."), before=before)
    code, message, _ = answer["refused"]
    assert code == "damaged"
    assert error in message
    assert "\n" not in message
    assert list(tmp_path.parent.glob(f"{tmp_path.name}*")) == [tmp_path]
    assert list(tmp_path.iterdir()) == []


def test_answer_that_cannot_be_sent_is_a_refusal() -> None:
    """What has no place in JSON costs one file, not the process."""
    before = """
import indexer.extract.text as text
honest = text.read
def read(data):
    import dataclasses
    return dataclasses.replace(honest(data), title="\\ud800") if b"odd" in data else honest(data)
text.read = read"""
    _, first, second = answers(("a.txt", b"Some odd text."), ("b.txt", b"Some text."), before=before)
    assert first["refused"][0] == "damaged"
    assert "UnicodeEncodeError" in first["refused"][1]
    assert second["extracted"]["pages"][0][1] == "Some text."


def test_limits_are_set_for_good() -> None:
    """Memory, files and core dumps are limited hard, so that no library can raise them again."""
    before = """
import resource, indexer.extract.text as text
def read(data):
    names = "AS", "FSIZE", "CORE", "NOFILE", "CPU"
    raise ValueError([resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names])
text.read = read"""
    _, answer = answers(("a.txt", b"Some text."), before=before, memory_mb=512)
    memory = 512 * 2**20
    message = answer["refused"][1]
    assert f"[({memory}, {memory}), (0, 0), (0, 0), (64, 64)" in message
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    assert f", {hard})]" in message


def test_false_name_is_told_in_a_note() -> None:
    """A file is read as what it is, and a person is told that its name says otherwise."""
    assert extract(b"Some text.", "report.pdf").notes == ("named .pdf but is plain text",)
    assert extract(b"Some text.", "report.txt").notes == ()


def test_false_name_is_told_in_a_refusal() -> None:
    """The refusal of a misnamed file begins with what it really is."""
    with pytest.raises(DocumentRefusedError) as caught:
        extract(HTML, "report.pdf")
    assert caught.value.code is Refusal.ERROR_PAGE
    assert caught.value.message.startswith("named .pdf but is a web page: the web page “404 Not Found”")
