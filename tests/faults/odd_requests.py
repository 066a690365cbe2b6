"""Requests that no honest client sends: about as many of each kind as `KINDS` says."""

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from tests.faults.serving import posted, request

CANARY = "kanari"  # in everything that is sent, and never in the log
FINE, WRONG, ABSENT, UNREADABLE = {200}, {422}, {404}, {400}
ANY_REFUSAL = {400, 404, 405, 408, 413, 422, 431}


@dataclass(frozen=True)
class Attempt:
    """What is sent, and the statuses that may come back; 0 stands for hanging up without an answer."""

    name: str
    pieces: tuple[bytes, ...]
    allowed: frozenset[int]
    pause_s: float = 0.0

    @property
    def is_head(self) -> bool:
        """Tell whether the answer has no body."""
        return self.pieces[0].startswith(b"HEAD ")


def own(count: int, seed: int) -> list[Attempt]:
    """Make attempts of our own list, each kind about as often as its place in `KINDS` says."""
    rng = random.Random(seed)
    makers = [maker for maker, weight in KINDS for _ in range(weight)]
    once = [maker(rng) for maker, _ in KINDS]  # whatever the count, nothing is left out
    return list(islice([*once, *(rng.choice(makers)(rng) for _ in range(count - len(once)))], count))


def _attempt(name: str, allowed: set[int], *pieces: bytes, pause_s: float = 0.0) -> Attempt:
    return Attempt(name, pieces, frozenset(allowed), pause_s)


def _get(name: str, target: str, allowed: set[int], *headers: str) -> Attempt:
    return _attempt(name, allowed, request("GET", target, headers))


def _search(name: str, text: str, allowed: set[int], more: str = "") -> Attempt:
    return _get(name, f"/v1/search?q={quote(text, errors='surrogatepass')}{more}", allowed)


def _json(name: str, fields: object, allowed: set[int]) -> Attempt:
    return _attempt(name, allowed, posted(json.dumps(fields).encode()))


def _ordinary_search(rng: random.Random) -> Attempt:
    words = rng.choices(
        "school budget foster carers bees Redbrook Bluehill 2019 since visits".split(), k=rng.randint(1, 9)
    )
    fields = {"q": f"{CANARY} {' '.join(words)}", "k": rng.randint(1, 100), "explain": rng.random() < 0.5}
    fields |= rng.choice([{}, {"body": "Redbrook"}, {"from": "2018"}, {"to": "2020-02"}, {"mode": "lexical"}])
    return _json("ordinary", fields, FINE)


def _odd_text(rng: random.Random) -> Attempt:
    text = rng.choice(
        [
            "\0",
            f"school\0{CANARY}",
            "scho\u0301ol cafe\u0301 " * 3,
            "\u202eloohcs\u202c \u2066x\u2069 \u200f\u200e\u061c",
            "\u05d0\u05d1 \u0627\u0644\u0645\u062f\u0631\u0633\u0629",
            "e" + "\u0301" * 900,
            "\ufeffschool\ufffe\uffff",
            "\U000e0001\U000e0073\U0010ffff",
            "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randint(1, 60)))
            .encode(errors="replace")
            .decode(),
            '"' * rng.randint(1, 99) + "-" * rng.randint(1, 99),
            "-" + " -".join(["x"] * rng.randint(1, 300)),
            '"' + '" "'.join(["x"] * rng.randint(1, 200)),
            "AND OR NOT (school) ^2 title:x [a TO b] ~5 *:* \\",
            "'; DROP TABLE documents; --",
            "in 2019 " * rng.randint(1, 100),
            "Redbrook Bluehill " * rng.randint(1, 50),
        ]
    )
    text = f"{text} {CANARY}"[:1000]
    return rng.choice([_search("odd text", text, FINE | WRONG), _json("odd text", {"q": text}, FINE | WRONG)])


def _half_pairs(rng: random.Random) -> Attempt:
    bodies = [
        rb'{"q": "kanari \ud800"}',
        rb'{"q": "kanari \udfff\ud800"}',
        rb'{"q": "x", "body": ["\ud83d"]}',
        rb'{"q": "x", "\ud83dkanari": 1}',
        b'{"q": "kanari \xed\xa0\x80"}',
        b'{"q": "\xc0\xaf\xff\xfe kanari"}',
        '{"q": "kanari"}'.encode("utf-16"),
        '{"q": "kanari"}'.encode("utf-32"),
        b'\xef\xbb\xbf{"q": "kanari"}',
    ]
    if rng.random() < 0.3:
        return _get("half pairs", f"/v1/search?q={CANARY}%ed%a0%80%ff&body=%ed%b0%80", WRONG)
    return _attempt("half pairs", FINE | WRONG | UNREADABLE, posted(rng.choice(bodies)))


