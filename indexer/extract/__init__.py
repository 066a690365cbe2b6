"""Turns the bytes of a file into pages, in child processes: one module a format."""

from indexer.extract.pool import Readers

__all__ = ["Readers"]
