"""Each way in which the seeds' questions name the services of a county that was divided lands on the right bodies.

What the questions mean is from the file of bodies in `corpus`; which documents answer them is from the questions.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from service.evaluation.questions import Question, read_questions
from service.lineage import Lineage
from service.query import Query
from service.reading import Names, read
from service.search import Searcher
from tests.e2e.command import citewell

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"

COUNTY, NORTH, WEST = "Northamptonshire", "North Northamptonshire", "West Northamptonshire"
THEN = {COUNTY}  # the county council, before it was divided
EVER = {COUNTY, NORTH, WEST}  # and what came after it, or those whom the trust serves
WAYS: Mapping[str, tuple[set[str], str]] = {
    "the county, and a time before it was divided": (THEN, "s001 s003 s009 s011 s013"),
    "the county's, and such a time": (THEN, "s035"),
    "the county, without a time": (EVER, "s017 s019 s031 s037 s039"),
    "one of its successors": ({NORTH}, "s005 s007 s021"),
    "the county's trust": (EVER, "s015"),
    "the trust": (EVER, "s023"),
    "the trust by its whole name": (EVER, "s033"),
    "none, but by what else is asked": (set(), "s025 s027 s029"),
}
ASKED = {name: (way, bodies) for way, (bodies, names) in WAYS.items() for name in names.split()}

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def questions() -> dict[str, Question]:
    """Read the seeds' questions."""
    path = SHARED / "questions" / "seeds.jsonl"
    if not path.exists():
        pytest.skip("the seeds' questions (../shared/questions) are not here")
    return {one.id: one for one in read_questions(path).all}


@pytest.fixture(scope="module")
def lineage() -> Lineage:
    """Give the bundled lineage."""
    return Lineage.of(ROOT / "corpus" / "bodies.toml")


@pytest.fixture(scope="module")
def searcher(lineage: Lineage, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Give a searcher of the seeds."""
    if not (SHARED / "seeds").is_dir():
        pytest.skip("the originals (../shared/seeds) are not here")
    folder = tmp_path_factory.mktemp("seeds")
    done = citewell("index", str(SHARED / "seeds"), "--index", str(folder / "index"), cwd=folder)
    assert done.returncode == 0, done.stderr
    settings = Settings.load(index=folder / "index")
    return Searcher(Embedded.open(folder / "index"), SentenceEncoder(settings), lineage=lineage)


def test_every_question_has_its_way(questions: Mapping[str, Question]) -> None:
    """No question of the file is left out."""
    assert questions.keys() == ASKED.keys()


@pytest.mark.parametrize("name", ASKED)
def test_a_naming_lands_on_its_bodies(name: str, questions: Mapping[str, Question], lineage: Lineage) -> None:
    """Of all bodies in line, those are meant that were there at the time of the question."""
    assert set(read(questions[name].text, Names(EVER, lineage)).bodies()) == ASKED[name][1]


@pytest.mark.parametrize("name", ASKED)
def test_a_naming_lands_on_its_documents(name: str, questions: Mapping[str, Question], searcher: Searcher) -> None:
    """The documents that answer are among the first five hits, and what is told of bodies is of these documents."""
    _, bodies = ASKED[name]
    found = searcher.search(Query(questions[name].text))
    assert set(questions[name].documents) <= {hit.citation.source for hit in found.hits[:5]}
    assert set((found.interpreted.body or "").split(", ")) - {""} == bodies - {
        WEST
    }  # which the seeds tell nothing of
    assert {link.later for link in found.links} <= {"North Northamptonshire Council"}
    assert bool(found.links) == (bodies == EVER)
