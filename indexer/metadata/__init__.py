"""What is known about a document: stated by a person, by the file's path, or found in the text.

What is found is written in the document, and the place is kept as evidence. Where two places disagree or the shape
of the words is not plain, the field stays unknown: a wrong body or date misleads every search, a missing one none.
"""

from indexer.metadata.facts import merge
from indexer.metadata.found import found_in_text
from indexer.metadata.names import body_key
from indexer.metadata.stated import dated_by_name, stated_by_front_matter, stated_by_path

__all__ = ["body_key", "dated_by_name", "found_in_text", "merge", "stated_by_front_matter", "stated_by_path"]
