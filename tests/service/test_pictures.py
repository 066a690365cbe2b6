"""Pictures of pages, and the files they are drawn from."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from indexer.embedded import Embedded
from indexer.errors import DocumentRefusedError, InputError, NotFoundError, Refusal
from indexer.extract import Readers
from indexer.originals import original
from indexer.records import Document, Picture
from indexer.settings import Limits, Settings
from indexer.store import Reader
from indexer.sync import sync
from service import pictures as module
from service.app import create_app
from service.pictures import NoPictureError, Pictures, file_of
from service.search import Searcher
from tests.fakes import WordEncoder, at_once
from tests.indexer.extract.files import lines, pdf, raw_pdf
from tests.quality.boxes import compared, text_under
from tests.service.conftest import Library

QUOTE = "Carers meet every month in the after-noon."
REPORT = pdf(
    lines("Rivers were cleaned by volunteers."),
    lines("The library opened late. Carers meet", "every month in the after-", "noon. They talk."),
)
TURNED = raw_pdf(b"BT /F1 12 Tf 60 700 Td (Otters came back to the river.) Tj ET", page=b"/Rotate 90")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Index two PDFs, one on a turned page, and a text; no test may change it."""
    folder = tmp_path_factory.mktemp("pictured")
    library = Library(folder / "reports", Settings(index=folder / "index", passage_tokens=32, parse_workers=1))
    library.sources.mkdir()
    (library.sources / "a report – “final”.pdf").write_bytes(REPORT)
    (library.sources / "turned.pdf").write_bytes(TURNED)
    library.write("note.txt", "A note about bees in the school garden.")
    with Readers(library.settings) as readers:
        sync([library.sources], library.settings, encoder=WordEncoder(), readers=readers)
    return library


@pytest.fixture
def library(made: Library, tmp_path: Path) -> Library:
    """Give a copy of the index that a test may change; its sources are those of the first."""
    shutil.copytree(made.settings.index, tmp_path / "index")
    return Library(made.sources, made.settings.model_copy(update={"index": tmp_path / "index"}))


@pytest.fixture(scope="module")
def pictures(made: Library) -> Iterator[Pictures]:
    """Give one process for all tests."""
    pictures = Pictures(made.settings)
    yield pictures
    pictures.close()


@pytest.fixture
def fresh(library: Library) -> Iterator[Pictures]:
    """Give pictures of the test's own index, none of them drawn."""
    pictures = Pictures(library.settings)
    yield pictures
    pictures.close()


def documents(library: Library) -> dict[str, Document]:
    """Give the documents by the first letter of their paths."""
    with Embedded.open(library.settings.index).reading() as reader:
        return {document.path[0]: document for document in reader.documents()}


def place(library: Library, doc_id: str, number: int, quote: str) -> tuple[int, int]:
    """Find words on a page as it is stored, where line ends and spaces are alike."""
    with Embedded.open(library.settings.index).reading() as reader:
        text = reader.page_text(doc_id, number).replace("\n", " ")
    return text.index(quote), text.index(quote) + len(quote)


def draw(pictures: Pictures, library: Library, name: str, number: int = 1, *spans: tuple[int, int]) -> Picture:
    with Embedded.open(library.settings.index).reading() as reader:
        return draw_as_of(pictures, reader, documents(library)[name], number, *spans)


def draw_as_of(
    pictures: Pictures, reader: Reader, document: Document, number: int = 1, *spans: tuple[int, int], width: int = 400
) -> Picture:
    page, _ = reader.page(document.doc_id, number)
    return pictures.draw(reader.version, document, page, spans, width)


