"""Texts, titles, file names and queries that would be markup in a browser, or commands to a terminal."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

from tests.faults.commanding import END
from tests.faults.serving import ROOT, Answer, Service, indexed, posted, request, running

SCRIPTS = (
    "<script>alert({n})</script>",
    "</script><script>alert({n})</script>",
    '"><img src=x onerror=alert({n})>',
    "'><svg/onload=alert({n})>",
    "<svg><animate onbegin=alert({n}) attributeName=x dur=1s>",
    '<iframe srcdoc="<script>alert({n})</script>"></iframe>',
    '<a href="javascript:alert({n})">report {n}</a>',
    "<math><mtext></p><img src onerror=alert({n})>",
    "<body onload=alert({n})><base href=//evil.example/{n}>",
    '<object data="data:text/html,alert({n})">',
    "<style>@import '//evil.example/{n}'</style>",
    "<!--<img src=--><img src=x onerror=alert({n})//>",
    "]]><script>alert({n})</script>",
    "<details open ontoggle=alert({n})>",
    '<noscript><p title="</noscript><img src=x onerror=alert({n})>">',
    "&lt;script&gt;alert({n})&lt;/script&gt;<b>{n}</b>",
    "\\u003cscript\\u003ealert({n})<x onclick=alert({n})>",
    "<scr\u2028ipt>alert({n})</scr\u2028ipt><u>{n}</u>",
    "<ScRiPt >prompt({n})</ScRiPt>",
    "<input autofocus onfocus=alert({n})>",
)
STEERING = (
    "\x1b[2J\x1b[1;1H",  # clears the screen
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07",  # writes the clipboard
    "\x1bP$q\x1b\\",
    "\x1b_Gi=1\x1b\\",
    "\x1b[5n\x1b[c\x1bc",
    "\x9b31m\x9d0;x\x9c",
    "\rcitewell: all is well",
    "\nRefused: nothing at all",
    "\b\b\b\x7f\x08\x0b\x0c\x0e\x0f",
    "\u202eevil\u202c\u2066x\u2069\u2067y\u2068z\u2069",
    "\u200e\u200f\u061c\u200b\u200d\u2060\ufeff",
    "\u2028\u2029\x85",
    "\U000e0001\U000e0041\U000e007f",
    "\ufff9a\ufffab\ufffb",
)
# What may steer: bold and the progress bar's colours, its line being wiped, and what a terminal makes of a line feed.
SHOWN = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|1A|2K)|\r(?=[\n\x1b])")


@dataclass(frozen=True)
class Planted:
    """What was looked at, and what was wrong with it."""

    looked_at: int
    complaints: tuple[str, ...]


def scripts(count: int) -> list[str]:
    """Make payloads, each told from the others by its number."""
    return [SCRIPTS[n % len(SCRIPTS)].format(n=n) for n in range(count)]


def planted(folder: Path, payloads: Sequence[str]) -> Path:
    """Index a collection of which a third of the payloads are texts, a third titles, and a third file names."""
    reports, rows = {}, io.StringIO()
    manifest = csv.DictWriter(rows, ["path", "title", "body", "kind"])
    manifest.writeheader()
    for n, payload in enumerate(payloads):
        name = f"{n} {payload}".replace("/", "\u2215").replace("\u2028", "") if n % 3 == 2 else f"{n}.txt"
        name = name if n % 3 < 2 else f"{name}.txt"
        reports[name] = f"Report {n} says {payload if n % 3 == 0 else 'little'} of gardens."
        if n % 3 == 1:
            manifest.writerow({"path": name, "title": payload, "body": f"Body {payload}", "kind": payload})
    return indexed(folder, reports, rows.getvalue())


def in_browser(folder: Path, count: int, *, bug: str = "") -> Planted:
    """Plant payloads, ask for everything that could bring them back, and read all answers as a browser might."""
    payloads = scripts(count)
    complaints: list[str] = []
    looked_at = 0
    with running(planted(folder, payloads), bug=bug) as service:
        for payload, answer in _answers(service, payloads):
            looked_at += 1
            complaints += (f"{complaint}: {payload}" for complaint in _read_as_page(answer))
        texts = json.dumps([service.get(f"/v1/search?q={n}+gardens&k=100").json for n in range(0, count, 25)])
        titles = {one["metadata"]["title"] for one in service.get("/v1/documents").json["documents"]}
    # The payloads did come back, and to the letter.
    absent = [one for n, one in enumerate(payloads) if n % 3 == 1 and " ".join(one.split()) not in titles]
    if absent or "alert" not in texts:
        complaints.append(f"the payloads are not in the answers, so nothing was tested: {absent[:3]}")
    return Planted(looked_at, tuple(complaints))


def _answers(service: Service, payloads: Sequence[str]) -> Iterator[tuple[str, Answer]]:
    documents = service.get("/v1/documents")
    yield "all documents", documents
    for document in documents.json["documents"]:
        for target in (f"/v1/documents/{document['doc_id']}", f"/v1/documents/{document['doc_id']}/pages/1"):
            yield document["path"], service.get(target)
    for payload in payloads:
        quoted = quote(payload, safe="")
        yield payload, service.get(f"/v1/search?q={quoted}&explain=true")
        for target in (
            f"/v1/search?q=x&body={quoted}",
            f"/v1/documents/{quoted}",
            f"/{quoted}",
            f"/v1/search?{quoted}=1",
        ):
            yield payload, service.get(target)
        for raw in (posted(json.dumps({"q": "x", payload: payload}).encode()), request("GET", f"/{payload}"[:99])):
            answer = service.ask(raw)
            assert answer
            yield payload, answer


class _Page(HTMLParser):
    """Counts what a browser would make of a text if it were a page."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.made.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a tag."""
        self.made.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        """Note a comment."""
        self.made.append("comment")

    def handle_decl(self, decl: str) -> None:
        """Note a declaration."""
        self.made.append("declaration")


