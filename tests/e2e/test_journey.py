"""The whole way with the real model: from files as people have them to passages that can be cited and checked."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.records import StoredPassage
from indexer.settings import Settings
from service.answering import Answer, Answerer
from service.query import Query
from service.search import Hit, Searcher
from tests.e2e import documents
from tests.e2e.command import citewell, started, wait_until, watched

pytestmark = pytest.mark.e2e

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
INDEX = ".citewell"
FOSTER_QUESTION = "How many foster carers left Ambleford last year?"
VIOLIN_QUESTION = "Where can children borrow a violin?"
# Enough text that encoding it takes a while.
LONG = "\n\n".join(
    f"## Street {number}\n\nThe people of street {number} planted {number} trees. " + documents.FILLER
    for number in range(40)
)


@dataclass(frozen=True)
class Home:
    """A folder with documents, settings and an index, and what the command said when it made that."""

    folder: Path
    code: int
    report: dict[str, Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make the folder once; tests that change something work on a copy."""
    folder = tmp_path_factory.mktemp("home")
    documents.write_documents(folder / "documents")
    (folder / "citewell.toml").write_text(documents.RULES)
    done = citewell("index", "documents", str(CORPUS), "--json", cwd=folder)
    assert done.stdout, done.stderr
    return Home(folder, done.returncode, json.loads(done.stdout))


