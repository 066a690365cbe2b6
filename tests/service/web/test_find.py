"""The page on which people ask and search, as they see it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from indexer.embedded import Embedded
from service.lineage import Body, Lineage, Succession
from service.search import Searcher
from service.web.asked import STEPS, Asked
from service.web.hits import SNIPPET, blocks, chance_word, snippet
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, Library, client_of, make_library
from tests.service.test_search import TWINS
from tests.service.web import graded as graded_reports

VISITED = "How many families did social workers visit each week?"
UNKNOWN = "Which trains stopped at the harbour of Bluehill?"
GREW = "How did the school budget of Redbrook change?"


@dataclass(frozen=True)
class Seen:
    """A page as somebody looks at it."""

    page: html.HtmlElement

    def texts(self, path: str) -> list[str]:
        return [" ".join(one.text_content().split()) for one in self.page.xpath(path)]

    def text(self, path: str = "//main") -> str:
        return " ".join(self.texts(path))

    def link(self, words: str, within: str = "//main") -> str:
        """Give the address of the one link with these words."""
        found = {
            one.get("href")
            for one in self.page.xpath(f"{within}//a")
            if words in " ".join(one.text_content().split())
        }
        assert len(found) == 1, (words, found)
        return str(found.pop())

    @property
    def title(self) -> str:
        return self.text("//title")

    @property
    def values(self) -> list[tuple[str, str]]:
        """Give what the form would send, without its buttons."""
        fields = self.page.xpath("//form[@id='find']//input | //input[@form='find']")
        sent = [one for one in fields if one.get("type") != "checkbox" or one.get("checked") is not None]
        return [(one.get("name"), one.get("value") or "") for one in sent if one.get("value")]


def look(client: TestClient, address: str = "/", **fields: str | list[str]) -> Seen:
    """Open a page, which must be one, and sound."""
    answer = client.get(address, params=fields or None)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    seen = Seen(html.fromstring(answer.text))
    assert len(seen.page.xpath("//h1")) == 1
    ids = seen.page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert not seen.page.xpath("//*[@style or @onclick] | //script[not(@src)]")
    for field in seen.page.xpath("//main//input[not(@type='hidden')]"):
        label = seen.page.xpath(f"//label[@for='{field.get('id')}']") if field.get("id") else [field.getparent()]
        assert label
        assert label[0].text_content().strip()
    return seen


def parameters(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


# --- the first page


def test_the_first_page_says_what_there_is_to_ask(client: TestClient) -> None:
    """Documents, bodies and years, and questions made of these, which lead to answers."""
    seen = look(client)
    assert "4 documents on 2 bodies from 2019 to 2022" in seen.text()
    assert seen.texts("//main//button") == ["Ask", "Search"]
    assert seen.texts("//ul[contains(@class, 'examples')]//a")[0] == "What must Redbrook Council improve?"
    example = seen.link("What must Redbrook Council improve?")
    assert parameters(example) == [("q", "What must Redbrook Council improve?"), ("do", "ask")]
    assert "Redbrook" in look(client, example).text("//ol")


def test_the_first_page_of_an_empty_index_says_so(library: Library) -> None:
    """There is nothing to give as an example."""
    for path in [*REPORTS, "manifest.csv"]:
        (library.sources / path).unlink()
    library.write("one.txt", "x")
    library.sync()
    (library.sources / "one.txt").unlink()
    library.write("manifest.csv", "path\n")
    library.sync()
    seen = look(client_of(library.searcher()))
    assert "no documents yet" in seen.text()
    assert not seen.texts("//ul[contains(@class, 'examples')]")


def test_filters_can_be_set_before_anything_is_asked(client: TestClient) -> None:
    """The address of a body's page may lead here; its filter goes with the question."""
    seen = look(client, body="Redbrook Council")
    assert ("body", "Redbrook Council") in seen.values


# --- answers


