"""`citewell export` and `citewell import`: what they print, their exit codes, and that a search finds the same."""

import json
from pathlib import Path

import pytest

from indexer.moving import MANIFEST
from tests.fakes import WordEncoder
from tests.service.conftest import Citewell, Library, make_library

QUESTION = {"id": "q1", "type": "factual", "question": "How did the school budget change?"}
EVIDENCE = {"evidence": [{"path": "redbrook/2019.txt", "page": 1}]}


def test_there_and_back(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """Both print figures, and the other end answers as this one does."""
    there, new = ("--index", shelf.settings.index), ("--index", tmp_path / "new")
    made = citewell("export", tmp_path / "out", *there)
    back = citewell("import", tmp_path / "out", *new)

    assert (made.code, made.err, back.code, back.err) == (0, "", 0, "")
    assert made.out.startswith(f"generation 1 exported to {tmp_path / 'out'}: 4 documents, ")
    assert "1 parts, of which 0 were there; " in made.out
    lines = back.out.splitlines()
    assert lines[0].startswith(f"generation 1 imported from {tmp_path / 'out'}: 4 documents added, 0 replaced, ")
    assert lines[1] == "4 of 4 documents are as they were exported"
    assert lines[-2].startswith("dense mode: 100.0% of ")
    assert lines[-2].endswith(" questions find the same ten passages, 100.0% of the passages in any order")
    for command in ("search", "ask"):
        ours, theirs = (citewell(command, "school budget", *index) for index in (there, new))
        assert (ours.code, ours.out) == (theirs.code, theirs.out)


def test_as_json(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """`--json` prints one document with the same facts."""
    made = citewell("export", tmp_path / "out", "--json", "--index", shelf.settings.index)
    back = citewell("import", tmp_path / "out", "--json", "--index", tmp_path / "new")

    exported, both = json.loads(made.out), json.loads(back.out)
    names = "folder generation documents passages parts kept instead_of bytes questions took_s"
    assert list(exported) == names.split()
    assert list(both) == ["imported", "comparison"]
    assert list(both["imported"]) == "folder generation added replaced skipped commits took_s".split()
    found = both["comparison"]
    names = "documents missing altered others exported counted questions same_rankings same_passages"
    assert list(found) == names.split()
    assert found["exported"] == found["counted"]
    assert (found["documents"], found["questions"]) == (4, exported["questions"])
    assert found["same_rankings"] == {"dense": 1.0, "hybrid": 1.0}


def test_questions_of_a_file_are_asked(citewell: Citewell, shelf: Library, tmp_path: Path) -> None:
    """The manifest keeps what they found, in both modes."""
    (tmp_path / "questions.jsonl").write_text(json.dumps({**QUESTION, **EVIDENCE}))
    ran = citewell(
        "export", tmp_path / "out", "--questions", tmp_path / "questions.jsonl", "--index", shelf.settings.index
    )

    assert ran.code == 0
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_bytes().split(b"\n")[0])
    (asked,) = manifest["questions"]
    assert asked["text"] == QUESTION["question"]
    found = json.loads(
        citewell("search", asked["text"], "--json", "--mode", "dense", "--index", shelf.settings.index).out
    )
    places = [(hit["citation"]["doc_id"], hit["citation"]["spans"]) for hit in found["hits"]]
    assert [(place["doc_id"], place["spans"]) for place in asked["found"]["dense"]] == places
    assert len(asked["found"]["hybrid"]) > 1


def test_an_export_of_an_older_generation_is_begun_anew(citewell: Citewell, library: Library, tmp_path: Path) -> None:
    """The command says so, and the first import of the newer one into the older asks for a word."""
    index, new = ("--index", library.settings.index), ("--index", tmp_path / "new")
    citewell("export", tmp_path / "out", *index)
    assert citewell("import", tmp_path / "out", *new).code == 0
    library.write("loose.txt", "A note on bees, gardens and the budget of the school, written anew.")
    library.sync()
    made = citewell("export", tmp_path / "out", *index)
    refused = citewell("import", tmp_path / "out", *new)
    forced = citewell("import", tmp_path / "out", "--into-existing", *new)

    assert made.out.splitlines()[-1] == "begun anew: what was there is of generation 1, or of another index"
    assert (refused.code, refused.out) == (2, "")
    assert "such as `loose.txt` (1 of 4)" in refused.err
    assert (forced.code, forced.err) == (0, "")
    assert "0 documents added, 1 replaced, 3 there already" in forced.out


def test_other_rankings_are_an_error(
    citewell: Citewell, shelf: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 and a sentence, though all documents are the same; the JSON has the share."""
    citewell("export", tmp_path / "out", "--index", shelf.settings.index)
    monkeypatch.setattr("service.search.Searcher.search_in", _finds_nothing)
    ran = citewell("import", tmp_path / "out", "--json", "--index", tmp_path / "new")

    assert ran.code == 1
    assert ran.err == "not the same rankings: 0.0% of the questions find the same passages by meaning\n"
    assert json.loads(ran.out)["comparison"]["same_rankings"] == {"dense": 0.0, "hybrid": 0.0}


def test_other_documents_are_an_error(
    citewell: Citewell, shelf: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, and how many are missing, where a store has not kept what it was given."""
    citewell("export", tmp_path / "out", "--index", shelf.settings.index)
    monkeypatch.setattr("indexer.moving.importing.documents_of", lambda *_: iter(()))
    ran = citewell("import", tmp_path / "out", "--index", tmp_path / "new")

    assert ran.code == 1
    assert ran.err.startswith("not the same documents: 4 missing, 0 altered, such as ")
    assert "0 of 4 documents are as they were exported" in ran.out


def test_what_cannot_be_done_says_why(
    citewell: Citewell, shelf: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong use ends with 2, an index or an export that cannot be used with 3."""
    index = ("--index", shelf.settings.index)
    make_library(tmp_path / "other", {"new.txt": "A report on the harbour wall and its keeper."}, "path\n")
    citewell("export", tmp_path / "out", *index)
    citewell("export", tmp_path / "damaged", *index)
    (tmp_path / "damaged" / "part-00000").write_bytes(b"")
    for arguments, code, message in [
        (("export", *index), 2, "Missing argument 'DIR'"),
        (("import", *index), 2, "Missing argument 'DIR'"),
        (("export", shelf.sources, *index), 2, "which is not of an export; name a new or an empty folder"),
        (("export", tmp_path / "more", "--index", tmp_path / "none"), 3, "no index in"),
        (("export", tmp_path / "more", "--questions", tmp_path / "none", *index), 2, "cannot be read"),
        (("import", tmp_path / "none", *index), 2, "is not a whole export"),
        (("import", tmp_path / "damaged", "--index", tmp_path / "new"), 3, "`part-00000` is missing from the export"),
        (("import", tmp_path / "out", "--index", tmp_path / "other" / "index"), 2, "such as `new.txt` (1 of 1)"),
    ]:
        ran = citewell(*arguments)
        assert (ran.code, ran.out) == (code, "")
        assert message in ran.err
    monkeypatch.setattr("indexer.encoder.SentenceEncoder", lambda settings: WordEncoder(model="other"))
    ran = citewell("import", tmp_path / "out", "--index", tmp_path / "new")
    assert (ran.code, ran.out) == (3, "")
    assert "the encoder is not the one that made the index: model 'other', not 'words'; " in ran.err

    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "more").exists()


def _finds_nothing(*_: object) -> object:
    class Nothing:
        hits = ()

    return Nothing()
