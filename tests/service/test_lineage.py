"""Lines of bodies: what their file says, which bodies a name means at which time, and what is told of it."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.collection import Reader
from indexer.embedded import Embedded
from indexer.errors import InputError
from indexer.settings import Settings
from service.answering import Answerer
from service.catalogue import Catalogue
from service.lineage import Alias, Body, Kin, Lineage, Link, Succession
from service.query import Query
from service.reading import Names, Reading, read
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.service.conftest import Citewell, Library, make_library
from tests.service.made import MadeReader, document

COUNTY, EAST, WEST, TRUST = (
    "Lynshire County Council",
    "East Lynshire Council",
    "West Lynshire Council",
    "Lynshire Children's Trust",
)
FILE = f"""
[[body]]
name = "{COUNTY}"
aliases = ["Old Lyne", {{ name = "Lynmark", until = 1990-12-31 }}]
until = 2019-03-31

[[body]]
name = "{EAST}"
aliases = ["ELY"]
since = 2019-04-01

[[body]]
name = "{WEST}"
since = 2019-04-01

[[body]]
name = "{TRUST}"
aliases = [{{ name = "Lynshire", since = 2018-10-01 }}, "LCT"]
since = 2018-10-01
delivers_for = ["{COUNTY}", "{EAST}", "{WEST}"]

[[succession]]
from = "{COUNTY}"
to = ["{EAST}", "{WEST}"]
on = 2019-04-01
how = "gave way to"
"""
LINEAGE = Lineage(
    (
        Body(COUNTY, (Alias("Old Lyne"), Alias("Lynmark", None, date(1990, 12, 31))), None, date(2019, 3, 31)),
        Body(EAST, (Alias("ELY"),), date(2019, 4, 1)),
        Body(WEST, (), date(2019, 4, 1)),
        Body(
            TRUST,
            (Alias("Lynshire", date(2018, 10, 1)), Alias("LCT")),
            date(2018, 10, 1),
            delivers_for=(COUNTY, EAST, WEST),
        ),
    ),
    (Succession(COUNTY, (EAST, WEST), date(2019, 4, 1), "gave way to"),),
)
TO_EAST = Link(COUNTY, EAST, date(2019, 4, 1), "gave way to")
TO_WEST = Link(COUNTY, WEST, date(2019, 4, 1), "gave way to")

REPORTS = {
    "2016.txt": "Foster carers of the county meet at the old mill each month.",
    "2021.txt": "Foster carers of the new council meet at the library each week.",
    "2022.txt": "Foster carers of the other half meet at the town hall each year.",
    "other.txt": "Foster carers in the hills meet at the chapel each day.",
}
MANIFEST = """\
path,title,body,published,kind
2016.txt,A visit,Lynshire,2016-05-02,inspection
2021.txt,A later visit,East Lynshire,2021-06-03,inspection
2022.txt,The last visit,West Lynshire,2022-07-04,inspection
other.txt,Another visit,Highmoor,2021-06-05,inspection
"""


def written(folder: Path, text: str) -> Path:
    """Write a file of bodies."""
    path = folder / "bodies.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def lynshire(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of reports on bodies in line and one other."""
    return make_library(tmp_path_factory.mktemp("lynshire"), REPORTS, MANIFEST)


@pytest.fixture(scope="module")
def searcher(lynshire: Library) -> Searcher:
    """Give a searcher of that library which knows the lineage."""
    return Searcher(Embedded.open(lynshire.settings.index), WordEncoder(), lineage=LINEAGE)


def meant(reading: Reading) -> dict[str, bool]:
    """Give the bodies that are likely meant, and whether each is only in line with one that is named."""
    kin = {one.body for one in reading.named if one.is_kin}
    return {body: body in kin for body in reading.bodies()}


# --- the file


def test_a_file_says_what_bodies_are_called_and_when(tmp_path: Path) -> None:
    """Bodies and successions are tables, an alias is a text or a table with days."""
    assert Lineage.of(written(tmp_path, FILE)) == LINEAGE