def _odd_k(rng: random.Random) -> Attempt:
    value = rng.choice(
        [
            *f"{10**18} -1 0 101 NaN Infinity -Infinity 1e400 1.5 1e-5 0x10 --1 null [] {{}}".split(),
            *("9" * 5000, "-" + "9" * 400, '"many"', '"\u0661\u0660x"', '""'),
        ]
    )
    if rng.random() < 0.5:
        return _search("odd k", CANARY, WRONG, f"&k={quote(value.strip(chr(34)))}")
    return _attempt("odd k", WRONG | UNREADABLE, posted(f'{{"q": "{CANARY}", "k": {value}}}'.encode()))


def _deep_json(rng: random.Random) -> Attempt:
    depth = rng.choice([10, 500, 900, 980, 1000, 3000, 10_000])
    opening, closing = rng.choice([("[", "]"), ('{"q":', "}"), ('[{"kanari":', "}]")])
    deep = opening * depth + "1" + (closing * depth if rng.random() < 0.7 else "")
    body = rng.choice(
        [deep, f'{{"q": {deep}}}', f'{{"q": "x", "body": [{deep}]}}', f'{{"q": "x", "kanari": {deep}}}']
    )
    return _attempt("deep JSON", WRONG | UNREADABLE | {413}, posted(body.encode()))


def _broken_json(rng: random.Random) -> Attempt:
    body = bytearray(f'{{"q": "{CANARY} school", "k": 5, "body": ["Redbrook"], "explain": true}}'.encode())
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(body))
        body[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 3))
    return _attempt("broken JSON", FINE | WRONG | UNREADABLE, posted(bytes(body)))


def _large_body(rng: random.Random) -> Attempt:
    size = rng.choice([65_537, 70_000, 300_000, 1_200_000, 10_000_000])
    filled = rng.choice([b"a", b"\xcc\x81", b" ", b"[", b"9", b"\0"]) * size
    body = (b'{"q": "kanari ' + filled)[:size]
    if rng.random() < 0.5:
        return _attempt("large body", {413}, posted(body))
    chunk = rng.choice([1000, 65_536, 1_000_000])
    head = request("POST", "/v1/search", ["Content-Type: application/json", "Transfer-Encoding: chunked"])
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for at in range(0, size, chunk) if (part := body[at : at + chunk])
    )
    return _attempt("large chunked body", {413}, head + chunks + b"0\r\n\r\n")


def _long_query(rng: random.Random) -> Attempt:
    sign = rng.choice(["a", "e\u0301", "\u0301", "\u202e", "\U0001f600", "a ", '"a" ', "-a "])
    text = f"{CANARY} {sign * 20_000}"[: rng.choice([1001, 2000, 10_000])]
    return _attempt("long query", WRONG, posted(json.dumps({"q": text}, ensure_ascii=False).encode()))


def _many_names(rng: random.Random) -> Attempt:
    names = [f"{CANARY}{number}" for number in range(rng.choice([21, 100, 1500]))]
    fields = {"q": CANARY, rng.choice(["body", "kind"]): names}
    return _json("many names", fields, WRONG)


def _many_fields(rng: random.Random) -> Attempt:
    count = rng.choice([20, 200, 2000])
    if rng.random() < 0.5:
        return _json("many fields", {"q": "x", **{f"{CANARY}{n}": n for n in range(count)}}, WRONG)
    return _get("many fields", "/v1/search?q=x" + "".join(f"&{CANARY}{n}=1" for n in range(count)), WRONG | {431})


def _odd_dates(rng: random.Random) -> Attempt:
    digits = "".join(rng.choices(string.digits + "-/ .\u0661\u00b2", k=rng.randint(1, 20)))
    day = rng.choice(
        ["0000", "9999-99", "-1", "2018-02-30", "1e4", CANARY, "\0", digits, "31 kanari 2019", "9" * 190]
    )
    return _json("odd dates", {"q": "school", rng.choice(["from", "to", "as_of"]): day}, FINE | WRONG)


