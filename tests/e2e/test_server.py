"""The HTTP service as a process of its own, while another one changes the index."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.command import citewell, served, wait_until

pytestmark = pytest.mark.e2e

LIGHTHOUSE = "The lighthouse at Gull Point has been automatic since its last keeper left in 1987."
WINDMILL = "The windmill on Barrow Hill grinds spelt for two bakeries."
QUESTION = "When did the lighthouse keeper leave?"
END_S = 10  # until a service that is told to stop must have stopped


@dataclass(frozen=True)
class Service:
    """A running service and the folder that it works in."""

    folder: Path
    process: subprocess.Popen[str]
    address: str

    def get(self, path: str) -> Any:
        return fetch(urllib.request.Request(self.address + path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        return fetch(urllib.request.Request(self.address + path, json.dumps(body).encode(), headers))


def fetch(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Serve two documents."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "lighthouse.txt").write_text(LIGHTHOUSE)
    (tmp_path / "documents" / "bees.txt").write_text("Beekeepers meet in the orchard on the first Sunday of May.")
    made = citewell("index", "documents", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    with served(tmp_path) as (process, address):
        yield Service(tmp_path, process, address)


def test_the_service_answers_and_follows_the_index_until_it_is_stopped(service: Service) -> None:
    """GET, POST and the command give one answer; documents that come and go do so without a restart."""
    assert service.get("/healthz") == {"status": "ok"}
    assert service.get("/readyz") == {"status": "ready", "generation": 1}

    got = service.get(f"/v1/search?q={quote(QUESTION)}&k=1")
    posted = service.post("/v1/search", {"q": QUESTION, "k": 1})
    assert {**got, "took_ms": 0} == {**posted, "took_ms": 0}
    (hit,) = got["hits"]
    assert hit["text"] == LIGHTHOUSE
    page = service.get(hit["citation"]["link"])
    assert [page["text"][start:end] for start, end in page["spans"]] == [LIGHTHOUSE]

    got = service.get(f"/v1/ask?q={quote(QUESTION)}&k=1")
    posted = service.post("/v1/ask", {"q": QUESTION, "k": 1})
    printed = json.loads(citewell("ask", QUESTION, "-k", "1", "--json", cwd=service.folder).stdout)
    assert {**got, "took_ms": 0} == {**posted, "took_ms": 0} == {**printed, "took_ms": 0}
    said = got["quotes"][0]
    assert (said["text"], said["text"][slice(*said["short"])]) == (LIGHTHOUSE, "1987")
    assert service.post("/v1/verify", {"quote": LIGHTHOUSE})["verdict"] == "exact"

    (service.folder / "documents" / "windmill.txt").write_text(WINDMILL)
    assert citewell("index", "documents", cwd=service.folder).returncode == 0
    answer = service.get(f"/v1/search?q={quote('What does the windmill grind?')}")
    assert (answer["generation"], answer["hits"][0]["text"]) == (2, WINDMILL)

    (service.folder / "documents" / "lighthouse.txt").unlink()
    assert citewell("index", "documents", cwd=service.folder).returncode == 0
    answer = service.get(f"/v1/search?q={quote(QUESTION)}")
    assert answer["generation"] == 3
    assert not any("lighthouse" in hit["text"] for hit in answer["hits"])
    asked = service.get(f"/v1/ask?q={quote(QUESTION)}")
    assert asked["generation"] == 3
    assert not any("lighthouse" in one["text"] for one in (*asked["quotes"], *asked["hits"]))
    assert service.post("/v1/verify", {"quote": LIGHTHOUSE})["verdict"] == "absent"
    with pytest.raises(urllib.error.HTTPError) as missing:
        service.get(hit["citation"]["link"])
    with missing.value as problem:
        assert problem.code == 404
        assert json.load(problem)["title"] == "Not in the index"

    service.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert service.process.wait(60) == 0
    assert time.monotonic() - began < END_S


def test_the_log_is_json_and_has_no_question(service: Service) -> None:
    """Each line is an object, those of the server's start as well; requests are found by their id."""
    headers = {"X-Request-ID": "mine-1"}
    fetch(urllib.request.Request(f"{service.address}/v1/search?q=lighthouse+keeper", headers=headers))
    log = service.folder / "service.log"
    wait_until(lambda: '"mine-1"' in log.read_text(), service.process)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"time", "level", "message"} <= {*line} for line in lines)
    (line,) = [line for line in lines if line.get("request_id") == "mine-1"]
    assert (line["method"], line["route"], line["status"], line["refused"]) == ("GET", "/v1/search", 200, None)
    assert "lighthouse" not in log.read_text()


def test_the_service_listens_on_this_machine_only(tmp_path: Path) -> None:
    """Without keys nobody else may ask, so another address is refused at once."""
    done = citewell("serve", "--host", "0.0.0.0", cwd=tmp_path)  # the address itself
    assert done.returncode == 2
    assert "listens on this machine only" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_service_does_not_start_without_an_index(tmp_path: Path) -> None:
    """The message says how to make one."""
    done = citewell("serve", "--port", "0", cwd=tmp_path)
    assert (done.returncode, sys.executable in done.stderr) == (3, False)
    assert "run `citewell index SOURCE`" in done.stderr