@pytest.fixture
def copied(home: Home, tmp_path: Path) -> Path:
    """Copy the folder, to be changed."""
    return shutil.copytree(home.folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    """Give the real model, loaded once."""
    return SentenceEncoder(Settings())


@contextmanager
def opened(folder: Path) -> Iterator[Embedded]:
    store = Embedded.open(folder / INDEX)
    try:
        yield store
    finally:
        store.close()


def search(folder: Path, encoder: SentenceEncoder, question: str, **filters: Any) -> list[Hit]:
    with opened(folder) as store:
        return list(Searcher(store, encoder).search(Query(question, **filters)).hits)


def answers(folder: Path, encoder: SentenceEncoder) -> list[list[Hit]]:
    """Ask a few fixed questions."""
    questions = (FOSTER_QUESTION, VIOLIN_QUESTION, "trees planted in a street", "red tape")
    return [search(folder, encoder, question, k=100) for question in questions]


def passages(folder: Path, path: str) -> list[StoredPassage]:
    """Give all passages of a document, in order."""
    with opened(folder) as store, store.reading() as reader:
        found = reader.passages(reader.passage_ids(reader.find(path).doc_id))
        return [found[passage_id] for passage_id in sorted(found)]


def one_line(text: str) -> str:
    return " ".join(text.split())


# --- indexing


def test_the_first_run_tells_what_it_read_and_what_it_refused(home: Home) -> None:
    """Five formats are read, every other file has its reason, and the exit code says that there are some."""
    assert home.code == 5
    report = home.report
    briefs = {path.name for path in CORPUS.glob("*.md")} - {"README.md"}
    assert {*report["added"]} == briefs | {
        "bathing.html",
        "libraries.md",
        "minutes.docx",
        "report.pdf",
        "thornby/2022-06-01-shelter.txt",
    }
    assert {refused["path"]: refused["code"] for refused in report["refused"]} == documents.REFUSED
    reasons = {refused["path"]: refused["message"] for refused in report["refused"]}
    assert reasons["broken-link.pdf"].startswith("named .pdf but is a web page")
    assert "password" in reasons["locked.pdf"]
    assert [(Path(path).name, pages) for path, pages in report["needs_ocr"].items()] == [
        ("report.pdf", [documents.SCANNED_PAGE])
    ]
    assert report["encoded"] == report["passages"] > 10
    assert report["generation"] == 1


def test_a_second_run_encodes_nothing_and_does_not_load_the_model(home: Home) -> None:
    """It takes no longer than looking at the files, stays off the network, and remembers the refusals."""
    done, seen = watched("index", "documents", str(CORPUS), "--json", cwd=home.folder)
    report = json.loads(done.stdout)
    assert (done.returncode, report["generation"], report["encoded"]) == (5, 1, 0)
    assert report["unchanged"] == len(home.report["added"])
    assert report["refused"] == home.report["refused"]
    assert seen == {"loaded": [], "reached": []}


# --- what is in the passages


def test_running_lines_and_contents_are_in_no_passage(home: Home) -> None:
    """They would be found instead of the text; the stored pages still hold them."""
    texts = [stored.passage.text for stored in passages(home.folder, "report.pdf")]
    for text in texts:
        assert documents.HEADER not in text
        assert documents.FOOTER not in text
        assert f"of {documents.PAGES}" not in text
        assert "Contents" not in text
        assert "....." not in text
    with opened(home.folder) as store, store.reading() as reader:
        page, removals = reader.page(reader.find("report.pdf").doc_id, documents.FOSTER_PAGE)
    kinds = {page.text[r.span.start : r.span.end]: r.kind.value for r in removals}
    assert kinds == {
        documents.HEADER: "running header",
        documents.FOOTER: "running footer",
        f"Page {documents.FOSTER_PAGE} of {documents.PAGES}": "page number",
    }


def test_a_sentence_over_a_page_break_is_whole(home: Home) -> None:
    """It is in one passage, with a span on each page, although running lines stand between its halves."""
    sentence = f"{documents.OVERNIGHT} {documents.AFTER_MIDNIGHT}"
    (found,) = (s.passage for s in passages(home.folder, "report.pdf") if sentence in one_line(s.passage.text))
    assert [span.page for span in found.spans] == [documents.BREAK_PAGE, documents.BREAK_PAGE + 1]


def test_words_broken_at_a_line_end_and_bullets_are_readable(home: Home) -> None:
    """A hyphen does not cut a word, and a sign of a symbol font becomes a bullet."""
    texts = [stored.passage.text for stored in passages(home.folder, "report.pdf")]
    assert sum("long-term bus pass" in text for text in texts) == 1
    for bullet in documents.BULLETS:
        assert sum(f"• {bullet}" in text for text in texts) == 1


def test_no_gold_quote_of_the_corpus_is_lost(home: Home) -> None:
    """Every quote that the bundled questions expect lies inside one passage of its document."""
    lines = (CORPUS / "questions.jsonl").read_text("utf-8").splitlines()
    evidence = [one for line in lines for one in json.loads(line)["evidence"]]
    assert len(evidence) > 20
    for one in evidence:
        texts = [one_line(stored.passage.text) for stored in passages(home.folder, one["path"])]
        assert any(one_line(one["quote"]) in text for text in texts), one["quote"]


# --- searching


def test_the_command_finds_the_sentence_on_its_page_without_a_network(home: Home) -> None:
    """The first hit is it, cited to the character, and no address was tried; the model ran without torch."""
    done, seen = watched("search", FOSTER_QUESTION, "-k", "3", "--json", cwd=home.folder)
    assert (done.returncode, seen) == (0, {"loaded": ["openvino"], "reached": []})
    answer = json.loads(done.stdout)
    assert (answer["query"], answer["generation"], len(answer["hits"])) == (FOSTER_QUESTION, 1, 3)
    hit = answer["hits"][0]
    citation = hit["citation"]
    assert documents.FOSTER in one_line(hit["text"])
    assert (citation["source"], citation["page"], citation["body"]) == (
        "report.pdf",
        documents.FOSTER_PAGE,
        "Ambleford",
    )
    assert citation["doc_sha256"] == sha256((home.folder / "documents" / "report.pdf").read_bytes()).hexdigest()
    spans = ",".join(f"{start}-{end}" for _, start, end in citation["spans"])
    page = ["show", citation["doc_id"], "--page", str(citation["page"]), "--spans", spans]

    shown = json.loads(citewell(*page, "--json", cwd=home.folder).stdout)
    quoted = "\n".join(shown["text"][start:end] for start, end in shown["spans"])
    assert quoted == hit["text"]
    assert sha256(quoted.encode()).hexdigest() == citation["text_sha256"]
    assert sha256(shown["text"].encode()).hexdigest() == shown["text_sha256"]

    printed = citewell(*page, cwd=home.folder)
    assert printed.returncode == 0
    assert f"»{hit['text']}«" in printed.stdout
    assert documents.HEADER in printed.stdout


def test_a_body_from_front_matter_filters_and_the_answer_can_be_read(home: Home) -> None:
    """Only its documents are found, whatever the case of its name, and the lines say how to see the page."""
    done = citewell("search", "What can children borrow?", "--body", "wold", cwd=home.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1. Libraries lend musical instruments" in done.stdout
    assert "Wold · news · 2023-09-14 · p. 1" in done.stdout
    assert "2. " not in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if "citewell show" in line)
    assert "»Libraries lend" in citewell(*line.split()[1:], cwd=home.folder).stdout


@pytest.mark.parametrize(
    ("question", "path", "page"),
    [
        (FOSTER_QUESTION, "report.pdf", documents.FOSTER_PAGE),
        ("In Ambleford, who is told in the morning that a call came at night?", "report.pdf", documents.BREAK_PAGE),
        (VIOLIN_QUESTION, "libraries.md", 1),
        ("Is it safe to swim in the river?", "bathing.html", 1),
        ("Which colour will the bridge be painted?", "minutes.docx", 1),
        ("How many meals did the homeless shelter serve?", "thornby/2022-06-01-shelter.txt", 1),
    ],
)
def test_each_format_is_found(home: Home, encoder: SentenceEncoder, question: str, path: str, page: int) -> None:
    """The document that holds the answer comes first, whatever its format."""
    first = search(home.folder, encoder, question)[0].citation
    assert (first.source, first.page) == (path, page)


def test_path_rules_of_the_working_folder_state_metadata(home: Home, encoder: SentenceEncoder) -> None:
    """Folder and file name give body, kind and date, which the filters know."""
    (hit,) = search(home.folder, encoder, "meals", kinds=("annual review",), bodies=("Thornby",))
    assert (hit.citation.source, str(hit.citation.published)) == ("thornby/2022-06-01-shelter.txt", "2022-06-01")


def test_status_tells_what_is_indexed_and_what_is_not(home: Home) -> None:
    """Counts, bodies and refusals, for scripts and for people."""
    done = citewell("status", "--json", cwd=home.folder)
    status = json.loads(done.stdout)
    assert done.returncode == 0
    assert status["counts"]["documents"] == len(home.report["added"])
    assert status["counts"]["passages"] == home.report["passages"]
    assert {"Ambleford", "Wold", "Thornby"} <= set(status["bodies"])
    assert status["refused"] == home.report["refused"]
    printed = citewell("status", cwd=home.folder).stdout
    assert "Refused: locked.pdf: " in printed
    assert f"needs OCR: {home.folder / 'documents' / 'report.pdf'} page {documents.SCANNED_PAGE}" in printed


# --- asking


def test_the_command_answers_with_a_quote_on_its_page_without_a_network(home: Home) -> None:
    """The first quote has the number, marked, on its page of the PDF; no address was tried, no torch was loaded."""
    done, seen = watched("ask", FOSTER_QUESTION, "--json", cwd=home.folder)
    assert (done.returncode, seen) == (0, {"loaded": ["openvino"], "reached": []})
    answer = json.loads(done.stdout)
    assert (answer["question"], answer["status"], answer["reason"]) == (FOSTER_QUESTION, "answered", None)
    assert answer["searched"]["bodies"] == ["Ambleford"]
    quote = answer["quotes"][0]
    citation = quote["citation"]
    assert documents.FOSTER in one_line(quote["text"])
    assert quote["text"][slice(*quote["short"])] == "Forty-one"
    assert (citation["source"], citation["page"]) == ("report.pdf", documents.FOSTER_PAGE)
    for one in answer["quotes"]:
        assert shown_at(home.folder, one["citation"]) == one["text"]
        assert sha256(one["text"].encode()).hexdigest() == one["citation"]["text_sha256"]
        verified = json.loads(citewell("verify", one["text"], "--json", cwd=home.folder).stdout)
        assert verified["verdict"] == "exact"
        assert one["citation"] in [match["citation"] for match in verified["matches"]]

    printed = citewell("ask", FOSTER_QUESTION, cwd=home.folder)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert f"“{documents.FOSTER}" in one_line(printed.stdout)
    (line, *_) = (line for line in printed.stdout.splitlines() if "citewell show" in line)
    assert "»Forty-one foster carers" in citewell(*line.split()[1:], cwd=home.folder).stdout


def test_a_quote_over_a_page_break_is_whole(home: Home) -> None:
    """It has a place on each page, and no running line between its halves; its receipt holds."""
    question = "In Ambleford, what does the duty manager record when the out-of-hours team receives a call at night?"
    done = citewell("ask", question, "--receipts", "break", "--json", cwd=home.folder)
    quote = json.loads(done.stdout)["quotes"][0]
    assert f"{documents.OVERNIGHT} {documents.AFTER_MIDNIGHT}" in one_line(quote["text"])
    citation = quote["citation"]
    assert [page for page, _, _ in citation["spans"]] == [documents.BREAK_PAGE, documents.BREAK_PAGE + 1]
    assert (citation["page"], citation["page_end"]) == (documents.BREAK_PAGE, documents.BREAK_PAGE + 1)
    assert shown_at(home.folder, citation) == quote["text"]
    receipt = done.stderr.splitlines()[0].removeprefix("receipt in ")
    assert citewell("verify", "--receipt", receipt, cwd=home.folder).stdout.startswith("holds: ")


def shown_at(folder: Path, citation: dict[str, Any]) -> str:
    """Cut the cited characters from the pages as the command shows them."""
    texts = []
    for page, start, end in citation["spans"]:
        shown = citewell("show", citation["doc_id"], "--page", str(page), "--json", cwd=folder)
        texts.append(json.loads(shown.stdout)["text"][start:end])
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("question", "path", "short"),
    [
        ("How many hot meals did the volunteers in Thornby serve?", "thornby/2022-06-01-shelter.txt", "9,300"),
        ("How many instruments does the library in Wold keep?", "libraries.md", "sixty"),
        (VIOLIN_QUESTION, "libraries.md", None),
        ("What will the iron footbridge be painted?", "minutes.docx", None),
        ("Why is bathing in the river below the weir allowed again?", "bathing.html", None),
    ],
)
def test_each_format_is_quoted(
    home: Home, encoder: SentenceEncoder, question: str, path: str, short: str | None
) -> None:
    """The first quote is of the document that holds the answer, whatever its format; the short answer is marked."""
    first = ask(home.folder, encoder, question).quotes[0]
    assert first.citation.source == path
    if short:
        assert first.short
        assert first.text[slice(*first.short)] == short


