"""Finds a document by what people call it."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from indexer.errors import InputError, NotFoundError


class Named(Protocol):
    """What a document goes by."""

    @property
    def doc_id(self) -> str:
        """Its id."""
        ...

    @property
    def root(self) -> str:
        """The folder it is of."""
        ...

    @property
    def path(self) -> str:
        """Its path there."""
        ...


N = TypeVar("N", bound=Named)


def find(documents: Iterable[N], name: str) -> N:
    """Give the one document of this id, path or end of a path.

    Raises NotFoundError where there is none, InputError where there are several.
    """
    fitting = []
    for one in documents:
        file = f"{one.root}/{one.path}"
        if name in {one.doc_id, one.path, file} or file.endswith(f"/{name}"):
            fitting.append(one)
    if not fitting:
        raise NotFoundError(f"no document `{name}` in the index; `citewell search` names documents by their id")
    if len(fitting) > 1:
        one, other = fitting[:2]
        raise InputError(
            f"`{name}` fits several documents, such as `{one.doc_id}` ({one.root}/{one.path}) and "
            f"`{other.doc_id}` ({other.root}/{other.path}); give the id"
        )
    return fitting[0]
