"""Uploaded files are kept whole or not at all, and what is kept can always be indexed."""

import csv
import io
import multiprocessing
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from indexer import sources
from indexer.database import INCOMING
from indexer.embedded import Embedded
from indexer.errors import InputError, NotFoundError, UnusableIndexError
from indexer.settings import Settings
from indexer.sources import MANIFEST, scan
from service import uploads
from service.uploads import ConflictError, Upload, Uploaded, receive, remove, safe_name
from tests.service.conftest import Library

TEXT = b"The harbour wall was mended in autumn."
OTHER = b"The harbour wall fell down in winter."


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give the settings of an index that is not there yet."""
    return Settings(index=tmp_path / "index")


def send(
    settings: Settings, files: Mapping[str, bytes], stated: Mapping[str, str] | None = None, *, replace: bool = False
) -> tuple[Uploaded, ...]:
    """Send files by name."""
    sent = [Upload(name, io.BytesIO(content)) for name, content in files.items()]
    return receive(settings, sent, stated or {}, replace=replace)


def kept(settings: Settings) -> dict[str, bytes]:
    """Give the files that are kept, without the manifest; check that nothing else is left and all can be indexed."""
    assert [path.name for path in (settings.index / INCOMING).iterdir()] == ["lock"]
    found = {path.name: path.read_bytes() for path in settings.uploads.iterdir() if path.name != MANIFEST}
    assert [source.path for source in scan([settings.uploads], settings).sources] == sorted(found)
    return found


def stated(settings: Settings) -> dict[str, dict[str, str]]:
    """Give what is stated about each file."""
    return {source.path: dict(source.stated) for source in scan([settings.uploads], settings).sources}


def test_files_are_kept_and_named_as_the_sync_will_name_them(settings: Settings) -> None:
    """The id is that of the document that a sync makes of the file."""
    sent = send(settings, {"a.txt": TEXT, "b.md": OTHER})
    assert kept(settings) == {"a.txt": TEXT, "b.md": OTHER}
    found = scan([settings.uploads], settings).sources
    assert [(one.name, one.doc_id) for one in sent] == [(source.path, source.doc_id) for source in found]


def test_the_same_file_again_changes_nothing(settings: Settings) -> None:
    """It is fine, and the file is not written once more."""
    first = send(settings, {"a.txt": TEXT})
    before = (settings.uploads / "a.txt").stat()
    assert send(settings, {"a.txt": TEXT}) == first
    assert (settings.uploads / "a.txt").stat() == before


def test_another_file_of_the_name_needs_to_be_asked_for(settings: Settings) -> None:
    """Without `replace` all stays, also what was sent with it; with it the new file stands."""
    send(settings, {"a.txt": TEXT})
    with pytest.raises(ConflictError, match=r"another `a.txt` already; send `replace=true`"):
        send(settings, {"new.txt": TEXT, "a.txt": OTHER})
    assert kept(settings) == {"a.txt": TEXT}
    send(settings, {"a.txt": OTHER}, replace=True)
    assert kept(settings) == {"a.txt": OTHER}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("C:\\docs\\Report 1.PDF", "Report 1.PDF"),
        ("../../etc/notes.txt", "notes.txt"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        (" blank.txt ", "blank.txt"),
        ("é" * 98 + ".txt", "é" * 98 + ".txt"),
    ],
)
def test_a_name_is_made_safe(settings: Settings, given: str, name: str) -> None:
    """Folders of the client go, and accents are written in one way."""
    assert safe_name(given, settings) == name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "is not a name of a file"),
        ("folder/", "is not a name of a file"),
        (".hidden.txt", "does not begin with a full stop"),
        ("..", "does not begin with a full stop"),
        ("a\nb.txt", r"`a\\nb.txt` has signs that cannot be shown"),
        ("a\u202etxt.pdf", "has signs that cannot be shown"),
        ("a\0.txt", "has signs that cannot be shown"),
        ("\ud800.txt", "has signs that cannot be shown"),
        ("x" * 197 + ".txt", "has a name of 201 bytes"),
        ("é" * 99 + ".txt", "has a name of 202 bytes"),
        ("picture.png", r"not of a kind that is read; send a file that ends in .*\.docx"),
        ("txt", "not of a kind that is read"),
        ("manifest.csv", "not of a kind that is read"),
        ("README.md", "left alone by the settings"),
        ("~$open.docx", "left alone by the settings"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(settings: Settings, given: str, message: str) -> None:
    """The error says which, why and what to do."""
    with pytest.raises(InputError, match=message):
        safe_name(given, settings)


def test_names_that_are_not_indexed_are_refused(tmp_path: Path) -> None:
    """What the setting `include` leaves out would be kept in vain."""
    with pytest.raises(InputError, match="left alone by the settings"):
        safe_name("a.txt", Settings(index=tmp_path, include=("*.pdf",)))


@given(st.text(max_size=60).map(lambda text: text + ".txt"))
@trying(max_examples=200)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    """Whatever is sent, what is made of it is a printable name in the folder, or an error."""
    with suppress(InputError):
        made = safe_name(name, Settings())
        assert Path("/kept", made).parent == Path("/kept")
        assert made.isprintable()
        assert safe_name(made, Settings()) == made


def test_what_is_stated_goes_to_the_manifest(settings: Settings) -> None:
    """A row holds what was stated, stays when nothing is stated, and is replaced when something is."""
    send(settings, {"b.txt": TEXT}, {"title": 'Of "walls", old and new', "published": "22 May 2018", "kind": " "})
    assert stated(settings) == {"b.txt": {"title": 'Of "walls", old and new', "published": "22 May 2018"}}
    send(settings, {"b.txt": OTHER, "a.txt": TEXT}, replace=True)
    send(settings, {"a.txt": TEXT}, {"body": "Redbrook Council"})
    assert stated(settings) == {
        "a.txt": {"body": "Redbrook Council"},
        "b.txt": {"title": 'Of "walls", old and new', "published": "22 May 2018"},
    }
    send(settings, {"b.txt": OTHER}, {"title": "Walls"})
    assert stated(settings)["b.txt"] == {"title": "Walls"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"published": "soon"}, "`published` is 'soon', which cannot be read"),
        ({"colour": "red"}, "there is no field `colour`; the fields are title, publisher"),
        ({"path": "x"}, "there is no field `path`"),
        ({"title": "two\nlines"}, "`title` is not one line"),
        ({"title": "x" * 1001}, "`title` is not one line of at most 1000 characters"),
    ],
)
def test_what_cannot_be_stated_is_refused(settings: Settings, values: Mapping[str, str], message: str) -> None:
    """Nothing is kept then."""
    with pytest.raises(InputError, match=message):
        send(settings, {"a.txt": TEXT}, values)
    assert not settings.uploads.exists()


def test_metadata_and_names_are_of_one_file_each(settings: Settings) -> None:
    """Metadata of two files, two files of one name, none and too many are refused."""
    for files, values, message in [
        ([("a.txt", TEXT), ("b.txt", TEXT)], {"title": "Both"}, "metadata goes with one file"),
        ([("a.txt", TEXT), ("x/a.txt", OTHER)], {}, "`a.txt` was sent twice"),
        ([], {}, "0 files were sent"),
        ([(f"{number}.txt", TEXT) for number in range(21)], {}, "21 files were sent; send 1 to 20"),
    ]:
        with pytest.raises(InputError, match=message):
            receive(settings, [Upload(name, io.BytesIO(content)) for name, content in files], values)


def test_sizes_have_limits(tmp_path: Path) -> None:
    """An empty file and one over the limit are refused; one of just the limit is kept."""
    settings = Settings(index=tmp_path / "index", max_file_mb=1)
    for size, message in [(0, "`a.txt` is empty"), (1_000_001, r"`a.txt` has 1.0 MB, more than 1 MB")]:
        with pytest.raises(InputError, match=message):
            send(settings, {"a.txt": bytes(size)})
    assert kept(settings) == {}
    send(settings, {"a.txt": b"x" * 1_000_000})
    assert len(kept(settings)["a.txt"]) == 1_000_000


def test_a_full_disk_is_told_before_it_is_full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept where there would be no room left for the sync."""
    monkeypatch.setattr("service.uploads._ROOM", 1 << 60)
    with pytest.raises(UnusableIndexError, match=r"is full: `a.txt` has 0\.0 MB; free some space"):
        send(settings, {"a.txt": TEXT})
    assert kept(settings) == {}


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error is one of ours, and in words."""
    (tmp_path / "index").write_text("a file")
    with pytest.raises(UnusableIndexError, match="cannot be written"):
        send(Settings(index=tmp_path / "index"), {"a.txt": TEXT})


class Killed(BaseException):
    """The process ends here."""


def crashing_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the process die before the given change of the folder's names; give the names of those that were made."""
    done: list[str] = []

    def counted(name: str, real: Any) -> Any:
        def call(path: Path, *more: Any, **named: Any) -> Any:
            if path.name != "lock":
                if len(done) == step:
                    raise Killed
                done.append(name)
            return real(path, *more, **named)

        return call

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, counted(name, getattr(Path, name)))
    monkeypatch.setattr(uploads, "_clear", lambda incoming: None)  # nobody tidies up who was killed
    return done


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("what", ["receive", "replace", "remove"])
def test_a_crash_leaves_what_can_be_indexed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: int, what: str
) -> None:
    """Whichever step was the last, the folder can be indexed, and the same again does it all."""
    send(settings, {"old.txt": TEXT}, {"title": "Old"})
    doc_id = send(settings, {"a.txt": TEXT}, {"title": "First"})[0].doc_id if what != "receive" else ""

    def act() -> None:
        if what == "remove":
            remove(settings, doc_id, None)
        else:
            send(settings, {"a.txt": OTHER}, {"title": "Second"}, replace=True)

    with monkeypatch.context() as patched:
        done = crashing_at(step, patched)
        with suppress(Killed):
            act()
        assert len(done) <= step
    assert set(stated(settings)) >= {"old.txt"}
    with suppress(NotFoundError):  # where it was all done before
        act()
    assert kept(settings) == {"old.txt": TEXT} | ({} if what == "remove" else {"a.txt": OTHER})
    assert stated(settings) == {"old.txt": {"title": "Old"}} | (
        {} if what == "remove" else {"a.txt": {"title": "Second"}}
    )


