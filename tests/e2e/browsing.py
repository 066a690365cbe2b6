"""Looks at the pages as people do: the service as a process of its own, and Debian's Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, WebError, sync_playwright

from tests.e2e import documents
from tests.e2e.command import citewell, served

CHROMIUM = shutil.which("chromium")
WIDTHS = (320, 768, 1280)  # CSS pixels: a small telephone, a tablet, a desktop; the first is also 1280 at 400% zoom
HEIGHT = 800
PATIENCE_MS = 15_000

DOCUMENTS = "documents"
SETTINGS = "citewell.toml"
BODY = "Harrowmere"
CARERS = {
    "2018": "Harrowmere had 112 approved foster carers when inspectors came in spring, eleven fewer than in autumn.",
    "2021": "The number of approved foster carers in Harrowmere rose to 139 after a campaign on market days.",
    "2024": "Harrowmere lost nine foster carers over the year, and 130 approved foster carers are left.",
}
QUESTION = "How many approved foster carers are there in Harrowmere?"
MATTER = "How many foster carers left Ambleford last year?"  # of the PDF, which has pictures of its pages
NOT_TOLD = "Who won the chess tournament on the moon?"
MANIFEST = """\
path,title,publisher,body,published,kind,source
harrowmere/first.txt,Harrowmere: spring inspection,Care Watch,Harrowmere,2018-05-14,inspection,https://example.org/1
harrowmere/second.txt,Harrowmere: focused visit,Care Watch,Harrowmere,2021-09-02,focused visit,https://example.org/2
harrowmere/third.txt,Harrowmere: second inspection,Care Watch,Harrowmere,2024-02-20,inspection,
"""
# What the pages can look like: addresses, with the id of the PDF and of a job where these are needed.
STATES = {
    "home": "/",
    "answer": f"/?q={quote(QUESTION)}",
    "not found": f"/?q={quote(NOT_TOLD)}&k=3",
    "search": f"/?q=foster+carers&do=search&body={BODY}&from=2018&to=2021",
    "error": "/?q=foster&from=soon",
    "documents": "/documents?sort=title",
    "no documents": f"/documents?body={BODY}&year=2022",
    "document": "/documents/{report}?q=school",
    "page": "/documents/{report}/pages/3?spans=348-441",
    "scanned page": "/documents/{report}/pages/7",
    "timeline": f"/timeline?q={quote(QUESTION)}",
    "years": "/timeline",
    "exact": f"/verify?quote={quote(CARERS['2018'])}",
    "altered": f"/verify?quote={quote(CARERS['2018'].replace('112', '121'))}",
    "status": "/status",
    "checked": "/status?check=1",
    "upload": "/upload",
    "job": "/jobs/{job}",
    "sign-in": "/sign-in",
    "help": "/help",
    "accessibility": "/accessibility",
    "missing": "/documents/nothing-of-this-name",
    "docs": "/docs",
}
# What a page does that its policy forbids is an error of its own.
TELLING = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass(frozen=True)
class Site:
    """A running service, and the folder in which its documents, its settings and its index are."""

    folder: Path
    address: str


def write_documents(folder: Path) -> None:
    """Write invented reports in all formats, and three of one body over the years."""
    documents.write_documents(folder)
    (folder / "harrowmere").mkdir()
    for name, carers in zip(("first", "second", "third"), CARERS.values(), strict=True):
        told = f"Report on {BODY}\n\n{documents.FILLER}\n\n{carers}\n\nThe next visit is planned for a later year.\n"
        (folder / "harrowmere" / f"{name}.txt").write_text(told)
    (folder / "manifest.csv").write_text(MANIFEST)


def indexed(folder: Path, *sources: str) -> Path:
    """Index sources, which may be relative to the folder, with the real model into the folder."""
    (folder / SETTINGS).write_text(documents.RULES)
    done = citewell("index", *sources, cwd=folder)
    assert done.returncode in {0, 5}, done.stderr  # 5 says that some files were refused
    return folder


@contextmanager
def serving(folder: Path, *sources: str) -> Iterator[Site]:
    """Serve with the settings in a folder while the block runs."""
    with served(folder, *sources) as (_, address):
        yield Site(folder, address)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run the browser while the block runs, in which no other event loop can. Skips the test without one."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine; Debian's package is `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, site: Site, *, refused: bool = False, **options: Any) -> Iterator[Page]:
    """Open a window of nobody yet, and see that nothing goes wrong in it while the block runs.

    Nothing goes wrong if all requests are to the site, no script fails or opens a dialog, and no page does what its
    policy forbids. Only if `refused`, the site may answer with an error. Options are those of a browser's context.
    """
    wrong: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"{site.address}/", "data:", "blob:")):
            wrong.append(f"a request to {request.url}")

    def on_console(message: ConsoleMessage) -> None:
        is_refusal = "the server responded with a status of 4" in message.text
        if message.type in {"error", "warning"} and not (refused and is_refusal):
            wrong.append(f"on {message.page and message.page.url}: {message.text}")

    def on_error(error: WebError) -> None:
        wrong.append(f"a script failed: {error.error}")

    def on_dialog(dialog: Dialog) -> None:
        wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    given = {"viewport": {"width": WIDTHS[-1], "height": HEIGHT}, **options}
    context = browser.new_context(base_url=site.address, **given)
    context.set_default_timeout(PATIENCE_MS)
    context.on("request", on_request)
    context.on("console", on_console)
    context.on("weberror", on_error)
    context.on("dialog", on_dialog)
    if options.get("java_script_enabled", True):
        context.add_init_script(TELLING)
    try:
        page = context.new_page()
        yield page
        page.title()  # what the browser has told until now has come before this
    finally:
        context.close()
    assert not wrong, "\n".join(wrong)


def open_state(page: Page, state: str) -> None:
    """Open one of the pages."""
    path = STATES[state]
    if "{report}" in path:
        known = page.request.get("/v1/documents").json()["documents"]
        path = path.format(report=next(one["doc_id"] for one in known if one["path"] == "report.pdf"))
    if "{job}" in path:
        path = path.format(job=page.request.post("/v1/sync").json()["id"])
    page.goto(path)
    page.locator("[data-open]").wait_for(state="detached")  # which a job has as long as it runs


def unfold(page: Page) -> None:
    """Open everything that can be opened."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def goes_sideways(page: Page) -> str:
    """Name the elements that make a page wider than the window; empty where none does."""
    found: str = page.evaluate(r"""() => {
      const room = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= room) return "";
      const wide = [...document.body.querySelectorAll("*")]
        .filter((one) => one.getBoundingClientRect().right > room + 1);
      return `${document.documentElement.scrollWidth} > ${room}: ` +
        wide.slice(0, 8).map((one) => `${one.tagName}.${one.className.baseVal ?? one.className}`).join(", ");
    }""")
    return found


