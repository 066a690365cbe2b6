"""The bundled corpus: usable front matter, true gold quotes, all facts of the originals, none of their sentences."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import frontmatter
import pytest
from markdown_it import MarkdownIt

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
SEEDS = CORPUS.parent.parent / "shared" / "seeds"
BRIEFS = sorted(path for path in CORPUS.glob("*.md") if not path.name.startswith("README"))
REQUIRED_KEYS = {"title", "publisher", "body", "kind", "source", "licence"}
QUESTION_KEYS = {"id", "type", "question", "answers", "evidence", "filters"}
TYPES = {"factual", "explanatory", "temporal", "thematic", "unanswerable"}
LONGEST_RUN = 7  # words a brief may share with an original; names of bodies and of groups of children need that many

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
NUMBER_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}

# What the originals hold besides what they report: the web sites' own frame.
FURNITURE = (
    re.compile(r"Tel: .*|T(extphone)? 0[\d ]+"),  # switchboards of the sender and of the site's owner
    re.compile(r"D1, Parkside.*"),  # address of the site's owner
    re.compile(r".*Freeview channel \d+"),  # advertisement of a video channel
    re.compile(r"Hide Ad"),
    re.compile(r"Read More\n.*"),  # teaser of another article
)

# Figures a brief may hold although its original does not: they follow from it, or the brief says where else they are.
DERIVED = {
    "003": {"2014", "2015"},  # two years after 2013, and the December and March around that January
    "004": {"22", "2022", "2023"},  # from the letter, named as such
}

# Facts that no rule finds: each is a set of words that must stand together in one paragraph.
FACTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "000": (
        ("focused visit", "contacts and referrals", "thresholds", "become worse"),
        ("2016", "single inspection", "two years", "significantly worse"),
        ("uncertainty about money", "corporate and managerial"),
        ("financial instability", "government stepped in"),
        ("unmanageable", "allocated", "assessed"),
        ("first response", "mash", "strengthen"),
        ("social care board", "very recently", "resources"),
        ("267", "statutory assessment"),
        ("start of 2018", "551 in january", "stubbornly", "200 to 300"),
        ("partner agencies", "did not understand the thresholds"),
        ("30 to 50 children", "overwhelmed", "drowning"),
        ("rush", "superficial", "weak", "delayed"),
        ("immediate danger", "strategy meeting", "on time", "right professionals", "right decisions"),
        ("records of strategy meetings", "uneven"),
        ("supervision", "quality assurance", "unchallenged", "not met"),
        ("performance", "relied on"),
        ("unstable workforce", "pay and rewards", "recruitment"),
        ("positive step", "agency workers", "fragile"),
    ),
    "001": (
        ("managers support them", "morale"),
        ("culture of social work", "challenge", "support"),
        ("politicians", "transform the whole system", "capacity", "keep social workers"),
        ("plan for improving the service", "encouraging progress"),
        ("no child", "immediate risk", "early assessment and planning", "wait too long"),
        ("several agencies", "voice", "daily life"),
        ("pre-birth", "history", "newborn"),
        ("know their children", "regularly", "alone"),
        ("first response", "safeguarding teams", "appropriate and proportionate"),
        ("detailed", "audit tools"),
        ("uneven in quality", "lack depth", "wider factors"),
        ("initial plans", "without any detail"),
        ("supervision", "priority", "case records", "drive progress"),
        ("caseloads", "too high", "some teams", "overlooked"),
        ("too complicated", "audits"),
        ("managers", "good practice looks like", "challenge more effectively"),
        ("no date", "list"),
    ),
    "002": (
        ("18 and 19 october 2023", "lisa walsh", "kendra bell", "his majesty's inspectors", "22 november 2023"),
        ("david watts", "interim director for children's services", "the cube", "george street", "corby"),
        ("manchester", "store street", "piccadilly gate"),
        ("front door", "ilacs", "case records", "performance management", "quality assurance"),
        ("next inspection", "next visit"),
        ("northamptonshire children's trust (nct)", "early help", "north northamptonshire", "west northamptonshire"),
        ("october 2022", "requires improvement to be good", "overall effectiveness", "from outside", "realistic"),
        ("strengths", "stable", "interventions and assessments"),
        ("partnership", "thresholds", "exploited", "missing", "office hours", "early help", "it systems"),
        ("neither finished", "results", "as early as"),
        ("three things", "decisions", "oversight", "exploited", "missing from home", "office hours"),
        ("large number of contacts", "below the threshold"),
        ("uneven quality", "social workers", "help partners understand"),
        ("consent", "police", "extra work"),
        ("ethnicity",),
        ("team managers", "most contacts", "reasons"),
        ("partners", "effectively", "immediate harm", "thresholds"),
        ("proportionate checks", "history"),
        ("oversight", "not in immediate danger", "good time"),
        ("small number", "wait too long", "neglect"),
        ("no further action", "curiosity", "optimism", "again and again"),
        ("further action", "early help services", "family"),
        ("first opportunity", "several contacts"),
        ("outside the home", "missing"),
        ("return home interviews", "why children go missing"),
        ("not robust enough", "reasons"),
        ("spaces and places", "routinely"),
        ("strategy meetings", "on time", "right partners", "fair picture", "wider issues"),
        ("small number", "strategy meeting is delayed"),
        ("child protection enquiries", "prompt and thorough"),
        ("interim safety plans", "who does what"),
        ("out of hours", "parents", "checked"),
        ("daat", "promptly", "clear guidance", "quickly", "safety plans"),
        ("collaborative", "strengths", "direct work"),
        ("small number of assessments", "full history", "every child", "unique"),
        ("daat", "caseloads manageable", "relationships"),
        ("positive", "nct", "supportive", "value them highly", "motivated"),
        ("workforce strategy", "stable"),
        ("collaborative reflective practice",),
        ("better and more consistent", "yet to show"),
        ("quality assurance", "review from outside", "too early"),
        ("too complicated", "seven", "many contacts", "being bought"),
        ("improvement plans", "early help strategy", "consistent and proportionate"),
    ),
    "003": (
        ("tuesday 6 january 2015", "satisfactory progress", "december", "2013", "notable"),
        ("inadequate", "systematic weaknesses", "inconsistent", "ineffective", "vulnerable"),
        ("referrals", "risk of abuse"),
        ("mash", "2013 report", "one place"),
        ("71 per cent", "20 cases", "65 per cent", "year earlier"),
        ("stable and able", "newly qualified", "academy"),
        ("agency staff", "permanent", "senior practitioners", "49 to 330"),
        ("30 qualified social workers", "india", "march"),
        ("every child in need has a plan", "reviewed"),
        ("sexual exploitation", "from home", "care", "school"),
        ("heather smith", "cabinet member", "children's services", "committed"),
        ("sweeping", "minor", "huge favour", "seismic", "from the ground"),
        ("managers", "2013", "axed"),
    ),
    "004": (
        ("inadequate no longer", "still require improvement"),
        ("2013", "2019", "16 areas for improvement", "less than half"),
        ("three areas", "leaders", "help and protection", "care leavers", "requires improvement to be good"),
        ("jointly", "west northamptonshire council (wnc)", "north northamptonshire council (nnc)"),
        ("disadvantaged", "vulnerable", "before their birth", "left care"),
        ("2019", "early help", "in good time", "throughout"),
        ("early help offer", "workforce", "caseloads", "culture"),
        ("unitary authorities", "director of children's services", "covid-19"),
        ("too slow", "neglect", "exploitation", "permanence"),
        ("senior managers", "unregistered"),
        ("child in need plans", "child protection plans", "purpose"),
        ("risks and needs", "over time", "achieved"),
        ("core groups", "key agencies", "completed", "neglect"),
        ("criminals", "fragmented", "screening"),
        ("sexual exploitation", "better coordinated"),
        ("missing", "not made safer", "return home interviews", "capacity"),
        ("julian wooster", "chairman", "two years", "fantastic"),
        ("mr wooster", "challenging role", "relationships"),
        ("complacent", "front-line", "ambitious"),
        ("fiona baker", "west northamptonshire council", "cabinet member", "confident", "encouraged"),
        ("scott edwards", "north northamptonshire council", "executive member", "laurels", "identified early"),
        ("kindness and support",),
        ("personal advisers", "amazing and brilliant"),
        ("children in care", "leisure", "talents", "foster carers", "family life"),
        ("adopters", "passionate", "knowledgeable", "skilled", "adoptive parents"),
        ("file/50200024 for north", "file/50200026 for west"),
    ),
}


@pytest.fixture(scope="module")
def seeds() -> dict[str, str]:
    """Text of each original by its number, without web furniture."""
    if not SEEDS.is_dir():
        pytest.skip("the originals (../shared/seeds) are not here")
    return {
        path.name[:3]: without_furniture(path.read_text(encoding="utf-8")) for path in sorted(SEEDS.glob("*.txt"))
    }


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    """Read the questions of the corpus, in the order of the file."""
    return [json.loads(line) for line in (CORPUS / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def test_five_briefs_are_bundled() -> None:
    """Every brief names another record, and there are five."""
    assert sorted(seed_number(path) for path in BRIEFS) == sorted(FACTS)


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_front_matter_is_complete_and_valid(path: Path) -> None:
    """A brief states all keys, none of them empty, and a date only as a date."""
    stated = frontmatter.load(path).metadata
    assert REQUIRED_KEYS <= stated.keys() <= REQUIRED_KEYS | {"published"}
    assert all(isinstance(value := stated[key], str) and value.strip() for key in REQUIRED_KEYS)
    if "published" in stated:
        assert isinstance(stated["published"], date)
        assert not isinstance(stated["published"], datetime)


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_file_name_claims_no_date_that_is_not_stated(path: Path) -> None:
    """A file name starts with year and month only where the brief has a date of publication."""
    published = frontmatter.load(path).metadata.get("published")
    month = re.match(r"\d{4}-\d{2}(?=-)", path.name)
    assert (month.group() if month else None) == (f"{published:%Y-%m}" if published else None)


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_brief_is_headings_and_one_line_paragraphs_without_markup(path: Path) -> None:
    """What is indexed of a line is the line itself, so a quote reads the same in the file and in the index."""
    brief = frontmatter.load(path)
    tokens = MarkdownIt("commonmark").parse(brief.content)
    headings = [token.tag for token in tokens if token.type == "heading_open"]
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} == {
        "heading",
        "paragraph",
        "inline",
    }
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert tokens[1].content == brief.metadata["title"]
    for token in tokens:
        if token.type == "inline":
            assert [(child.type, child.content) for child in token.children or ()] == [("text", token.content)]
            assert token.content in paragraphs(path)


def test_questions_are_well_formed(questions: list[dict[str, Any]]) -> None:
    """Every question has the keys and types of a question file, and only unanswerable ones lack an answer."""
    for question in questions:
        assert question.keys() == QUESTION_KEYS
        assert question["type"] in TYPES
        assert question["question"].strip()
        assert question["filters"].keys() <= {"body", "year"}
        answerable = question["type"] != "unanswerable"
        assert bool(question["answers"]) == bool(question["evidence"]) == answerable, question["id"]


def test_questions_are_many_and_mixed(questions: list[dict[str, Any]]) -> None:
    """There are thirty questions or more, of every type, six or more unanswerable, none of them twice."""
    assert len(questions) >= 30
    assert [question["id"] for question in questions] == [f"c{n:03d}" for n in range(1, len(questions) + 1)]
    assert len({question["question"].lower() for question in questions}) == len(questions)
    assert {question["type"] for question in questions} == TYPES
    assert sum(question["type"] == "unanswerable" for question in questions) >= 6


def test_every_gold_quote_stands_in_its_brief(questions: list[dict[str, Any]]) -> None:
    """A gold quote is verbatim from one paragraph of the brief it names."""
    known = {path.name: paragraphs(path) for path in BRIEFS}
    for question in questions:
        for evidence in question["evidence"]:
            assert evidence.keys() == {"path", "page", "quote"}
            assert evidence["page"] == 1  # a Markdown file has one page
            assert any(evidence["quote"] in paragraph for paragraph in known[evidence["path"]]), evidence["quote"]


def test_every_brief_is_asked_about(questions: list[dict[str, Any]]) -> None:
    """No brief is without a question, and comparisons over time rest on two briefs or more."""
    assert {e["path"] for question in questions for e in question["evidence"]} == {path.name for path in BRIEFS}
    for question in questions:
        if question["type"] == "temporal":
            assert len({evidence["path"] for evidence in question["evidence"]}) >= 2, question["id"]


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_brief_carries_every_figure_of_its_original(path: Path, seeds: dict[str, str]) -> None:
    """Numbers, percentages, dates and postcodes of the original are all in the brief."""
    brief = "\n".join(paragraphs(path))
    assert figures(seeds[seed_number(path)]) - figures(brief) == set()


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_brief_adds_no_figure_to_its_original(path: Path, seeds: dict[str, str]) -> None:
    """A number in a brief is in the original or follows from it."""
    number = seed_number(path)
    original = numbers(seeds[number]) | DERIVED.get(number, set())
    assert numbers("\n".join(paragraphs(path))) - original == set()


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_brief_names_every_person_of_its_original(path: Path, seeds: dict[str, str]) -> None:
    """Whoever has a title or an office in the original is named in the brief."""
    brief = "\n".join(paragraphs(path))
    assert [name for name in people(seeds[seed_number(path)]) if name not in brief] == []


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.stem)
def test_brief_carries_every_listed_fact(path: Path) -> None:
    """The words of each fact stand together in one paragraph of the brief."""
    lines = [line.lower() for line in paragraphs(path)]
    missing = [fact for fact in FACTS[seed_number(path)] if not any(all(w in line for w in fact) for line in lines)]
    assert missing == []


@pytest.mark.parametrize(
    "path", [*BRIEFS, CORPUS / "README.md", CORPUS / "questions.jsonl"], ids=lambda path: path.name
)
def test_no_sentence_of_an_original_is_copied(path: Path, seeds: dict[str, str]) -> None:
    """No eight words in a row are shared with any original."""
    text = path.read_text(encoding="utf-8")
    assert {run for original in seeds.values() for run in shared_runs(text, original, LONGEST_RUN + 1)} == set()


def test_a_copied_run_would_be_found() -> None:
    """Case, punctuation, kinds of apostrophe and line breaks do not hide a copied run."""
    original = "It was, he said, the town’s best\nand oldest well."
    assert set(shared_runs("It was he said the Town's best ... and oldest tree", original, 8)) == {
        "it was he said the town's best and",
        "was he said the town's best and oldest",
    }


def test_a_missing_figure_or_name_would_be_found() -> None:
    """The rules find numbers, per cent, dates and names in an invented text."""
    text = "Cllr Ann Lee met Jo Fox, chairman of the mill, on 3 May 2021: 12 per cent of seven ovens. W1 2AB"
    assert figures(text) == {
        "3",
        "2021",
        "12",
        "W1",
        "2AB",
        "12 per cent",
        "3 May",
        "May 2021",
        "May",
        "7 (in words)",
    }
    assert set(people(text)) == {"Lee", "Jo Fox"}


def paragraphs(path: Path) -> list[str]:
    """Lines of a brief as they are read, headings without their marks."""
    return [line.lstrip("# ") for line in frontmatter.load(path).content.splitlines() if line]


def seed_number(path: Path) -> str:
    """Find the number of the record that a brief's front matter names."""
    found = re.match(r"Record (\d{3})_\w+\.txt: ", str(frontmatter.load(path).metadata["source"]))
    assert found, f"{path.name} does not name its record"
    return found.group(1)


