"""`citewell backup` and `citewell restore`: exit codes, messages and JSON."""

import json
from pathlib import Path

from indexer.backup import MANIFEST
from indexer.embedded import Embedded
from tests.service.conftest import Citewell, Library, client_of


def test_there_and_back(citewell: Citewell, library: Library, tmp_path: Path) -> None:
    """A backup is made and put back; both say what was copied, and a running service follows."""
    client = client_of(library.searcher())
    index = ("--index", library.settings.index)
    made = citewell("backup", tmp_path / "kept", *index)
    library.write("new.txt", "A new report on the harbour wall.")
    library.sync()
    assert client.get("/readyz").json()["generation"] == 2
    back = citewell("restore", tmp_path / "kept", "--force", *index)

    assert (made.code, made.err, back.code, back.err) == (0, "", 0, "")
    assert made.out.startswith(f"generation 1 backed up to {tmp_path / 'kept'}: 4 documents, ")
    assert back.out.startswith(f"generation 1 restored to {library.settings.index}: 4 documents, ")
    assert client.get("/readyz").json()["generation"] == 1
    assert client.get("/v1/documents").json()["total"] == 4


def test_as_json(citewell: Citewell, library: Library, tmp_path: Path) -> None:
    """`--json` prints one document with the same facts for both."""
    made = citewell("backup", tmp_path / "kept", "--json", "--index", library.settings.index)
    back = citewell("restore", tmp_path / "kept", "--json", "--index", tmp_path / "new")

    one, other = json.loads(made.out), json.loads(back.out)
    assert list(one) == ["folder", "generation", "documents", "files", "bytes", "took_s"]
    assert (one["folder"], other["folder"]) == (str(tmp_path / "kept"), str(tmp_path / "new"))
    assert {**one, "folder": "", "took_s": 0} == {**other, "folder": "", "took_s": 0}


def test_what_cannot_be_done_says_why(citewell: Citewell, library: Library, tmp_path: Path) -> None:
    """Wrong use ends with 2, an index or a backup that cannot be used with 3; nothing is changed."""
    index = ("--index", library.settings.index)
    citewell("backup", tmp_path / "kept", *index)
    (tmp_path / "altered").mkdir()
    (tmp_path / "altered" / MANIFEST).write_text("{}")
    for arguments, code, message in [
        (("backup", *index), 2, "Missing argument 'DEST'"),
        (("restore", *index), 2, "Missing argument 'SRC'"),
        (("backup", tmp_path / "kept", *index), 2, "is there already; name a new or an empty folder"),
        (("backup", tmp_path / "more", "--index", tmp_path / "none"), 3, "no index in"),
        (("restore", tmp_path / "kept", *index), 2, "holds an index; name another folder"),
        (("restore", tmp_path / "none", "--force", *index), 2, "is not a backup"),
        (("restore", tmp_path / "altered", "--force", *index), 3, f"`{MANIFEST}` is not as it was written"),
    ]:
        ran = citewell(*arguments)
        assert (ran.code, ran.out) == (code, "")
        assert message in ran.err

    assert Embedded.open(library.settings.index).folder == library.settings.index
    assert not (tmp_path / "more").exists()
