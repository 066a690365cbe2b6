import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from indexer.database import FORMAT, STORE_FILE
from indexer.errors import DocumentRefusedError, Refusal
from indexer.records import Extracted
from indexer.sources import Source
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, Citewell, FakeReaders, Library
from tests.service.test_citation import change

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "mcp backup restore verify doctor search ask show count thread grades recommendations press index status eval"
    " export import serve"
).split()
HEAVY = "torch faiss numpy pydantic fastapi rich uvicorn sentence_transformers transformers matplotlib mcp".split()
# The command with an encoder that needs no model, and readers that take their time.
SLOW = """
import contextlib, time
import indexer.encoder, indexer.extract
from service.cli import main
from tests.fakes import TextReaders, WordEncoder

class SlowReaders(TextReaders):
    def read_all(self, items, name):
        for key, data in items:
            print("reading", flush=True)
            time.sleep(60)
            yield from super().read_all([(key, data)], name)

indexer.encoder.SentenceEncoder = lambda settings: WordEncoder()
indexer.extract.Readers = lambda settings: contextlib.nullcontext(SlowReaders())
main()
"""


def process(*arguments: object, stdout: int) -> subprocess.Popen[str]:
    """Start Python in a process of its own, which finds the project."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        # usage
        ("", 2, "Usage: citewell"),
        ("bogus", 2, "No such command 'bogus'"),
        ("serch x", 2, "Did you mean 'search'"),
        ("search", 2, "Missing argument"),
        ("search x --bogus", 2, "No such option: --bogus"),
        ("search x -k many", 2, "Invalid value for '-k'"),
        ("search x --mode magic", 2, "'magic' is not one of 'hybrid', 'dense', 'lexical'"),
        # queries and filters
        ("search '' {index}", 2, "citewell: the query is empty"),
        ("search '   ' {index}", 2, "citewell: the query is empty"),
        ("search {million} {index}", 2, "the query has 1,000,000 characters; at most 1,000"),
        ("search \udcff {index}", 2, "the query is not valid Unicode text"),
        ("search x -k 0 {index}", 2, "k is 0; it must be from 1 to 100"),
        ("search x -k 100000 {index}", 2, "k is 100000; it must be from 1 to 100"),
        ("search {index} -- '-school -\"a budget\"'", 2, "only says what to leave out; add what to look for"),
        ("search x --body Redbrok {index}", 2, "did you mean `Redbrook Council`?"),
        ("search x --body \udcff {index}", 2, "no document of body `?`"),
        ("search x --kind letter {index}", 2, "`citewell status` lists every kind"),
        ("search x --from soon {index}", 2, "`soon` is not a date; write 2018-05-22, 2018-05 or 2018"),
        ("search x --from 2021 --to 2020 {index}", 2, "wrong way round: from 2021-01-01 to 2020-12-31"),
        ("search x --from 2021 --as-of 2020 {index}", 2, "wrong way round"),
        # questions
        ("ask", 2, "Missing argument"),
        ("ask x --mode dense", 2, "No such option: --mode"),
        ("ask x --explain", 2, "No such option: --explain"),
        ("ask x --receipts", 2, "Option '--receipts' requires an argument"),
        ("ask '' {index}", 2, "citewell: the query is empty"),
        ("ask {million} {index}", 2, "the query has 1,000,000 characters; at most 1,000"),
        ("ask \udcff {index}", 2, "the query is not valid Unicode text"),
        ("ask x -k 0 {index}", 2, "k is 0; it must be from 1 to 100"),
        ("ask x --body Redbrok {index}", 2, "did you mean `Redbrook Council`?"),
        ("ask x --kind letter {index}", 2, "`citewell status` lists every kind"),
        ("ask x --from soon {index}", 2, "`soon` is not a date; write 2018-05-22, 2018-05 or 2018"),
        ("ask x --from 2021 --as-of 2020 {index}", 2, "wrong way round"),
        ("ask 'school budget' --receipts {file} {index}", 2, "receipts cannot be written in `"),
        ("ask 'school budget' --receipts {file}/more {index}", 2, "(Not a directory); name another folder"),
        # quotes and receipts
        ("verify {index}", 2, "citewell: name either a quote or --receipt FILE"),
        ("verify 'the school budget' --receipt {file} {index}", 2, "name either a quote or --receipt FILE"),
        (
            "verify --receipt {file} --doc loose.txt {index}",
            2,
            "--doc goes with a quote; a receipt names its document",
        ),
        ("verify --receipt {file} {index}", 2, "this is not a receipt of Citewell: it is not JSON"),
        ("verify --receipt {reports} {index}", 2, "cannot be read: Is a directory; name a file that can"),
        ("verify --receipt nothing.json {index}", 2, "the receipt 'nothing.json' cannot be read: No such file"),
        ("verify --receipt \udcff.json {index}", 2, "cannot be read: No such file"),
        # documents and pages
        ("show nothing.txt {index}", 2, "no document `nothing.txt` in the index; `citewell search` names"),
        ("show \udcff {index}", 2, "no document `?`"),
        ("show loose.txt --page 0 {index}", 2, "has no page 0; its pages are 1 to 1"),
        ("show loose.txt --page 2 {index}", 2, "has no page 2; its pages are 1 to 1"),
        ("show loose.txt --page 99999999999999999999 {index}", 2, "has no page 99999999999999999999"),
        ("show loose.txt --spans 5 {index}", 2, "start-end,start-end"),
        ("show loose.txt --spans 0-999 {index}", 2, "span 0-999 is not within page 1"),
        # sources and settings
        ("index nowhere {index}", 2, "`nowhere` does not exist; nothing was changed"),
        ("index {index}", 2, "`corpus` does not exist; nothing was changed"),
        ("index {pipe} {index}", 2, "is neither a folder nor a file; nothing was changed"),
        ("index {reports} --reencode --no-prune {index}", 2, "--reencode makes all documents anew"),
        ("index {reports} --index {file}", 2, "is a file; name a folder for the index"),
        ("index {reports} --index {reports}", 2, "is not an index and holds `bluehill`; name an empty folder"),
        ("serve --port 70000 {index}", 2, "setting `port`"),
        ("serve --host 0.0.0.0 {index}", 2, "listens on this machine only, not on 0.0.0.0"),
        ("serve --host '' {index}", 2, "listens on this machine only"),
        # indexes
        ("search x", 3, "no index in `.citewell`; run `citewell index SOURCE` to make one"),
        ("search x --index nowhere", 3, "no index in `nowhere`; run `citewell index SOURCE`"),
        ("search x --index {file}", 3, "run `citewell index SOURCE`"),
        ("ask x --index nowhere", 3, "no index in `nowhere`; run `citewell index SOURCE`"),
        ("ask x --index {damaged}", 3, "is damaged"),
        ("show x --index nowhere", 3, "no index in `nowhere`"),
        ("status --index nowhere", 3, "no index in `nowhere`"),
        ("serve --index nowhere", 3, "no index in `nowhere`"),
        ("status --index {damaged}", 3, "is damaged"),
        ("search x --index {damaged}", 3, "is damaged"),
        ("index {reports} --index {damaged}", 3, "is damaged"),
        ("status --index {newer}", 3, "has format 99, this version reads format "),
    ],
)
def test_what_cannot_be_done_says_why(  # noqa: PLR0917 - the table's columns come last
    citewell: Citewell, shelf: Library, places: dict[str, str], arguments: str, code: int, message: str
) -> None:
    """A failure leaves stdout empty, says on stderr what was wrong and what to do, and nothing has changed."""
    given = [placed(word, places) for word in shlex.split(arguments.replace("{index}", "--index {index}"))]
    ran = citewell(*given)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert len(ran.err) < 2500
    assert "Traceback" not in ran.err
    assert shelf.searcher().generation() == 1


def placed(word: str, places: dict[str, str]) -> str:
    """Put in what a placeholder stands for, at the start of a word."""
    name, end, rest = word.partition("}")
    return places.get(name + end, name + end) + rest


@pytest.fixture(scope="session")
def places(shelf: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give what the placeholders of the table stand for; no command of the table may change any of it."""
    folder = tmp_path_factory.mktemp("places")
    os.mkfifo(folder / "pipe")
    for name in ("damaged", "newer"):
        shutil.copytree(shelf.settings.index, folder / name)
    (folder / "damaged" / STORE_FILE).write_bytes(b"no database at all " * 1000)
    (folder / "newer" / STORE_FILE).write_bytes(_with_format(shelf.settings.index / STORE_FILE, 99))
    return {
        "{million}": "x" * 1_000_000,
        "{index}": str(shelf.settings.index),
        "{reports}": str(shelf.sources),
        "{file}": str(shelf.sources / "loose.txt"),
        "{pipe}": str(folder / "pipe"),
        "{damaged}": str(folder / "damaged"),
        "{newer}": str(folder / "newer"),
    }