def without_furniture(text: str) -> str:
    """Drop the lines of the web site's own frame."""
    for pattern in FURNITURE:
        text = pattern.sub("", text)
    return text


def numbers(text: str) -> set[str]:
    """Tokens that hold a digit, among them postcodes and the numbers in addresses."""
    return set(re.findall(r"\w*\d\w*", text))


def figures(text: str) -> set[str]:
    """Numbers, percentages, days with their month, months with their year, months alone, small numbers in words."""
    shares = {f"{share} per cent" for share in re.findall(r"(\d+) ?(?:per cent|%)", text)}
    days = {f"{day} {month}" for day, month in re.findall(rf"\b(\d{{1,2}}) ({MONTHS})\b", text)}
    days |= {f"{day} {month}" for month, day in re.findall(rf"\b({MONTHS}) (\d{{1,2}})\b", text)}
    months = {f"{month} {year}" for month, year in re.findall(rf"\b({MONTHS}) (\d{{4}})\b", text)}
    alone = set(re.findall(rf"\b(?:{MONTHS})\b", text))
    words = {
        f"{NUMBER_WORDS[word]} (in words)" for word in re.findall(r"[a-z]+", text.lower()) if word in NUMBER_WORDS
    }
    return numbers(text) | shares | days | months | alone | words


