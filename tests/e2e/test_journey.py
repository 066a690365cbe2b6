"""The whole way with the real model: from files as people have them to passages that can be cited and checked."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from indexer.encoder import SentenceEncoder
from indexer.records import StoredPassage
from indexer.settings import Settings
from indexer.store import Store
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
    """Made once; tests that change something work on a copy."""
    folder = tmp_path_factory.mktemp("home")
    documents.write_documents(folder / "documents")
    (folder / "citewell.toml").write_text(documents.RULES)
    done = citewell("index", "documents", str(CORPUS), "--json", cwd=folder)
    assert done.stdout, done.stderr
    return Home(folder, done.returncode, json.loads(done.stdout))


@pytest.fixture
def copy(home: Home, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(home.folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    """The real model, loaded once."""
    return SentenceEncoder(Settings())


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    store = Store.open(folder / INDEX)
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
    assert report["added"][:5] == [
        "bathing.html",
        "libraries.md",
        "minutes.docx",
        "report.pdf",
        "thornby/2022-06-01-shelter.txt",
    ]
    assert len(report["added"]) == 5 + len([path for path in CORPUS.glob("*.md") if path.name != "README.md"])
    assert {refused["path"]: refused["code"] for refused in report["refused"]} == documents.REFUSED
    reasons = {refused["path"]: refused["message"] for refused in report["refused"]}
    assert reasons["broken-link.pdf"].startswith("named .pdf but is a web page")
    assert "password" in reasons["locked.pdf"]
    assert report["needs_ocr"] == {"report.pdf": [documents.SCANNED_PAGE]}
    assert report["encoded"] == report["passages"] > 10
    assert report["generation"] == 1


def test_a_second_run_encodes_nothing_and_does_not_load_the_model(home: Home) -> None:
    """It takes no longer than looking at the files, stays off the network, and remembers the refusals."""
    done, seen = watched("index", "documents", str(CORPUS), "--json", cwd=home.folder)
    report = json.loads(done.stdout)
    assert (done.returncode, report["generation"], report["encoded"]) == (5, 1, 0)
    assert report["unchanged"] == len(home.report["added"])
    assert report["refused"] == home.report["refused"]
    assert seen == {"torch": False, "reached": []}


def test_added_changed_and_removed_files_are_taken_up(copy: Path, encoder: SentenceEncoder) -> None:
    """The next run tells what changed, encodes the new text alone, and search follows."""
    source = copy / "documents"
    (source / "market.txt").write_text(
        "The fish market moved to the harbour shed because the old hall has no drains."
    )
    text = source / "thornby" / "2022-06-01-shelter.txt"
    text.write_text(text.read_text().replace("gas only once", "coffee only twice"))
    (source / "minutes.docx").unlink()
    done = citewell("index", "documents", "--json", cwd=copy)
    report = json.loads(done.stdout)
    # The copy lies in another folder, so that its documents are new ones, of texts that were encoded before.
    assert done.returncode == 5
    assert report["encoded"] == 2
    assert "market.txt" in report["added"]
    assert "minutes.docx" in report["removed"]
    assert "minutes.docx" not in report["added"]
    assert search(copy, encoder, "Why did the fish market move?")[0].citation.source == "market.txt"
    assert "coffee only twice" in search(copy, encoder, "What did the kitchen run out of?")[0].text
    everything = search(copy, encoder, "the painted footbridge", k=100)
    assert not any("footbridge" in hit.text or "gas only once" in hit.text for hit in everything)
    assert len(everything) == sum(len(passages(copy, path)) for path in report["added"])

    (source / "market.txt").rename(source / "fish-market.txt")
    done, seen = watched("index", "documents", "--json", cwd=copy)
    report = json.loads(done.stdout)
    assert (report["added"], report["removed"]) == (["fish-market.txt"], ["market.txt"])
    assert (report["encoded"], seen["torch"]) == (0, False)


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
    """The first hit is it, cited to the character, and no address was tried; this run did load the model."""
    done, seen = watched("search", FOSTER_QUESTION, "-k", "3", "--json", cwd=home.folder)
    assert (done.returncode, seen) == (0, {"torch": True, "reached": []})
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
        ("Who rings the social worker after a call at night?", "report.pdf", documents.BREAK_PAGE),
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
    assert f"needs OCR: report.pdf page {documents.SCANNED_PAGE}" in printed


# --- interruptions


def begin_long_run(folder: Path) -> Any:
    """Start a run that has to encode much, and wait until it has read the new file."""
    (folder / "documents" / "streets.md").write_text(LONG)
    kept = folder / INDEX / "originals" / sha256(LONG.encode()).hexdigest()
    process = started("index", "documents", cwd=folder)
    wait_until(kept.exists, process)
    return process


def test_ctrl_c_leaves_the_old_index(copy: Path, encoder: SentenceEncoder) -> None:
    """The run says that it was interrupted, and everything answers as before."""
    before = answers(copy, encoder)
    process = begin_long_run(copy)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said == "citewell: interrupted; the index is as it was before\n"
    assert answers(copy, encoder) == before


def test_a_second_run_waits_for_nobody_and_a_killed_one_leaves_the_old_index(
    copy: Path, encoder: SentenceEncoder
) -> None:
    """The second one names the process that writes; when that is killed, the index answers and a third completes."""
    before = answers(copy, encoder)
    process = begin_long_run(copy)
    os.kill(process.pid, signal.SIGSTOP)
    second = citewell("index", "documents", cwd=copy)
    assert second.returncode == 3
    assert f"process {process.pid} is writing to the index" in second.stderr
    assert answers(copy, encoder) == before
    process.kill()
    process.communicate()
    assert answers(copy, encoder) == before

    third = citewell("index", "documents", "--json", cwd=copy)
    report = json.loads(third.stdout)
    assert (third.returncode, report["generation"]) == (5, 2)
    assert "streets.md" in report["added"]
    assert (
        search(copy, encoder, "How many trees did the people of street 17 plant?")[0].citation.source == "streets.md"
    )