def _send_some(index: Path, start: int) -> None:
    for number in range(start, start + 5):
        send(Settings(index=index), {f"{number}.txt": b"%d" % number}, {"title": f"Number {number}"})


def test_uploads_of_several_processes_lose_nothing(settings: Settings) -> None:
    """Each file and each row is there in the end."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_send_some, args=(settings.index, start)) for start in (0, 5, 10)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert stated(settings) == {f"{number}.txt": {"title": f"Number {number}"} for number in range(15)}
    assert kept(settings).keys() == stated(settings).keys()


def test_an_uploaded_document_is_removed_with_its_row(settings: Settings) -> None:
    """Only it goes; a second time it is not there."""
    gone, _ = (
        send(settings, {"a.txt": TEXT}, {"title": "A"})[0],
        send(settings, {"b.txt": TEXT}, {"title": "B"})[0],
    )
    remove(settings, gone.doc_id, None)
    assert kept(settings) == {"b.txt": TEXT}
    with (settings.uploads / MANIFEST).open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == ["b.txt"]
    with pytest.raises(NotFoundError, match=f"no document `{gone.doc_id}`"):
        remove(settings, gone.doc_id, None)


def test_the_manifest_itself_cannot_be_removed(settings: Settings) -> None:
    """Its id can be worked out, but it is no document."""
    send(settings, {"a.txt": TEXT}, {"title": "A"})
    with pytest.raises(NotFoundError):
        remove(settings, uploads._source(MANIFEST).doc_id, None)
    assert stated(settings) == {"a.txt": {"title": "A"}}


def test_documents_of_other_folders_are_not_removed(library: Library) -> None:
    """The error says where to remove the file; an unknown id is not found."""
    with Embedded.open(library.settings.index).reading() as reader:
        document = reader.find("loose.txt")
        with pytest.raises(
            ConflictError, match=rf"`loose.txt` comes from `{library.sources}`; remove the file there"
        ):
            remove(library.settings, document.doc_id, reader)
        with pytest.raises(NotFoundError):
            remove(library.settings, "0" * 16, reader)
    assert (library.sources / "loose.txt").exists()


def test_a_document_whose_file_has_gone_needs_only_a_sync(library: Library) -> None:
    """What somebody took out of the folder by hand is no error."""
    sent = send(library.settings, {"a.txt": TEXT})[0]
    library.sync()
    (library.settings.uploads / "a.txt").unlink()
    with Embedded.open(library.settings.index).reading() as reader:
        remove(library.settings, sent.doc_id, reader)


def test_a_file_that_goes_while_the_folder_is_looked_through_stops_no_sync(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was read before its file and it were removed is no mistake of anybody's."""
    sent = send(settings, {"a.txt": TEXT}, {"title": "A"})[0]
    real = sources._walk

    def walk(*arguments: Any) -> list[Path]:
        remove(settings, sent.doc_id, None)
        return list(real(*arguments))

    monkeypatch.setattr(sources, "_walk", walk)
    assert scan([settings.uploads], settings).sources == ()
