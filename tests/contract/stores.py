"""The stores that are held against the contract, as the environment variable `STORE_URLS` names them, words apart.

Each is `embedded`, `milvus+lite`, `cluster`, which starts a real one on this machine, or the address of a server, as
`milvus+http://host:19530/NAME?shards=2&replicas=2`; the name is then the beginning of those that are made there.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from indexer.errors import CitewellError
from indexer.milvus import Milvus
from indexer.milvus.server import Server
from indexer.settings import Settings

URLS = os.environ.get("STORE_URLS", "embedded milvus+lite cluster").split()
ON_CLUSTER = "contract?shards=2&replicas=2"
# Seconds for which a head is believed: short, as each sync waits for that long; and long, while nothing changes.
SHORT, LONG = 0.3, 600.0


@dataclass(frozen=True)
class Store:
    """A place for indexes."""

    url: str
    closing: ExitStack

    def settings(self, folder: Path) -> Settings:
        """Name an index that is not there yet, and will not be there any more when the tests are done."""
        store = ""
        if self.url == "milvus+lite":
            store = f"milvus+lite://{folder}/index.db"
        elif self.url != "embedded":
            parts = urlsplit(self.url)
            store = parts._replace(path=f"{parts.path}_{secrets.token_hex(4)}").geturl()
        settings = Settings(index=folder / "index", store=store, passage_tokens=32)
        if settings.address and not settings.address.lite:
            self.closing.callback(_drop, settings)
        return settings

    def broken(self, folder: Path) -> Settings:
        """Name an index that cannot be used: something else is there, or nobody listens."""
        settings = self.settings(folder)
        settings.index.mkdir()
        if settings.address is None:
            (settings.index / "store.sqlite").write_bytes(b"This is no index." * 500)
        elif settings.address.lite:
            Path(settings.address.uri).write_text("This is no index.")
        else:
            nobody = urlsplit(settings.store)._replace(netloc="127.0.0.1:1").geturl()
            return settings.model_copy(update={"store": nobody})
        return settings


@contextmanager
def believing(stale_s: float) -> Iterator[None]:
    """Have indexes in Milvus that are opened meanwhile believe a head for so long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.milvus.Milvus", partial(Milvus, stale_s=stale_s))
        # Writers are all of this process, which come in turn.
        patch.setattr("indexer.milvus.milvus.SETTLE_S", 0.0)
        yield


def _drop(settings: Settings) -> None:
    assert settings.address
    server = Server(settings.address)
    with suppress(CitewellError):  # tests that fail have more to say
        server.drop()
    server.close()
