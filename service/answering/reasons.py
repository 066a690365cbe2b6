"""What was looked through, and why there is no answer or only a part of one, in plain words."""

from collections.abc import Sequence

import numpy as np

from indexer.metadata import body_key
from indexer.records import Document
from service.answering.answer import Searched
from service.answering.choice import Chosen
from service.answering.kinds import Kind
from service.answering.sentences import Sign, Topic
from service.answering.strangers import is_named
from service.candidates import Asked, Generation
from service.catalogue import Catalogue

GIVES = {
    Kind.NUMBER: "gives a number",
    Kind.MONEY: "gives a sum of money",
    Kind.SHARE: "gives a share",
    Kind.DATE: "gives a date",
    Kind.DURATION: "says how long",
    Kind.GRADE: "gives a grade",
    Kind.NAME: "gives a name",
    Kind.TEXT: "answers this",
}


def searched_by(asked: Asked, catalogue: Catalogue) -> Searched:
    """Tell which documents the filters, and the bodies that the question names, leave."""
    documents = _documents(asked, catalogue)
    days = [document.metadata.published for document in documents if document.metadata.published]
    bodies = asked.wanted.bodies if asked.wanted.bodies is not None else asked.reading.bodies()
    return Searched(len(documents), tuple(sorted(bodies)), min(days, default=None), max(days, default=None))


def why_none(asked: Asked, topic: Topic, generation: Generation, name: str | None = None) -> str:
    """Say why there is no answer; `name` is one in the question that is a stranger here."""
    catalogue, reading = generation.catalogue, asked.reading
    searched = searched_by(asked, catalogue)
    if not catalogue.documents and catalogue.day:
        return f"none of the documents here is known to have been published by {catalogue.day}"
    if not catalogue.documents:
        return "the index holds no documents"
    if not searched.documents:
        return "no document here fits the filters and the bodies that are named"
    if name and catalogue.day:  # words are counted over all passages, also those of later reports
        return f"nothing that had been published by {catalogue.day} is about {name}"
    if name and not is_named(name, generation):
        return f"nothing here is about {name}, nor does any of the {_reports(len(catalogue.documents))} name it"
    if name:
        return f"nothing here is about {name}; it is named elsewhere, but not by what is nearest to the question"
    about = catalogue.about(reading) > 0
    timely = catalogue.timely(reading)[catalogue.fitting(asked.wanted) & (about if about.any() else True)]
    named = sorted(asked.wanted.bodies) if asked.wanted.bodies else reading.told_apart(with_kin=True)
    on = f" on {_and(named)}" if named else ""
    if reading.times and not (timely > 0).any():
        return f"no report{on} is of that time; {_published(searched)}"
    if searched.documents == 1:
        return f"the one report{on} that was searched does not say; nothing in it {GIVES[topic.wanted.kind]} for that"
    return (
        f"not mentioned in the {_reports(searched.documents)}{on} that were searched: none {GIVES[topic.wanted.kind]}"
    )


def why_partial(asked: Asked, topic: Topic, chosen: Sequence[Chosen]) -> str | None:
    """Say what is missing of an answer; None where it is whole."""
    reading = asked.reading
    bodies = reading.told_apart()
    missing = [body for body in bodies if body_key(body) not in {one.body for one in chosen}]
    if len(bodies) > 1 and missing:
        return f"found nothing of this on {_and(missing)}"
    if reading.over_time and len({one.best.stored.document.doc_id for one in chosen}) < 2:
        return "only one report was found to say something of this, so a change cannot be told"
    if topic.asks_short and not reading.over_time and not chosen[0].best.value(Sign.KIND):
        return f"the nearest sentences speak of this, but none {GIVES[topic.wanted.kind]}"
    return None


def _documents(asked: Asked, catalogue: Catalogue) -> list[Document]:
    fitting = catalogue.fitting(asked.wanted)
    about = catalogue.about(asked.reading) > 0
    chosen = fitting & about if about.any() else fitting
    return [catalogue.documents[row] for row in np.flatnonzero(chosen)]


def _published(searched: Searched) -> str:
    first, last = searched.published_from, searched.published_to
    if not first:
        return "those here say no date of publication"
    return f"those here were published {f'on {first}' if first == last else f'between {first} and {last}'}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _reports(count: int) -> str:
    return f"{count:,} document" if count == 1 else f"{count:,} documents"
