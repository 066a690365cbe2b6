"""Receipts on the command line: `ask --receipts` writes them, `verify --receipt` says what became of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.receipts import read_receipt, to_json
from tests.service.conftest import MANIFEST, REPORTS, Citewell, Library
from tests.service.test_receipts import forged
from tests.service.test_schemas import VISITED, valid

CITED = "Social workers visited 40 families each week and wrote down what the families said."
SEVERAL = "How has the school budget of Redbrook changed?"


@pytest.fixture
def receipt(citewell: Citewell, library: Library, tmp_path: Path) -> Path:
    """Give the receipt of a quote from the library that the test may change."""
    assert citewell("ask", VISITED, "--receipts", tmp_path / "given", "--index", library.settings.index).code == 0
    found = [file for file in (tmp_path / "given").iterdir() if json.loads(file.read_text("utf-8"))["text"] == CITED]
    (file,) = found
    return file


def listed(printed: str) -> list[Path]:
    """Give the files that the command says it wrote."""
    lines = printed.splitlines()
    assert all(line.startswith("receipt in ") for line in lines)
    return [Path(line.removeprefix("receipt in ")) for line in lines]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_each_quote_gets_a_file(citewell: Citewell, shelf: Library, tmp_path: Path, more: tuple[str, ...]) -> None:
    """The files are named on stderr in the order of the quotes; stdout is as without them."""
    index = ("--index", shelf.settings.index)
    quotes = json.loads(citewell("ask", SEVERAL, "--json", *index).out)["quotes"]
    assert len(quotes) > 1
    folder = tmp_path / "made" / "receipts"  # neither is there yet
    ran = citewell("ask", SEVERAL, "--receipts", folder, *more, *index)
    files = listed(ran.err)
    assert (ran.code, sorted(folder.iterdir())) == (0, sorted(files))
    for file, quote in zip(files, quotes, strict=True):
        text = file.read_text("utf-8")
        fields = valid("receipt_file", json.loads(text))
        assert text == json.dumps(fields, ensure_ascii=False, indent=2) + "\n"
        assert (fields["question"], fields["text"]) == (SEVERAL, quote["text"])
        assert fields["spans"] == quote["citation"]["spans"]
        assert fields["document"]["sha256"] == quote["citation"]["doc_sha256"]
    if more:
        assert json.loads(ran.out)["quotes"] == quotes
    else:
        assert ran.out == citewell("ask", SEVERAL, *index).out


def test_the_same_quote_has_the_same_name(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """Asked again, whatever the question, it replaces its own receipt and no other one; nothing else is left."""
    folder, index = tmp_path / "receipts", ("--index", shelf.settings.index)
    first = listed(citewell("ask", VISITED, "--receipts", folder, *index).err)
    other = "How many families are visited by social workers each week?"
    again = listed(citewell("ask", other, "--receipts", folder, *index).err)
    assert set(first) & set(again)
    assert {json.loads(file.read_text("utf-8"))["question"] for file in again} == {other}
    more = listed(citewell("ask", SEVERAL, "--receipts", folder, *index).err)
    assert set(folder.iterdir()) == {*first, *again, *more}


def test_no_receipt_is_of_no_answer(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """A passage that is only near is not quoted."""
    question = "How many owls has Quagmire?"
    ran = citewell("ask", question, "--receipts", tmp_path / "receipts", "--index", shelf.settings.index)
    assert (ran.code, ran.err) == (1, "")
    assert not list((tmp_path / "receipts").glob("*"))


def test_a_receipt_that_cannot_be_written_is_told(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """The answer is not printed as if all were well, and no half of a file is left."""
    folder, ask = tmp_path / "receipts", ("ask", VISITED, "--index", shelf.settings.index)
    (file, *_) = listed(citewell(*ask, "--receipts", folder).err)
    file.unlink()
    file.mkdir()
    ran = citewell(*ask, "--receipts", folder)
    assert (ran.code, ran.out) == (2, "")
    assert f"receipts cannot be written in `{folder}` (Is a directory); name another folder" in ran.err
    assert not list(folder.glob("*.tmp"))


def test_a_quote_that_stands_passes(citewell: Citewell, library: Library, receipt: Path) -> None:
    """The first line says so, and the rest where it stands; no model is needed for that."""
    ran = citewell("verify", "--receipt", receipt, "--index", library.settings.index)
    assert (ran.code, ran.err) == (0, "")
    text = " ".join(ran.out.split())
    assert text.startswith("holds: the quote stands to the letter on page 1 of `redbrook/2022.txt`")
    assert f"“{CITED}” Redbrook Council · focused visit · 2022-02-28 · p. 1 redbrook/2022.txt citewell show " in text


def test_what_became_of_a_quote_is_told_without_a_model(
    citewell: Citewell, library: Library, receipt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is given a receipt need not have the model that the index was made with."""

    def load(settings: object) -> None:
        raise AssertionError

    monkeypatch.setattr("indexer.encoder.SentenceEncoder", load)
    assert citewell("verify", "--receipt", receipt, "--index", library.settings.index).code == 0


def gone(library: Library, receipt: Path) -> None:
    (library.sources / "redbrook/2022.txt").unlink()
    library.write("manifest.csv", "".join(line for line in MANIFEST.splitlines(True) if "2022.txt" not in line))
    library.sync()


def changed(library: Library, receipt: Path) -> None:
    library.write("redbrook/2022.txt", REPORTS["redbrook/2022.txt"].replace("40", "90"))
    library.sync()


def still_there(library: Library, receipt: Path) -> None:
    library.write("redbrook/2022.txt", f"{REPORTS['redbrook/2022.txt']} They were asked to.")
    library.sync()


