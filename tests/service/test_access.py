"""Who may do what, from where and how often, at the middleware itself: no server, no sockets."""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Message, Scope

from indexer.errors import CitewellError, InputError
from indexer.settings import Limits, Settings
from service import access as of_access
from service.access import (
    ACCESS,
    BESIDE,
    CALLER,
    Access,
    Caller,
    ForbiddenError,
    TooManyError,
    UnauthorizedError,
    address_of,
    changes,
    check_own_page,
    hosts_of,
    is_local,
    is_open,
)
from service.keys import Keys, KeysError, Role
from service.sessions import Sessions

HERE, THERE = ("127.0.0.1", 50_000), ("192.0.2.7", 50_000)
SECRET = b"a secret of the service"
READS = [("GET", "/"), ("GET", "/v1/search"), ("HEAD", "/v1/documents"), ("OPTIONS", "/v1/ask"), ("GET", "/metrics")]
READS += [("POST", f"/v1/{name}") for name in ("search", "ask", "verify", "receipts")]
WRITES = [
    ("POST", "/v1/documents"),
    ("DELETE", "/v1/documents/x"),
    ("POST", "/v1/sync"),
    ("PUT", "/"),
    ("PATCH", "/x"),
]
WRITES += [("DELETE", "/v1/search"), ("POST", "/v1/search/"), ("POST", "/v1/search\n"), ("BREW", "/v1/search")]
WRITING_PAGES = [("GET", path) for path in ("/upload", "/upload/", "/upload\n", "/uploads", "/jobs", "/jobs/7")]
OPEN = ["/healthz", "/readyz", "/favicon.ico", "/sign-in", "/sign-out", "/static/page.css"]
Asked = list[tuple[str, str]]


class Door:
    """An Access with an application behind it that only notes what comes."""

    def __init__(self, folder: Path, *, open_reading: bool = False, **limits: int) -> None:
        self.path = folder / "keys.json"
        self.keys = Keys(self.path)
        self.sessions = Sessions(SECRET)
        self.passed = 0
        self.scope: Scope = {}
        self._access = Access(
            self._inner, keys=self.keys, limits=Limits(**limits), open_reading=open_reading, sessions=self.sessions
        )

    async def _inner(self, scope: Scope, receive: object, send: object) -> None:
        self.passed += 1

    def ask(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        client: tuple[str, int] | None = HERE,
        key: str | None = None,
        more: Mapping[str, str] = {},
        **headers: str,
    ) -> Caller:
        """Send a request; give who the application was told it comes from."""
        headers = {"host": "localhost:8000", **headers, **more, **({"authorization": f"Bearer {key}"} if key else {})}
        sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": sent,
            "client": client,
            "scheme": "http",
        }

        async def receive() -> Message:
            raise AssertionError("nothing is read of a request before it is known who sends it")

        async def send(message: Message) -> None:
            raise AssertionError("answers are given by others")

        asyncio.run(self._access(self.scope, receive, send))
        caller = self.scope[CALLER]
        assert isinstance(caller, Caller)
        return caller

    def refused(self, **asked: Any) -> CitewellError:
        """Send a request that is refused; give the error."""
        passed = self.passed
        with pytest.raises(CitewellError) as raised:
            self.ask(**asked)
        assert self.passed == passed
        return raised.value

    @property
    def left(self) -> Mapping[str, str]:
        """What the answer to the last request carries."""
        return dict(self.scope.get(BESIDE, {}))


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.fixture
def reader(door: Door) -> str:
    return door.keys.add("reader", Role.READ)[1]


@pytest.fixture
def writer(door: Door) -> str:
    return door.keys.add("writer", Role.WRITE)[1]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give a function that sets the clock, in seconds from the beginning of some minute."""
    start = time.time() // 60 * 60 + 60

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: start + seconds)

    return set_clock


# --- without keys


@pytest.mark.parametrize(("method", "path"), [*READS, *WRITES, *WRITING_PAGES])
def test_without_keys_this_machine_may_do_everything(door: Door, method: str, path: str) -> None:
    """It is one's own machine, and nothing else can reach the service."""
    caller = door.ask(method, path)
    assert caller == Caller(None, None, may_read=True, may_write=True, has_keys=False)
    assert door.passed == 1


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-real-ip", "via", "x-forwarded-host"])
@pytest.mark.parametrize(("method", "path"), [*WRITES, *WRITING_PAGES])
def test_without_keys_nobody_writes_through_a_proxy(door: Door, method: str, path: str, header: str) -> None:
    """A proxy's own address tells nothing of who is behind it; reading is still for everybody."""
    passed_on = {header: "127.0.0.1"}
    assert not door.ask(more=passed_on).may_write
    error = door.refused(method=method, path=path, more=passed_on)
    assert isinstance(error, ForbiddenError)
    assert "`citewell keys add NAME --role write`" in str(error)


