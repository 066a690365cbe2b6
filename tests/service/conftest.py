"""A folder of invented reports, an index of it, and the command with stand-ins for the model and the readers."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from fastapi.testclient import TestClient

from indexer.embedded import Embedded
from indexer.settings import Settings
from indexer.sync import Report, sync
from service.app import create_app
from service.search import Searcher
from tests.fakes import TextReaders, WordEncoder

# A sentence of the first report runs over its page break; the last report has no metadata at all.
REPORTS = {
    "redbrook/2019.txt": (
        "The school budget grew by five per cent. Every school in the town received a share of the new money.\n\n"
        "Foster carers were hired in spring. The team trained each of them before the\f"
        "first child arrived. Carers meet every month and talk about what went well.\n\n"
        "Bridges and roads were repaired in summer."
    ),
    "redbrook/2022.txt": (
        "The school budget shrank by two per cent.\n\n"
        "Social workers visited 40 families each week and wrote down what the families said."
    ),
    "bluehill/2021.txt": (
        "The library opened late. Readers waited in the rain until the doors were unlocked.\n\n"
        "Rivers were cleaned by volunteers and the otters came back."
    ),
    "loose.txt": "A note without a date tells of school gardens, budget cuts and bees.",
}
MANIFEST = """\
path,title,publisher,body,published,kind
redbrook/2019.txt,Redbrook: first visit,Office of Visits,Redbrook Council,2019-05-22,inspection
redbrook/2022.txt,Redbrook: second visit,Office of Visits,Redbrook Council,2022-02-28,focused visit
bluehill/2021.txt,Bluehill: a visit,Office of Visits,Bluehill City Council,2021-12-31,inspection
"""


@dataclass(frozen=True)
class Library:
    """A folder of reports and the settings of its index."""

    sources: Path
    settings: Settings

    def write(self, path: str, text: str) -> None:
        """Write one report."""
        file = self.sources / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def sync(self, encoder: WordEncoder | None = None, *, reencode: bool = False) -> Report:
        """Make the index equal to the folder."""
        made = encoder or WordEncoder()
        return sync([self.sources], self.settings, encoder=made, readers=TextReaders(), reencode=reencode)

    def searcher(self, encoder: WordEncoder | None = None) -> Searcher:
        """Open the index for searching."""
        return Searcher(Embedded.open(self.settings.index), encoder or WordEncoder())


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str


Citewell = Callable[..., Ran]


class FakeReaders(TextReaders):
    """`TextReaders` in the shape that the command uses."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def make_library(folder: Path, reports: Mapping[str, str] = REPORTS, manifest: str = MANIFEST) -> Library:
    """Write the reports below a folder and index them, in passages of a sentence or two."""
    library = Library(folder / "reports", Settings(index=folder / "index", passage_tokens=32))
    for path, text in reports.items():
        library.write(path, text)
    library.write("manifest.csv", manifest)
    library.sync()
    return library


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library that no test may change."""
    return make_library(tmp_path_factory.mktemp("shelf"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Give a library of the test's own."""
    return make_library(tmp_path)


@pytest.fixture(scope="session")
def searcher(shelf: Library) -> Searcher:
    """Give a searcher of the library that nobody changes."""
    return shelf.searcher()


@pytest.fixture(scope="session")
def client(shelf: Library) -> TestClient:
    """Give a client of the service over the library that nobody changes."""
    return client_of(shelf.searcher())


def client_of(searcher: Searcher) -> TestClient:
    """Make a client on this machine that receives an error's answer, not the error."""
    return TestClient(
        create_app(searcher), base_url="http://localhost", raise_server_exceptions=False, client=("127.0.0.1", 50000)
    )


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings and terminal out of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("CITEWELL_INDEX", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def citewell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Citewell:
    """Give the command, run in this process: arguments in, exit code and output out."""
    from service import cli

    monkeypatch.setattr("indexer.encoder.SentenceEncoder", lambda settings: WordEncoder())
    monkeypatch.setattr("indexer.extract.Readers", FakeReaders)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["citewell", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Ran(left.value.code, out, err)

    return run
