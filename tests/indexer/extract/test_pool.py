"""Reader processes and what befalls them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.errors import CitewellError, DocumentRefusedError, Refusal
from indexer.extract import Readers, child, pool
from indexer.records import Extracted
from indexer.settings import Settings
from tests.indexer.extract.files import bomb_pdf, lines, pdf, slow_pdf

ROOT = Path(__file__).parents[3]
PROC = Path("/proc")
GOOD = b"Families in Ashby are seen every week."
SLOW = slow_pdf(1_500_000)  # takes seconds, and more than a gigabyte
linux = pytest.mark.skipif(not (PROC / "self/stat").exists(), reason="looks at processes through /proc")


@pytest.fixture
def one() -> Iterator[Readers]:
    """Start a single reader process, small enough for bombs to fail fast."""
    with Readers(Settings(parse_workers=1, parse_memory_mb=256)) as readers:
        yield readers


def children(parent: int | None = None) -> set[int]:
    """List the processes, dead ones included, whose parent is this one or the given one."""
    found = set()
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just gone
            continue
        if int(fields[1]) == (parent or os.getpid()):
            found.add(int(stat.parent.name))
    return found


def memory_mb(process: int) -> int:
    """Return the memory that a reader process holds; until it runs its own program it shows its parent's."""
    try:
        if b"indexer.extract.worker" not in (PROC / str(process) / "cmdline").read_bytes():
            return 0
        return int((PROC / str(process) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
    except (OSError, IndexError):
        return 0


def wait_for(found: Callable[[], set[int]]) -> int:
    """Return the first process that `found` finds."""
    for _ in range(6000):
        if processes := found():
            return processes.pop()
        time.sleep(0.01)
    raise AssertionError("no such process in a minute")


def code_of(found: Extracted | DocumentRefusedError) -> Refusal | str:
    """Return a refusal's code, or the text of the first page."""
    return found.code if isinstance(found, DocumentRefusedError) else found.pages[0].text


def test_each_format_is_read() -> None:
    """The processes find and use the reader of every format."""
    story = b"<p>Families in Ashby are seen every week, and that is what the new report says about it. </p>" * 3
    with Readers(Settings(parse_workers=1)) as readers:
        assert readers.read(pdf(lines("Page text")), "a.pdf").format == "pdf"
        assert readers.read(b"<html><body><h1>Visits</h1>" + story, "a.html").format == "html"
        assert readers.read(b"# Visits\n\nText.", "a.md").format == "markdown"
        assert readers.read(GOOD, "a.txt").format == "text"


def test_a_page_is_drawn(one: Readers) -> None:
    """The same process reads files and draws their pages."""
    data = pdf(lines("First page"), lines("Page text"))
    assert one.read(data, "a.pdf").pages[1].text == "Page text"
    picture = one.draw(data, 2, [(5, 9)], 300)
    assert picture.png.startswith(b"\x89PNG")
    assert (picture.width, picture.height, picture.marked, len(picture.boxes)) == (300, 400, "text", 1)


def test_drawing_has_the_limits_of_reading(one: Readers) -> None:
    """What takes too much, and what is no PDF, is refused, and then the next page is drawn."""
    for data, code in ((bomb_pdf(1024), Refusal.RESOURCES), (GOOD, Refusal.DAMAGED)):
        with pytest.raises(DocumentRefusedError) as caught:
            one.draw(data, 1, (), 300)
        assert caught.value.code is code
    assert one.draw(pdf(lines("Page text")), 1, (), 300).width == 300


@pytest.mark.parametrize(
    ("drawn", "png"),
    [
        ({"width": 1, "height": 1, "boxes": [], "marked": ""}, b"<svg/>"),
        ({"width": 1, "height": 1, "boxes": [[0, 0, 1]], "marked": ""}, b"\x89PNG\r\n\x1a\n"),
        ({"width": 1, "height": 1, "boxes": []}, b"\x89PNG\r\n\x1a\n"),
        ([], b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_what_is_no_picture_is_not_taken_for_one(
    one: Readers, monkeypatch: pytest.MonkeyPatch, drawn: object, png: bytes
) -> None:
    """A process that a file has taken over may answer anything."""
    monkeypatch.setattr(child, "read_frame", lambda stream, limit: ({"drawn": drawn, "retire": False}, png))
    with pytest.raises(DocumentRefusedError) as caught:
        one.draw(GOOD, 1, (), 300)
    assert caught.value.code is Refusal.CRASHED


def test_refusal_of_one_file_is_raised(one: Readers) -> None:
    """Code, message and pages come through, and the next file is read."""
    with pytest.raises(DocumentRefusedError) as caught:
        one.read(b"\x89PNG\r\n\x1a\n", "picture.png")
    assert caught.value.code is Refusal.UNSUPPORTED
    assert "PNG" in caught.value.message
    assert one.read(GOOD, "a.txt").pages[0].text == GOOD.decode()


def test_results_come_in_the_order_of_the_files() -> None:
    """Several processes at work change nothing about the order, and a file's key comes back with it."""
    files = [(number, pdf(lines(f"Number {number}")) if number % 3 else f"{number}".encode()) for number in range(20)]
    with Readers(Settings(parse_workers=3)) as readers:
        found = list(readers.read_all(files))
    assert [number for number, _ in found] == list(range(20))
    assert [code_of(result) for _, result in found] == [
        f"Number {number}" if number % 3 else str(number) for number in range(20)
    ]


def test_few_files_are_taken_ahead() -> None:
    """However many files there are, only a few are in memory, and an early end stops the rest."""
    taken = 0

    def files() -> Iterator[tuple[int, bytes]]:
        nonlocal taken
        for number in range(1000):
            taken = number + 1
            yield number, GOOD

    with Readers(Settings(parse_workers=2)) as readers:
        results = readers.read_all(files())
        for yielded, _ in enumerate(results):
            assert taken <= yielded + 4
            if yielded == 20:
                break


def test_large_files_are_not_taken_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that wait to be read are limited in bytes too, and every one is read all the same."""
    monkeypatch.setattr(pool, "MOST_AHEAD", 3 * len(GOOD))
    taken = []

    def files() -> Iterator[tuple[int, bytes]]:
        for number in range(20):
            taken.append(number)
            yield number, GOOD

    with Readers(Settings(parse_workers=4)) as readers:
        for number, found in readers.read_all(files()):
            assert len(taken) <= number + 4
            assert code_of(found) == GOOD.decode()
    assert len(taken) == 20


def test_message_is_plain_and_short(one: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal quotes no sign that a terminal would obey, and not the whole file."""
    answer = {"refused": ["damaged", "odd \x1b[2J\u202e\n" + "x" * 1000, [3]], "retire": False}
    monkeypatch.setattr(child, "read_frame", lambda stream, limit: (answer, b""))
    with pytest.raises(DocumentRefusedError) as caught:
        one.read(GOOD, "a.txt")
    assert caught.value.message.startswith(r"odd \x1b[2J\u202e\nxxx")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 700
    assert caught.value.pages == (3,)


def test_name_says_what_a_file_was_meant_to_be(one: Readers) -> None:
    """Keys of any kind can be read under a name that is made of them."""
    ((_, found),) = one.read_all([(7, GOOD)], name="report-{}.pdf".format)
    assert isinstance(found, Extracted)
    assert found.notes == ("named .pdf but is plain text",)


def test_name_that_is_no_text_does_not_matter(one: Readers) -> None:
    """Names on disk may hold bytes of any kind."""
    assert one.read(GOOD, os.fsdecode(b"caf\xe9.txt")).pages[0].text == GOOD.decode()


def test_bombs_are_refused_and_no_other_file_notices() -> None:
    """A few kilobytes that unpack to a gigabyte, or draw a million letters, end at the memory limit."""
    files = [("a", GOOD), ("bomb", bomb_pdf(1024)), ("b", GOOD), ("letters", SLOW), ("c", GOOD)]
    with Readers(Settings(parse_workers=1, parse_memory_mb=256)) as readers:
        found = {name: code_of(result) for name, result in readers.read_all(files)}
    text = GOOD.decode()
    assert found == {"a": text, "bomb": Refusal.RESOURCES, "b": text, "letters": Refusal.RESOURCES, "c": text}


def test_memory_that_python_asks_for_is_limited_too(one: Readers) -> None:
    """A text that is larger than the limit is refused, and the message names the setting."""
    with pytest.raises(DocumentRefusedError) as caught:
        one.read(b"word " * (20 * 2**20), "long.txt")
    assert caught.value.code is Refusal.RESOURCES
    assert "`parse_memory_mb`" in caught.value.message


def test_file_that_takes_too_long_is_cut_off() -> None:
    """The wall clock ends what the other limits let pass."""
    with Readers(Settings(parse_workers=1, parse_memory_mb=4096, parse_wall_s=1)) as readers:
        with pytest.raises(DocumentRefusedError) as caught:
            readers.read(SLOW, "slow.pdf")
        assert caught.value.code is Refusal.RESOURCES
        assert "took longer than 1 s" in caught.value.message
        assert readers.read(GOOD, "a.txt").pages[0].text == GOOD.decode()


def test_file_that_takes_too_much_processor_time_is_cut_off() -> None:
    """Processor time is limited for each file."""
    with Readers(Settings(parse_workers=1, parse_memory_mb=4096, parse_cpu_s=1)) as readers:
        with pytest.raises(DocumentRefusedError) as caught:
            readers.read(SLOW, "slow.pdf")
        assert caught.value.code is Refusal.RESOURCES
        assert "processor time" in caught.value.message


def test_answer_that_is_too_large_is_refused(one: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent takes no more than so much text from a process."""
    monkeypatch.setattr(child, "MOST_RESULT", 10_000)
    with pytest.raises(DocumentRefusedError) as caught:
        one.read(GOOD * 1000, "long.txt")
    assert caught.value.code is Refusal.RESOURCES
    assert one.read(GOOD, "a.txt").pages[0].text == GOOD.decode()


@linux
def test_killed_process_costs_one_file() -> None:
    """A process that dies while it reads takes its own file along and no other."""
    before = children()
    results: list[Extracted | DocumentRefusedError] = []
    with Readers(Settings(parse_workers=1, parse_memory_mb=4096)) as readers:
        files = [(0, GOOD), (1, SLOW), (2, GOOD)]
        thread = threading.Thread(target=lambda: results.extend(found for _, found in readers.read_all(files)))
        thread.start()
        busy = wait_for(lambda: {process for process in children() - before if memory_mb(process) > 100})
        os.kill(busy, signal.SIGKILL)
        thread.join()
    assert [code_of(found) for found in results] == [GOOD.decode(), Refusal.CRASHED, GOOD.decode()]
    crashed = results[1]
    assert isinstance(crashed, DocumentRefusedError)
    assert "SIGKILL" in crashed.message


@linux
def test_process_killed_while_idle_costs_no_file(one: Readers) -> None:
    """The next file finds a new process."""
    before = children()
    one.read(GOOD, "a.txt")
    (idle,) = children() - before
    os.kill(idle, signal.SIGKILL)
    wait_for(lambda: {1} if "Z" in (PROC / str(idle) / "stat").read_text() else set())
    assert one.read(GOOD, "b.txt").pages[0].text == GOOD.decode()


@linux
def test_process_is_replaced_after_its_share_of_files() -> None:
    """Leaks of a library do not add up."""
    before = children()
    seen = []
    with Readers(Settings(parse_workers=1, parse_recycle=2)) as readers:
        for _ in range(6):
            readers.read(GOOD, "a.txt")
            seen.append(frozenset(children() - before))
    assert [len(processes) for processes in seen] == [1, 0, 1, 0, 1, 0]
    assert len(set(seen)) == 4


@linux
def test_nothing_is_left_behind() -> None:
    """After the end no process, no zombie and no open file remains, also where processes died or were busy."""
    with Readers(Settings(parse_workers=1)) as readers:  # what Python itself opens once
        readers.read(GOOD, "a.txt")
    before, files = children(), len(list((PROC / "self/fd").iterdir()))
    with Readers(Settings(parse_workers=2, parse_memory_mb=256)) as readers:
        list(readers.read_all([(0, GOOD), (1, bomb_pdf(512)), (2, GOOD)]))
    with Readers(Settings(parse_workers=2, parse_memory_mb=4096)) as readers:
        unread = readers.read_all([(0, GOOD), (1, SLOW), (2, SLOW), (3, GOOD)])
        next(unread)
    assert children() == before
    assert len(list((PROC / "self/fd").iterdir())) == files
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reader")]


@linux
def test_interrupt_stops_everything_at_once() -> None:
    """Ctrl-C in the middle of a file ends the parent and takes the processes with it."""
    program = textwrap.dedent("""
        import sys
        from indexer.extract import Readers
        from indexer.settings import Settings
        from tests.indexer.extract.files import slow_pdf
        with Readers(Settings(parse_workers=2, parse_memory_mb=4096)) as readers:
            list(readers.read_all((n, slow_pdf(1_500_000)) for n in range(9)))
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    busy = wait_for(lambda: {process for process in children(parent.pid) if memory_mb(process) > 100})
    processes = children(parent.pid)
    assert busy in processes
    parent.send_signal(signal.SIGINT)
    _, said = parent.communicate(timeout=60)
    assert parent.returncode == -signal.SIGINT
    assert said.strip().endswith("KeyboardInterrupt")
    assert not any((PROC / str(process)).exists() for process in processes)


@linux
def test_processes_end_with_a_parent_that_was_killed() -> None:
    """A parent that had no time to clean up leaves no idle process behind."""
    program = textwrap.dedent("""
        import time
        from indexer.extract import Readers
        from indexer.settings import Settings
        readers = Readers(Settings(parse_workers=1))
        readers.read(b"Some text.", "a.txt")
        print("read", flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "read\n"
    (process,) = children(parent.pid)
    parent.kill()
    parent.communicate()
    wait_for(lambda: set() if memory_mb(process) else {process})


@linux
def test_processes_know_little_of_their_surroundings(one: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the parent's environment, such as a key, is not in theirs."""
    monkeypatch.setenv("CITEWELL_SECRET", "hidden")
    before = children()
    one.read(GOOD, "a.txt")
    (process,) = children() - before
    assert b"hidden" not in (PROC / str(process) / "environ").read_bytes()
    assert (PROC / str(process) / "cwd").readlink() == Path("/")


@pytest.mark.parametrize("program", ["#!/bin/sh\necho 'Error: broken' >&2\nexit 1\n", None])
def test_process_that_cannot_start_is_nobodys_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str | None
) -> None:
    """An installation that is broken is told as such, with the reason, and not blamed on the documents."""
    python = tmp_path / "python"
    if program is not None:
        python.write_text(program, encoding="utf-8")
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    reason = "does not start: " + ("Error: broken" if program else ".*No such file")
    with Readers(Settings(parse_workers=1)) as readers:
        with pytest.raises(CitewellError, match=reason) as caught:
            readers.read(GOOD, "a.txt")
        assert not isinstance(caught.value, DocumentRefusedError)
        monkeypatch.undo()
        assert readers.read(GOOD, "a.txt").pages[0].text == GOOD.decode()


def test_closed_readers_say_so() -> None:
    """After the end nothing is started any more."""
    readers = Readers(Settings(parse_workers=1))
    readers.read(GOOD, "a.txt")
    readers.close()
    with pytest.raises((CitewellError, RuntimeError)):
        readers.read(GOOD, "a.txt")