def test_an_alias_lasts_no_longer_than_its_body() -> None:
    """What has no days of its own has those of its body, and none beyond."""
    assert LINEAGE.bodies[0].called == (
        Alias(COUNTY, None, date(2019, 3, 31)),
        Alias("Old Lyne", None, date(2019, 3, 31)),
        Alias("Lynmark", None, date(1990, 12, 31)),
    )


def test_without_a_file_at_the_usual_place_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs a file, and one at the usual place is read."""
    monkeypatch.chdir(tmp_path)
    assert Lineage.stated(Settings()) == Lineage()
    (tmp_path / "corpus").mkdir()
    written(tmp_path / "corpus", FILE)
    assert len(Lineage.stated(Settings()).bodies) == 4


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    """A place that the user gave is not passed over in silence."""
    with pytest.raises(InputError, match=r"none\.toml` does not exist"):
        Lineage.stated(Settings(bodies=tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[body]\n", "is not TOML in UTF-8"),
        ('[[council]]\nname = "A"', "`council`"),
        ('[[body]]\nnmae = "A"', "body 1"),
        ('[[body]]\nname = " "', "body ` ` `name`"),
        ('[[body]]\nname = "A"\nborn = 2019-04-01', "body `A` `born`"),
        ('[[body]]\nname = "A"\nuntil = "2019"', "body `A` `until`"),
        ('[[body]]\nname = "A"\naliases = ["B", { nam = "C" }]', "body `A` `aliases` 2 `name`"),
        ('[[body]]\nname = "A"\nsince = 2019-04-01\nuntil = 2018-04-01', "body `A`: it begins after its end"),
        ('[[body]]\nname = "A"\n[[body]]\nname = "A"', "body `A` is there twice"),
        ('[[body]]\nname = "A"\ndelivers_for = ["B"]', "body `A`: delivers_for: there is no body `B`"),
        ('[[body]]\nname = "A"\n[[succession]]\nfrom = "A"\nto = ["B"]\non = 2019-04-01', "there is no body `B`"),
        ('[[body]]\nname = "A"\n[[succession]]\nfrom = "A"\nto = ["A"]\non = 2019-04-01', "nothing succeeds itself"),
        ('[[body]]\nname = "A"\n[[succession]]\nfrom = "A"\nto = []\non = 2019-04-01', "succession `A` `to`"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file, the entry and the key."""
    with pytest.raises(InputError) as refused:
        Lineage.of(written(tmp_path, text))
    assert "bodies.toml" in str(refused.value)
    assert said in str(refused.value)


def test_the_file_of_the_project_can_be_read() -> None:
    """The bundled lineage has every body that its entries name, and no entry is without effect."""
    bundled = Lineage.of(Path(__file__).resolve().parents[2] / "corpus" / "bodies.toml")
    assert all(bundled.kin(body) for body in bundled.bodies)


# --- relations


def test_kin_is_what_came_after_and_before_and_whom_a_body_serves() -> None:
    """What only came of the same body is no kin."""
    county, east, west, trust = LINEAGE.bodies
    assert LINEAGE.kin(county) == (Kin(east, (TO_EAST,)), Kin(west, (TO_WEST,)))
    assert LINEAGE.kin(east) == (Kin(county, (TO_EAST,), is_earlier=True),)
    assert {kin.body: kin.is_earlier for kin in LINEAGE.kin(trust)} == {county: False, east: False, west: False}


def test_links_lead_through_several_successions(tmp_path: Path) -> None:
    """Each step of the way is told, in both directions, and a body that came back ends it."""
    names = "".join(f'[[body]]\nname = "{name}"\n' for name in "ABC")
    steps = "".join(
        f'[[succession]]\nfrom = "{one}"\nto = ["{other}"]\non = {year}-01-01\n'
        for one, other, year in (("A", "B", 2001), ("B", "C", 2002), ("C", "A", 2003))
    )
    lineage = Lineage.of(written(tmp_path, names + steps))
    assert [(kin.body.name, [link.later for link in kin.links]) for kin in lineage.kin(lineage.bodies[0])] == [
        ("B", ["B"]),
        ("C", ["B", "C"]),
    ]


# --- which bodies a name means


STORED = ("Lynshire", "East Lynshire", "West Lynshire", "Highmoor")


