"""Finding files: which count, what manifests state of them; and reading each as it stood at one moment."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexer import sources
from indexer.errors import DocumentRefusedError, InputError, Refusal
from indexer.settings import Settings
from indexer.sources import DEEPEST, Scan, Source, read, scan


def files(root: Path, *names: str) -> Path:
    """Make files that hold their own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return root


def found(*named: Path, **settings: Any) -> list[str]:
    """Give the paths that a scan finds, which must all be readable."""
    result = scan(named, Settings(**settings))
    assert result.unreadable == ()
    return [source.path for source in result.sources]


# --- which files count


def test_files_of_a_folder(tmp_path: Path) -> None:
    """All files below a folder are found, sorted, with forward slashes, and lie where they are said to."""
    files(tmp_path, "b.pdf", "a.txt", "sub/deep/c.html", "sub/with space é.docx")

    assert found(tmp_path) == ["a.txt", "b.pdf", "sub/deep/c.html", "sub/with space é.docx"]
    for source in scan([tmp_path], Settings()).sources:
        assert source.root == str(tmp_path)
        assert source.file.read_text() == source.path


@pytest.mark.parametrize(
    "name",
    [
        ".hidden",
        ".git/config",
        "sub/.cache/a.txt",
        "README",
        "README.md",
        "sub/LICENSE",
        "~$a.docx",
        "questions.jsonl",
    ],
)
def test_files_that_are_no_reports_are_left_out(tmp_path: Path, name: str) -> None:
    """Hidden files and folders, notes on the collection, and lock files of editors are not indexed."""
    assert found(files(tmp_path, "a.txt", name)) == ["a.txt"]


def test_manifests_are_not_indexed(tmp_path: Path) -> None:
    """A manifest is read, not indexed, also in a folder below."""
    assert found(files(tmp_path, "a.txt", "sub/manifest.csv")) == ["a.txt"]


def test_include_and_exclude(tmp_path: Path) -> None:
    """Patterns fit the relative path or the name; exclusion wins; an excluded folder is not entered."""
    files(tmp_path, "a.pdf", "a.txt", "old/b.pdf", "new/c.pdf", "new/draft-d.pdf")

    assert found(tmp_path, include=("*.pdf",), exclude=("old", "draft-*")) == ["a.pdf", "new/c.pdf"]
    assert found(tmp_path, include=("new/*",), exclude=()) == ["new/c.pdf", "new/draft-d.pdf"]


def test_named_file_counts_whatever_its_name(tmp_path: Path) -> None:
    """A file that was named itself is indexed, with its folder as root, even if a folder's rules leave it out."""
    files(tmp_path, "README.md", "other.txt")

    (source,) = scan([tmp_path / "README.md"], Settings()).sources
    assert (source.root, source.path) == (str(tmp_path), "README.md")