def test_an_answer_is_quotes_with_their_pages(client: TestClient) -> None:
    """In quotation marks, the short answer marked, numbered, with the address of the marked page."""
    seen = look(client, q=VISITED)
    (quote, *_) = seen.texts("//blockquote/p[1]")
    assert quote == "“Social workers visited 40 families each week and wrote down what the families said.”"
    assert seen.texts("//blockquote//mark") == ["40"]
    place = seen.link("[1] Redbrook: second visit, page 1")
    assert re.fullmatch(r"/documents/\w+/pages/1", urlsplit(place).path)
    ((start, end),) = re.findall(r"(\d+)-(\d+)", dict(parameters(place))["spans"])
    assert REPORTS["redbrook/2022.txt"][int(start) : int(end)] == quote.strip("“”")
    assert "28 February 2022" in seen.text("//blockquote")
    assert re.search(r"Confidence .*: (high|medium|low), \d+ of 100", seen.text())
    assert seen.title.startswith(VISITED)


def test_asking_is_what_happens_by_itself(client: TestClient) -> None:
    """A link with a question alone gives an answer, and so does one with a word that is not known."""
    answers = [look(client, q=VISITED, **more).texts("//blockquote") for more in ({}, {"do": "ask"}, {"do": "dance"})]
    assert answers[0]
    assert answers[0] == answers[1] == answers[2]


def test_no_answer_says_why_and_how_to_go_on(client: TestClient) -> None:
    """What was searched, and the nearest passages under a heading that does not call them an answer."""
    seen = look(client, q=UNKNOWN)
    assert "The reports do not answer this" in seen.texts("//h2")
    assert "Nearest passages" in seen.texts("//h2")
    assert "Searched: 1 document on Bluehill City Council" in seen.text()
    assert "How to go on" in seen.texts("//h3")
    assert not seen.texts("//blockquote")
    assert seen.texts("//ol//article")


def test_a_part_of_an_answer_says_what_is_missing(client: TestClient) -> None:
    """The quotes there are, and the reason why they are not all."""
    seen = look(client, q="How has the late library of Bluehill changed?")
    assert "Part of an answer" in seen.texts("//h2")
    assert "Only one report was found" in seen.text("//section[@class='answer']")


def test_a_newer_report_is_pointed_to_once(client: TestClient) -> None:
    """An answer from 2019 tells of the report of 2022; hits on the same body do not tell it again."""
    seen = look(client, q="What happened to the school budget of Redbrook in 2019?", to="2020")
    assert len([text for text in seen.texts("//p[@class='note']") if "Redbrook" in text]) == 1
    note = seen.text("//p[@class='note']")
    assert "a report on Redbrook Council of 28 February 2022" in note
    assert "second visit" in note


# --- hits


def test_a_search_gives_passages_alone(client: TestClient) -> None:
    """An ordered list of articles: title, whose and when, marked words, chance, why, and where to go on."""
    seen = look(client, q="school budget", do="search")
    assert not seen.texts("//section[@class='answer']")
    hits = seen.texts("//ol[@class='hits']/li/article")
    assert len(hits) >= 3
    first = "//ol[@class='hits']/li[1]/article"
    assert seen.texts(f"{first}/h3/a") == ["Redbrook: first visit"] or seen.texts(f"{first}/h3/a") == [
        "Redbrook: second visit"
    ]
    assert re.search(r"Redbrook Council · \d+ \w+ 20\d\d · [\w ]+ · page 1", hits[0])
    assert {"school", "budget"} <= {text.casefold() for text in seen.texts(f"{first}//mark")}
    assert re.search(r"\d+ of 100, (high|medium|low): why it is here", hits[0])
    why = seen.texts(f"{first}//ul[@class='why']/li")
    shares = [int(reason.split("%")[0]) for reason in why if not reason.startswith("−")]
    assert 97 <= sum(shares) <= 103
    assert shares == sorted(shares, reverse=True)
    assert urlsplit(seen.link("See it on the page", first)).path.endswith("/pages/1")
    assert re.fullmatch(r"/documents/\w+", seen.link("Open the report", first))
    assert f"{len(hits)} passages from" in seen.text("//*[@role='status']")