@pytest.mark.parametrize(
    ("question", "bodies"),
    [
        # what was there then
        ("How many carers had Lynshire in 2016?", {"Lynshire": False}),
        ("How many carers had Lynshire in 2021?", {"Lynshire": False, "East Lynshire": True, "West Lynshire": True}),
        # without a time, what came after as well
        ("How many carers has Lynshire?", {"Lynshire": False, "East Lynshire": True, "West Lynshire": True}),
        ("How many carers has Old Lyne?", {"Lynshire": False, "East Lynshire": True, "West Lynshire": True}),
        # a body of today stays alone, unless its history is asked for
        ("How many carers has East Lynshire today?", {"East Lynshire": False}),
        ("How many carers had East Lynshire in 2021?", {"East Lynshire": False}),
        ("How many carers had ELY in 2021?", {"East Lynshire": False}),
        ("How many carers had East Lynshire in 2016?", {"East Lynshire": False, "Lynshire": True}),
        ("How many carers had East Lynshire since 2016?", {"East Lynshire": False, "Lynshire": True}),
        ("Has East Lynshire improved?", {"East Lynshire": False, "Lynshire": True}),
        ("What did East Lynshire's predecessor do for carers?", {"East Lynshire": False, "Lynshire": True}),
        ("How many carers had East Lynshire before the split?", {"East Lynshire": False, "Lynshire": True}),
        ("What does East Lynshire do before a child arrives?", {"East Lynshire": False}),
        # whom it serves
        (
            "What does Lynshire Children's Trust do?",
            {"Lynshire": False, "East Lynshire": True, "West Lynshire": True},
        ),
        (
            "What did the Lynshire trust do in 2020?",
            {"Lynshire": False, "East Lynshire": True, "West Lynshire": True},
        ),
        ("What does LCT do?", {"Lynshire": False, "East Lynshire": True, "West Lynshire": True}),
        ("What did LCT do in 2016?", {"Lynshire": True}),
        # others are as they were
        ("How many carers has Highmoor?", {"Highmoor": False}),
        ("What does the trust do?", {}),
    ],
)
def test_a_name_means_who_was_there(question: str, bodies: Mapping[str, bool]) -> None:
    """Bodies in line with the one that is named are meant where its name, its time or its history leads to them."""
    assert meant(read(question, Names(STORED, LINEAGE))) == bodies


def test_a_body_without_documents_is_found_by_its_kin() -> None:
    """Where the collection has nothing on the body that is named, its name means those in line with it."""
    reading = read("How many carers had Lynshire County Council?", Names(["East Lynshire", "Highmoor"], LINEAGE))
    assert meant(reading) == {"East Lynshire": True}
    assert reading.links_to(["East Lynshire"]) == (TO_EAST,)


def test_the_trust_is_the_only_one_there_is() -> None:
    """Where all documents are on the line of one body, its kind is its name; trust in somebody is no body."""
    names = Names(STORED[:3], LINEAGE)
    assert meant(read("What did the trust do in 2021?", names)) == dict(
        zip(STORED, (False, True, True), strict=False)
    )
    assert meant(read("Was the trust in social workers lost?", names)) == {}
    assert meant(read("What did the trust do for East Lynshire?", names)) == {"East Lynshire": False}


def test_bodies_in_line_are_told_of_together() -> None:
    """A name that means a body and what came after it asks about one, not about several apart."""
    reading = read("How many carers has Lynshire?", Names(STORED, LINEAGE))
    assert reading.told_apart() == ("Lynshire",)
    assert reading.without_kin().bodies() == ("Lynshire",)


@given(
    st.lists(
        st.sampled_from(
            "Lynshire East West Highmoor Old Lyne LCT ELY the trust before 2016 in 2021 since Has improved ?".split()
        ),
        min_size=1,
        max_size=10,
    ).map(" ".join)
)
def test_only_bodies_of_the_collection_are_meant(question: str) -> None:
    """Whatever is asked, what the lineage adds is in the collection, and what was named before is still."""
    with_lines = read(question, Names(STORED, LINEAGE))
    assert set(with_lines.bodies()) <= set(STORED)
    assert {one.body for one in read(question, Names(STORED)).named if one.certainty == 1} <= {
        one.body for one in with_lines.named
    }


# --- documents and results