@pytest.mark.parametrize("client", [None, ("", 0), ("testclient", 1)])
def test_without_keys_nobody_writes_from_nowhere(door: Door, client: tuple[str, int] | None) -> None:
    """Whose address is not known may read alone."""
    assert door.ask("POST", "/v1/ask", client=client) == Caller(
        None, None, may_read=True, may_write=False, has_keys=False
    )
    assert isinstance(door.refused(method="POST", path="/v1/sync", client=client), ForbiddenError)


@pytest.mark.parametrize("host", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "0.0.0.0"])
def test_without_keys_nobody_elsewhere_may_do_anything(door: Door, host: str) -> None:
    """The service was begun with keys, or it could not be reached from there; that they are gone opens nothing."""
    for method, path in [*READS, *WRITES]:
        assert isinstance(door.refused(method=method, path=path, client=(host, 1)), ForbiddenError)


def test_a_key_that_is_sent_to_a_service_without_keys_is_not_looked_at(door: Door) -> None:
    """A program may always send the one it has."""
    assert door.ask(key="cw_0123456789abcdef_x").may_write


def test_without_keys_this_machine_is_not_limited(tmp_path: Path) -> None:
    """So that one can measure the service on it; whoever comes through a proxy is."""
    door = Door(tmp_path, reads_per_minute=2, writes_per_minute=2)
    for method in ("GET", "POST"):
        for _ in range(5):
            door.ask(method, "/v1/documents")
            assert door.left == {}
    for _ in range(2):
        door.ask(x_forwarded_for="192.0.2.7")
    assert isinstance(door.refused(x_forwarded_for="192.0.2.7"), TooManyError)


# --- with keys


@pytest.mark.parametrize(("method", "path"), READS)
@pytest.mark.parametrize("client", [HERE, THERE, None])
def test_reading_needs_a_key(  # noqa: PLR0917 - the table's columns come last
    door: Door, reader: str, writer: str, method: str, path: str, client: tuple[str, int] | None
) -> None:
    """Any one, and also on this machine, since a proxy may be there."""
    asked: dict[str, Any] = {"method": method, "path": path, "client": client}
    error = door.refused(**asked)
    assert isinstance(error, UnauthorizedError)
    assert error.headers == {"www-authenticate": 'Bearer realm="citewell"'}
    assert door.scope[CALLER] == Caller(None, None, may_read=False, may_write=False, has_keys=True)
    assert door.ask(**asked, key=reader) == Caller("reader", Role.READ, may_read=True, may_write=False, has_keys=True)
    assert door.ask(**asked, key=writer) == Caller("writer", Role.WRITE, may_read=True, may_write=True, has_keys=True)


@pytest.mark.parametrize(("method", "path"), [*WRITES, *WRITING_PAGES])
@pytest.mark.parametrize("open_reading", [False, True])
def test_writing_needs_a_key_with_that_role(tmp_path: Path, method: str, path: str, *, open_reading: bool) -> None:
    """None at all is told from one that may only read, also where reading is open to all."""
    door = Door(tmp_path, open_reading=open_reading)
    reader, writer = (door.keys.add(role, role)[1] for role in (Role.READ, Role.WRITE))
    for client in (HERE, THERE):
        asked: dict[str, Any] = {"method": method, "path": path, "client": client}
        assert isinstance(door.refused(**asked), UnauthorizedError)
        error = door.refused(**asked, key=reader)
        assert isinstance(error, ForbiddenError)
        assert "the role `write`" in str(error)
        assert door.ask(**asked, key=writer).may_write


def test_reading_can_be_open_to_all(tmp_path: Path) -> None:
    """Then a key is asked for where something is to be changed, and a wrong one is still told to be wrong."""
    door = Door(tmp_path, open_reading=True)
    door.keys.add("one", Role.READ)
    for method, path in READS:
        caller = door.ask(method, path, client=THERE)
        assert caller == Caller(None, None, may_read=True, may_write=False, has_keys=True)
    assert isinstance(door.refused(key="wrong"), UnauthorizedError)


