import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.lexical import stems_of
from service.scanning import _may_have, has_all, sentences_with, words_of_matter
from tests.service.conftest import Library

WORDS = st.sampled_from(
    "school schools budget budgets policy policies dying die lies lying carer carers café naïve well-being news ski"
    " skies happily happiness early singly wellbeing 1,300 1300 40% percent o'neill oneill don’t children's un-known"
    " well‑be- Straße strasse so\u00adcial social ﬁnd find".split()
) | st.sampled_from(["per cent", "un-\nknown", "well -\nbeing", "40 per-cent"])
MATTERS = st.lists(st.lists(WORDS, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=2).map(" or ".join)


def brute_force(library: Library, matter: str) -> dict[str, list[str]]:
    """Take every passage of every document, and every sentence of it, and compare sets of stems."""
    wanted = [set(stems_of(part)) for part in re.split(" or ", matter)]
    with library.searcher().opened() as (reader, _):
        found: dict[str, list[str]] = {}
        for document in reader.documents():
            stored = reader.passages(reader.passage_ids(document.doc_id))
            for one in (stored[passage_id].passage for passage_id in sorted(stored)):
                for start, end in one.sentences:
                    if any(part <= set(stems_of(one.text[start:end])) for part in wanted):
                        found.setdefault(document.path, []).append(one.text[start:end])
    return found


@pytest.mark.parametrize(
    "matter", ["school", "schools budget", "families or volunteers", "first child", "otter", "zebra"]
)
def test_all_sentences_with_the_words_are_found(shelf: Library, matter: str) -> None:
    """What is found is what taking everything apart finds, in any inflection, and nothing else."""
    with shelf.searcher().opened() as (reader, generation):
        found = {
            document.path: [one.text for one in sentences]
            for document, sentences in sentences_with(words_of_matter(matter), generation.catalogue.documents, reader)
        }
    assert found == brute_force(shelf, matter)
    assert bool(found) is (matter != "zebra")


@given(MATTERS, st.lists(WORDS, max_size=6).map(" ".join))
def test_the_quick_test_fails_no_text_that_has_the_words(matter: str, text: str) -> None:
    """Whatever the inflection of the words, and whatever stands in the text."""
    words = words_of_matter(matter)
    assert _may_have(words)(text) or not has_all(text, words)


def test_words_that_every_question_has_do_not_count() -> None:
    """A matter may be asked for in a phrase."""
    assert words_of_matter("the caseloads of social workers or how workloads are") == (
        ("caseload", "social", "worker"),
        ("workload",),
    )


@pytest.mark.parametrize("matter", ["", "the", "caseloads or the", "?"])
def test_a_matter_without_words_is_refused(matter: str) -> None:
    """Each alternative has to name something."""
    with pytest.raises(InputError, match="names no matter"):
        words_of_matter(matter)


def test_a_sentence_is_quoted_to_the_letter(shelf: Library) -> None:
    """Also one that runs over a page break, with a span on each page."""
    with shelf.searcher().opened() as (reader, generation):
        ((document, (sentence,)),) = sentences_with(
            words_of_matter("trained child"), generation.catalogue.documents, reader
        )
        quote = sentence.quote(reader)
        cut = [reader.page_text(document.doc_id, page)[start:end] for page, start, end in quote.citation.spans]
    assert "\n".join(cut) == quote.text
    assert (quote.citation.page, quote.citation.page_end) == (1, 2)
