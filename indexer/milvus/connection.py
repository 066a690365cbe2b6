"""A connection to Milvus; this is the one module that knows its client library.

Whatever goes wrong leaves it as an error of ours that says where, why and what to do. What may pass by itself, as
while a node is replaced, is tried again for a while first.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

from indexer.address import MilvusAddress
from indexer.errors import InputError, UnusableIndexError
from indexer.milvus.schema import SCORED, WORDS, Field, Index

T = TypeVar("T")

CONNECT_S = 4.0
# How long reads that failed are tried again. When a node dies, a proxy may hold a call for some 13 s before it says
# so; hence each is tried twice at least, and by then another node stands in.
READ_AGAIN_S = 4.0
# How long a question may take at its first, second and last try. A proxy holds what it sent to a node that has died
# for some 20 s, while what is asked anew goes to another; and what is merely slow is given time.
ASK_S = (3.0, 10.0, 30.0)
LITE_S = 600.0  # a file has no nodes that die, and all its work is done by this one process
WRITE_AGAIN_S = 60.0  # a writer has time: what a server takes to come back
# What stays wrong however often it is asked: no such table, a request that cannot be taken, a login that is not let
# in. A call that has used up its time is not given more.
LASTING = {6, 100, 1100, "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED"}


class Connection:
    """A connection, made when first used; threads may share it.

    What it is given to do takes a `pymilvus.MilvusClient`.
    """

    def __init__(self, address: MilvusAddress, tables: Sequence[str]) -> None:
        self._address = address
        self._tables = tables
        self._lock = Lock()
        self._client: Any = None

    def read(self, act: Callable[[Any], T]) -> T:
        """Read something, and try again for some seconds. Raises UnusableIndexError, InputError."""
        return self._tried(act, READ_AGAIN_S)

    def ask(self, act: Callable[[Any, float], T]) -> T:
        """Ask something, with the seconds that it may take; likewise."""
        tries = (LITE_S,) if self._address.lite else ASK_S
        for most_s in tries:
            try:
                return self._tried(lambda client: act(client, most_s), READ_AGAIN_S)  # noqa: B023 - called at once
            except UnusableIndexError as error:
                if most_s == tries[-1] or not error.__cause__ or _code(error.__cause__) != "DEADLINE_EXCEEDED":
                    raise
        raise AssertionError("the last try either answers or raises")

    def write(self, act: Callable[[Any], T]) -> T:
        """Do what may be done twice, and try again for a minute. Raises UnusableIndexError, InputError."""
        return self._tried(act, WRITE_AGAIN_S)

    def last_write(self, table: str) -> int:
        """Give the timestamp of this process's last write to a table; 0 before any, and always with Milvus Lite."""
        parts = urlsplit(self._address.uri)
        last = _library().client.ts_utils.get_collection_ts
        return 0 if self._address.lite else int(last(table, f"{parts.hostname}:{parts.port}") or 0)

    def unusable(self, why: str) -> UnusableIndexError:
        """Make the error for what came back wrong."""
        remedy = "see that no other process has it open" if self._address.lite else "see that Milvus runs there"
        return UnusableIndexError(
            f"the index in {self._address.shown} cannot be used ({why}): {remedy}, and try again"
        )

    def close(self) -> None:
        """Let go of it; another use connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _tried(self, act: Callable[[Any], T], patience_s: float) -> T:
        give_up, pause = monotonic() + patience_s, 0.1
        while True:
            try:
                return act(self._connected())
            except _errors() as error:
                is_late = pause > 0.1 and monotonic() + pause > give_up
                if is_late or not _may_pass(error):
                    raise self._told(error) from error
            sleep(pause)
            pause = min(2 * pause, 1.0)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        address, library = self._address, _library()
        # They log each failure with its traceback, while here each becomes an error that is told once.
        for name in ("pymilvus", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # Milvus Lite's own server takes the client's signs of life for an attack, and hangs up.
        options = {"grpc.keepalive_time_ms": 2**31 - 1} if address.lite else {}
        client = library.MilvusClient(
            address.uri, token=address.token, timeout=CONNECT_S, dedicated=True, grpc_options=options
        )
        if address.lite:  # which has its tables unloaded when it opens a file
            for table in self._tables:
                if client.has_collection(table) and client.list_indexes(table):
                    client.load_collection(table)
        return client

    def _told(self, error: Exception) -> UnusableIndexError | InputError:
        """Say what an error of the client means."""
        said = str(getattr(error, "message", "") or error)
        why = " ".join(said.split(" stack trace:", 1)[0].split())[:300]  # the server's, which tells nobody anything
        if _code(error) in {"UNAUTHENTICATED", "PERMISSION_DENIED"} or "auth check failure" in why:
            return InputError(
                f"{self._address.shown} does not take the user and password, or they may not do this ({why}): write "
                "them into the address, as milvus+http://USER:PASSWORD@HOST:PORT/NAME"
            )
        return self.unusable(why)


def schema_of(client: Any, fields: Sequence[Field]) -> Any:
    """Make the definition of a table as the client takes it."""
    library = _library()
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    for one in fields:
        schema.add_field(one.name, library.DataType[one.type], **one.params)
    if any(one.name == SCORED for one in fields):
        schema.add_function(library.Function(SCORED, library.FunctionType.BM25, [WORDS], [SCORED]))
    return schema


def params_of(client: Any, index: Index) -> Any:
    """Make the definition of an index as the client takes it."""
    params = client.prepare_index_params()
    metric = {"metric_type": index.metric} if index.metric else {}
    params.add_index(index.field, index_type=index.type, **metric, params=dict(index.params))
    return params


def _library() -> Any:
    try:
        import pymilvus  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise InputError("for an index in Milvus, install `citewell[scale]`") from error

    return pymilvus


def _errors() -> tuple[type[Exception], ...]:
    from grpc import RpcError  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    return _library().MilvusException, RpcError


def _may_pass(error: Exception) -> bool:
    # What is wrong with a request before it is sent has classes of its own, below the first of these.
    of_client, of_channel = _errors()
    is_of_server = type(error) is of_client or isinstance(error, of_channel)
    return is_of_server and _code(error) not in LASTING and not getattr(error, "is_input_error", False)


def _code(error: BaseException) -> object:
    """Give the number of Milvus, or the name of gRPC, for what went wrong."""
    code = getattr(error.__cause__, "code", None) or getattr(error, "code", None)
    code = code() if callable(code) else code
    return getattr(code, "name", code)