def people(text: str) -> Iterator[str]:
    """Surnames after a title, and full names before an office or after the verb that introduces inspectors."""
    name = r"[A-Z][a-z]+ [A-Z][a-z]+"
    for found in re.findall(rf"\b(?:Cllr|Mr|Mrs|Ms|Dr) ({name}|[A-Z][a-z]+)", text):
        yield found.split()[-1]
    yield from re.findall(rf"\b({name}), (?:chair|cabinet|executive)", text)
    yield from re.findall(rf"\b({name})\s+(?:Interim )?(?:Director|His Majesty)", text)
    for pair in re.findall(rf"\bInspectors\b[^.]* were ({name}) and ({name})", text):
        yield from pair


def shared_runs(text: str, original: str, length: int) -> Iterator[str]:
    """Every run of `length` words that both texts hold; an address of a web page is not words."""
    known = set(runs(original, length))
    return (run for run in runs(text, length) if run in known)


def runs(text: str, length: int) -> Iterator[str]:
    """Every `length` words in a row, in lower case; a hyphen parts words."""
    plain = re.sub(r"https?://\S+", " ", text).replace("’", "'").lower()
    words = re.findall(r"\w+(?:'\w+)*", plain)
    return (" ".join(words[start : start + length]) for start in range(len(words) - length + 1))