def ask(folder: Path, encoder: SentenceEncoder, question: str) -> Answer:
    with opened(folder) as store:
        return Answerer(Searcher(store, encoder)).ask(Query(question))


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("How many penguins live in the zoo?", "not mentioned in the "),
        ("How many foster carers left Quagmire last year?", "nothing here is about Quagmire"),
        ("How many dragons live in Ambleford?", "the one report on Ambleford"),
    ],
)
def test_what_no_document_says_is_not_answered(home: Home, question: str, reason: str) -> None:
    """The reason tells a body that is not here from a matter that nothing mentions; exit code 1 tells scripts."""
    done = citewell("ask", question, "--json", cwd=home.folder)
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (answer["status"], answer["answer"], answer["quotes"]) == ("unanswerable", None, [])
    assert answer["reason"].startswith(reason)
    assert answer["hits"]
    printed = citewell("ask", question, cwd=home.folder)
    assert (printed.returncode, printed.stderr) == (1, "")
    assert one_line(printed.stdout).startswith(f"unanswerable: {reason}")
    assert "the nearest passages:" in printed.stdout


def test_a_changed_number_of_a_quote_is_called_out(home: Home) -> None:
    """A quote that stands in the report is exact; with another number it is not, and both numbers are named."""
    exact = citewell("verify", documents.FOSTER, cwd=home.folder)
    assert (exact.returncode, exact.stderr) == (0, "")
    assert exact.stdout.startswith("exact")
    altered = citewell("verify", documents.FOSTER.replace("nineteen", "ninety"), cwd=home.folder)
    assert (altered.returncode, altered.stderr) == (1, "")
    assert altered.stdout.startswith("altered: the number “ninety” stands as “nineteen” in the source")
    absent = citewell("verify", "The mayor juggled seven pumpkins at the harvest fair.", cwd=home.folder)
    assert (absent.returncode, absent.stdout.split(":")[0]) == (1, "absent")