def _with_format(store: Path, number: int) -> bytes:
    """Return the bytes of a store that says it has another format: SQLite keeps the number at offset 60."""
    data = bytearray(store.read_bytes())
    assert int.from_bytes(data[60:64], "big") == FORMAT
    data[60:64] = number.to_bytes(4, "big")
    return bytes(data)


def test_nothing_found_is_told_by_the_exit_code(citewell: Citewell, shelf: Library) -> None:
    """A script can tell "nothing" from "something" and from "something is wrong"."""
    ran = citewell("search", "school", "--to", "1999", "--index", shelf.settings.index)
    assert (ran.code, ran.out, ran.err) == (1, "", "nothing found: no document fits the filters\n")


def test_an_empty_index_finds_nothing(citewell: Citewell, tmp_path: Path) -> None:
    """The reason is not looked for in filters that nobody gave."""
    (tmp_path / "empty").mkdir()
    assert citewell("index", tmp_path / "empty", "--index", tmp_path / "index").code == 0
    ran = citewell("search", "school", "--index", tmp_path / "index")
    assert (ran.code, ran.out, ran.err) == (1, "", "nothing found: the index holds no documents\n")


def test_a_hit_is_printed_for_people(citewell: Citewell, shelf: Library) -> None:
    """Title, whose and when, where, why, the words, the file, and the command that shows them on their page."""
    ran = citewell("search", "Foster carers were hired in spring", "-k", "1", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (0, "")
    text = " ".join(ran.out.split())
    assert text.startswith("1. Redbrook: first visit Redbrook Council · inspection · 2019-05-22 · pp. 1-2 · score ")
    assert "Foster carers were hired in spring. The team trained each of them before the first child" in text
    assert "redbrook/2019.txt citewell show " in text

    _, _, command = text.rpartition("citewell ")
    shown = citewell(*command.split(), "--index", shelf.settings.index)
    assert "»Foster carers were hired in spring. The team trained each of them before the«" in shown.out
    assert shown.err == "Redbrook: first visit, page 1 of 2\n"


def test_an_answer_is_printed_for_people(citewell: Citewell, shelf: Library) -> None:
    """Each quote has its number, whose it is, when and where, its words and the command that shows them."""
    index = ("--index", shelf.settings.index)
    ran = citewell("ask", "How many families did social workers visit each week?", *index)
    assert (ran.code, ran.err) == (0, "")
    text = " ".join(ran.out.split())
    assert text.startswith("[1] Redbrook: second visit Redbrook Council · focused visit · 2022-02-28 · p. 1 “")
    assert "“Social workers visited 40 families each week and wrote down what the families said.” redbrook/2" in text
    assert text.rpartition(" confidence ")[2].startswith("0.")

    (command, *_) = (line for line in ran.out.splitlines() if "citewell show" in line)
    shown = citewell(*command.split()[1:], *index)
    assert "»Social workers visited 40 families each week and wrote down what the families said.«" in shown.out


def test_that_there_is_no_answer_is_printed_with_what_is_nearest(citewell: Citewell, shelf: Library) -> None:
    """The reason comes first, on stdout, since it is the answer; exit code 1 tells it to scripts."""
    ran = citewell("ask", "How many owls has Quagmire?", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("unanswerable: nothing here is about Quagmire")
    assert "\nthe nearest passages:\n\n1. " in ran.out
    ran = citewell("ask", "school budget", "--to", "1999", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (1, "")
    assert " ".join(ran.out.split()) == (
        "unanswerable: no document here fits the filters and the bodies that are named"
    )


def test_a_part_of_an_answer_is_an_answer(citewell: Citewell, shelf: Library) -> None:
    """What is missing is said before the quotes."""
    ran = citewell("ask", "How has the late library of Bluehill changed?", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("partial: only one report was found")
    assert "\n\n[1] Bluehill: a visit\n" in ran.out


def test_an_empty_index_answers_nothing(citewell: Citewell, tmp_path: Path) -> None:
    """The reason is not looked for in the question."""
    (tmp_path / "empty").mkdir()
    assert citewell("index", tmp_path / "empty", "--index", tmp_path / "index").code == 0
    ran = citewell("ask", "How many owls has Quagmire?", "--index", tmp_path / "index")
    assert (ran.code, ran.out, ran.err) == (1, "unanswerable: the index holds no documents\n", "")


def test_phrases_and_exclusions_are_kept_to(citewell: Citewell, shelf: Library) -> None:
    """Quotation marks ask for the very words, a dash leaves out; where nothing is left, the message says so."""
    index = ("--index", shelf.settings.index)

    def texts(*query: str) -> list[str]:
        return [hit["text"] for hit in json.loads(citewell("search", "--json", *index, *query).out)["hits"]]

    assert len(texts("budget")) > 2
    both = texts('"school budget"')
    assert len(both) == 2
    assert all("school budget" in text for text in both)
    assert texts('"school budget" -grew') == [text for text in both if "shrank" in text]
    assert texts("--", '-"school budget" budget bees')[0] == REPORTS["loose.txt"]
    ran = citewell("search", '"budget school"', *index)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("nothing found: no passage has all the words in quotation marks")


@pytest.mark.parametrize(("mode", "arms"), [("hybrid", "meaning words"), ("dense", "meaning"), ("lexical", "words")])
def test_the_mode_decides_who_looks(citewell: Citewell, shelf: Library, mode: str, arms: str) -> None:
    """What is printed names the arms that looked; both do where nothing else is said."""
    command = ("search", "school budget", "-k", 1, "--index", shelf.settings.index)
    ran = citewell(*command, "--mode", mode)
    shown = [arm for arm in ("meaning", "words") if f"{arm} 0." in ran.out]
    assert (ran.code, " ".join(shown)) == (0, arms)
    assert (citewell(*command).out == ran.out) == (mode == "hybrid")


def test_nothing_is_read_from_the_words_on_request(citewell: Citewell, shelf: Library) -> None:
    """`--no-infer` takes a question as it stands."""
    command = ("search", "Redbrook's budget in 2019", "--json", "--index", shelf.settings.index)
    assert json.loads(citewell(*command).out)["interpreted"]["body"] == "Redbrook Council"
    plain = json.loads(citewell(*command, "--no-infer").out)["interpreted"]
    assert plain == {"body": None, "from": None, "to": None, "phrases": []}


def test_a_hit_is_explained_on_request(citewell: Citewell, shelf: Library) -> None:
    """`--explain` lists what moved it, most first; without it nobody has to read that."""
    command = ("search", "Redbrook's budget in 2019", "-k", 1, "--index", shelf.settings.index)
    plain, explained = (citewell(*command, *more).out for more in ((), ("--explain",)))
    assert explained.startswith(plain.rstrip())
    reasons = [line.split(maxsplit=1) for line in explained[len(plain.rstrip()) :].split("\n") if line.strip()]
    assert {"body", "time"} <= {signal.rpartition(" ")[0] for _, signal in reasons}
    adds = [abs(float(adds)) for adds, _ in reasons]
    assert adds == sorted(adds, reverse=True)


@pytest.mark.parametrize(("command", "field"), [("search", "query"), ("ask", "question")])
def test_a_query_comes_from_standard_input(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch, command: str, field: str
) -> None:
    """`-` stands for what is piped in, without the line feed at its end."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("otters in the river\n"))
    ran = citewell(command, "-", "--json", "--index", shelf.settings.index)
    assert json.loads(ran.out)[field] == "otters in the river"
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "the query is empty" in citewell(command, "-", "--index", shelf.settings.index).err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8"))
    ran = citewell(command, "-", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (2, "citewell: standard input is not text in UTF-8\n")


def test_a_page_is_shown_by_id_by_path_and_by_the_end_of_a_path(citewell: Citewell, shelf: Library) -> None:
    """Whatever names one document names it; the text alone goes to stdout."""
    first, second = REPORTS["redbrook/2019.txt"].split("\f")
    found = json.loads(citewell("show", "2019.txt", "--json", "--index", shelf.settings.index).out)
    for name in (found["doc_id"], "redbrook/2019.txt", "2019.txt"):
        assert citewell("show", name, "--index", shelf.settings.index).out == f"{first}\n"
        assert citewell("show", name, "--page", 2, "--index", shelf.settings.index).out == f"{second}\n"


def test_a_name_of_several_documents_is_refused_with_their_ids(citewell: Citewell, library: Library) -> None:
    """The ids that the message gives are those that work."""
    library.write("greenmouth/2019.txt", "The pier was painted.")
    library.sync()
    ran = citewell("show", "2019.txt", "--index", library.settings.index)
    assert (ran.code, ran.out) == (2, "")
    assert "`2019.txt` fits several documents" in ran.err
    ids = [part for part in ran.err.split("`") if len(part) == 16]
    texts = [citewell("show", doc_id, "--index", library.settings.index).out for doc_id in ids]
    assert [text[:8] for text in texts] == ["The pier", "The scho"]


def test_marked_characters_are_shown_once(citewell: Citewell, shelf: Library) -> None:
    """Spans may overlap, touch and come in any order; what stands between the marks is the page, to the letter."""
    ran = citewell("show", "loose.txt", "--spans", "10-20,2-6,4-8,5-7,8-9,0-1", "--index", shelf.settings.index)
    assert ran.out == "»A« »note«» w«»i«t»hout a dat«e tells of school gardens, budget cuts and bees.\n"
    assert ran.out.replace("»", "").replace("«", "") == f"{REPORTS['loose.txt']}\n"


def test_indexing_says_what_changed(citewell: Citewell, tmp_path: Path) -> None:
    """One line of numbers on stdout, and the index serves what the folder holds."""
    reports = tmp_path / "corpus"
    reports.mkdir()
    (reports / "a.txt").write_text("The pier was painted.")
    (reports / "b.txt").write_text("The mill was sold.")
    ran = citewell("index")  # corpus/ into .citewell
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "2 added, 0 updated, 0 unchanged, 0 removed, 0 refused; 2 passages of 2 pages, 2 encoded"
    )
    (reports / "a.txt").write_text("The pier was repainted.")
    (reports / "b.txt").unlink()
    assert citewell("index").out.startswith("0 added, 1 updated, 0 unchanged, 1 removed, 0 refused; 1 passages")
    assert "repainted" in citewell("search", "pier").out
    assert citewell("status").out.startswith("Index .citewell: generation 2, made 20")


def test_no_prune_keeps_what_is_in_no_source(citewell: Citewell, library: Library) -> None:
    """Documents of other folders stay on request, and go without it."""
    alone = library.sources / "loose.txt"
    ran = citewell("index", alone, "--no-prune", "--json", "--index", library.settings.index)
    assert json.loads(ran.out)["removed"] == []
    ran = citewell("index", alone, "--json", "--index", library.settings.index)
    assert json.loads(ran.out)["removed"] == ["bluehill/2021.txt", "redbrook/2019.txt", "redbrook/2022.txt"]


def test_refused_documents_are_named_and_the_rest_is_indexed(citewell: Citewell, library: Library) -> None:
    """Exit code 5 says that a person must look; the index is made all the same."""
    library.write("broken.txt", "!")
    library.write("fine.txt", "The pier was painted.")
    ran = citewell("index", library.sources, "--index", library.settings.index)
    assert ran.code == 5
    assert ran.out.startswith("1 added, ")
    assert ran.err == "refused: broken.txt: it starts with an exclamation mark\n"
    assert "Refused: broken.txt: it starts with" in citewell("status", "--index", library.settings.index).out
    assert "painted" in citewell("search", "pier", "--index", library.settings.index).out


def test_a_file_that_cannot_be_read_keeps_what_was_indexed_of_it(
    citewell: Citewell, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing right is told with exit code 5, and is no reason to forget the document."""

    def read(source: Source, max_bytes: int) -> bytes:
        if source.path == "loose.txt":
            raise DocumentRefusedError(Refusal.UNREADABLE, "the file cannot be read (Permission denied)")
        return source.file.read_bytes()

    monkeypatch.setattr("indexer.sync.read", read)
    ran = citewell("index", library.sources, "--index", library.settings.index)
    assert ran.code == 5
    assert ran.err == "refused: loose.txt: the file cannot be read (Permission denied)\n"
    assert citewell("show", "loose.txt", "--index", library.settings.index).code == 0


class InterruptedReaders(FakeReaders):
    """Reads one file; at the next, somebody presses Ctrl-C."""

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for number, result in enumerate(super().read_all(items, name)):
            if number:
                raise KeyboardInterrupt
            yield result


def test_an_interrupted_index_is_as_it_was(
    citewell: Citewell, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C says so, leaves the old generation, and the same command finishes the work later."""
    before = citewell("search", "school", "--json", "--index", library.settings.index)
    library.write("a.txt", "The pier was painted.")
    library.write("b.txt", "The mill was sold.")
    with monkeypatch.context() as patch:
        patch.setattr("indexer.extract.Readers", InterruptedReaders)
        ran = citewell("index", library.sources, "--index", library.settings.index)
    assert (ran.code, ran.out, ran.err) == (130, "", "citewell: interrupted; the index is whole\n")

    after = citewell("search", "school", "--json", "--index", library.settings.index)
    assert _without_time(after.out) == _without_time(before.out)
    assert citewell("index", library.sources, "--index", library.settings.index).out.startswith("2 added, ")


def _without_time(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed)
    del found["took_ms"]
    return found


def test_a_signal_interrupts_a_real_process(library: Library) -> None:
    """SIGINT in the middle of reading ends the process with 130, without a trace, and changes nothing."""
    library.write("slow.txt", "The pier was painted.")
    arguments = ["index", library.sources, "--index", library.settings.index]
    running = process("-c", SLOW, *arguments, stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == "reading\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "citewell: interrupted; the index is whole\n")
    assert library.searcher().generation() == 1


def test_a_reader_that_goes_away_is_no_error(library: Library) -> None:
    """`citewell ... | head` ends quietly with 0, whether the text is long or short, JSON or not."""
    library.write("long.txt", "The pier was painted. " * 1000)
    library.sync()
    read, write = os.pipe()
    os.close(read)
    running = [
        process("-m", "service.cli", *command.split(), "--index", library.settings.index, stdout=write)
        for command in ("show long.txt", "show long.txt --json", "status --json")
    ]
    os.close(write)
    for one in running:
        _, err = one.communicate(timeout=60)
        assert (one.returncode, err.removeprefix("long.txt, page 1 of 1\n")) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_told(shelf: Library) -> None:
    """A full disk is an error of one line, and never looks like "nothing found"."""
    with Path("/dev/full").open("w") as full:
        running = process("-m", "service.cli", "status", "--index", shelf.settings.index, stdout=full.fileno())
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (3, "citewell: No space left on device\n")


def test_a_full_disk_is_told_with_the_file(
    citewell: Citewell, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the operating system refuses is one line that names the file."""

    def sync(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/index/originals")

    monkeypatch.setattr("indexer.sync.sync", sync)
    ran = citewell("index", library.sources, "--index", library.settings.index)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "citewell: No space left on device: `/index/originals`\n"


@pytest.mark.parametrize("command", ["show loose.txt", "show loose.txt --json"])
def test_a_terminal_without_the_letters_gets_what_it_can_show(
    library: Library, monkeypatch: pytest.MonkeyPatch, citewell: Citewell, command: str
) -> None:
    """Text on an ASCII terminal has "?" for the rest; JSON is UTF-8 everywhere, so no quote is altered."""
    library.write("loose.txt", "The café – open late.")
    library.sync()
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert citewell(*command.split(), "--index", library.settings.index).code == 0
    if "--json" in command:
        assert json.loads(written.getvalue())["text"] == "The café – open late."
    else:
        assert written.getvalue() == b"The caf? ? open late.\n"


def test_another_encoder_is_told_with_the_command_that_helps(
    citewell: Citewell, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search and index refuse to mix vectors of two models, until `--reencode` has made them anew."""
    monkeypatch.setattr("indexer.encoder.SentenceEncoder", lambda settings: WordEncoder(model="other words"))
    for arguments in (["search", "school"], ["ask", "school"], ["index", library.sources]):
        ran = citewell(*arguments, "--index", library.settings.index)
        assert (ran.code, ran.out) == (3, "")
        assert "citewell index --reencode SOURCE" in ran.err
    assert citewell("index", library.sources, "--reencode", "--index", library.settings.index).code == 0
    assert citewell("search", "school", "--index", library.settings.index).code == 0


def test_an_altered_index_is_not_quoted(citewell: Citewell, library: Library) -> None:
    """Text that is not what was indexed never reaches the reader."""
    change(library, "UPDATE passages SET text = replace(text, 'budget', 'profit')")
    for command in ("search", "ask"):
        ran = citewell(command, "school budget", "--index", library.settings.index)
        assert (ran.code, ran.out) == (3, "")
        assert "is not what its pages say" in ran.err


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_nothing_in_a_document_steers_the_terminal(
    citewell: Citewell, library: Library, more: tuple[str, ...]
) -> None:
    """Control and bidirectional characters of titles, bodies and texts are not printed by any command."""
    evil = "\x1b[31mred\x07 \u202eturned \u2066round\x9b2J\x7f \u200bend"
    library.write("evil.txt", f"The pier {evil} was painted.")
    library.write("broken.txt", "!")
    library.write("manifest.csv", f"path,title,body,kind\nevil.txt,Title {evil},{evil} Council,kind {evil}\n")
    index = ("--index", library.settings.index)
    runs = [
        citewell("index", library.sources, *more, *index),
        citewell("search", "pier", "-k", 1, *more, *index),
        citewell("show", "evil.txt", *more, *index),
        citewell("show", "evil.txt", "--spans", "0-20", *more, *index),
        citewell("status", *more, *index),
        citewell("ask", "The pier end was painted", "--receipts", f"folder {evil}", *more, *index),
    ]
    assert [ran.code for ran in runs] == [5, 0, 0, 0, 0, 0]
    (receipt, *_) = Path(f"folder {evil}").iterdir()
    runs += [
        citewell("verify", "--receipt", receipt, *more, *index),
        citewell("verify", f"The pier {evil} was painted.", *more, *index),
        citewell("ask", f"How many owls {evil} has {evil} Quagmire?", *more, *index),
    ]
    assert [ran.code for ran in runs[-3:]] == [0, 0, 1]
    quoted = json.loads(receipt.read_text("utf-8"))
    assert quoted["text"] == f"The pier {evil} was painted."
    assert all(char.isprintable() or char == "\n" for char in receipt.read_text("utf-8"))
    runs.append(citewell("search", "x", "--kind", f"kind {evil}s", *index))
    assert "did you mean" in runs[-1].err
    for ran in runs:
        assert all(char.isprintable() or char == "\n" for char in ran.out + ran.err)
    if more:
        assert json.loads(runs[2].out)["text"] == f"The pier {evil} was painted."
        assert json.loads(runs[1].out)["hits"][0]["citation"]["title"].startswith("Title \x1b[31mred\x07")
        assert json.loads(runs[5].out)["quotes"][0]["text"] == f"The pier {evil} was painted."


@pytest.mark.parametrize(
    ("environment", "is_bold"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True),
        ({"NO_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_escape_codes_are_for_those_who_want_them(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_bold: bool
) -> None:
    """A pipe gets plain text unless FORCE_COLOR is set; JSON and errors are plain in any case."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    index = ("--index", shelf.settings.index)
    for command in ("search school", "ask school", "show loose.txt --spans 2-6"):
        assert ("\x1b[" in citewell(*command.split(), *index).out) == is_bold
    for command in (
        "search school --json",
        "ask school --json",
        "show loose.txt --json",
        "search x -k 0",
        "search x --bogus",
    ):
        ran = citewell(*command.split(), *index)
        assert "\x1b" not in ran.out + ran.err


def test_a_folder_that_is_named_counts_before_a_store_that_is_set(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever says where the index is means that one."""
    monkeypatch.setenv("CITEWELL_STORE", "milvus+lite:///nowhere/never-made.db")
    assert citewell("status", "--index", shelf.settings.index).code == 0
    ran = citewell("status")
    assert (ran.code, "never-made.db" in ran.err) == (3, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(citewell: Citewell, command: str) -> None:
    """`-h` and `--help` describe the command, its options and the exit codes, on stdout."""
    ran = citewell(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: citewell {command}")
    assert "--index INDEX" in ran.out
    assert "5 finished, but some documents" in " ".join(ran.out.split())
    assert citewell(command, "-h") == ran


def test_the_help_lists_the_commands(citewell: Citewell) -> None:
    """Every command is there with its first sentence."""
    ran = citewell("--help")
    assert (ran.code, ran.err) == (0, "")
    listed = [line.split()[0] for line in ran.out.split("Commands:")[1].splitlines() if line[:3].strip()]
    assert listed[: len(COMMANDS)] == COMMANDS


def test_the_version_is_printed(citewell: Citewell) -> None:
    """`--version` names the program and its version."""
    ran = citewell("--version")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("citewell ")
    assert ran.out.split()[1].count(".") == 2


def test_help_loads_nothing_heavy() -> None:
    """Help comes at once, since what is slow to import is left to the commands that need it."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "service.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in ran.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


def test_settings_come_from_environment_and_files(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CITEWELL_INDEX stands in for --index; what cannot be read is told with its name."""
    monkeypatch.setenv("CITEWELL_INDEX", str(shelf.settings.index))
    assert citewell("status").code == 0
    assert citewell("status", "--index", "nowhere").code == 3
    monkeypatch.setenv("CITEWELL_PORT", "many")
    ran = citewell("status")
    assert (ran.code, ran.out) == (2, "")
    assert "setting `port`" in ran.err
    monkeypatch.delenv("CITEWELL_PORT")
    (tmp_path / "citewell.toml").write_text("port = ")
    ran = citewell("status")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("citewell: settings: ")


@pytest.mark.parametrize(("host", "listens"), [("localhost", "localhost"), ("::1", "::1"), ("[::1]", "::1")])
def test_serving_begins_when_all_is_loaded(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch, host: str, listens: str
) -> None:
    """The server starts with the index open, on the address that was asked for."""
    started: list[Any] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: started.append(self.config))
    assert citewell("serve", "--host", host, "--port", 8765, "--index", shelf.settings.index).code == 0
    (config,) = started
    assert (config.host, config.port) == (listens, 8765)
    assert config.app.state.searcher.generation() == 1


def test_an_address_that_is_taken_is_an_error_of_usage(
    citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uvicorn's own exit codes mean other things than ours, so they do not get out."""

    def run(*_: object, **__: object) -> None:
        sys.exit(3)

    monkeypatch.setattr("uvicorn.Server.run", run)
    ran = citewell("serve", "--port", 8765, "--index", shelf.settings.index)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "citewell: cannot listen on 127.0.0.1, port 8765; is another service there?\n"


def test_an_address_is_taken_as_it_is_written(citewell: Citewell) -> None:
    """With both its slashes, and what is wrong with it is told."""
    ran = citewell("status", "--index", "milvus+http://db:19530/reports?shards=99")
    assert ran.code == 2
    assert "milvus+http://db:19530/reports?shards=99" in ran.err
    assert "from 1 to 16" in ran.err


@pytest.mark.parametrize("command", [["doctor"], ["backup", "copy"], ["restore", "copy"]])
def test_what_is_of_a_folder_says_so_of_an_index_in_milvus(citewell: Citewell, command: list[str]) -> None:
    """These commands work on files, which there are none of; the error says what does instead."""
    ran = citewell(*command, "--index", "milvus+http://me:secret@db:19530/reports")
    assert ran.code == 2
    assert "citewell export" in ran.err
    assert "secret" not in ran.err


def test_keys_lie_beside_an_index_in_milvus(citewell: Citewell) -> None:
    """On a machine that has nothing of the index yet."""
    where = ["--index", "milvus+http://db:19530/reports"]
    assert citewell("keys", "add", "Ann", *where).code == 0
    assert "Ann" in citewell("keys", "list", *where).out
    assert Path(".citewell/keys.json").is_file()
