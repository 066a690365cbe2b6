from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.metadata import body_key


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("amblefordshire", ["Amblefordshire", "amblefordshire county council", "County of Amblefordshire"]),
        (
            "lyne and wold",
            ["Lyne & Wold", "LYNE AND WOLD", "The Royal Borough of Lyne and Wold", "Lyne & Wold Council"],
        ),
        ("amble and lyne", ["London Borough of Amble and Lyne", "London Borough of Amble and Lyne Council"]),
        (
            "wold",
            ["Wold", "Metropolitan Borough of Wold Council", "Wold Metropolitan District Council", "City of Wold"],
        ),
        ("wold", ["Wold City Council", "Council of the City of Wold", "Wold, City of", "Wold local authority"]),
        ("thorpe on sea", ["Thorpe-on-Sea", "Thorpe on Sea Borough Council"]),
        ("st bedes", ["St. Bede's", "St Bede’s"]),
        ("moncaster", ["Môncaster"]),
        ("north amblefordshire", ["North Amblefordshire Council"]),
        ("east wold of amble", ["East Wold of Amble Council"]),
        ("wold childrens trust", ["Wold Children's Trust"]),
        ("city of london", ["City of London", "City of London Corporation", "the city of London"]),
        ("london", ["London"]),
        ("council", ["Council"]),
        ("", ["", "-"]),
    ],
)
def test_spellings_of_one_body_have_one_key(key: str, names: Sequence[str]) -> None:
    """Words of local government go, words that tell bodies apart stay."""
    assert {name: body_key(name) for name in names} == dict.fromkeys(names, key)


@given(
    st.lists(st.sampled_from(["Lyne", "North", "Wold-on-Sea", "St.", "and", "O’Amble"]), min_size=1),
    st.sampled_from(["{} Council", "London Borough of {}", "{} City Council", "The Royal Borough of {} Council"]),
)
def test_rank_and_seat_change_no_key(words: list[str], official: str) -> None:
    """The official name of a council has the key of the plain name."""
    name = " ".join(words)
    assert body_key(official.format(name)) == body_key(name)
    assert body_key(f"Far {name}") != body_key(name)