def test_a_receipt_is_good_for_another_index_until_its_document_is_gone(copied: Path) -> None:
    """It holds after all was made anew with other passages, fails once edited, and tells that its PDF is gone."""
    asked = citewell("ask", FOSTER_QUESTION, "--receipts", "receipts", cwd=copied)
    assert asked.returncode == 0, asked.stderr
    first = asked.stderr.splitlines()[0].removeprefix("receipt in ")
    verified = citewell("verify", "--receipt", first, cwd=copied)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.startswith("holds: ")

    (copied / "citewell.toml").write_text(f"passage_tokens = 60\n{documents.RULES}")
    made = json.loads(citewell("index", "documents", "--index", "anew", "--json", cwd=copied).stdout)
    assert made["generation"] == 1
    again = citewell("verify", "--receipt", first, "--index", "anew", "--json", cwd=copied)
    found = json.loads(again.stdout)
    assert (again.returncode, found["outcome"], found["text"]) == (0, "holds", first_quote(copied, first))
    assert "made with generation 1 of another index, now 1" in found["notes"]

    edited = copied / "edited.json"
    edited.write_text((copied / first).read_text("utf-8").replace("nineteen", "ninety"), "utf-8")
    tampered = citewell("verify", "--receipt", "edited.json", "--index", "anew", cwd=copied)
    assert (tampered.returncode, tampered.stdout.split(":")[0]) == (1, "receipt altered")

    (copied / "documents" / "report.pdf").unlink()
    citewell("index", "documents", "--index", "anew", cwd=copied)
    gone = citewell("verify", "--receipt", first, "--index", "anew", cwd=copied)
    assert (gone.returncode, gone.stdout.split(":")[0]) == (1, "withdrawn")
    assert citewell("ask", FOSTER_QUESTION, "--index", "anew", cwd=copied).stdout.count(documents.FOSTER[:20]) == 0
    assert citewell("verify", documents.FOSTER, "--index", "anew", cwd=copied).stdout.startswith("absent")


