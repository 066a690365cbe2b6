"""Who asks, what they may do, and how often; told before the body of a request is read."""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import floor
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.errors import CitewellError, InputError
from indexer.settings import Limits, Settings
from service.keys import Key, Keys, KeysError, Role
from service.logs import log
from service.sessions import Sessions

CALLER = "citewell.caller"  # where a request's scope has the Caller
ACCESS = "citewell.access"  # where it has the Access, for the page on which people sign in
BESIDE = "citewell.beside"  # where it has headers that go with the answer, whoever gives it
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

OPEN = frozenset({"/healthz", "/readyz", "/favicon.ico", "/sign-in", "/sign-out"})  # need no key
OPEN_FOLDER = "/static/"
SIGNING = frozenset({"/sign-in", "/sign-out"})
WRITING_PAGES = ("/upload", "/jobs")  # beginnings of the pages that only those may see who may write
READING_POSTS = frozenset({"/v1/search", "/v1/ask", "/v1/verify", "/v1/receipts", "/v1/receipts/check", "/verify"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # methods
WRONG_KEYS_PER_MINUTE = 20  # of one address
_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip"})
_NAME = re.compile("[a-z0-9_.-]+")
MAKE_A_KEY = "make an API key with `citewell keys add NAME --role write`"


class UnauthorizedError(CitewellError):
    """What is asked for needs a key, and none or no good one came."""

    headers: Mapping[str, str] = {"www-authenticate": 'Bearer realm="citewell"'}


class ForbiddenError(CitewellError):
    """Whoever asks may not do this."""

    headers: Mapping[str, str] = {}


class TooManyError(CitewellError):
    """Whoever asks has asked too often; the time until the next one is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers: Mapping[str, str] = {"retry-after": str(retry_after)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do."""

    name: str | None  # of the key
    role: Role | None
    may_read: bool
    may_write: bool
    has_keys: bool  # the service has keys, so that signing in would help


NOBODY = Caller(None, None, may_read=False, may_write=False, has_keys=False)  # where it is not asked who


class Access:
    """Passes on only what the caller may do, with the caller in the scope.

    Reading needs a key, writing one with that role; where there are no keys at all, everybody may read what listens
    on this machine only, and this machine itself may write. Each key, and each address without one, may ask so often
    in a minute; that is counted by each worker of a service for itself.

    Raises UnauthorizedError, ForbiddenError, TooManyError, which have in `headers` what is sent beside the answer,
    and KeysError. What BESIDE has in the scope goes with every answer.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys, limits: Limits, open_reading: bool, sessions: Sessions) -> None:
        self._app = app
        self._keys = keys
        self._open_reading = open_reading
        self._sessions = sessions
        self._rates = Rates(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            scope[ACCESS] = self
            with _telling_the_log():
                scope[CALLER] = self._admitted(scope)
        await self._app(scope, receive, send)

    def sign_in(self, scope: Scope, text: str) -> str:
        """Begin a session with a key, and give the Set-Cookie header.

        Raises UnauthorizedError, TooManyError, KeysError.
        """
        with _telling_the_log():
            key = self._key(text.strip(), scope)
        forwarded = Headers(scope=scope).get("x-forwarded-proto")  # can only make the cookie more careful
        return self._sessions.cookie(key, secure="https" in {scope["scheme"], forwarded})

    def sign_out(self) -> str:
        """Give the Set-Cookie header that ends a session."""
        return self._sessions.clearing()

    def _admitted(self, scope: Scope) -> Caller:
        path, headers = scope["path"], Headers(scope=scope)
        is_change = changes(scope["method"], path)
        if is_change:
            check_own_page(headers)
        if is_open(path) and path not in SIGNING:
            return NOBODY
        has_keys = self._keys.any
        key = self._signed_in(headers) if has_keys else None
        if path in SIGNING:
            return self._caller(key, scope, has_keys=has_keys)
        if has_keys:
            key = self._sent(headers, scope) or key
        if has_keys or not is_local(scope):  # so that a benchmark on one's own machine measures the service
            left = self._rates.count(f"key {key.id}" if key else address_of(scope), is_change=is_change)
            scope[BESIDE] = left.headers()
            if left.is_over:
                raise TooManyError("this is asked too often; try again later", left.reset_s)
        # Also of one who is refused, since the page that says so may offer to sign in.
        caller = scope[CALLER] = self._caller(key, scope, has_keys=has_keys)
        _check_right(caller, is_write=is_change or path.startswith(WRITING_PAGES))
        return caller

    def _caller(self, key: Key | None, scope: Scope, *, has_keys: bool) -> Caller:
        if has_keys:
            may_write = key is not None and key.role is Role.WRITE
            may_read = key is not None or self._open_reading
        else:
            # From elsewhere it can be reached only if there were keys at its start; that they are gone opens nothing.
            may_write, may_read = is_local(scope), not _is_elsewhere(scope)
        name, role = (key.name, key.role) if key else (None, None)
        return Caller(name, role, may_read=may_read, may_write=may_write, has_keys=has_keys)

    def _sent(self, headers: Headers, scope: Scope) -> Key | None:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        # Another scheme is meant for a proxy before us.
        return self._key(text.strip(), scope) if scheme.lower() == "bearer" else None

    def _signed_in(self, headers: Headers) -> Key | None:
        key_id = self._sessions.key_id("; ".join(headers.getlist("cookie")))
        return self._keys.known(key_id) if key_id else None

    def _key(self, text: str, scope: Scope) -> Key:
        """Find a key, or count a wrong one.

        A good one is good also after many wrong ones: nobody guesses 256 bits, but whoever is behind the same proxy
        could otherwise keep all others out.
        """
        if key := self._keys.find(text):
            return key
        left = self._rates.count_wrong_key(address_of(scope))
        if left.is_over:
            raise TooManyError("too many wrong API keys came from this address; try again later", left.reset_s)
        raise _unauthorized()


@contextmanager
def _telling_the_log() -> Iterator[None]:
    """Keep from strangers what is wrong with which file."""
    try:
        yield
    except KeysError as error:
        log(logging.ERROR, str(error), {})
        raise KeysError("the service cannot tell who may ask; its log says why") from None


# --- what a request is


def is_open(path: str) -> bool:
    """Tell whether an address needs no key."""
    return path in OPEN or path.startswith(OPEN_FOLDER)


def changes(method: str, path: str) -> bool:
    """Tell whether a request is made to change something: every one that is not known to read."""
    return method not in SAFE and not (method == "POST" and path in READING_POSTS)


def check_own_page(headers: Headers) -> None:
    """Raise ForbiddenError where a request comes from a web page of another site, which may not even see the answer.

    By what browsers say of each request (Fetch Metadata, and the Origin of RFC 6454); programs say neither.
    """
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    is_own = origin is None or origin.lower().rpartition("://")[2] == headers.get("host", "").lower()
    if site not in {"none", "same-origin"} or not is_own:
        raise ForbiddenError(
            "a page of another site may not change anything here; use the service's own page, and if a proxy is in "
            "front, have it pass on the Host header as it came"
        )


def is_local(scope: Scope) -> bool:
    """Tell whether a request comes from this machine, and from no proxy on it that says so of itself."""
    address = _address(scope)
    headers = [name.decode("latin-1").lower() for name, _ in scope["headers"]]
    is_passed_on = any(name in _OF_PROXIES or name.startswith("x-forwarded-") for name in headers)
    return address is not None and address.is_loopback and not is_passed_on


def address_of(scope: Scope) -> str:
    """Name what requests without a key are counted by: a client's address, or 64 bits of it in IPv6.

    The other 64 a client chooses by itself (RFC 4291, section 2.5.4).
    """
    address = _address(scope)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return f"address {address}"


def _is_elsewhere(scope: Scope) -> bool:
    address = _address(scope)
    return address is not None and not address.is_loopback


def _address(scope: Scope) -> IPv4Address | IPv6Address | None:
    """Read the client's address, None where there is none, as over a Unix socket."""
    try:
        address = ip_address((scope.get("client") or [""])[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


# --- what follows


def _check_right(caller: Caller, *, is_write: bool) -> None:
    """Raise UnauthorizedError or ForbiddenError where the caller may not do it."""
    if caller.may_write if is_write else caller.may_read:
        return
    if not caller.has_keys:
        raise ForbiddenError(f"without API keys only this machine itself may do this; {MAKE_A_KEY}")
    if caller.role is None:
        raise _unauthorized()
    raise ForbiddenError("this API key may only read; use one with the role `write`")


def _unauthorized() -> UnauthorizedError:
    """Say the same of no key, a wrong one and one that is gone."""
    return UnauthorizedError("this needs a good API key; send it as `Authorization: Bearer KEY`, or sign in with it")


class Left(NamedTuple):
    """What is left of a limit."""

    limit: int  # requests in a minute
    remaining: int
    reset_s: int  # seconds until there is one more
    is_over: bool

    def headers(self) -> dict[str, str]:
        """Write it as headers (draft-ietf-httpapi-ratelimit-headers-06)."""
        fields = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset_s}
        return {f"ratelimit-{name}": str(value) for name, value in fields.items()}


class Rates:
    """Counts requests in a sliding minute, in memory."""

    def __init__(self, limits: Limits) -> None:
        # The library's moving window would be more exact, but never forgets an address (limits 5.8).
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._reads = RateLimitItemPerMinute(limits.reads_per_minute, namespace="reads")
        self._writes = RateLimitItemPerMinute(limits.writes_per_minute, namespace="writes")
        self._wrong_keys = RateLimitItemPerMinute(WRONG_KEYS_PER_MINUTE, namespace="wrong keys")

    def count(self, who: str, *, is_change: bool) -> Left:
        """Count a request of a key or an address."""
        return self._count(self._writes if is_change else self._reads, who)

    def count_wrong_key(self, who: str) -> Left:
        """Count a wrong key of an address."""
        return self._count(self._wrong_keys, who)

    def _count(self, item: RateLimitItemPerMinute, who: str) -> Left:
        is_over = not self._limiter.hit(item, who)
        reset, remaining = self._limiter.get_window_stats(item, who)
        # One second more than the whole ones, since at the very moment there is none yet.
        return Left(item.amount, remaining, floor(max(0.0, reset - time.time())) + 1, is_over)


# --- where the service listens


def hosts_of(settings: Settings, keys: Keys) -> tuple[str, ...]:
    """Give the hosts that the service may be asked by, as they stand in a Host header without the port.

    Raises InputError where it may not listen, and KeysError.
    """
    address = settings.host.strip("[]").lower()
    host = _host(address) if address else ""
    try:
        is_loopback, is_wildcard = ip_address(address).is_loopback, ip_address(address).is_unspecified
    except ValueError:
        is_loopback, is_wildcard = address == "localhost", not address
    if not is_loopback and not keys.any:
        raise InputError(
            f"without API keys the service listens on this machine only, not on {settings.host}; {MAKE_A_KEY}, "
            "or put a proxy that checks who asks in front of it"
        )
    if is_wildcard and not settings.hosts:
        raise InputError(
            f"the service is asked by names that {settings.host or 'no address'} does not tell; "
            'list them in the setting `hosts`, as ["search.example.org"]'
        )
    named = [_host(name) for name in settings.hosts]
    return tuple(dict.fromkeys([*LOOPBACK, *([] if is_wildcard else [host]), *named]))


def _host(name: str) -> str:
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        if not _NAME.fullmatch(name.lower()):
            raise InputError(f"{name!r} is no name of a host; write it without scheme, port and path") from None
        return name.lower()
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