def test_index_inside_the_source_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is never indexed, also where it has a plain name and is given relative to the current folder."""
    files(tmp_path, "a.txt", "index/store.sqlite", "index/originals/abc", "sub/index/b.txt")
    monkeypatch.chdir(tmp_path)

    assert found(tmp_path, index=Path("index")) == ["a.txt", "sub/index/b.txt"]
    assert found(Path(), index=tmp_path / "index") == ["a.txt", "sub/index/b.txt"]


def test_overlapping_sources_count_once(tmp_path: Path) -> None:
    """A file that is reached by several sources counts for the first of them."""
    files(tmp_path, "a.txt", "sub/b.txt")
    whole, part, file = tmp_path, tmp_path / "sub", tmp_path / "sub" / "b.txt"

    assert found(whole, part, file, whole) == ["a.txt", "sub/b.txt"]
    first = scan([part, whole, file], Settings()).sources
    assert [(source.root, source.path) for source in first] == [(str(whole), "a.txt"), (str(part), "b.txt")]


def test_other_ways_to_name_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path, one with dots and a link to a folder name the same sources as the folder itself."""
    files(tmp_path / "real", "a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    wanted = scan([tmp_path / "real"], Settings())

    for named in ("real", "./real/../real/", "link"):
        assert scan([Path(named)], Settings()) == wanted


def test_no_sources() -> None:
    """Nothing named is nothing found."""
    assert scan([], Settings()) == Scan((), ())


def test_empty_folder(tmp_path: Path) -> None:
    """A folder without files is no error."""
    assert found(tmp_path) == []


# --- links


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder brings in what lies outside the source."""
    files(tmp_path, "secret/s.txt", "root/a.txt")
    (tmp_path / "root" / "file.txt").symlink_to(tmp_path / "secret" / "s.txt")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "rooted.txt").symlink_to(tmp_path / "root-not")  # shares the beginning of the name
    files(tmp_path, "root-not")

    assert found(tmp_path / "root") == ["a.txt"]


def test_link_to_a_file_of_the_source_counts(tmp_path: Path) -> None:
    """A link within the source is a file like others."""
    files(tmp_path, "a.txt", "sub/b.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "sub" / "b.txt")

    assert found(tmp_path) == ["a.txt", "link.txt", "sub/b.txt"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """Folders and links that lead to each other, and links to nothing, are passed over."""
    files(tmp_path, "sub/a.txt")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    (tmp_path / "one.txt").symlink_to(tmp_path / "two.txt")
    (tmp_path / "two.txt").symlink_to(tmp_path / "one.txt")
    (tmp_path / "broken.txt").symlink_to(tmp_path / "absent.txt")

    assert found(tmp_path) == ["sub/a.txt"]


def test_what_is_neither_file_nor_folder_is_passed_over(tmp_path: Path) -> None:
    """A pipe in a folder is not read, as that would wait for ever; named itself, it is an error."""
    files(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe.txt")

    assert found(tmp_path) == ["a.txt"]
    with pytest.raises(InputError, match="neither a folder nor a file; nothing was changed"):
        scan([tmp_path / "pipe.txt"], Settings())


# --- what cannot be used


@pytest.mark.parametrize("name", ["absent", "a.txt/below", "x" * 300])
def test_missing_source(tmp_path: Path, name: str) -> None:
    """A source that is not there is an error before anything is done, not an empty folder."""
    files(tmp_path, "a.txt")

    with pytest.raises(InputError, match="nothing was changed"):
        scan([tmp_path, tmp_path / name], Settings())


def test_source_that_is_a_circle_of_links(tmp_path: Path) -> None:
    """A named link that leads to itself is an error, not a crash."""
    (tmp_path / "self").symlink_to(tmp_path / "self")

    with pytest.raises(InputError, match=r"cannot be reached .* nothing was changed"):
        scan([tmp_path / "self"], Settings())


def test_source_without_the_right_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named folder that this user may not read is an error, not an empty folder."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with pytest.raises(InputError, match="cannot be read by this user; nothing was changed"):
        scan([tmp_path], Settings())


def fail_to_list(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the disk fail when the folder is listed."""
    real = os.scandir

    def scandir(path: str) -> Any:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_folder_below_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be looked into is reported with the remedy, and the others are searched."""
    files(tmp_path, "a.txt", "closed/b.txt", "open/c.txt")
    fail_to_list(monkeypatch, tmp_path / "closed")

    result = scan([tmp_path], Settings())

    assert [source.path for source in result.sources] == ["a.txt", "open/c.txt"]
    ((refused),) = result.unreadable
    assert (refused.root, refused.path, refused.code) == (str(tmp_path), "closed", Refusal.UNREADABLE)
    assert refused.message == "the folder cannot be read (Permission denied): give this user the right to read it"


def test_source_that_fails_when_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named folder whose disk fails is an error, as an empty result would remove all its documents."""
    fail_to_list(monkeypatch, files(tmp_path, "a.txt"))

    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); nothing was changed"):
        scan([tmp_path], Settings())


