"""The pages that tell how the service stands, and how to use it."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from indexer.errors import Refusal
from indexer.settings import Limits
from service.search import Searcher
from service.verification import LONGEST_QUOTE
from service.web import state
from service.web.state import REMEDIES
from tests.service.conftest import Library, client_of
from tests.service.web.seen import look, reader_of, searcher_of


def test_the_status_tells_what_is_indexed(client: TestClient) -> None:
    """How much, of which generation, and when that was made."""
    seen = look(client, "/status")
    assert "from generation 1 of the index, made on" in seen.texts("//*[@role='status']")[0]
    assert seen.facts["Documents"] == "4"
    assert seen.facts["Pages"] == "5"


def test_bodies_and_kinds_lead_to_their_documents(client: TestClient) -> None:
    """What is not known is counted too, and leads nowhere."""
    seen = look(client, "/status")
    rows = dict(zip(seen.texts("//table//th[@scope='row']"), seen.texts("//table//td"), strict=True))
    assert rows["Redbrook Council"] == "2"
    assert rows["inspection"] == "2"
    assert rows["Not known"] == "1"
    assert len(look(client, seen.links()["Redbrook Council"]).page.xpath("//main//ol/li")) == 2
    assert "Not known" not in seen.links()


def test_a_refused_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    """What was found, and what to do."""
    seen = look(client_of(searcher_of(tmp_path, {"a.txt": "Bees came back.", "b.txt": "!"})), "/status")
    assert "b.txt It starts with an exclamation mark" in seen.text()
    assert REMEDIES[Refusal.DAMAGED] in seen.text()


def test_every_reason_has_a_remedy() -> None:
    """Also one that is added later."""
    assert set(REMEDIES) == set(Refusal)


def test_pages_without_text_are_named(tmp_path: Path) -> None:
    """With links to them."""
    seen = look(client_of(searcher_of(tmp_path, {"a.txt": "Bees came back.\f\f"})), "/status")
    assert "/pages/2" in seen.links()["page 2"]
    assert "/pages/3" in seen.links()["page 3"]


def test_the_model_and_the_way_of_searching_are_told(client: TestClient, searcher: Searcher) -> None:
    """So that somebody can say what an answer was made with."""
    seen = look(client, "/status")
    assert searcher.encoder.fingerprint.model in seen.text()
    assert searcher.encoder.fingerprint.weights_sha256 in seen.text()
    assert "Every passage is looked at" in seen.text()


def test_a_check_finds_a_sound_index_sound(client: TestClient) -> None:
    """It is made only where somebody asks for it."""
    assert "all are as they were written" not in look(client, "/status").text()
    assert "all are as they were written" in look(client, "/status", check="1").text()


def test_a_check_names_what_is_damaged(library: Library) -> None:
    """And the command that mends it."""
    client = client_of(library.searcher())
    look(client, "/status")
    (copy, *_) = sorted((library.settings.index / "originals").iterdir())
    copy.write_bytes(b"something else")
    seen = look(client, "/status", check="1")
    assert f"originals/{copy.name}" in seen.text()
    assert "citewell doctor --repair" in seen.text()


def test_only_who_may_write_can_have_it_checked(searcher: Searcher, tmp_path: Path) -> None:
    """It takes long, so that others could keep the service from answering."""
    reader = reader_of(searcher, tmp_path)
    assert "Check everything now" not in look(reader, "/status").text()
    seen = look(reader, "/status", check="1")
    assert "Only those who may add documents" in seen.text()
    assert "all are as they were written" not in seen.text()


def test_a_large_index_is_not_checked_within_a_request(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer would be late; the command is named."""
    monkeypatch.setattr(state, "MOST_CHECKED", 3)
    seen = look(client, "/status", check="1")
    assert "all are as they were written" not in seen.text()
    assert "run citewell doctor" in seen.text()


def test_limits_are_told_where_they_are_known(searcher: Searcher) -> None:
    """With what each is of."""
    client = client_of(searcher)
    client.app.state.limits = Limits(body_kb=77)  # type: ignore[attr-defined]  # an application, though a client takes any
    assert look(client, "/status").facts["Body of a request"] == "77"


def test_an_empty_index_has_a_status_too(tmp_path: Path) -> None:
    """With nothing in it."""
    assert look(client_of(searcher_of(tmp_path, {})), "/status").facts["Documents"] == "0"


def test_the_help_page_has_all_its_parts(client: TestClient) -> None:
    """Each link on it leads to one, or to a page that is there."""
    seen = look(client, "/help")
    for words, href in seen.links().items():
        if href.startswith("#"):
            assert seen.text(f"//h2[@id='{href[1:]}']") == words
        else:
            assert client.get(href).status_code == 200
    assert f"{LONGEST_QUOTE:,} characters" in seen.text()
