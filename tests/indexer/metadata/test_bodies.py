import pytest

from tests.indexer.metadata.documents import found, letter, report


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        ("Inspection of Ambleford local authority children’s services", "Ambleford"),
        ("Inspection of the Royal Borough of Lyne and Wold\nservices", "Royal Borough of Lyne and Wold"),
        ("Focused visit to Lyne Borough Council children's services", "Lyne Borough Council"),
        ("London Borough of Lyne", "London Borough of Lyne"),
        ("Thorpe-on-Sea, Lyne and\nSt. Bede Council", "Thorpe-on-Sea, Lyne and St. Bede Council"),
        ("Ambleford Children's Trust", "Ambleford Children's Trust"),
        ("Services in Ambleford get better", "Ambleford"),
        ("Services in Lyne get better", None),
        ("Services in England", None),
        ("Services in MASH", None),
        ("Inspection of Local Authority Children's Services", None),
        ("Review of Fostering Plans", None),
        ("Lyne Council and Wold Council", None),
        ("Inspection of services", None),
    ],
)
def test_the_body_is_found_in_the_title(heading: str, body: str | None) -> None:
    """It is a council or trust by its own words, or a name that the text uses as that of a place."""
    made = report(*((line, 20.0, False) for line in heading.split("\n")))
    assert made.body == body


def test_a_name_alone_is_the_body_where_the_next_heading_says_what_happened() -> None:
    """The text has to use it as the name of a place too."""
    below = ("Inspection of children's services", 16.0, True)
    assert report(("Ambleford", 24.0, False), below).body == "Ambleford"
    assert report(("Wold", 24.0, False), below).body is None
    assert report(("Ambleford", 24.0, False), ("A short history", 16.0, True)).body is None


def test_the_opening_of_the_text_names_the_body_where_it_names_one() -> None:
    """The address of a letter is not what it is about, and two bodies leave it open."""
    one = "We report on the visit to Wold children's services in March."
    assert found(letter("Our visit", one)).body == "Wold"
    assert found(letter("Our visit", one, "The inspection of Lyne children's services follows.")).body is None
    assert found(letter("Our visit", "We met the staff.")).body is None