def edited(library: Library, receipt: Path) -> None:
    receipt.write_text(receipt.read_text("utf-8").replace("visited 40 families", "visited 90 families"), "utf-8")


def about_another_question(library: Library, receipt: Path) -> None:
    receipt.write_text(receipt.read_text("utf-8").replace(VISITED, "How many were not visited?"), "utf-8")


@pytest.mark.parametrize(
    ("happen", "outcome", "reason"),
    [
        (gone, "withdrawn", "the index holds neither `redbrook/2022.txt` nor the file that was quoted"),
        (changed, "source changed", "the quote does not stand in it"),
        (still_there, "source changed", "the quote still stands in it, on page 1"),
        (edited, "receipt altered", "its seal does not fit what it says"),
        (about_another_question, "receipt altered", "its seal does not fit what it says"),
    ],
)
def test_a_quote_that_cannot_be_relied_on_fails(  # noqa: PLR0917 - the table's columns come last
    citewell: Citewell,
    library: Library,
    receipt: Path,
    happen: Callable[[Library, Path], None],
    outcome: str,
    reason: str,
) -> None:
    """What happened to the document, or to the receipt, is said first; exit code 1 tells it to scripts."""
    happen(library, receipt)
    command = ("verify", "--receipt", receipt, "--index", library.settings.index)
    ran = citewell(*command)
    assert (ran.code, ran.err) == (1, "")
    text = " ".join(ran.out.split())
    assert text.startswith(f"{outcome}: ")
    assert reason in text
    printed = citewell(*command, "--json")
    found = valid("receipt", json.loads(printed.out))
    assert (printed.code, printed.err, found["outcome"], found["passed"]) == (1, "", outcome, False)
    assert reason in found["reason"]


def test_a_quote_that_stands_is_the_same_for_scripts(citewell: Citewell, library: Library, receipt: Path) -> None:
    """`--json` has the quote, its question and where it stands, and nothing else is printed."""
    ran = citewell("verify", "--receipt", receipt, "--json", "--index", library.settings.index)
    found = valid("receipt", json.loads(ran.out))
    assert (ran.code, ran.err, found["outcome"], found["passed"]) == (0, "", "holds", True)
    asked = json.loads(citewell("ask", VISITED, "--json", "--index", library.settings.index).out)
    assert (found["question"], found["text"]) == (VISITED, CITED)
    assert found["citation"] in [quote["citation"] for quote in asked["quotes"]]


def test_a_receipt_that_is_sealed_anew_still_needs_the_words(
    citewell: Citewell, library: Library, receipt: Path
) -> None:
    """The seal keeps nobody from writing a receipt; that its quote stands nowhere is found in the index."""
    receipt.write_text(to_json(forged(read_receipt(receipt), CITED.replace("40", "90"))), "utf-8")
    ran = citewell("verify", "--receipt", receipt, "--index", library.settings.index)
    assert (ran.code, ran.out.split(":")[0]) == (1, "absent")


@pytest.mark.parametrize("is_moved", [False, True], ids=["same folder", "another folder"])
def test_a_quote_stands_after_everything_was_made_anew(  # noqa: PLR0917 - the parameter comes last
    citewell: Citewell,
    library: Library,
    receipt: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_moved: bool,
) -> None:
    """Another index, with other passages, of the same files wherever they are now, knows the quote."""
    sources = shutil.copytree(library.sources, tmp_path / "elsewhere") if is_moved else library.sources
    monkeypatch.setenv("CITEWELL_PASSAGE_TOKENS", "200")
    made = json.loads(citewell("index", sources, "--json", "--index", tmp_path / "anew").out)
    with library.searcher().store.reading() as reader:
        assert made["passages"] < reader.passage_count
    shutil.rmtree(library.settings.index)
    if is_moved:
        shutil.rmtree(library.sources)
    ran = citewell("verify", "--receipt", receipt, "--json", "--index", tmp_path / "anew")
    found = valid("receipt", json.loads(ran.out))
    assert (ran.code, found["outcome"]) == (0, "holds")
    assert found["notes"] == ["made with generation 1 of another index, now 1"]
    shown = json.loads(citewell("show", found["citation"]["doc_id"], "--json", "--index", tmp_path / "anew").out)
    ((_, start, end),) = found["citation"]["spans"]
    assert shown["text"][start:end] == CITED


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b"\x00" * 100, b"[" * 60_000, b" " * 2_000_000],
    ids=lambda content: f"{content[:5]!r} {len(content)}",
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_is_no_receipt_is_refused(
    citewell: Citewell, shelf: Library, tmp_path: Path, content: bytes, more: tuple[str, ...]
) -> None:
    """Garbage is wrong input, and never looks like a quote that failed."""
    (tmp_path / "garbage.json").write_bytes(content)
    ran = citewell("verify", "--receipt", tmp_path / "garbage.json", *more, "--index", shelf.settings.index)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("citewell: this is not a receipt of Citewell: ")
    assert len(ran.err) < 300


def test_a_receipt_of_a_later_format_is_refused(citewell: Citewell, library: Library, receipt: Path) -> None:
    """It is no garbage: a newer version reads it."""
    fields = json.loads(receipt.read_text("utf-8"))
    receipt.write_text(json.dumps({**fields, "format": 2}))
    ran = citewell("verify", "--receipt", receipt, "--index", library.settings.index)
    assert (ran.code, ran.out) == (2, "")
    assert "format 2, not 1" in ran.err


def test_without_an_index_nothing_is_said_about_a_receipt(citewell: Citewell, receipt: Path) -> None:
    """A missing index is not a withdrawn document."""
    ran = citewell("verify", "--receipt", receipt, "--index", "nowhere")
    assert (ran.code, ran.out) == (3, "")
    assert "no index in `nowhere`" in ran.err
