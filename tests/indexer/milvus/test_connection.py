"""What is tried again, and what errors of the client become."""

from collections.abc import Callable
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from pymilvus.exceptions import MilvusException, ParamError  # type: ignore[import-untyped]

from indexer.address import MilvusAddress
from indexer.errors import InputError, UnusableIndexError
from indexer.milvus.connection import ASK_S, Connection

ADDRESS = MilvusAddress("http://db:19530", "reports", token="root:secret")


class Refused(grpc.RpcError):  # type: ignore[misc]  # it has no types
    """A call that the channel refuses."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Give a connection to nothing, whose time passes in its pauses alone."""
    now = [0.0]
    monkeypatch.setattr("indexer.milvus.connection.monotonic", lambda: now[0])
    monkeypatch.setattr("indexer.milvus.connection.sleep", lambda pause: now.__setitem__(0, now[0] + pause))
    monkeypatch.setattr(Connection, "_connect", lambda self: object())
    return Connection(ADDRESS, [])


def failing(*errors: Exception) -> tuple[Callable[[Any], str], list[int]]:
    """Give what fails so many times and then goes well, and a count of how often it was tried."""
    tried: list[int] = []

    def act(_client: object) -> str:
        tried.append(1)
        if len(tried) <= len(errors):
            raise errors[len(tried) - 1]
        return "done"

    return act, tried


def test_what_may_pass_is_tried_again(connection: Connection) -> None:
    """A node that is down, and a channel that is not there, are waited for."""
    act, tried = failing(MilvusException(503, "channel not available"), Refused(grpc.StatusCode.UNAVAILABLE))
    assert connection.read(act) == "done"
    assert len(tried) == 3


def test_reads_give_up_sooner_than_writes(connection: Connection) -> None:
    """A question is told of it in seconds, a sync holds out for a minute."""
    down = [MilvusException(503, "channel not available")] * 1000
    tries = []
    for way in (connection.read, connection.write):
        act, tried = failing(*down)
        with pytest.raises(UnusableIndexError, match="channel not available"):
            way(act)
        tries.append(len(tried))
    assert 4 < tries[0] < 12
    assert 55 < tries[1] < 70


@pytest.mark.parametrize(
    "error",
    [
        MilvusException(100, "collection not found"),
        MilvusException(1100, "text too long"),
        MilvusException(1, "no such field", is_input_error=True),
        ParamError(message="not a number"),
        Refused(grpc.StatusCode.DEADLINE_EXCEEDED),
        Refused(grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_stays_wrong_is_told_at_once(connection: Connection, error: Exception) -> None:
    """Asking again would only take time."""
    act, tried = failing(error)
    with pytest.raises(UnusableIndexError, match=r"milvus\+http://db:19530/reports"):
        connection.write(act)
    assert len(tried) == 1


def test_a_question_that_takes_too_long_is_asked_anew_with_more_time(connection: Connection) -> None:
    """What hangs at a node that died is answered by another; what is slow gets the time it needs, to a limit."""
    late, given = Refused(grpc.StatusCode.DEADLINE_EXCEEDED), list[float]()

    def answers_in(needed_s: float) -> float:
        def act(client: object, most_s: float) -> float:
            given.append(most_s)
            if most_s < needed_s:
                raise late
            return most_s

        return connection.ask(act)

    assert [answers_in(needed_s) for needed_s in (0, 9, 29)] == list(ASK_S)
    assert given == [*ASK_S[:1], *ASK_S[:2], *ASK_S]
    with pytest.raises(UnusableIndexError, match="DEADLINE"):
        answers_in(31)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_refused_login_is_the_address_that_is_wrong(connection: Connection, wrapped: bool) -> None:
    """Also where the client hides it behind a failed connection; the password is not repeated."""
    error: Exception = Refused(grpc.StatusCode.UNAUTHENTICATED)
    if wrapped:
        error, error.__cause__ = MilvusException(2, "Fail connecting"), error
    act, tried = failing(error)
    with pytest.raises(InputError, match="USER:PASSWORD@HOST") as told:
        connection.read(act)
    assert "secret" not in str(told.value)
    assert len(tried) == 1


def test_other_errors_are_not_taken_for_the_servers(connection: Connection) -> None:
    """A mistake of ours shows as one."""
    act, _ = failing(KeyError("ours"))
    with pytest.raises(KeyError):
        connection.read(act)
