"""The service as a process for attempts to break it, with a stand-in for the model: `python -m tests.faults.serving`.

Planted bugs are put into that process, so that the product has no switch for them.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from indexer.embedded import Embedded
from indexer.settings import Limits, Settings
from indexer.sync import sync
from service.search import RECENT, Searcher
from service.server import Common
from tests.fakes import TextReaders, WordEncoder

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
SECRET = "geheimnis"  # in a file beside the index, which no answer may hold
REPORTS = {
    "redbrook/2019.txt": (
        "The school budget grew by five per cent. Every school in the town received a share of the new money.\n\n"
        "Foster carers were hired in spring. The team trained each of them before the\f"
        "first child arrived. Carers meet every month and talk about what went well."
    ),
    "redbrook/2022.txt": (
        "The school budget shrank by two per cent.\n\nSocial workers visited 40 families each week and wrote it down."
    ),
    "bluehill/2021.txt": "The library opened late. Readers waited in the rain until the doors were unlocked.",
    "loose.txt": "A note without a date tells of school gardens, budget cuts and bees.",
}
MANIFEST = """\
path,title,publisher,body,published,kind
redbrook/2019.txt,Redbrook: first visit,Office of Visits,Redbrook Council,2019-05-22,inspection
redbrook/2022.txt,Redbrook: second visit,Office of Visits,Redbrook Council,2022-02-28,focused visit
bluehill/2021.txt,Bluehill: a visit,Office of Visits,Bluehill City Council,2021-12-31,inspection
"""


@dataclass(frozen=True)
class Answer:
    """What came back over a connection."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    address: tuple[str, int]
    log: Path

    def ask(self, *pieces: bytes, pause_s: float = 0.0, is_head: bool = False) -> Answer | None:
        """Send the pieces over a new connection, and give the answer; None where the service hangs up without one."""
        with socket.create_connection(self.address, PATIENCE_S) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause_s)
            except OSError:
                pass  # it has heard enough, and may have said why
            return answer_from(connection, is_head=is_head)

    def get(self, target: str) -> Answer:
        """Ask in the ordinary way."""
        answer = self.ask(request("GET", target))
        assert answer, target
        return answer

    def memory_mb(self) -> float:
        """Measure the memory that the process holds."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024


def request(method: str, target: str, headers: Sequence[str] = (), body: bytes = b"") -> bytes:
    """Write a request that is well-formed as far as its parts are."""
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers, *length, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + body


def posted(body: bytes, *headers: str) -> bytes:
    """Write a search by JSON."""
    return request("POST", "/v1/search", headers or ["Content-Type: application/json"], body)


@contextmanager
def running(folder: Path, *, bug: str = "", slow_s: float = 0.0, limits: Limits | None = None) -> Iterator[Service]:
    """Serve what `indexed` has put into the folder."""
    log = folder / "service.log"
    given = limits or Limits(receive_s=1.0)
    command = [sys.executable, "-m", "tests.faults.serving", str(folder), "--slow", str(slow_s), "--bug", bug]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--limits", given.model_dump_json()], cwd=ROOT, stdin=subprocess.DEVNULL, stderr=output
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield Service(process, ("127.0.0.1", int(found[1])), log)
    finally:
        process.kill()
        process.wait()


def indexed(folder: Path, reports: Mapping[str, str] = REPORTS, manifest: str = MANIFEST) -> Path:
    """Write reports into a folder and index them."""
    for path, text in {**reports, "manifest.csv": manifest}.items():
        file = folder / "reports" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
    (folder / "secret.txt").write_text(SECRET)
    settings = Settings(index=folder / "index", passage_tokens=32)
    sync([folder / "reports"], settings, encoder=WordEncoder(), readers=TextReaders())
    return folder


def answer_from(connection: socket.socket, *, is_head: bool = False) -> Answer | None:
    """Read one answer, past those that only say `go on`."""
    data = b""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end:
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            if status < HTTPStatus.OK:
                data = rest
                continue
            if is_head or len(rest) >= int(headers.get("content-length", sys.maxsize)):
                return Answer(status, headers, rest)
        try:
            more = connection.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return Answer(status, headers, rest) if end and "content-length" not in headers else None
        data += more


# --- the other side: the process itself


class SlowEncoder(WordEncoder):
    """Takes a while for each query, as a large model does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def encode_queries(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]] = ()
    ) -> NDArray[np.float32]:
        """Wait, then encode."""
        time.sleep(self._seconds)
        return super().encode_queries(texts, parts)


def main() -> None:
    """Serve until stopped, on a free port."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.serving", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bug", default="")
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--limits", type=Limits.model_validate_json, default=Limits())
    given = parser.parse_args()
    from service.app import create_app
    from service.keeper import Keeper
    from service.pictures import Pictures
    from service.server import serve
    from tests.faults.serving_bugs import plant

    plant(given.bug)
    # Where searches are to take their time, those asked again do, too.
    recent = 0 if given.slow else RECENT
    searcher = Searcher(Embedded.open(given.folder / "index"), SlowEncoder(given.slow), recent=recent)
    settings = Settings(index=given.folder / "index", port=0, limits=given.limits)

    def opened(common: Common) -> FastAPI:
        return create_app(
            searcher,
            limits=given.limits,
            edition=common.edition,
            keeper=Keeper(settings, open_encoder=WordEncoder, open_readers=lambda: nullcontext(TextReaders())),
            pictures=Pictures(settings),
        )

    serve(opened, settings)


if __name__ == "__main__":
    main()