def drawn_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have a list that gets a page number whenever a page is drawn."""
    drawn: list[int] = []
    honest = Readers.draw

    def counted(readers: Readers, data: bytes, page: int, runs: list[tuple[int, int]], width: int) -> Picture:
        drawn.append(page)
        return honest(readers, data, page, runs, width)

    monkeypatch.setattr(Readers, "draw", counted)
    return drawn


@pytest.mark.parametrize(
    ("name", "number", "quote"), [("a", 2, QUOTE), ("a", 1, "cleaned by"), ("t", 1, "came back to the river.")]
)
def test_the_boxes_of_a_stored_place_hold_its_words(
    made: Library, pictures: Pictures, name: str, number: int, quote: str
) -> None:
    """Offsets of the stored text lead to the letters of the file, over line ends and on turned pages too."""
    document = documents(made)[name]
    picture = draw(pictures, made, name, number, place(made, document.doc_id, number, quote))
    with pypdfium2.PdfDocument(file_of(made.settings.index, document)) as file:
        assert compared(text_under(file[number - 1], picture.boxes)) == compared(quote)
    assert len(picture.boxes) == (3 if quote == QUOTE else 1)
    assert picture.width == 400


def test_what_is_no_pdf_has_no_picture(made: Library, pictures: Pictures) -> None:
    """The message says where its text is."""
    doc_id = documents(made)["n"].doc_id
    with pytest.raises(NoPictureError, match=f"only PDF .* /v1/documents/{doc_id}/pages/1.spans=0-4"):
        draw(pictures, made, "n", 1, (0, 4))


@pytest.mark.parametrize("width", [-1, 0, 199, 2001, 10**9])
def test_only_sensible_widths_are_drawn(made: Library, pictures: Pictures, width: int) -> None:
    """Nobody can have a picture that fills the memory."""
    with Embedded.open(made.settings.index).reading() as reader, pytest.raises(InputError, match="200 to 2000"):
        draw_as_of(pictures, reader, documents(made)["a"], width=width)


def test_a_picture_is_drawn_once(library: Library, fresh: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those who ask again nor those who ask at the same time have it drawn; other places are another one."""
    drawn = drawn_once(monkeypatch)
    found = at_once([lambda: draw(fresh, library, "a", 2, (0, 3)), lambda: draw(fresh, library, "a", 1)] * 3, 2)
    assert sorted(drawn) == [1, 2]
    assert len({id(picture) for ones in found for picture in ones}) == 2
    draw(fresh, library, "a", 2, (0, 3), (0, 3))
    assert len(drawn) == 2
    draw(fresh, library, "a", 2, (0, 4))
    assert len(drawn) == 3