def first_quote(folder: Path, receipt: str) -> str:
    text: str = json.loads((folder / receipt).read_text("utf-8"))["text"]
    return text


# --- changes and interruptions


def begin_long_run(folder: Path) -> subprocess.Popen[str]:
    """Start a run that has to encode much, and wait until it has read the new file."""
    (folder / "documents" / "streets.md").write_text(LONG)
    kept = folder / INDEX / "originals" / sha256(LONG.encode()).hexdigest()
    process = started("index", "documents", cwd=folder)
    wait_until(kept.exists, process)
    return process


def test_ctrl_c_leaves_the_old_index(copied: Path, encoder: SentenceEncoder) -> None:
    """The run says that it was interrupted, and everything answers as before."""
    before = answers(copied, encoder)
    process = begin_long_run(copied)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    # Python dies of the signal itself where this finds it inside a library's own start; shells show 130 for both.
    assert process.returncode in {130, -signal.SIGINT}
    assert said == "citewell: interrupted; the index is whole\n"
    assert answers(copied, encoder) == before


def test_a_second_run_waits_for_nobody(copied: Path, encoder: SentenceEncoder) -> None:
    """It names the process that is writing, and meanwhile the index answers."""
    before = answers(copied, encoder)
    process = begin_long_run(copied)
    try:
        process.send_signal(signal.SIGSTOP)
        second = citewell("index", "documents", cwd=copied)
        assert second.returncode == 3
        assert f"process {process.pid} is writing to the index" in second.stderr
        assert answers(copied, encoder) == before
    finally:
        process.kill()
        process.communicate()


def test_a_killed_run_changes_nothing_and_the_next_one_takes_up_all_changes(
    copied: Path, encoder: SentenceEncoder
) -> None:
    """Files that were added, changed, removed and renamed: the report says so, and search follows."""
    source = copied / "documents"
    # In the copy all documents are new, since a document is known by its folder; their texts were encoded before.
    made = json.loads(citewell("index", "documents", "--json", cwd=copied).stdout)
    assert (made["generation"], made["encoded"], len(made["added"])) == (2, 0, 5)
    before = answers(copied, encoder)

    (source / "market.txt").write_text("The fish market moved to the harbour shed, as the old hall has no drains.")
    (source / "bathing.html").write_text(documents.PAGE.replace("lifebelts", "rescue rafts"))
    (source / "minutes.docx").unlink()
    (source / "libraries.md").rename(source / "instruments.md")
    process = begin_long_run(copied)
    process.kill()
    process.communicate()
    assert answers(copied, encoder) == before

    done = citewell("index", "documents", "--json", cwd=copied)
    report = json.loads(done.stdout)
    assert (done.returncode, report["generation"], report["unchanged"]) == (5, 3, 2)
    assert report["added"] == ["instruments.md", "market.txt", "streets.md"]
    assert report["updated"] == ["bathing.html"]
    assert report["removed"] == ["libraries.md", "minutes.docx"]
    assert report["encoded"] == len(passages(copied, "streets.md")) + 2  # the market, and the one of bathing.html
    assert search(copied, encoder, "Why did the fish market move?")[0].citation.source == "market.txt"
    assert search(copied, encoder, VIOLIN_QUESTION)[0].citation.source == "instruments.md"
    everything = search(copied, encoder, "the painted footbridge, lifebelts", k=100)
    texts = [hit.text for hit in everything]
    assert sum("rescue rafts" in text for text in texts) == 1
    assert not any("footbridge" in text or "lifebelts" in text for text in texts)
    assert not {"libraries.md", "minutes.docx"} & {hit.citation.source for hit in everything}