def _traversal(rng: random.Random) -> Attempt:
    up = rng.choice(
        ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%c0%ae%c0%ae%c0%af", "..%252f", "%uff0e%uff0e/"]
    )
    up = rng.choice([up, "....//", "..;/", "%00/", "/", "//", "./", "%e2%80%a5/"]) if rng.random() < 0.3 else up
    goal = rng.choice(["secret.txt", "etc/passwd", "C:%5cwindows%5cwin.ini", "C:/secret.txt", "proc/self/environ"])
    goal = rng.choice([goal, "index/store.sqlite", "file:///etc/passwd", "%2fetc%2fpasswd%00.txt", "..%2f" + CANARY])
    path = f"{up * rng.randint(1, 12)}{goal}{rng.choice(['', '', '%00', '%20', '/', '::$DATA'])}"
    if rng.random() < 0.5:
        path = "".join(f"%{ord(char):02X}" if rng.random() < 0.2 and char.isalpha() else char for char in path)
        path = path.replace("%%", "%25%")
    start = rng.choice(["/v1/documents/", "/v1/documents/", "/", "/v1/", "/static/", "/v1/documents/x/pages/"])
    end = rng.choice(["", "", "/pages/1", "/pages/1?spans=0-9"])
    return _get("traversal", f"{start}{path}{end}", ABSENT | WRONG)


def _wrong_methods(rng: random.Random) -> Attempt:
    method = rng.choice(
        [*"PUT DELETE PATCH OPTIONS TRACE CONNECT PROPFIND HEAD get G QUERY XYZZY".split(), "A" * 500]
    )
    target = rng.choice(["/v1/search?q=kanari", "/v1/documents", "/healthz", "/", "/kanari", "*"])
    return _attempt("wrong method", ABSENT | {405}, request(method, target))


def _wrong_types(rng: random.Random) -> Attempt:
    kind = rng.choice(
        [
            *"text/plain application/x-www-form-urlencoded application/xml text/html */* x".split(),
            *("multipart/form-data; boundary=x", "application/json; charset=utf-16", "a" * 2000, "\xff\xfe", ""),
        ]
    )
    header = [f"Content-Type: {kind}", rng.choice(["Content-Encoding: gzip", "X-Kanari: 1", "Accept: image/png"])]
    return _attempt("wrong type", FINE | WRONG | UNREADABLE, posted(b'{"q": "kanari"}', *header))


def _double_headers(rng: random.Random) -> Attempt:
    first, second = rng.choice(
        [
            ("Host: localhost", "Host: localhost"),
            ("Host: localhost", "Host: evil.example"),
            ("Content-Length: 15", "Content-Length: 16"),
            ("Content-Length: 15", "Content-Length: 15"),
            ("Content-Type: application/json", "Content-Type: text/plain"),
            ("Content-Length: 15, 15", "X: kanari"),
            ("Content-Length: -1", "X: kanari"),
            ("Content-Length: +15", "X: kanari"),
            ("Content-Length: 0x0f", "X: kanari"),
            ("Content-Length: 1" + "0" * 30, "X: kanari"),
            ("Content-Length:", "X: kanari"),
        ]
    )
    lines = ["POST /v1/search HTTP/1.1", first, second, "Connection: close", "", ""]
    if not first.startswith("Host"):
        lines.insert(1, "Host: localhost")
    if not first.startswith("Content-Length"):
        lines.insert(1, "Content-Length: 15")
    raw = "\r\n".join(lines).encode() + b'{"q": "kanari"}'
    return _attempt("double headers", FINE | WRONG | UNREADABLE | {413}, raw)


def _broken_percents(rng: random.Random) -> Attempt:
    broken = rng.choice(
        ["%", "%z", "%zz", "%u0041", "%0", "%%%", "%-1", "%00", "%0d%0aX:1", "%ff%fe", "+%2", "&&==&", ";"]
    )
    target = rng.choice(
        [f"/v1/search?q={broken}kanari", f"/v1/documents/{broken}", f"/{broken}", f"/v1/search?{broken}"]
    )
    return _get("broken percents", target, FINE | ABSENT | WRONG)