def test_file_that_may_not_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a folder that may be listed but not entered is found, so that reading it can say what is wrong."""
    files(tmp_path, "a.txt", "closed/b.txt")
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("closed/b.txt"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)

    assert found(tmp_path) == ["a.txt", "closed/b.txt"]


UNDECODABLE = os.fsdecode(b"caf\xe9.txt")


@pytest.mark.parametrize(
    ("name", "shown"),
    [(UNDECODABLE, r"caf\udce9.txt"), ("a\u202etxt.exe", r"a\u202etxt.exe"), ("a\x1b[2J\n", r"a\x1b[2J\n")],
)
def test_names_that_cannot_be_shown(tmp_path: Path, name: str, shown: str) -> None:
    """A file whose name is not text, or would deceive who reads it, is reported and not indexed."""
    result = scan([files(tmp_path, "a.txt", name)], Settings())

    assert [source.path for source in result.sources] == ["a.txt"]
    assert [(refused.path, refused.code) for refused in result.unreadable] == [(shown, Refusal.UNREADABLE)]
    assert result.unreadable[0].message.endswith("rename it")
    result.unreadable[0].path.encode()  # so that it can be stored and printed


def test_folders_whose_names_are_not_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files below a folder with an undecodable name are reported, and so is the folder if it cannot be read."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    files(folder, "a.txt")
    assert [refused.path for refused in scan([tmp_path], Settings()).unreadable] == [r"caf\udce9/a.txt"]

    fail_to_list(monkeypatch, folder)
    assert [refused.path for refused in scan([tmp_path], Settings()).unreadable] == [r"caf\udce9"]


def test_source_whose_name_is_not_text(tmp_path: Path) -> None:
    """A named folder with an undecodable name is an error, as its path could not be stored."""
    folder = files(tmp_path / os.fsdecode(b"caf\xe9"), "a.txt")

    with pytest.raises(InputError, match=r"caf\\udce9` has a name that is not UTF-8: rename it; nothing was changed"):
        scan([folder], Settings())


def test_folders_without_end(tmp_path: Path) -> None:
    """Folders below folders end the search at a depth that no collection has, and the rest is reported."""
    top = files(tmp_path, "a.txt")
    inner = os.open(top, os.O_RDONLY)
    for _ in range(1200):  # deeper than Python calls, and than a path may be long
        os.mkdir("deep", dir_fd=inner)
        outer, inner = inner, os.open("deep", os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    try:
        result = scan([top], Settings())
    finally:
        subprocess.run(["rm", "-rf", top / "deep"], check=True)  # shutil calls itself for each, too

    assert [source.path for source in result.sources] == ["a.txt"]
    assert [refused.path for refused in result.unreadable] == ["/".join(["deep"] * (DEEPEST + 1))]
    assert "so it is not looked into" in result.unreadable[0].message


# --- manifests


def manifest(root: Path, text: str, *names: str) -> Path:
    files(root, *names)
    (root / "manifest.csv").write_text(text, encoding="utf-8")
    return root


def test_manifest_rows_are_attached(tmp_path: Path) -> None:
    """Each file gets the filled cells of its row, stripped; files without a row, or in no manifest, get nothing."""
    rows = "\ufeffpath,title,body,published\nsub/a.txt,“A, b”, Norton ,\n./b.txt,,,2021-03-04\n"
    root = manifest(tmp_path, rows.replace("“A, b”", '"A, b"'), "sub/a.txt", "b.txt", "c.txt")

    assert {source.path: source.stated for source in scan([root], Settings()).sources} == {
        "b.txt": {"published": "2021-03-04"},
        "c.txt": {},
        "sub/a.txt": {"title": "A, b", "body": "Norton"},
    }


def test_manifest_serves_a_file_named_alone(tmp_path: Path) -> None:
    """A file that was named itself has its row too, and the other rows do not matter."""
    root = manifest(tmp_path, "path,title\na.txt,A\nb.txt,B\n", "a.txt")

    (source,) = scan([root / "a.txt"], Settings()).sources
    assert source.stated == {"title": "A"}


def test_manifest_of_a_source_inside_another(tmp_path: Path) -> None:
    """Where sources overlap, the first one's manifest counts, and the rows of the second are not missing files."""
    root = files(tmp_path, "a.txt")
    part = manifest(root / "part", "path,title\nb.txt,B\n", "b.txt")

    assert [source.stated for source in scan([root, part], Settings()).sources] == [{}, {}]
    assert [source.stated for source in scan([part, root], Settings()).sources] == [{}, {"title": "B"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,author\na.txt,Me\n", "has an unknown column `author`; the columns are path, title"),
        ("file,title\na.txt,A\n", "has no column `path`"),
        ("", "has no column `path`"),
        ("path,title\nabsent.txt,A\n", "lists `absent.txt`, which is not among the files; correct its path"),
        ("path,title\n../a.txt,A\n", "lists `../a.txt`"),
        ("path,title\na.txt\n", "line 2 has not as many cells as the first line"),
        ("path,title\na.txt,A,B\n", "line 2 has not as many cells as the first line"),
        ('path,title\na.txt,"A\n', "cannot be read as a UTF-8 CSV table"),
        ('path,title\na.txt,"A" B\n', "cannot be read as a UTF-8 CSV table"),
    ],
)
def test_manifest_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in a manifest is an error that names the file, the place and the remedy."""
    with pytest.raises(InputError, match=message) as raised:
        scan([manifest(tmp_path, text, "a.txt")], Settings())
    assert str(tmp_path / "manifest.csv") in str(raised.value)


def test_manifest_in_another_encoding(tmp_path: Path) -> None:
    """A manifest that is not UTF-8 is an error, not a wrong title."""
    files(tmp_path, "a.txt")
    (tmp_path / "manifest.csv").write_bytes("path,title\na.txt,Café\n".encode("cp1252"))

    with pytest.raises(InputError, match="cannot be read as a UTF-8 CSV table"):
        scan([tmp_path], Settings())


# --- names of documents


def test_documents_are_named_by_folder_and_path(tmp_path: Path) -> None:
    """The id outlives changes of content, and differs wherever folder or path do, or the place where one ends."""
    (before,) = scan([files(tmp_path / "one", "a.txt")], Settings()).sources
    (tmp_path / "one" / "a.txt").write_text("changed")
    (after,) = scan([tmp_path / "one"], Settings()).sources
    (twin,) = scan([files(tmp_path / "two", "a.txt")], Settings()).sources

    assert before.doc_id == after.doc_id
    assert len({before.doc_id, twin.doc_id, Source("/a/b", "c", {}).doc_id, Source("/a", "b/c", {}).doc_id}) == 4
    assert Source("/a", "b.txt", {"title": "B"}).doc_id == Source("/a", "b.txt", {}).doc_id == "04707e1e98862b6d"


# --- reading


def source(tmp_path: Path, content: bytes = b"content") -> Source:
    (tmp_path / "a.txt").write_bytes(content)
    return Source(str(tmp_path), "a.txt", {})


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"x" * 1000])
def test_read_gives_all_bytes(tmp_path: Path, content: bytes) -> None:
    """A file is read to its end, and one of just the largest size is not too large."""
    assert read(source(tmp_path, content), 1000) == content


def test_file_that_is_too_large(tmp_path: Path) -> None:
    """A file over the limit is refused by its size, without being read, and the remedy is named."""
    with pytest.raises(DocumentRefusedError, match="raise the setting `max_file_mb`") as raised:
        read(source(tmp_path, b"x" * 1001), 1000)
    assert raised.value.code == Refusal.TOO_LARGE


def test_file_that_has_gone(tmp_path: Path) -> None:
    """A file that vanished since the scan raises FileNotFoundError, so that its document can be removed."""
    with pytest.raises(FileNotFoundError):
        read(Source(str(tmp_path), "a.txt", {}), 1000)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A failing disk, or a folder in the file's place, refuses the file and says why."""
    (tmp_path / "a.txt").mkdir()

    with pytest.raises(DocumentRefusedError, match=r"cannot be read \(Is a directory\)") as raised:
        read(Source(str(tmp_path), "a.txt", {}), 1000)
    assert raised.value.code == Refusal.UNREADABLE


