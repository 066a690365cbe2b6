"""Pictures of pages with what is quoted marked, made from the kept files in a child process; the last ones stay."""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import sha256
from math import ceil
from pathlib import Path
from threading import Lock

from indexer.errors import DocumentRefusedError, InputError, NotFoundError, Refusal
from indexer.extract import Readers
from indexer.extract.characters import raw_runs
from indexer.originals import original
from indexer.records import Document, Page, Picture, Span, Version
from indexer.settings import Settings
from indexer.sources import folder_of
from service.citation import page_link

WIDTH, USUAL_WIDTH, MOST_WIDTH = 200, 1000, 2000  # pixels
MOST_KEPT = 32 * 2**20  # bytes of pictures that stay in memory; some 300 usual ones
_DRAWN_BY = "pypdfium2 "  # pypdf, which reads what PDFium cannot, counts characters in another way
_FULL = 0x10000  # the first character that a PDF reader may have as two

Key = tuple[Version, str, int, tuple[tuple[int, int], ...], int]


class NoPictureError(NotFoundError):
    """There is no picture of this page."""


class Pictures:
    """Draws pages of PDFs. Threads may share it: those that want the same picture at a time have it drawn once.

    Close it at the end, which stops its process.
    """

    def __init__(self, settings: Settings) -> None:
        self._index = settings.index
        # Nobody waits longer for an answer, so a file that keeps the process busy is given up by then.
        wall_s = min(settings.parse_wall_s, ceil(settings.limits.answer_s))
        self._readers = Readers(settings.model_copy(update={"parse_workers": 1, "parse_wall_s": wall_s}))
        self._lock = Lock()  # for the rest
        self._version: Version | None = None  # that all kept pictures are of
        self._kept: OrderedDict[Key, Picture] = OrderedDict()  # the last used one last
        self._under_way: dict[Key, Future[Picture]] = {}

    def draw(
        self,
        version: Version,
        document: Document,
        page: Page,
        spans: Sequence[tuple[int, int]],
        width: int = USUAL_WIDTH,
    ) -> Picture:
        """Draw a page with some places `[start, end)` of its stored text marked, `width` pixels wide.

        What is drawn is given as of a version of the store: who draws for seconds while the store is being read would
        keep a sync from wiping what was removed. A page that was read in another way than it is drawn has no marks.
        Raises InputError for another width, NotFoundError where there is no picture or no file to draw it from.
        """
        if not WIDTH <= width <= MOST_WIDTH:
            raise InputError(f"a picture of {width} pixels is not drawn; it must be {WIDTH} to {MOST_WIDTH} wide")
        places = tuple(sorted(set(spans)))
        link = page_link(document.doc_id, page.number, tuple(Span(page.number, *place) for place in places))
        if document.format != "pdf":
            raise NoPictureError(f"only PDF documents have pictures; its text is at {link}")
        key = (version, document.sha256, page.number, places, width)
        with self._lock:
            self._follow(version)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            drawing, is_mine = self._under_way.get(key), False
            if drawing is None:
                drawing = self._under_way[key] = Future()
                is_mine = True
        if is_mine:
            try:
                drawing.set_result(self._drawn(document, page, places, width, link))
            except BaseException as error:  # noqa: BLE001 - raised below, and for those who wait for it too
                drawing.set_exception(error)
            self._keep(key, drawing)
        return drawing.result()

    def close(self) -> None:
        """Stop the process and let go of all pictures."""
        self._readers.close()
        with self._lock:
            self._kept.clear()

    def _follow(self, version: Version) -> None:
        """Let go of the pictures of another version, so that nothing of a removed document stays."""
        if version != self._version:
            self._kept.clear()
            # An older one is that of a request from before a sync, for which nothing is kept.
            if self._version is None or version.generation >= self._version.generation:
                self._version = version

    def _keep(self, key: Key, drawing: Future[Picture]) -> None:
        with self._lock:
            del self._under_way[key]
            if drawing.exception() is None and key[0] == self._version:
                self._kept[key] = drawing.result()
                while sum(len(picture.png) for picture in self._kept.values()) > MOST_KEPT:
                    self._kept.popitem(last=False)

    def _drawn(
        self, document: Document, page: Page, places: Sequence[tuple[int, int]], width: int, link: str
    ) -> Picture:
        data = file_of(self._index, document)
        known = places if document.reader.startswith(_DRAWN_BY) else ()
        runs = [run for start, end in known for run in raw_runs(page.raw_map, start, end)]
        wanted = "".join(page.text[at] for at in sorted({at for place in known for at in range(*place)}))
        try:
            picture = self._readers.draw(data, page.number, runs, width)
            if _letters(picture.marked) != _letters(wanted):  # another edition of PDFium counts in another way
                picture = self._readers.draw(data, page.number, (), width)
        except DocumentRefusedError as refused:
            why = "takes too much to draw" if refused.code is Refusal.RESOURCES else f"is not drawn: {refused}"
            raise NoPictureError(f"page {page.number} of `{document.path}` {why}; its text is at {link}") from refused
        return picture


def has_pictures(index: Path, document: Document) -> bool:
    """Tell whether pages of a document are likely to be drawn with what is marked on them."""
    is_drawn = document.format == "pdf" and document.reader.startswith(_DRAWN_BY)
    return is_drawn and any(path.is_file() for path in _files(index, document))


def file_of(index: Path, document: Document) -> bytes:
    """Return the file that a document was read from: the kept copy, or its source as long as that is the same.

    Raises NotFoundError where neither is there.
    """
    for path in _files(index, document):
        try:
            if path.is_file() and path.stat().st_size == document.size:
                data = path.read_bytes()
                if sha256(data).hexdigest() == document.sha256:
                    return data
        except OSError:  # as good as gone
            continue
    raise NotFoundError(
        f"no copy of `{document.path}` is kept, and its source has gone or changed; its text is still in the index"
    )


def _files(index: Path, document: Document) -> tuple[Path, Path]:
    return original(index, document.sha256), folder_of(document.root, index) / document.path


def _letters(text: str) -> list[str]:
    """Give what the cleaned and the raw text of a place have in common, letters and digits."""
    return [char for char in text if char.isalnum() and ord(char) < _FULL]
