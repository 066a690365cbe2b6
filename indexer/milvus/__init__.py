"""An index on a Milvus server, sharded and replicated, or in a file of Milvus Lite.

Rows never change once written, and each carries the number of the attempt that wrote it. One row, the head, says
which attempts count, so that writing it is the commit. What is deleted is gone for readers from the next head on, and
a few seconds later from the tables.
"""

from indexer.milvus.milvus import Milvus

__all__ = ["Milvus"]
