from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.metadata import body_key, found_in_text
from indexer.records import Evidence, Metadata, Origin
from tests.indexer.metadata.documents import KINDS, found, laid_out, text_page

REPORTS = Path(__file__).parents[4] / "shared" / "reports"
_words = st.sampled_from(
    ["Dear Pat\n", "Inspection of ", "Lyne ", "Council ", "services in ", "the ", "\n", "\n\n", "Published: "]
) | st.sampled_from(["5 May 2018", "visit ", "on ", ". ", "© ", "(X) ", ": "])
_lines = st.lists(
    st.tuples(
        st.lists(_words, min_size=1, max_size=4).map("".join), st.sampled_from([8.0, 12.0, 20.0]), st.booleans()
    ),
    max_size=8,
)


def test_the_title_of_the_files_properties_comes_last() -> None:
    """It is taken where the text has no heading, and has no place in the text as evidence."""
    made = found("By our reporter\n\nServices got better.", kind="html", title="Better services")
    assert (made.title, made.evidence["title"]) == ("Better services", Evidence(Origin.TEXT))


def test_what_a_web_page_states_fills_what_its_text_leaves_open() -> None:
    """Meta tags count as found, and front matter of the same names does not."""
    stated = {"publisher": "The Amble Post", "published": "2018-05-22", "source": "https://post.example/1"}
    page = "By our reporter\n\nServices got better."
    made = found(page, kind="html", stated=stated)
    assert (made.publisher, made.published, made.source) == (
        "The Amble Post",
        date(2018, 5, 22),
        "https://post.example/1",
    )
    assert {evidence.origin for evidence in made.evidence.values()} == {Origin.TEXT}
    assert found(page, kind="markdown", stated=stated).source is None


def test_a_document_without_text_has_no_metadata() -> None:
    """Nothing is guessed from nothing."""
    assert found() == found(" \n") == Metadata()


@given(st.lists(_words, max_size=20).map("".join), _lines)
def test_all_evidence_lies_inside_the_page(text: str, lines: list[tuple[str, float, bool]]) -> None:
    """Whatever the text, each span holds text, and a found name is spelled as it stands there."""
    flat = [(" ".join(words.split()), size, bold) for words, size, bold in lines if words.strip()]
    for page in (text_page(text), laid_out(*flat)):
        made = found(page, kind="pdf")
        for name, evidence in made.evidence.items():
            assert evidence.span is not None
            words = page.text[evidence.span.start : evidence.span.end]
            assert words.strip()
            if name in {"body", "publisher"}:
                assert getattr(made, name) == " ".join(words.split())


@pytest.mark.e2e
def test_real_reports_say_what_their_folders_say() -> None:
    """Body and events are found in real reports, and the body is that of the report's folder."""
    if not REPORTS.is_dir():
        pytest.skip("the folder ../shared with real reports is absent")
    from indexer.extract import pdf

    for path in sorted(REPORTS.glob("*/*.pdf"))[3::50]:
        made = found_in_text(pdf.read(path.read_bytes()), KINDS)
        assert body_key(made.body or "") == body_key(path.parent.name.split("_")[1]), path
        assert made.title, path
        assert made.events, path
        assert made.kind in {"inspection", "re-inspection"}, path