def test_documents_of_other_days_are_not_on_kin() -> None:
    """A report that has the predecessor's name long after its end is not on its successor."""
    documents = [
        document("then", "Lynshire", date(2016, 5, 2)),
        document("soon", "Lynshire", date(2019, 8, 2)),
        document("later", "Lynshire", date(2023, 5, 2)),
        document("undated", "Lynshire"),
        document("new", "East Lynshire", date(2021, 5, 2)),
    ]
    catalogue = Catalogue.of(cast("Reader", MadeReader(documents, {})), LINEAGE)
    assert catalogue.about(read("Has East Lynshire improved?", catalogue.names)).tolist() == [1, 1, 0, 1, 1]


def test_a_question_on_the_history_finds_both_and_names_the_link(searcher: Searcher) -> None:
    """Reports of the body that was before come with the one that is named, and why they do is told."""
    query = Query("How have foster carers of East Lynshire changed where these meet each week?")
    found, answer = searcher.search(query), Answerer(searcher).ask(query)
    assert {hit.citation.body for hit in found.hits[:2]} == {"Lynshire", "East Lynshire"}
    assert found.links == answer.links == (TO_EAST,)
    assert {quote.citation.body for quote in answer.quotes} == {"Lynshire", "East Lynshire"}


def test_a_question_on_today_stays_with_its_body(searcher: Searcher) -> None:
    """No link is told where none was gone."""
    found = searcher.search(Query("Where do foster carers of East Lynshire meet?"))
    assert (found.hits[0].citation.body, found.interpreted.body, found.links) == (
        "East Lynshire",
        "East Lynshire",
        (),
    )


def test_links_lead_to_what_was_found(searcher: Searcher) -> None:
    """A link to a body that no hit is on was of no use."""
    found = searcher.search(
        Query("Where do foster carers of Lynshire meet at the library?", bodies=("East Lynshire",))
    )
    assert found.links == (TO_EAST,)
    assert searcher.search(Query("Where do foster carers of Lynshire meet?", bodies=("Highmoor",))).links == ()


def test_a_filter_is_never_widened(searcher: Searcher) -> None:
    """Whatever the question says of the past, only the body that was asked for is looked into."""
    query = Query("How has the place where foster carers meet changed since 2016?", bodies=("East Lynshire Council",))
    assert {hit.citation.body for hit in searcher.search(query).hits} == {"East Lynshire"}


def test_what_came_after_is_as_near_as_what_is_named(searcher: Searcher) -> None:
    """The old name finds the reports of all that came of it before those of others."""
    found = searcher.search(Query("Where do foster carers of Lynshire meet?"))
    assert {hit.citation.body for hit in found.hits[:3]} == {"Lynshire", "East Lynshire", "West Lynshire"}
    assert found.links == (TO_EAST, TO_WEST)


def test_what_has_taken_the_place_is_found_as_of_a_day(searcher: Searcher) -> None:
    """The lineage holds for the collection as it was on a day, too."""
    found = searcher.search(Query("Where do foster carers of Lynshire meet?", as_of=date(2021, 12, 31)))
    assert {hit.citation.body for hit in found.hits[:2]} == {"Lynshire", "East Lynshire"}
    assert found.links == (TO_EAST,)


def test_the_command_tells_links(lynshire: Library, tmp_path: Path, citewell: Citewell) -> None:
    """People read a line, programs an object; the file that the settings name is read."""
    path = written(tmp_path, FILE)
    (tmp_path / "citewell.toml").write_text(f"bodies = '{path}'", "utf-8")
    question = "Where did foster carers of East Lynshire meet in 2016?"
    asked = (question, "--index", lynshire.settings.index)
    told = f"{COUNTY} gave way to {EAST} from 2019-04-01"
    assert told in citewell("search", *asked).out
    assert told in citewell("ask", *asked).out
    link = {"from": COUNTY, "to": EAST, "on": "2019-04-01", "how": "gave way to"}
    assert json.loads(citewell("search", *asked, "--json").out)["links"] == [link]
    assert json.loads(citewell("ask", *asked, "--json").out)["links"] == [link]
    path.unlink()
    refused = citewell("search", *asked)
    assert (refused.code, "does not exist" in refused.err) == (2, True)