def test_all_bad_keys_are_answered_alike(door: Door, reader: str) -> None:
    """Nobody learns whether there is such an id, or was; nor from having sent none."""
    gone, gone_text = door.keys.add("gone", Role.WRITE)
    door.keys.remove(gone.id)
    tried = [reader[:-1], reader + "x", gone_text, "cw_0123456789abcdef_x", "nonsense", "é", "x" * 5000]
    errors = [door.refused(key=text) for text in tried] + [door.refused(), door.refused(authorization="Bearer")]
    assert {(type(error), str(error), tuple(vars(error))) for error in errors} == {
        (UnauthorizedError, str(errors[0]), ())
    }
    for error in errors:
        assert not any(text in str(error) for text in tried)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_the_scheme_may_be_written_in_any_way(door: Door, reader: str, form: str) -> None:
    """As RFC 9110 has it."""
    assert door.ask(authorization=form.format(reader)).name == "reader"


def test_credentials_of_a_proxy_are_none_of_ours(door: Door, reader: str) -> None:
    """They neither let anybody in nor count as a wrong key."""
    basic = "Basic dXNlcjpwYXNz"
    assert isinstance(door.refused(authorization=basic), UnauthorizedError)
    cookie = door.sessions.cookie(door.keys.list()[0], secure=False)
    for _ in range(30):
        assert door.ask(authorization=basic, cookie=cookie).name == "reader"


def test_a_key_that_is_sent_counts_before_a_session(door: Door, reader: str, writer: str) -> None:
    """Whoever sends one means it, also if it is wrong."""
    cookie = door.sessions.cookie(door.keys.list()[1], secure=False)
    assert door.ask(key=reader, cookie=cookie).name == "reader"
    assert isinstance(door.refused(key="wrong", cookie=cookie), UnauthorizedError)


def test_a_removed_key_ends_at_once(door: Door, reader: str, writer: str) -> None:
    """With the next request, as do the sessions begun with it."""
    other = Keys(door.path)
    key = door.keys.list()[1]
    cookie = door.sessions.cookie(key, secure=False)
    assert door.ask("POST", "/v1/sync", key=writer).may_write
    assert door.ask("POST", "/v1/sync", cookie=cookie).may_write
    other.remove("writer")
    assert isinstance(door.refused(key=writer), UnauthorizedError)
    assert isinstance(door.refused(cookie=cookie), UnauthorizedError)
    other.remove("reader")
    assert isinstance(door.refused(client=THERE), ForbiddenError)


