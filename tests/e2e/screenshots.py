"""Takes the pictures of the pages that the README shows: `python -m tests.e2e.screenshots OUT_DIR`."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.e2e import documents
from tests.e2e.browsing import DOCUMENTS, MATTER, Site, indexed, launched, serving, visiting

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
QUESTION = "How many children in Northamptonshire had no social worker when Ofsted visited in 2018?"
OVER_TIME = "Are children left without a social worker?"
COLOURS = 256  # of a picture
MOST_KB = 200


@dataclass(frozen=True)
class Shot:
    """A picture: what is opened, and the window that it is looked at in."""

    name: str
    path: str
    width: int = 1280
    height: int = 900
    scheme: Literal["light", "dark"] = "light"
    scale: float = 1.0
    then: Callable[[Page], None] | None = None  # what is done before the picture is taken


def take(folder: Path) -> list[Path]:
    """Serve the bundled briefs and an invented report, and take the pictures. Raises AssertionError if one fails."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        home = Path(name)
        (home / DOCUMENTS).mkdir()
        (home / DOCUMENTS / "ambleford.pdf").write_bytes(documents.report())
        with serving(indexed(home, str(CORPUS), DOCUMENTS)) as site, launched() as browser:
            return [_take(browser, site, shot, folder / f"{shot.name}.png") for shot in SHOTS]


def _follow(page: Page) -> None:
    page.locator(".answer blockquote a").first.click()
    page.locator(".view__picture img").evaluate("(one) => one.decode()")
    page.locator(".view-quote").scroll_into_view_if_needed()


SHOTS = (
    Shot("home", "/"),
    Shot("answer", f"/?q={QUESTION}", height=1000),
    Shot("page", f"/?q={MATTER}", then=_follow, height=1250),
    Shot("timeline", f"/timeline?q={OVER_TIME}", height=1250),
    Shot("telephone", f"/?q={QUESTION}", width=390, height=844, scheme="dark", scale=2),
)


def _take(browser: Browser, site: Site, shot: Shot, file: Path) -> Path:
    with visiting(
        browser,
        site,
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        device_scale_factor=shot.scale,
    ) as page:
        page.goto(shot.path)
        if shot.then:
            shot.then(page)
        taken = page.screenshot()
    with Image.open(io.BytesIO(taken)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    assert file.stat().st_size < MOST_KB * 1000, f"{file} is too large"
    return file


if __name__ == "__main__":
    for made in take(Path(sys.argv[1])):
        sys.stdout.write(f"{made} {made.stat().st_size // 1000} kB\n")
