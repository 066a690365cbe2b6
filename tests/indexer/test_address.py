"""Addresses of indexes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.address import LITE_NAME, MilvusAddress, is_milvus, read_address
from indexer.errors import InputError
from indexer.settings import Settings


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("milvus+http://db:19530/reports", MilvusAddress("http://db:19530", "reports")),
        ("milvus+https://db/r_1?shards=2&replicas=3", MilvusAddress("https://db:19530", "r_1", 2, 3)),
        ("milvus+http://me:pass%40word@db:1/r", MilvusAddress("http://db:1", "r", token="me:pass@word")),
        ("milvus+http://[::1]:19530/r", MilvusAddress("http://[::1]:19530", "r")),
        ("milvus+lite:///data/index.db", MilvusAddress("/data/index.db", LITE_NAME, lite=True)),
    ],
)
def test_an_address_says_where_and_how_wide(text: str, address: MilvusAddress) -> None:
    """Server or file, name, shards and replicas, and who asks."""
    assert read_address(text) == address


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("milvus+ftp://db/r", "milvus+ftp"),
        ("milvus://db/r", "milvus:"),
        ("milvus+http://db:19530", "no collection"),
        ("milvus+http://db:19530/a-b", "no collection"),
        ("milvus+http://db:19530/" + "x" * 101, "no collection"),
        ("milvus+http:///r", "no collection"),
        ("milvus+http://db:nine/r", "Port"),
        ("milvus+http://db/r?shards=0", "shards is `0`"),
        ("milvus+http://db/r?shards=17", "from 1 to 16"),
        ("milvus+http://db/r?shards=two", "`two`"),
        ("milvus+http://db/r?ef=9", "no `ef`"),
        ("milvus+lite:///index", "names no file"),
        ("milvus+lite://host/index.db", "names no file"),
    ],
)
def test_a_wrong_address_is_told_what_is_wrong(text: str, named: str) -> None:
    """With what can be written instead."""
    with pytest.raises(InputError, match=re.escape(named)):
        read_address(text)


def test_nobody_is_told_a_password() -> None:
    """Neither in the name of an index nor in an error."""
    address = read_address("milvus+http://me:secret@db:19530/r")
    assert address.shown == "milvus+http://db:19530/r"
    with pytest.raises(InputError) as error:
        read_address("milvus+http://me:secret@db:19530/r?ef=1")
    assert "secret" not in str(error.value)


def test_one_setting_decides() -> None:
    """An address given as the index is where the index is, and what lies beside it keeps its folder."""
    settings = Settings(index="milvus+http://db:19530/r")
    assert settings.address == MilvusAddress("http://db:19530", "r")
    assert str(settings.index) == ".citewell"
    assert Settings().address is None


@given(st.text(max_size=30))
def test_a_folder_is_never_taken_for_an_address(name: str) -> None:
    """Only what begins with an engine's name and a colon is one."""
    assert is_milvus(name) == bool(re.match(r"milvus(\+\w+)?:", name))