def _smuggling(rng: random.Random) -> Attempt:
    post = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
    smuggled = b"GET /kanari HTTP/1.1\r\nHost: localhost\r\n\r\n"
    raw = rng.choice(
        [
            post + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
            post + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + smuggled + b"\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
            post + b"X: y\r\n Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: chunked\r\n\r\nkanari\r\n",
            post + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
            post + b"Transfer-Encoding: chunked\r\n\r\n2;a=" + b"b" * 40_000 + b"\r\n{}\r\n0\r\n\r\n",
            post
            + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX: "
            + b"y" * 40_000
            + b"\r\n\r\n",
            post + b"Content-Length: 2\r\n\r\n{}" + smuggled,
            b"GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\n\r\nHost: localhost\r\n\r\n",
            b"GET http://evil.example/kanari HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET //evil.example/kanari HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET /healthz\r\n\r\n",
            b"GET /kanari\t HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /\xff\xc3\xa4kanari HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /healthz HTTP/9.9\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n: empty\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost@evil.example:80\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            rng.randbytes(200) + b"\r\n\r\n",
        ]
    )
    return _attempt("not quite HTTP", FINE | ANY_REFUSAL, raw)


def _odd_headers(rng: random.Random) -> Attempt:
    header = rng.choice(
        [
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2FuYXJp",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
            "Expect: 100-continue",
            "Expect: kanari",
            "Range: bytes=0-1,5-999999",
            "X-Forwarded-For: kanari, 127.0.0.1",
            "X-Forwarded-Host: evil.example",
            "Forwarded: for=kanari",
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /kanari",
            "Cookie: kanari=" + "1" * 4000,
            "Authorization: Bearer kanari",
            "Origin: http://evil.example",
            "Accept-Encoding: gzip;q=nan, *;q=1e99",
            "If-None-Match: *",
            "traceparent: kanari",
            "baggage: kanari=" + "%00" * 1000,
        ]
    )
    return _attempt("odd headers", FINE, request("GET", "/v1/search?q=school&k=1", [header]))


def _long_head(rng: random.Random) -> Attempt:
    size = rng.choice([33_000, 70_000, 400_000, 2_000_000])
    return rng.choice(
        [
            _get("long address", f"/v1/search?q={CANARY}{'a' * size}", {400, 431}),
            _get("long path", f"/v1/documents/{CANARY}{'a' * size}", {400, 431}),
            _get("long header", "/healthz", {400, 431}, f"X: {CANARY}{'a' * size}"),
            _get("many headers", "/healthz", {400, 431}, *[f"X{number}: kanari" for number in range(size // 10)]),
        ]
    )


def _slow(rng: random.Random) -> Attempt:
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    pieces = rng.choice(
        [
            (b"GET /kanari", b" HTTP/1.1\r\nHo", b"st: ", b"local"),
            (head + b"Content-Length: 100\r\n\r\n", b'{"q"', b': "kan', b"ari"),
            (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n", b"1\r\n", b'"'),
            (head, b"X: y\r\n", b"X: y\r\n", b"X: y\r\n"),
        ]
    )
    return _attempt("slow", {408}, *pieces, pause_s=0.4)


def _pipelined(rng: random.Random) -> Attempt:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return _attempt("pipelined", FINE, one * rng.randint(2, 30) + rng.choice([b"", b"GET /kanari", b"\0\0\r\n\r\n"]))


def _odd_pages(rng: random.Random) -> Attempt:
    number = rng.choice([str(10**18), "-1", "0", "1.0", "one", "9" * 5000, "\u0661", "%00", "NaN", "1%2f..", " 1"])
    spans = rng.choice(["", "5", "1-2,", "a-b", "0-" + "9" * 30, ",".join(["0-1"] * 900), "-1-2", CANARY, "%00-1"])
    return _get("odd pages", f"/v1/documents/{CANARY}/pages/{quote(number, safe='%')}?spans={spans}", ABSENT | WRONG)


Maker = Callable[[random.Random], Attempt]
KINDS: tuple[tuple[Maker, int], ...] = (
    (_ordinary_search, 8),
    (_odd_text, 12),
    (_half_pairs, 5),
    (_odd_k, 6),
    (_deep_json, 5),
    (_broken_json, 6),
    (_large_body, 2),
    (_long_query, 3),
    (_many_names, 2),
    (_many_fields, 3),
    (_odd_dates, 5),
    (_traversal, 40),
    (_wrong_methods, 5),
    (_wrong_types, 4),
    (_double_headers, 4),
    (_broken_percents, 5),
    (_smuggling, 6),
    (_odd_headers, 4),
    (_long_head, 2),
    (_slow, 1),
    (_pipelined, 1),
    (_odd_pages, 4),
)
