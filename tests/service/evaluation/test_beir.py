import json
from pathlib import Path

import pytest

from indexer.embedded import Embedded
from indexer.errors import InputError
from indexer.settings import Settings
from service.evaluation.beir import make_index, read_set
from service.evaluation.questions import Evidence
from service.evaluation.run import Held, evaluate
from service.query import Query
from service.search import Searcher
from tests.fakes import TextReaders, WordEncoder

CORPUS = [
    {"_id": "../pier?", "title": "The  pier", "text": "It was painted in spring."},
    {"_id": "mill", "title": "", "text": "The mill was sold\fto the town."},
    {"_id": "empty", "title": "Only a title", "text": " "},
    {"_id": "refused", "text": "!"},
]
QUERIES = [
    {"_id": "1", "text": "painted in spring"},
    {"_id": "not judged", "text": "anything"},
    {"_id": "2", "text": "who was the mill sold to"},
]
QRELS = "query-id\tcorpus-id\tscore\n1\t../pier?\t2\n1\tmill\t0\n2\tmill\t1\n2\trefused\t1\n2\tnot there\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a set of four documents and two judged queries."""
    made = tmp_path / "tiny"
    made.mkdir()
    for name, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        (made / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (made / "qrels.tsv").write_text(QRELS)
    return made


def settings(index: Path) -> Settings:
    # What a user has set for their own files has no say here.
    return Settings(index=index, include=("*.pdf",), exclude=("*",), passage_tokens=32)


def test_a_set_is_read(folder: Path) -> None:
    """A document's file is named by its line, a text is one page, and only judged queries are asked."""
    public = read_set(folder)
    assert list(public.texts) == ["0000001.txt", "0000002.txt", "0000003.txt", "0000004.txt"]
    assert [text.title for text in public.texts.values()] == ["The pier", "", "Only a title", ""]
    assert public.texts["0000002.txt"].data == b"The mill was sold to the town."
    assert public.texts["0000003.txt"].data == b"Only a title"
    assert [(one.id, one.text) for one in public.questions.all] == [
        ("1", "painted in spring"),
        ("2", "who was the mill sold to"),
    ]
    assert public.questions.all[0].evidence == (Evidence("0000001.txt", 1, 2.0),)
    assert public.questions.all[1].documents == ("0000002.txt", "0000004.txt", "not there")
    assert [one.id for one in read_set(folder, 1).questions.all] == ["1"]


def test_a_set_goes_through_the_ordinary_pipeline(folder: Path, tmp_path: Path) -> None:
    """Titles are metadata; refused and absent documents count as not found."""
    public, encoder = read_set(folder), WordEncoder()
    given = settings(tmp_path / "index")
    assert make_index(public, given, encoder=encoder, readers=TextReaders())
    store = Embedded.open(given.index)
    with store.reading() as reader:
        held = Held.of(reader)
        assert {document.path: document.metadata.title for document in reader.documents()}[
            "0000001.txt"
        ] == "The pier"
    found = evaluate(public.questions, Searcher(store, encoder), held, like=Query("x", k=100))
    first, second = found.outcomes
    assert (first.document_rank, first.absent) == (1, ())
    assert (second.document_rank, second.absent) == (1, ("0000004.txt", "not there"))
    figures = found.groups["all"].figures
    assert figures["document_mrr@10"].mean == 1
    assert figures["document_recall@100"].mean == pytest.approx((1 + 1 / 3) / 2)


def test_an_index_of_the_same_texts_is_used_again(folder: Path, tmp_path: Path) -> None:
    """Encoding thousands of texts takes minutes; nothing is read or encoded the second time."""
    public, encoder, readers = read_set(folder), WordEncoder(), TextReaders()
    given = settings(tmp_path / "index")
    assert make_index(public, given, encoder=encoder, readers=readers)
    done = (len(encoder.encoded), len(readers.read))
    assert not make_index(public, given, encoder=encoder, readers=readers)
    assert (len(encoder.encoded), len(readers.read)) == done


@pytest.mark.parametrize(
    "corpus",
    [
        [CORPUS[0] | {"text": "It was painted in autumn."}, *CORPUS[1:]],
        [*CORPUS, {"_id": "new", "text": "The bridge was closed."}],
        CORPUS[:3],
    ],
)
def test_an_index_of_other_texts_is_left_alone(folder: Path, tmp_path: Path, corpus: list[dict[str, str]]) -> None:
    """Somebody may have named the index of their reports, or of another version of the set."""
    encoder, given = WordEncoder(), settings(tmp_path / "index")
    make_index(read_set(folder), given, encoder=encoder, readers=TextReaders())
    (folder / "corpus.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in corpus))
    with pytest.raises(InputError, match="does not hold the documents of `tiny`, and stays as it is"):
        make_index(read_set(folder), given, encoder=encoder, readers=TextReaders())
    with Embedded.open(given.index).reading() as reader:
        assert reader.version.generation == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", None, r"corpus.jsonl` cannot be read \(No such file"),
        ("corpus.jsonl", "{}\n", r"corpus.jsonl` line 1: `_id`: Field required; write .* `_id`, `title`, `text`"),
        ("corpus.jsonl", '{"_id": "a", "text": "b"}\n' * 2, "corpus.jsonl` line 2: document `a` is there already"),
        ("corpus.jsonl", "", "`.*tiny` has no documents"),
        ("queries.jsonl", '{"_id": "1", "text": " "}\n', "queries.jsonl` line 1: `text`: "),
        (
            "queries.jsonl",
            '{"_id": "1", "text": "a"}\n',
            "qrels.tsv` judges query `2`, which `queries.jsonl` does not",
        ),
        ("qrels.tsv", None, r"qrels.tsv` cannot be read \(No such file"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n", "no query with a relevant one"),
        ("qrels.tsv", "head\n1\tmill\n", "qrels.tsv` line 2: write query id, document id and a number"),
        ("qrels.tsv", "head\n1\tmill\tgood\n", "qrels.tsv` line 2: write query id, document id and a number"),
        ("qrels.tsv", "1\tmill\t1\n", "qrels.tsv` line 1: this is no header"),
        ("qrels.tsv", "head\n1\tmill\tnan\n", "qrels.tsv` line 2: write query id, document id and a number"),
        ("qrels.tsv", b"\xff", r"qrels.tsv` cannot be read \(it is not UTF-8"),
    ],
)
def test_a_set_that_cannot_be_used_is_named(folder: Path, name: str, text: str | bytes | None, message: str) -> None:
    """The message has the file, the line and what is wrong."""
    path = folder / name
    path.unlink()
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        read_set(folder)