def _read_as_page(answer: Answer) -> Iterator[str]:
    page = _Page()
    page.feed(answer.body.decode())
    page.close()
    if page.made or b"<" in answer.body:
        yield f"read as a page it has {page.made}"
    if answer.headers["content-type"] not in {"application/json", "application/problem+json"}:
        yield f"it comes as {answer.headers['content-type']}"
    if answer.headers.get("x-content-type-options") != "nosniff":
        yield "a browser may guess what it is"
    if "default-src 'none'" not in answer.headers.get("content-security-policy", ""):
        yield "a browser may run what is in it"


# --- terminals


def on_terminal(folder: Path, *, bug: str = "") -> Planted:
    """Run the commands on a collection full of steering signs, at a terminal, and look at every sign they print."""
    marks = "".join(map(chr, steering_signs()))
    payloads = [*STEERING, marks[:100], marks[100:]]
    reports, rows = {}, io.StringIO()
    manifest = csv.DictWriter(rows, ["path", "title", "body", "kind", "publisher"])
    manifest.writeheader()
    for n, payload in enumerate(payloads):
        text = payload.replace("\f", "")  # which would begin a page
        reports[f"{n}.txt"] = f"Report {n} tells {text} of gardens and {text[::-1]} of bees."
        reports[f"bad {n} {payload}.txt".replace("/", "\u2215").replace("\0", "")[:60]] = (
            "A name that nobody should trust."
        )
        reports[f"refused {n}.txt"] = f"!{payload}"
        manifest.writerow(
            {"path": f"{n}.txt", "title": f"T {text}", "body": f"B {text}", "kind": f"K {text}", "publisher": text}
        )
    for path, text in {**reports, "manifest.csv": rows.getvalue()}.items():
        file = folder / "reports" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
    evil = STEERING[0] + STEERING[-5]
    commands = [
        ["index", str(folder / "reports")],
        ["index", str(folder / f"no {evil}")],
        ["status"],
        ["status", "--json"],
        ["search", "gardens and bees", "-k", "100", "--explain"],
        ["search", "gardens and bees", "-k", "100", "--json"],
        ["search", "gardens", "--body", f"B {evil}"],
        ["search", f"gardens --{evil}", f"--{evil}"],
        *(["show", f"{n}.txt", "--spans", "0-20"] for n in range(0, len(payloads), 6)),
        ["show", "1.txt", "--json"],
        ["show", evil],
        ["eval", str(folder / f"{evil}.jsonl")],
        [evil],
    ]
    complaints: list[str] = []
    shown = _at_terminal(commands, folder, bug).split(f"{END}\r\n")
    assert len(shown) == len(commands) + 1, shown
    for command, part in zip(commands, shown, strict=False):
        if found := sorted({f"U+{ord(char):04X}" for char in SHOWN.sub("", part) if _steers(char)}):
            complaints.append(f"{command[0]} prints {', '.join(found[:20])}: {command}")
        if "\nRefused: nothing at all" in part or "Traceback" in part:
            complaints.append(f"{command[0]} prints a line that a document made up, or a trace: {part[-300:]!r}")
    return Planted(sum(map(len, shown)), tuple(complaints))


def steering_signs() -> list[int]:
    """Give all controls, formats and separators of Unicode, but for NUL and those that end a line."""
    kinds = {"Cc", "Cf", "Zl", "Zp"}
    return [
        code for code in range(1, 0x110000) if unicodedata.category(chr(code)) in kinds and chr(code) not in "\n\r\f"
    ]


def _steers(char: str) -> bool:
    return char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _at_terminal(commands: Sequence[Sequence[str]], folder: Path, bug: str) -> str:
    """Run commands whose output goes to a terminal, and give what they wrote there."""
    ours, its = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    settings = {"TERM": "xterm-256color", "CITEWELL_INDEX": str(folder / "index"), "XDG_CONFIG_HOME": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.commanding", json.dumps(commands)],
        cwd=ROOT,
        env={**kept, **settings, "PLANTED_BUG": bug, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    data = b""
    try:
        while part := os.read(ours, 65536):
            data += part
    except OSError:  # which is how a terminal says that nobody writes to it any more
        pass
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return data.decode(errors="surrogateescape")