def test_a_citation_can_be_copied_or_kept(client: TestClient) -> None:
    """As plain text and Markdown, with the hashes, and as a receipt of these very places."""
    seen = look(client, q=VISITED, do="search")
    plain, markdown = seen.page.xpath("(//article)[1]//pre")
    assert plain.text_content().startswith("“")
    assert markdown.text_content().startswith("> “")
    assert "SHA-256 of the file:" in plain.text_content()
    receipt = dict(parameters(seen.link("Download a receipt", "(//article)[1]")))
    place = dict(parameters(seen.link("See it on the page", "(//article)[1]")))
    assert receipt["question"] == VISITED
    assert receipt["spans"] == ",".join(f"1:{span}" for span in place["spans"].split(","))


def test_twins_are_linked(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A passage that several reports share is one hit, with links to the others."""
    manifest = "path,title\nalder.txt,Alder\nbirch.txt,Birch\n"
    client = client_of(make_library(tmp_path_factory.mktemp("twins"), TWINS, manifest).searcher())
    seen = look(client, q="What do the wardens count?", do="search")
    assert len(seen.texts("//ol[@class='hits']/li")) == 1
    assert "Also in 1 other report" in seen.text()
    titles = seen.texts("//article/h3") + seen.texts("//summary[contains(., 'Also in')]/following::ul[1]//a")
    assert sorted(titles) == ["Alder, page 1", "Birch"] or sorted(titles) == ["Alder", "Birch, page 1"]


def test_more_can_be_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Ten, then thirty, then a hundred; what comes after the first few is short then and links to its page."""
    words = "apples pears plums figs dates limes melons grapes kiwis quinces peaches berries".split()
    reports = {
        f"{word}.txt": f"The garden of {word} was watered and weeded by {word} growers in {word} week. " * 4
        for word in words
    }
    library = make_library(tmp_path_factory.mktemp("many"), reports, "path\n")
    client = client_of(library.searcher())
    seen = look(client, q="garden watered", do="search")
    assert len(seen.texts("//ol[@class='hits']/li")) == 10
    more = seen.link("Show up to 30 passages")
    seen = look(client, more)
    hits = seen.texts("//ol[@class='hits']/li")
    assert len(hits) > 10
    assert "…" in hits[-1]
    assert "why it is here" not in hits[-1]
    assert not seen.page.xpath("//a[contains(., 'Show up to')]")


# --- filters


def test_the_form_keeps_what_was_given(client: TestClient) -> None:
    """Question, bodies, kinds and dates stand where they stood, and go out again with the form."""
    given = [
        ("q", "school budget"),
        ("body", "Redbrook Council"),
        ("kind", "inspection"),
        ("from", "2018"),
        ("to", "2020-05"),
    ]
    seen = look(client, "/?" + "&".join(f"{name}={value}" for name, value in [*given, ("do", "search")]))
    assert seen.values == given
    apply = seen.page.xpath("//button[contains(., 'Apply filters')]")[0]
    assert (apply.get("form"), apply.get("name"), apply.get("value")) == ("find", "do", "search")
    assert seen.texts("//ol[@class='hits']//h3") == ["Redbrook: first visit"] * len(
        seen.texts("//ol[@class='hits']/li")
    )


def test_filters_have_counts(client: TestClient) -> None:
    """Of the documents that the other filters let through."""
    seen = look(client, q="school", do="search", kind="inspection")
    filters = seen.texts("//details[@class='filters']//label")
    assert {"Redbrook Council (1)", "Bluehill City Council (1)", "inspection (2)", "focused visit (1)"} <= set(
        filters
    )
    assert set(seen.texts("//ul[@class='years']//a")) == {"2021 (1)", "2019 (1)"}


def test_each_filter_can_be_taken_off(client: TestClient) -> None:
    """A link for each, which leaves all else as it was, and one for all."""
    seen = look(
        client, q="school", do="search", body="Redbrook Council", kind="inspection", **{"from": "2018", "to": "2020"}
    )
    chips = {
        text: sorted(parameters(seen.link(text, "//ul[@class='chips']")))
        for text in ("Redbrook Council", "inspection", "published from 2018", "published to 2020")
    }
    everything = {
        ("q", "school"),
        ("do", "search"),
        ("body", "Redbrook Council"),
        ("kind", "inspection"),
        ("from", "2018"),
        ("to", "2020"),
    }
    for text, left in chips.items():
        gone = {value for value in everything if value not in left}
        assert len(gone) == 1, (text, gone)
    assert set(parameters(seen.link("Clear all"))) == {("q", "school"), ("do", "search")}


def test_a_year_is_chosen_and_unchosen_by_a_link(client: TestClient) -> None:
    """It sets both dates; where it is chosen already, its link takes it off."""
    seen = look(client, q="school", do="search")
    year = seen.link("2019", "//ul[@class='years']")
    assert {("from", "2019"), ("to", "2019")} <= set(parameters(year))
    seen = look(client, year)
    assert seen.texts("//ul[@class='years']//a[@aria-current]") == ["Any year instead of 2019 (1)"]
    assert "from" not in dict(parameters(seen.link("2019", "//ul[@class='years']")))


def test_what_was_read_from_the_question_is_said(client: TestClient) -> None:
    """With a link that asks the same without, and from there a link back."""
    seen = look(client, q="What of the school budget in Redbrook in 2019?", do="search")
    assert "Read from the question: about Redbrook Council, 2019." in seen.text()
    unread = seen.link("Ask without reading")
    assert ("infer", "false") in parameters(unread)
    seen = look(client, unread)
    assert "Read from the question" not in seen.text()
    assert ("infer", "false") in seen.values
    assert "infer" not in dict(parameters(seen.link("Read them")))


def test_how_it_was_found_is_told(client: TestClient) -> None:
    """Documents that were searched, filters, generation and time."""
    seen = look(client, q='"school budget"', do="search", body="redbrook")
    told = dict(zip(seen.texts("//dt"), seen.texts("//dd"), strict=True))
    assert told["Searched"] == "2 documents of 4"
    assert told["Filters"] == "redbrook"
    assert told["Exact words"] == "“school budget”"
    assert told["Index made"].endswith("generation 1")
    assert re.fullmatch(r"[\d,]+ ms", told["Time taken"])


def test_nothing_found_says_how_to_go_on(client: TestClient) -> None:
    """Where no passage holds the words that are asked for together."""
    seen = look(client, q='"purple elephants"', do="search", body="Redbrook Council")
    assert "Nothing was found" in seen.text("//*[@role='status']")
    assert set(parameters(seen.link("search all documents"))) == {("q", '"purple elephants"'), ("do", "search")}


# --- time and grades


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of reports that give grades."""
    return make_library(tmp_path_factory.mktemp("graded"), graded_reports.REPORTS, graded_reports.MANIFEST)


def test_a_hit_says_what_has_taken_the_place_of_its_report(graded: Library) -> None:
    """In full, or the day alone where the hit is short; the latest itself has nothing to say."""
    seen = look(client_of(graded.searcher()), q="caseloads staff help Redbrook inspection", do="search", k="30")
    told = dict(zip(seen.texts("//article/h3"), seen.texts("//article"), strict=True))
    said = ("A later inspection: Redbrook: the third inspection, 30 June 2022", "A later inspection: 30 June 2022")
    for title in ("Redbrook: the first inspection", "Redbrook: the second inspection"):
        assert any(one in told[title] for one in said)
    assert "A later" not in told["Redbrook: the third inspection"]
    assert re.fullmatch(r"/documents/\w+", seen.link("the third inspection, 30 June 2022", "//ol"))


def test_a_later_report_is_not_told_of_twice_in_one_hit(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the newest report on the body is also the one that has taken the place of the hit's."""
    reports = {path: text for path, text in graded_reports.REPORTS.items() if path != "news.txt"}
    manifest = "".join(row for row in graded_reports.MANIFEST.splitlines(keepends=True) if "news" not in row)
    library = make_library(tmp_path_factory.mktemp("graded"), reports, manifest)
    (first, *_) = look(client_of(library.searcher()), q="caseloads", do="search", body="redbrook").texts("//article")
    assert "A later inspection: Redbrook: the third inspection" in first
    assert "Newer:" not in first


def test_as_of_a_day_nothing_later_is_on_the_page(graded: Library) -> None:
    """Neither found nor offered nor pointed to; the day stays in the form and is a filter that can be taken off."""
    client = client_of(graded.searcher())
    seen = look(client, q="caseloads", do="search", as_of="2018-12")
    assert "third inspection" not in seen.text()
    assert "Bluehill" not in seen.text()
    assert ("as_of", "2018-12") in seen.values
    assert {("q", "caseloads"), ("do", "search")} == set(parameters(seen.link("as of 2018-12")))
    told = dict(zip(seen.texts("//dt"), seen.texts("//dd"), strict=True))
    assert told["As of"].startswith("31 December 2018")
    assert "2 documents on 1 body" in look(client, as_of="2018-12").text()
    seen = look(client, q="x", as_of="soon")
    assert seen.page.xpath("//div[@role='alert']//a/@href") == ["#as_of"]


def test_grades_are_offered_where_there_are_any(graded: Library, client: TestClient) -> None:
    """With how many documents each leaves, given the other filters; the best first."""
    seen = look(client_of(graded.searcher()), q="staff", do="search", body="redbrook")
    labels = seen.texts("//fieldset[legend='Grade']//label")
    assert labels == ["Outstanding (1)", "Good (1)", "Inadequate (1)"]
    assert "Adoption (1)" in seen.texts("//fieldset[legend='Area']//label")
    assert not look(client, q="school", do="search").texts("//legend[.='Grade']")


def test_a_search_is_narrowed_by_grades_and_areas(graded: Library) -> None:
    """The choice is in the form, in the chips and in what is counted; what the question itself says counts too."""
    client = client_of(graded.searcher())
    seen = look(client, q="caseloads", do="search", grade="inadequate", area="leadership")
    assert set(seen.texts("//article/h3")) == {"Redbrook: the first inspection"}
    assert {("grade", "inadequate"), ("area", "leadership")} <= set(seen.values)
    assert "Redbrook Council (1)" in seen.texts("//label")
    assert ("area", "leadership") in parameters(seen.link("Inadequate", "//ul[@class='chips']"))
    assert ("grade", "inadequate") in parameters(seen.link("Leadership", "//ul[@class='chips']"))
    assert set(parameters(seen.link("Clear all"))) == {("q", "caseloads"), ("do", "search")}
    same = look(client, q='caseloads grade:inadequate area:"leadership"', do="search")
    assert same.texts("//article/h3") == seen.texts("//article/h3")
    seen = look(client, q="x", grade="splendid")
    assert "No document gives the grade ‘splendid’" in seen.text("//div[@role='alert']")


def test_why_another_body_was_looked_at_is_said_once(library: Library) -> None:
    """What befell a body is one sentence, however many came of it."""
    library.write("redbrook/2024.txt", "The school budget of North Redbrook was cut.")
    library.write("redbrook/2025.txt", "The school budget of South Redbrook has grown.")
    manifest = library.sources / "manifest.csv"
    rows = (
        "redbrook/2024.txt,North: a visit,,North Redbrook Council,2024-05-01,inspection\n"
        "redbrook/2025.txt,South: a visit,,South Redbrook Council,2025-05-01,inspection\n"
    )
    manifest.write_text(manifest.read_text() + rows)
    library.sync()
    north, south = "North Redbrook Council", "South Redbrook Council"
    lineage = Lineage(
        (Body("Redbrook Council"), Body(north), Body(south)),
        (Succession("Redbrook Council", (north, south), date(2023, 4, 1), "gave way to"),),
    )
    searcher = Searcher(Embedded.open(library.settings.index), WordEncoder(), lineage=lineage)
    seen = look(client_of(searcher), q="How has the school budget of Redbrook Council changed?", do="search")
    told = [text for text in seen.texts("//p") if "gave way" in text]
    assert told == [f"Redbrook Council gave way to {north} and {south} on 1 April 2023."]


# --- what cannot be used


@pytest.mark.parametrize("do", ["ask", "search"])
@pytest.mark.parametrize(
    ("fields", "message", "field"),
    [
        ({"q": ""}, "Enter a question", "q"),
        ({"q": "  "}, "Enter a question", "q"),
        ({"q": "x" * 10_000}, "has 10,000 characters; at most 1,000", "q"),
        ({"q": "-school"}, "only says what to leave out", "q"),
        ({"q": "x", "k": "many"}, "no whole number", "q"),
        ({"q": "x", "k": "0"}, "it must be from 1 to 100", "q"),
        ({"q": "x", "from": "last week"}, "‘last week’ is not a date", "from"),
        ({"q": "x", "to": "2020-02-30"}, "‘2020-02-30’ is not a date", "to"),
        ({"q": "x", "from": "2021", "to": "2020"}, "the wrong way round", "from"),
        ({"q": "x", "body": "Redbrok"}, "did you mean ‘Redbrook Council’?", "filters"),
        ({"q": "x", "body": "<b>\u202e"}, "no document of body", "filters"),
        ({"q": "x", "kind": "letter"}, "no document of kind ‘letter’", "filters"),
        ({"q": "x", "body": [f"b{number}" for number in range(500)]}, "at most 20", "filters"),
        ({"q": "x", "body": "b" * 5000}, "No body, kind, grade or area has a name of", "filters"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_what_cannot_be_used_is_said_on_the_page(
    client: TestClient, do: str, fields: dict[str, str | list[str]], message: str, field: str
) -> None:
    """In a summary that links to the field, and the title says that there is an error; what was given stays."""
    seen = look(client, "/", do=do, **fields)
    assert seen.title.startswith("Error: ")
    assert message in seen.text("//div[@role='alert']")
    assert seen.page.xpath("//div[@role='alert']//a/@href") == [f"#{field}"]
    assert seen.page.get_element_by_id(field) is not None
    assert seen.page.get_element_by_id("q").get("value", "") == fields["q"]
    for name in ("from", "to"):
        assert seen.page.get_element_by_id(name).get("value", "") == fields.get(name, "")
    for address in seen.page.xpath("//main//a/@href"):
        assert len(address) < 12_000


NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)> \"'>{{7*7}} \u202egnp.exe\x1b[31m &amp; school"


@pytest.mark.parametrize("do", ["ask", "search"])
def test_markup_in_a_request_is_text(client: TestClient, do: str) -> None:
    """It is shown as it was typed, and signs that turn writing round are replaced."""
    for fields in ({"q": NASTY}, {"q": "school", "body": NASTY}, {"q": "school", "from": NASTY}):
        seen = look(client, **fields, do=do)
        assert not seen.page.xpath("//main//script | //main//img")
        assert "\u202e" not in html.tostring(seen.page, encoding="unicode")
        assert "{{7*7}}" in html.tostring(seen.page, encoding="unicode")


def test_markup_in_a_document_is_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Titles, bodies and passages are shown to the letter, in text, links and filters."""
    nasty = "Otters <script>alert(1)</script> & \u202esretto were counted in every river of the valley."
    manifest = 'path,title,body,kind,published\na.txt,"<b>T</b>\u202e","<i>B</i>","\'><u>K","2020-01-01"\n'
    library = make_library(tmp_path_factory.mktemp("nasty"), {"a.txt": nasty}, manifest)
    client = client_of(library.searcher())
    for fields in ({}, {"q": "otters in the river", "do": "search"}, {"q": "Where were otters counted?"}):
        seen = look(client, **fields)
        assert not seen.page.xpath("//main//script | //main//b | //main//i | //main//u")
        assert "\u202e" not in html.tostring(seen.page, encoding="unicode")
    assert "<script>alert(1)</script> &" in seen.text("//ol[@class='hits']")
    assert "<i>B</i> (1)" in seen.texts("//label")


def test_a_page_of_many_hits_is_small(client: TestClient) -> None:
    """Without its style sheets and scripts."""
    assert len(client.get("/", params={"q": GREW}).content) < 80_000


# --- the parts


TEXTS = st.text(alphabet="ab \n•…", max_size=600)
MARKS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda ends: (min(ends), max(ends))), max_size=5
)


@given(TEXTS, MARKS)
def test_blocks_leave_out_white_space_alone(text: str, marks: list[tuple[int, int]]) -> None:
    """Their texts, one after the other, are the text; and what is marked is what was."""
    found = blocks(text, marks)
    assert "".join("".join(block.text for block in found).split()) == "".join(text.split())
    assert marked((block.text, block.marks) for block in found) == marked([(text, marks)])


def marked(
    pieces: Iterator[tuple[str, Sequence[Sequence[int]]]] | list[tuple[str, Sequence[Sequence[int]]]],
) -> list[str]:
    """Give each visible sign that is marked."""
    found = []
    for text, marks in pieces:
        places = {at for first, last in marks for at in range(first, min(last, len(text)))}
        found += [text[at] for at in sorted(places) if not text[at].isspace()]
    return found


def test_a_bullet_begins_a_block() -> None:
    """A line end inside a sentence does not."""
    found = blocks("They must\nimprove:\n• one thing\n• another\nthing\n\nThe end", [(0, 4), (21, 24)])
    assert [block.text.strip() for block in found] == [
        "They must\nimprove:",
        "• one thing",
        "• another\nthing",
        "The end",
    ]
    assert [block.marks for block in found] == [((0, 4),), ((2, 5),), (), ()]


@given(st.text(alphabet="abc  ", max_size=800), MARKS)
def test_a_snippet_is_a_part_of_the_text(text: str, marks: list[tuple[int, int]]) -> None:
    """Short, to the letter between its dots, with the same signs marked that are marked there."""
    found = snippet(text, marks)
    inner = found.text.removeprefix("… ").removesuffix(" …")
    assert inner in text
    assert len(inner) <= SNIPPET
    assert inner == text or "…" in found.text
    for first, last in found.marks:
        assert "…" not in found.text[first:last]
        assert first < last <= len(found.text)


@pytest.mark.parametrize(
    ("chance", "word"), [(1.0, "high"), (0.75, "high"), (0.5, "medium"), (0.49, "low"), (0.0, "low")]
)
def test_a_chance_has_a_word(chance: float, word: str) -> None:
    """From the limits that the page tells."""
    assert chance_word(chance) == word


NAMES = st.lists(st.text(min_size=1, max_size=5).filter(lambda text: text.strip() == text), max_size=3, unique=True)


@given(NAMES, NAMES, NAMES, NAMES, st.sampled_from(["", "2018"]), st.sampled_from(["", "2019"]), st.booleans())
def test_an_address_says_what_was_asked(  # noqa: PLR0917 - all that can be asked
    bodies: list[str], kinds: list[str], grades: list[str], areas: list[str], day: str, to: str, infer: bool
) -> None:
    """Read again, it is the same."""
    asked = Asked.of("x", "search", bodies, kinds, day, to, "" if infer else "false", "30", day, grades, areas)
    fields = parameters(asked.address)
    given = dict(fields)
    several = ("body", "kind", "grade", "area")
    names = {name: [value for one, value in fields if one == name] for name in several}
    again = Asked.of(
        given["q"],
        given["do"],
        names["body"],
        names["kind"],
        given.get("from", ""),
        given.get("to", ""),
        given.get("infer", ""),
        given["k"],
        given.get("as_of", ""),
        names["grade"],
        names["area"],
    )
    assert again == asked
    names_given = len(bodies) + len(kinds) + len(grades) + len(areas)
    assert len(asked.removals()) == names_given + 2 * bool(day) + bool(to)
    assert not asked.without_filters().removals()


def test_more_ends_at_a_hundred() -> None:
    """Further ones would not be read."""
    asked = Asked.of("x", "search", [], [], "", "", "", "")
    steps = [asked.more(shown) for shown in STEPS]
    assert [step and step.k for step in steps] == ["30", "50", None]
