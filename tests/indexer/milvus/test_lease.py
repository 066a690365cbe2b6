"""One writer at a time."""

import json
from threading import Barrier, Thread

import pytest

from indexer.errors import IndexBusyError, UnusableIndexError
from indexer.milvus import lease as module
from indexer.milvus.lease import KEY, Lease, leased
from indexer.milvus.server import Row, Table
from indexer.milvus.tables import put_together
from tests.indexer.milvus.fake_server import FakeServer, failing_at


def server() -> FakeServer:
    made = FakeServer()
    made.ensure(4)
    return made


def row(on: FakeServer) -> dict[str, str | float]:
    made: dict[str, str | float] = json.loads(put_together(on.find(Table.HEADS, f'key in ["{KEY}"]'))[KEY] or b"{}")
    return made


def anothers_row() -> Row:
    """Give the row of another process that has the place."""
    on = server()
    with leased(on, "there", settle_s=0):
        return dict(on.find(Table.HEADS)[0])


def test_the_second_is_told_who_is_first() -> None:
    """Whoever comes while the place is taken learns who has it, since when, and what to do."""
    on = server()
    told = pytest.raises(IndexBusyError, match=r"`there` is .* process \d+ on .* since 2.*; wait until")
    with leased(on, "there", settle_s=0), told, leased(on, "there", settle_s=0):
        pass
    with leased(on, "there", settle_s=0) as again:
        again.check()


def test_of_many_at_once_one_gets_the_place() -> None:
    """However threads come together, exactly one writes."""
    on, together = server(), Barrier(8)
    got: list[Lease] = []
    refused: list[IndexBusyError] = []

    def come() -> None:
        together.wait()
        try:
            with leased(on, "there", settle_s=0) as lease:
                got.append(lease)
                done.wait()
        except IndexBusyError as error:
            refused.append(error)
            done.wait()

    done = Barrier(8)
    threads = [Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)


def test_a_name_that_was_overwritten_while_settling_does_not_count() -> None:
    """Of two processes that both saw a free place, the one that wrote last has it."""
    on, others, written = server(), anothers_row(), []

    def before(act: str, table: Table) -> None:
        if act == "upsert":
            written.append(table)
        elif written:  # the look after our own name was written: the other's has just landed
            on.rows[table][KEY] = others

    on.before = before
    with pytest.raises(IndexBusyError), leased(on, "there", settle_s=0):
        pass


def test_a_dead_holder_loses_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute without renewal frees it."""
    on = server()
    on.upsert(Table.HEADS, [anothers_row()])
    monkeypatch.setattr(module, "time", lambda: float(row(on)["renewed"]) + 59)
    with pytest.raises(IndexBusyError), leased(on, "there", settle_s=0):
        pass
    monkeypatch.setattr(module, "time", lambda: 1e12)
    with leased(on, "there", settle_s=0) as lease:
        lease.check()


def test_the_holder_renews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewing moves the time that others go by, and only the holder can."""
    on = server()
    with leased(on, "there", settle_s=0) as lease:
        monkeypatch.setattr(module, "time", lambda: 1e12)
        lease.renew()
        assert row(on)["renewed"] == 1e12
        others = anothers_row()
        on.upsert(Table.HEADS, [others])
        with pytest.raises(IndexBusyError):
            lease.renew()
        assert lease.is_lost
        assert on.find(Table.HEADS) == [others]


def test_a_thread_renews(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the place is held it is renewed again and again, also after the server was away."""
    monkeypatch.setattr(module, "RENEW_S", 0.001)
    on, renewed = server(), Barrier(2, timeout=10)
    fails = failing_at("upsert", Table.HEADS)

    with leased(on, "there", settle_s=0):

        def before(act: str, table: Table) -> None:
            fails(act, table)
            if act == "upsert" and not renewed.broken:
                renewed.wait()

        on.before = before
        renewed.wait()
        renewed.wait()
        on.before = lambda act, table: None
        renewed.abort()


def test_who_lost_the_place_leaves_it_alone() -> None:
    """Leaving after another took over takes nothing from him."""
    on = server()
    with leased(on, "there", settle_s=0) as lease:
        on.upsert(Table.HEADS, [anothers_row()])
        token = row(on)["token"]
        with pytest.raises(IndexBusyError, match="process"):
            lease.check()
    assert row(on)["token"] == token


def test_a_server_that_is_away_when_leaving_is_no_error() -> None:
    """The place then runs out by itself."""
    on = server()
    with leased(on, "there", settle_s=0):
        on.before = failing_at("query", Table.HEADS)
    assert row(on)["token"]


def test_no_attempt_has_the_number_of_another() -> None:
    """A number that was taken is never given again, also where nothing came of it."""
    on, taken = server(), []
    for _ in range(3):
        with leased(on, "there", settle_s=0) as lease:
            taken.append(lease.next_attempt())
            lease.take_attempt(taken[-1])
    with leased(on, "there", settle_s=0) as lease:
        taken.append(lease.next_attempt())  # and not taken
    with leased(on, "there", settle_s=0) as lease:
        taken.append(lease.next_attempt())
        lease.take_attempt(taken[-1])
        with pytest.raises(IndexBusyError):
            lease.take_attempt(taken[-1])
    assert taken == [1, 2, 3, 4, 4]
    assert len(on.find(Table.HEADS, 'key like "attempt/%"')) == 1


def test_an_unreachable_server_is_told() -> None:
    """What the server says comes out as it is."""
    on = server()
    on.before = failing_at("query", Table.HEADS)
    with pytest.raises(UnusableIndexError, match="went away"), leased(on, "there", settle_s=0):
        pass
