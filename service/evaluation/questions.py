"""Question files: what is asked, and where the answer stands.

One JSON object a line: `{"id": ..., "type": ..., "question": ..., "answers": [...], "evidence": [{"path": ...,
"page": ..., "quote": ...}]}`; `answers` and `quote` may be left out, other fields are for people and other programs.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indexer.errors import InputError

Line = TypeVar("Line", bound=BaseModel)


class QuestionType(StrEnum):
    """What kind of answer a question wants, hence what counts as having found it."""

    FACTUAL = "factual"  # one place; several entries of evidence are alternatives
    EXPLANATORY = "explanatory"  # likewise
    TEMPORAL = "temporal"  # every document named, since the answer compares them
    THEMATIC = "thematic"  # as many of the documents named as possible
    UNANSWERABLE = "unanswerable"  # nothing; what is found should have low scores
    QUERY = "query"  # of a public retrieval set: its documents, each with its gain


@dataclass(frozen=True, slots=True)
class Evidence:
    """A page that holds the answer, or a part of it."""

    path: str  # relative to the indexed folder
    page: int
    gain: float = 1.0
    quotes: tuple[str, ...] = ()  # the words on the page that say it


@dataclass(frozen=True, slots=True)
class Question:
    """One question and where its answer stands."""

    id: str
    type: QuestionType
    text: str
    evidence: tuple[Evidence, ...]
    answers: tuple[str, ...] = ()  # ways to say the right answer in short

    @property
    def documents(self) -> tuple[str, ...]:
        """Paths of the documents named in the evidence, each once."""
        return tuple(dict.fromkeys(one.path for one in self.evidence))


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one source, in its order."""

    name: str  # of the file or folder
    all: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        """Tell whether two runs asked the same: hash of everything that the figures depend on."""
        return sha256(json.dumps([asdict(one) for one in self.all]).encode()).hexdigest()


def read_questions(path: Path, limit: int | None = None) -> Questions:
    """Read a question file, at most the first `limit` questions of it.

    Raises InputError naming the file, the line and what is wrong with it.
    """
    found: dict[str, Question] = {}
    for number, line in islice(read_lines(path, _QuestionLine), limit):
        question = _question(line, f"`{path}` line {number}")
        if question.id in found:
            raise InputError(f"`{path}` line {number}: there is a question `{question.id}` above; give it another id")
        found[question.id] = question
    if not found:
        raise InputError(f"`{path}` holds no question; write one JSON object a line")
    return Questions(path.name, tuple(found.values()))


def read_lines(path: Path, kind: type[Line]) -> Iterator[tuple[int, Line]]:
    """Read JSON lines one by one, with their numbers from 1; blank lines are passed over. Raises InputError."""
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:  # other signs that end lines may be in a text
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _parsed(line, kind, f"`{path}` line {number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"`{path}` cannot be read ({reason}); name a file of JSON lines in UTF-8") from error


class _EvidenceLine(BaseModel):
    model_config = ConfigDict(strict=True)

    path: Annotated[str, Field(min_length=1)]
    page: Annotated[int, Field(ge=1)]
    quote: str = ""


class _QuestionLine(BaseModel):
    model_config = ConfigDict(strict=True)

    id: Annotated[str, Field(min_length=1)]
    type: str
    question: Annotated[str, Field(pattern=r"\S")]
    answers: list[str] = []
    evidence: list[_EvidenceLine]


def _question(line: _QuestionLine, where: str) -> Question:
    kinds = [kind.value for kind in QuestionType if kind is not QuestionType.QUERY]
    if line.type not in kinds:
        raise InputError(f"{where}: `type` is {line.type!r}; write one of {', '.join(kinds)}")
    pages: dict[tuple[str, int], list[str]] = {}
    for one in line.evidence:
        pages.setdefault((one.path, one.page), []).extend([one.quote] if one.quote.strip() else [])
    made = Question(
        id=line.id,
        type=QuestionType(line.type),
        text=line.question,
        evidence=tuple(Evidence(path, page, quotes=tuple(quotes)) for (path, page), quotes in pages.items()),
        answers=tuple(line.answers),
    )
    if (made.type is QuestionType.UNANSWERABLE) == bool(made.evidence):
        wanted = "no evidence" if made.evidence else "at least one entry with `path` and `page`"
        raise InputError(f"{where}: a question of type {made.type} has {wanted}; correct `type` or `evidence`")
    return made


def _parsed(text: str, kind: type[Line], where: str) -> Line:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        known = ", ".join(f"`{one.alias or name}`" for name, one in kind.model_fields.items())
        wrong = f"`{field}`: {first['msg']}" if field else first["msg"]
        raise InputError(f"{where}: {wrong}; write a JSON object with {known}") from error