def test_a_damaged_file_of_keys_lets_nobody_in(door: Door, reader: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even to read; the log has what is wrong, and strangers are told nothing of files. Health still answers."""
    door.path.write_text("{")
    with caplog.at_level(logging.ERROR, "citewell"):
        for asked in ({}, {"key": reader}, {"path": "/sign-in"}):
            error = door.refused(**asked)
            assert isinstance(error, KeysError)
            assert str(door.path) not in str(error)
            assert error.__cause__ is None
        with pytest.raises(KeysError, match="its log says why"):
            door.scope[ACCESS].sign_in(door.scope, reader)
    assert [str(door.path) in one.getMessage() for one in caplog.records] == [True] * 4
    door.ask(path="/healthz")


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_some_addresses_are_open(door: Door, reader: str, method: str, path: str) -> None:
    """Health, what a page looks like, and signing in: without a key, with a wrong one, and as often as one likes."""
    for _ in range(30):
        door.ask(method, path, client=THERE, key="wrong")
    assert door.left == {}


@pytest.mark.parametrize("path", ["/healthz/", "/healthz\n", "/static", "/Static/x", "//static/x", "/sign-in/x", ""])
def test_what_is_only_like_an_open_address_is_not_open(door: Door, reader: str, path: str) -> None:
    """An address is open as it stands and in no other way."""
    assert not is_open(path)
    assert isinstance(door.refused(path=path), UnauthorizedError)


def test_the_page_to_sign_in_on_knows_who_is_signed_in(door: Door, reader: str) -> None:
    """So that it can say so; others are told nothing, and may nothing."""
    cookie = door.sessions.cookie(door.keys.list()[0], secure=False)
    assert door.ask(path="/sign-in", cookie=cookie).name == "reader"
    assert door.ask(path="/sign-in") == Caller(None, None, may_read=False, may_write=False, has_keys=True)


@given(st.text(), st.text())
def test_what_is_not_known_to_read_is_a_change(method: str, path: str) -> None:
    """Any other method at any address needs the right to write."""
    known = method in {"GET", "HEAD", "OPTIONS"} or (method, path) in READS
    assert changes(method, path) == (not known)


def test_only_requests_over_http_are_looked_at(door: Door) -> None:
    """The start and stop of the server pass."""
    asyncio.run(door._access({"type": "lifespan"}, None, None))  # type: ignore[arg-type] # which nobody calls
    assert door.passed == 1


# --- pages of other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "same-origin, cross-site"},
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8001"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:8000.example.org"},
        {"origin": "http://localhost:8000@example.org"},
        {"origin": "http://["},
        {"origin": "http://localhost:8000", "sec_fetch_site": "cross-site"},
        {"origin": "https://example.org", "sec_fetch_site": "same-origin"},
        {"origin": "null", "host": ""},
    ],
)
def test_a_page_of_another_site_changes_nothing(door: Door, headers: dict[str, str]) -> None:
    """On this machine without keys, with a session or a key, and when signing in or out; it may have us read."""

    def check(paths: Asked, **more: str) -> None:
        for method, path in paths:
            error = door.refused(method=method, path=path, **headers, **more)
            assert isinstance(error, ForbiddenError)
            assert "a page of another site" in str(error)

    check(WRITES)
    key, text = door.keys.add("writer", Role.WRITE)
    cookie = door.sessions.cookie(key, secure=False)
    check([*WRITES, ("POST", "/sign-in"), ("POST", "/sign-out")], cookie=cookie)
    check(WRITES, key=text)
    for method, path in [*READS, *WRITING_PAGES]:
        assert door.ask(method, path, cookie=cookie, more=headers).may_write


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
        {"origin": "http://localhost:8000"},
        {"origin": "https://localhost:8000"},  # a proxy before us speaks TLS
        {"origin": "http://LOCALHOST:8000", "sec_fetch_site": "same-origin"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
        {"origin": "https://search.example.org", "host": "search.example.org"},
    ],
)
def test_our_own_page_and_programs_are_no_other_site(door: Door, headers: dict[str, str]) -> None:
    """A browser says that it is the same site; a program says nothing."""
    for method, path in WRITES:
        assert door.ask(method, path, more=headers).may_write


@given(st.text(), st.text(min_size=1))
def test_no_origin_is_ours_but_our_own(host: str, origin: str) -> None:
    """Whatever is sent as either, without an error."""
    headers = Headers(
        {"host": host.encode("utf-8").decode("latin-1"), "origin": origin.encode("utf-8").decode("latin-1")}
    )
    try:
        check_own_page(headers)
    except ForbiddenError:
        return
    assert headers["origin"].lower().endswith(headers["host"].lower())


# --- sessions


def test_signing_in_begins_a_session(door: Door, writer: str) -> None:
    """With what a browser then sends, one may do what the key may."""
    door.ask(path="/sign-in", method="POST")
    cookie = door.scope[ACCESS].sign_in(door.scope, f" {writer}\n")
    assert "Secure" not in cookie
    assert door.ask("POST", "/v1/sync", cookie=cookie.partition(";")[0]).name == "writer"
    assert "Max-Age=0" in door.scope[ACCESS].sign_out()


@pytest.mark.parametrize("more", [{"scheme": "https"}, {"headers": [(b"x-forwarded-proto", b"https")]}])
def test_a_session_over_tls_is_never_sent_without(door: Door, reader: str, more: Mapping[str, Any]) -> None:
    """Also where a proxy before us speaks TLS."""
    door.ask(path="/sign-in")
    assert "; Secure" in door.scope[ACCESS].sign_in({**door.scope, **more}, reader)


def test_two_headers_of_cookies_are_read(door: Door, reader: str) -> None:
    """As a proxy may split them."""
    cookie = door.sessions.cookie(door.keys.list()[0], secure=False).partition(";")[0]
    door.ask(path="/sign-in")
    headers = [(b"host", b"localhost"), (b"cookie", b"a=b"), (b"cookie", cookie.encode())]
    assert door._access._signed_in(Headers(raw=headers)) == door.keys.list()[0]


# --- how often


def test_a_key_may_ask_so_often_in_a_minute(tmp_path: Path, at: Callable[[float], None]) -> None:
    """Reads and writes are counted apart, other keys and addresses as well, and each answer tells what is left."""
    door = Door(tmp_path, reads_per_minute=3, writes_per_minute=2)
    one, two = (door.keys.add(name, Role.WRITE)[1] for name in ("one", "two"))
    at(0.5)
    for left in (2, 1, 0):
        door.ask(key=one, client=HERE)
        assert door.left == {"ratelimit-limit": "3", "ratelimit-remaining": str(left), "ratelimit-reset": "60"}
    error = door.refused(key=one, client=THERE)
    assert isinstance(error, TooManyError)
    assert (error.retry_after, error.headers) == (60, {"retry-after": "60"})
    assert door.left == {"ratelimit-limit": "3", "ratelimit-remaining": "0", "ratelimit-reset": "60"}
    for left in (1, 0):
        door.ask("POST", "/v1/sync", key=one)
        assert (door.left["ratelimit-limit"], door.left["ratelimit-remaining"]) == ("2", str(left))
    assert isinstance(door.refused(method="POST", path="/v1/sync", key=one), TooManyError)
    door.ask(key=two)
    door.ask("GET", "/upload", key=two)
    assert door.left["ratelimit-remaining"] == "1"  # a page that is looked at is a read


@pytest.mark.parametrize("begins", [0.25, 20.5, 59.0])
def test_who_waits_as_told_is_heard(tmp_path: Path, at: Callable[[float], None], begins: float) -> None:
    """After the seconds of Retry-After there is one more, and over minutes about as many as allowed."""
    door = Door(tmp_path, reads_per_minute=5)
    key = door.keys.add("one", Role.READ)[1]
    now, heard = begins, 0
    while now < begins + 300:
        at(now)
        try:
            door.ask(key=key)
            heard += 1
        except TooManyError as error:
            now += error.retry_after
            at(now)
            door.ask(key=key)
            heard += 1
    assert 5 * 4 <= heard <= 5 * 7  # in parts of seven minutes


def test_without_a_key_an_address_is_counted(tmp_path: Path) -> None:
    """Each by itself; in IPv6 a network, whose addresses one client has all; what is refused counts as well."""
    door = Door(tmp_path, open_reading=True, reads_per_minute=2, writes_per_minute=1)
    door.keys.add("one", Role.READ)
    for same in (["192.0.2.7", "::ffff:192.0.2.7"], ["2001:db8::1", "2001:db8::2:3"]):
        for host in same:
            door.ask(client=(host, 1))
        for host in same:
            assert isinstance(door.refused(client=(host, 2)), TooManyError)
    for host in ("192.0.2.8", "2001:db8:0:1::1"):
        assert door.ask(client=(host, 1)).may_read
    assert isinstance(door.refused(method="POST", path="/v1/sync", client=("192.0.2.8", 1)), UnauthorizedError)
    assert isinstance(door.refused(method="POST", path="/v1/sync", client=("192.0.2.8", 1)), TooManyError)


def test_twenty_wrong_keys_a_minute_are_enough(door: Door, reader: str, at: Callable[[float], None]) -> None:
    """Whether they were sent or signed in with; others, and good keys from that address, are heard all the same."""
    at(0.5)
    door.ask(path="/sign-in", client=THERE)
    signing = dict(door.scope)
    for _ in range(10):
        assert isinstance(door.refused(key="wrong", client=THERE), UnauthorizedError)
        with pytest.raises(UnauthorizedError):
            signing[ACCESS].sign_in(signing, "wrong")
    error = door.refused(key="wrong", client=THERE)
    assert isinstance(error, TooManyError)
    assert error.headers == {"retry-after": "60"}
    with pytest.raises(TooManyError, match="too many wrong API keys"):
        signing[ACCESS].sign_in(signing, "wrong")
    assert door.ask(key=reader, client=THERE).may_read
    assert signing[ACCESS].sign_in(signing, reader)
    assert isinstance(door.refused(key="wrong", client=HERE), UnauthorizedError)
    at(120.5)
    assert isinstance(door.refused(key="wrong", client=THERE), UnauthorizedError)


def test_of_a_thousand_wrong_keys_none_is_good(door: Door, reader: str, at: Callable[[float], None]) -> None:
    """Nearly all of them are not even told that they are wrong."""
    at(0.5)
    wrong = (
        reader[:-1] + sign + str(number) for number, sign in enumerate(itertools.islice(itertools.cycle("ab"), 1000))
    )
    told = [type(door.refused(key=text, client=THERE)) for text in wrong]
    assert (told.count(UnauthorizedError), told.count(TooManyError)) == (20, 980)
    assert door.passed == 0


def test_who_has_gone_is_forgotten(tmp_path: Path, at: Callable[[float], None]) -> None:
    """The counts of thousands of addresses do not stay for good."""
    rates = of_access.Rates(Limits())
    at(0.5)
    for number in range(500):
        rates.count(f"address {number}", is_change=False)
    assert len(_counted(rates)) == 500
    at(1000)
    end = time.monotonic() + 10
    while len(_counted(rates)) > 2 and time.monotonic() < end:
        rates.count("address", is_change=False)
        time.sleep(0.02)  # the library clears up in a thread, a hundredth of a second later
    assert len(_counted(rates)) <= 2


def _counted(rates: of_access.Rates) -> list[str]:
    storage = rates._limiter.storage
    return list(storage.storage) + list(storage.events)  # type: ignore[attr-defined] # of the one in memory


# --- addresses


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("0.0.0.0", False),
        ("fe80::1%eth0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_this_machine_is_told_by_its_address(host: str, is_here: bool) -> None:
    """By an address and by nothing that a client could have written."""
    assert is_local({"client": (host, 1), "headers": []}) == is_here


def test_who_has_no_address_is_counted_as_one() -> None:
    """Over a Unix socket nobody has."""
    assert address_of({"client": None}) == address_of({}) == address_of({"client": ("x", 1)})


# --- where the service listens


@pytest.fixture
def no_keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "none.json")


@pytest.fixture
def some_keys(tmp_path: Path) -> Keys:
    keys = Keys(tmp_path / "some.json")
    keys.add("one", Role.READ)
    return keys


LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]", "0:0:0:0:0:0:0:1"])
def test_without_keys_it_listens_on_this_machine(no_keys: Keys, host: str) -> None:
    """By all its names, and further ones that a proxy on it may use."""
    assert hosts_of(Settings(host=host), no_keys) == LOOPBACK
    named = Settings(host=host, hosts=("Search.Example.org", "localhost"))
    assert hosts_of(named, no_keys) == (*LOOPBACK, "search.example.org")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "[::]", "192.0.2.7", "2001:db8::1", "search.example.org", "0"])
def test_without_keys_it_listens_nowhere_else(no_keys: Keys, host: str) -> None:
    """Whatever hosts are named; the message says what to do."""
    with pytest.raises(InputError, match=r"listens on this machine only, not on .*`citewell keys add NAME"):
        hosts_of(Settings(host=host, hosts=("search.example.org",)), no_keys)


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("Search.Example.org", "search.example.org"),
        ("127.0.0.2", "127.0.0.2"),
    ],
)
def test_with_keys_it_listens_anywhere(some_keys: Keys, host: str, answered: str) -> None:
    """It answers for that address and this machine, written as browsers do."""
    assert hosts_of(Settings(host=host), some_keys) == (*LOOPBACK, answered)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "[::]"])
def test_on_all_addresses_it_must_know_its_names(some_keys: Keys, host: str) -> None:
    """Else a web page could give it any name (DNS rebinding)."""
    with pytest.raises(InputError, match=r"list them in the setting `hosts`"):
        hosts_of(Settings(host=host), some_keys)
    settings = Settings(host=host, hosts=("search.example.org", "192.0.2.7", "2001:db8::1"))
    assert hosts_of(settings, some_keys) == (*LOOPBACK, "search.example.org", "192.0.2.7", "[2001:db8::1]")


@pytest.mark.parametrize("name", ["", "http://example.org", "example.org:8000", "example.org/x", "*", "a b", "é.org"])
def test_a_host_is_named_as_it_is_asked_by(some_keys: Keys, name: str) -> None:
    """What could never stand in a Host header without its port is told, and not just never answered."""
    with pytest.raises(InputError, match="is no name of a host"):
        hosts_of(Settings(hosts=(name,)), some_keys)


def test_keys_that_cannot_be_read_keep_it_from_listening(some_keys: Keys, tmp_path: Path) -> None:
    """It is never taken for having none, or any."""
    (tmp_path / "some.json").chmod(0o644)
    with pytest.raises(KeysError, match="chmod 600"):
        hosts_of(Settings(host="192.0.2.7"), some_keys)