def small_targets(page: Page) -> list[str]:
    """Name what can be clicked and is lower or narrower than 24 px, but for links among words (WCAG 2.2, 2.5.8)."""
    found: list[str] = page.evaluate(r"""() => {
      const shown = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: false}) &&
        !one.closest("[hidden], .govuk-visually-hidden, .govuk-skip-link, del, ins");
      const among_words = (one) => {
        if (one.tagName !== "A" || getComputedStyle(one).display !== "inline") return false;
        let block = one.parentElement;
        while (getComputedStyle(block).display === "inline") block = block.parentElement;
        return block.textContent.trim() !== one.textContent.trim();
      };
      const of_label = (one) => one.labels?.[0]?.getBoundingClientRect() ?? {height: 0, width: 0};
      return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
        .filter((one) => shown(one) && !among_words(one))
        .map((one) => [one, one.getBoundingClientRect()])
        .filter(([one, box]) => box.width > 1 && Math.max(box.height, of_label(one).height) < 23.9)
        .map(([one, box]) => `${one.tagName} "${one.textContent.trim().slice(0, 40)}" ${box.width} x ${box.height}`);
    }""")
    return found


def press_tab(page: Page) -> str:
    """Press Tab, check that what has the focus now can be seen to have it, and give its name."""
    page.keyboard.press("Tab")
    name, complaint = page.evaluate(r"""() => {
      const one = document.activeElement;
      if (one === document.body) return ["", ""]; // behind the last thing of the page
      const name = (one.labels?.[0]?.textContent ?? one.textContent).trim().replace(/\s+/g, " ");
      const [box] = one.getClientRects();
      const drawn = one.matches("input:is(.govuk-checkboxes__input, .govuk-file-upload)") ? one.labels[0] : one;
      const style = getComputedStyle(drawn), shape = getComputedStyle(one.querySelector("circle") ?? one);
      const has_outline = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) ||
        style.boxShadow !== "none" || shape.fill === "rgb(255, 221, 0)" ||
        getComputedStyle(drawn, "::before").boxShadow !== "none";
      const [x, y] = [box.x + Math.min(box.width / 2, 20), box.y + Math.min(box.height / 2, 20)];
      const above = document.elementFromPoint(x, y);
      const is_seen = above && (one.contains(above) || above.contains(one) || one.labels?.[0]?.contains(above));
      if (!box.width || !is_seen) return [name, `covered by ${above?.outerHTML.slice(0, 80)} at ${x}, ${y}`];
      return [name, has_outline ? "" : "has no outline"];
    }""")
    assert not complaint, f"on {page.url} {name!r} has the focus and is {complaint}"
    return str(name)