def test_the_pictures_that_are_kept_are_limited(
    library: Library, fresh: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was not used for longest goes first."""
    drawn = drawn_once(monkeypatch)
    sizes = [len(draw(fresh, library, *page).png) for page in (("a", 1), ("a", 2))]
    monkeypatch.setattr(module, "MOST_KEPT", sum(sizes))
    draw(fresh, library, "a", 1)
    draw(fresh, library, "t", 1)
    assert len(drawn) == 3
    draw(fresh, library, "a", 1)
    assert len(drawn) == 3
    draw(fresh, library, "a", 2)
    assert len(drawn) == 4


def test_nothing_of_another_generation_stays(
    library: Library, fresh: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sync all is drawn anew; for a request from before it nothing is kept."""
    drawn = drawn_once(monkeypatch)
    a = documents(library)["a"]
    with Embedded.open(library.settings.index).reading() as before:
        draw_as_of(fresh, before, a)
        with Readers(library.settings) as readers:
            without = library.settings.model_copy(update={"exclude": ("t*",)})
            sync([library.sources], without, encoder=WordEncoder(), readers=readers)
        draw(fresh, library, "a")
        assert drawn == [1, 1]
        with pytest.raises(KeyError):
            draw(fresh, library, "t")
        for _ in range(2):
            draw_as_of(fresh, before, a)
        assert drawn == [1, 1, 1, 1]
        assert not fresh._kept


def test_a_picture_is_of_the_kept_copy(library: Library, pictures: Pictures) -> None:
    """Without one, the source serves as long as it is the same; then there is none, and a reason."""
    document = documents(library)["t"]
    copy = original(library.settings.index, document.sha256)
    assert file_of(library.settings.index, document) == TURNED
    copy.write_bytes(b"x" * document.size)  # altered on the disk
    assert file_of(library.settings.index, document) == TURNED
    copy.unlink()
    assert draw(pictures, library, "t").width == 400
    moved = replace(document, root="/nowhere")
    with pytest.raises(NotFoundError, match=r"no copy of `turned\.pdf` is kept"):
        file_of(library.settings.index, moved)


def test_a_page_that_was_read_in_another_way_has_no_marks(
    made: Library, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better no box than one around other words: where a reader counts otherwise, and where another one read it."""
    monkeypatch.setattr(module, "raw_runs", lambda raw_map, start, end: ((start + 1, end + 1),))
    assert draw(pictures, made, "a", 1, (0, 5)).boxes == ()
    monkeypatch.undo()
    assert draw(pictures, made, "a", 1, (0, 6)).boxes != ()
    other = replace(documents(made)["a"], reader="pypdf 7.1.0")
    with Embedded.open(made.settings.index).reading() as reader:
        assert draw_as_of(pictures, reader, other, 1, (0, 7)).boxes == ()


def test_what_cannot_be_drawn_has_no_picture(
    library: Library, fresh: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal of the reader is none of the service's errors: the text is there all the same. It is tried again."""

    def refuse(*_: object) -> Picture:
        raise DocumentRefusedError(Refusal.RESOURCES, "took longer than 3 s to read: raise the setting `x`")

    monkeypatch.setattr(Readers, "draw", refuse)
    for _ in range(2):
        with pytest.raises(NoPictureError, match="takes too much to draw; its text is at /v1/documents/") as caught:
            draw(fresh, library, "a")
        assert "setting" not in str(caught.value)
    monkeypatch.undo()
    assert draw(fresh, library, "a").width == 400


def test_a_drawing_takes_no_longer_than_an_answer(made: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is given up when nobody waits any more, and has no more time than a reader of files."""
    seen: list[Settings] = []
    monkeypatch.setattr(module, "Readers", seen.append)
    for answer_s, parse_wall_s in ((2.5, 120), (10, 4)):
        Pictures(Settings(limits=Limits(answer_s=answer_s), parse_wall_s=parse_wall_s, parse_workers=7))
    assert [(one.parse_workers, one.parse_wall_s) for one in seen] == [(1, 3), (1, 4)]


# --- over HTTP


@pytest.fixture(scope="module")
def client(made: Library, pictures: Pictures) -> TestClient:
    """Give a client of the service with pictures."""
    app = create_app(Searcher(Embedded.open(made.settings.index), WordEncoder()), pictures=pictures)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def test_a_page_is_shown_as_a_picture(client: TestClient, made: Library) -> None:
    """It is a PNG of the width asked for, which a browser shows and asks for again when it has changed."""
    doc_id = documents(made)["a"].doc_id
    start, end = place(made, doc_id, 2, QUOTE)
    address = f"/v1/documents/{doc_id}/pages/2.png?spans={start}-{end}"
    answer = client.get(f"{address}&width=300")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert Image.open(io.BytesIO(answer.content)).size == (300, 400)
    assert Image.open(io.BytesIO(client.get(address).content)).width == 1000
    again = client.get(f"{address}&width=300", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    text = client.get(address.replace(".png", "")).json()
    assert text["spans"] == [[start, end]]  # the address of the text is the same but for the ending


@pytest.mark.parametrize(
    ("rest", "status", "detail"),
    [
        ("1.png?width=199", 422, "/query/width"),
        ("1.png?width=2001", 422, "/query/width"),
        ("1.png?width=wide", 422, "/query/width"),
        ("x.png", 422, "/path/number"),
        ("1.png?spans=5-1", 422, "is not within page 1"),
        ("1.png?spans=0-999999", 422, "is not within page 1"),
        ("1.png?spans=a", 422, "not written as"),
        ("7.png", 404, "7"),
        ("-1.png", 404, "-1"),
    ],
)
def test_a_picture_that_cannot_be_made_says_why(
    client: TestClient, made: Library, rest: str, status: int, detail: str
) -> None:
    """All of it is a problem document, and the fault is the client's."""
    answer = client.get(f"/v1/documents/{documents(made)['a'].doc_id}/pages/{rest}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == status
    assert detail in answer.json()["detail"]
    assert "etag" not in answer.headers


def test_pictures_can_be_switched_off(made: Library) -> None:
    """The problem says where the text is."""
    app = create_app(Searcher(Embedded.open(made.settings.index), WordEncoder()))
    doc_id = documents(made)["a"].doc_id
    answer = TestClient(app, base_url="http://localhost").get(f"/v1/documents/{doc_id}/pages/1.png")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("pictures are switched off")


def test_a_file_is_given_as_a_download(client: TestClient, made: Library) -> None:
    """Byte for byte, under its own name, and never as a page of the service."""
    for name, media, data in (
        ("a", "application/pdf", REPORT),
        ("n", "application/octet-stream", (made.sources / "note.txt").read_bytes()),
    ):
        document = documents(made)[name]
        answer = client.get(f"/v1/documents/{document.doc_id}/file")
        assert answer.content == data
        assert answer.headers["content-type"] == media
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        again = client.get(f"/v1/documents/{document.doc_id}/file", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        if name == "a":
            assert answer.headers["content-disposition"] == (
                "attachment; filename*=UTF-8''a%20report%20%E2%80%93%20%E2%80%9Cfinal%E2%80%9D.pdf"
            )


def test_a_file_that_is_not_kept_is_not_found(library: Library) -> None:
    """So is that of a document which is not there."""
    index, document = library.settings.index, documents(library)["t"]
    client = TestClient(create_app(Searcher(Embedded.open(index), WordEncoder())), base_url="http://localhost")
    address = f"/v1/documents/{document.doc_id}/file"
    assert client.get(address).content == TURNED
    original(index, document.sha256).unlink()
    source = library.sources / "turned.pdf"
    source.rename(source.with_suffix(".away"))
    try:
        answer = client.get(address)
    finally:
        source.with_suffix(".away").rename(source)
    assert answer.status_code == 404
    assert "no copy of `turned.pdf` is kept" in answer.json()["detail"]
    assert client.get("/v1/documents/0000/file").status_code == 404
