"""Makes a document of a file's pages: everything that a sync stores of it but the vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.encoder import Encoder
from indexer.errors import DocumentRefusedError, Refusal
from indexer.furniture import find_furniture
from indexer.judgements import find_judgements
from indexer.metadata import dated_by_name, found_in_text, merge, stated_by_front_matter, stated_by_path
from indexer.passages import cut
from indexer.recommendations import find_recommendations
from indexer.records import Document, Extracted, Findings, Metadata, Page, Passage, Removal
from indexer.settings import Settings
from indexer.shards import Job


@dataclass(frozen=True, slots=True)
class Draft:
    """What became of a file, all but its vectors."""

    job: Job
    document: Document
    pages: tuple[Page, ...]
    removals: tuple[Removal, ...]
    passages: list[Passage]


def make(
    job: Job, extracted: Extracted, settings: Settings, encoder: Encoder, known: Metadata | None = None
) -> Draft:
    """Make a document of a file's pages. Raises DocumentRefusedError where it has no text.

    What is `known` of it already is not looked for again.
    """
    pages, source = extracted.pages, job.source
    removals = find_furniture(pages)
    metadata = known or _metadata(job, extracted, settings)
    passages = cut(pages, removals, metadata, encoder, aim=settings.passage_tokens)
    if not passages:
        raise DocumentRefusedError(Refusal.EMPTY, "the file has no text beside page numbers and the like")
    texts = {page.number: page.text for page in pages}
    for passage in passages:
        assert passage.text == "\n".join(texts[s.page][s.start : s.end] for s in passage.spans)
    document = Document(
        doc_id=source.doc_id,
        root=source.root,
        path=source.path,
        sha256=job.sha256,
        size=job.size,
        format=extracted.format,
        reader=extracted.reader,
        pages=len(pages),
        metadata=metadata,
        needs_ocr=tuple(page.number for page in pages if page.needs_ocr),
        notes=extracted.notes,
        findings=_findings(pages, removals, metadata),
    )
    return Draft(job, document, pages, removals, passages)


def _metadata(job: Job, extracted: Extracted, settings: Settings) -> Metadata:
    found = merge(
        stated_by_front_matter(job.source.stated),
        stated_by_front_matter(extracted.stated) if extracted.format == "markdown" else Metadata(),
        stated_by_path(job.source.path, settings.path_rules),
        found_in_text(extracted, settings.kinds),
    )
    return merge(found, dated_by_name(job.source.path, found))


def _findings(pages: Sequence[Page], removals: Sequence[Removal], metadata: Metadata) -> Findings:
    framework, judgements = find_judgements(pages, metadata)
    return Findings(framework, judgements, find_recommendations(pages, removals))