def test_file_that_has_become_something_else(tmp_path: Path) -> None:
    """A pipe or device in the file's place is refused without waiting for it, and so is a link that leads out."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root").mkdir()
    made = source(tmp_path / "root")
    changes: list[tuple[str, Callable[[], object]]] = [
        ("has become a pipe or device", lambda: os.mkfifo(made.file)),
        ("has become a link that leads out of its folder", lambda: made.file.symlink_to(tmp_path / "secret.txt")),
        ("has become a link that leads out of its folder", lambda: made.file.symlink_to("/dev/zero")),
    ]
    for message, change in changes:
        made.file.unlink()
        change()
        with pytest.raises(DocumentRefusedError, match=message) as raised:
            read(made, 1000)
        assert raised.value.code == Refusal.UNREADABLE


def sizes_while_reading(monkeypatch: pytest.MonkeyPatch, states: Iterator[tuple[int, int]]) -> None:
    """Let each look at the open file see the next size and time."""

    def fstat(_: int) -> Any:
        size, modified = next(states)
        return SimpleNamespace(st_size=size, st_mtime_ns=modified, st_mode=stat.S_IFREG)

    monkeypatch.setattr(sources, "os", SimpleNamespace(fstat=fstat, open=os.open, O_NONBLOCK=os.O_NONBLOCK))


@pytest.mark.parametrize(
    "states",
    [
        pytest.param([(7, 1), (8, 2)] * 2, id="grows"),
        pytest.param([(7, 1), (7, 2)] * 2, id="rewritten in place"),
        pytest.param([(9, 1), (9, 1)] * 2, id="cut off before it was read"),
        pytest.param([(7, 1), (0, 1)] * 2, id="emptied"),
    ],
)
def test_file_that_keeps_changing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[tuple[int, int]]
) -> None:
    """A file that changes while it is read, and again at the second try, is refused rather than half taken."""
    made = source(tmp_path)
    sizes_while_reading(monkeypatch, iter(states))

    with pytest.raises(DocumentRefusedError, match="index again when it is complete") as raised:
        read(made, 1000)
    assert raised.value.code == Refusal.CHANGED


def test_file_that_changed_once_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was just being saved is read at the second try."""
    made = source(tmp_path)
    sizes_while_reading(monkeypatch, iter([(5, 1), (7, 2), (7, 2), (7, 2)]))

    assert read(made, 1000) == b"content"


def test_file_that_is_replaced_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is replaced by another between the looks is either the old or the new one, never a mixture."""
    made = source(tmp_path)
    (tmp_path / "new.txt").write_bytes(b"another")
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        if (tmp_path / "new.txt").exists():
            shutil.move(tmp_path / "new.txt", made.file)
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", fstat)

    assert read(made, 1000) in {b"content", b"another"}
