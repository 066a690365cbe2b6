"""Markdown, with YAML front matter."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import markdown_it
import yaml
from frontmatter.default_handlers import YAMLHandler
from markdown_it.tree import SyntaxTreeNode

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.blocks import Block, page_of_blocks
from indexer.extract.characters import clean
from indexer.extract.encoding import decode
from indexer.records import Extracted

_MOST_VALUES = 1000  # of a front matter, counted through YAML's aliases, which can multiply without end
_DEEPEST = 10
_MOST_DIGITS = 300  # of a number; Python writes no number of more than 4,300, and JSON readers fewer
_MOST_NESTING = 100  # of lists and quotations: markdown-it leaves out what lies deeper
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read(data: bytes) -> Extracted:
    """Read Markdown as one page of plain text, and its front matter as `stated`.

    Raises DocumentRefusedError: METADATA naming the line, RESOURCES, ENCODING, EMPTY.
    """
    text, note = decode(data)
    stated, body = _front_matter(text.replace("\r\n", "\n"))
    tokens = markdown_it.MarkdownIt("commonmark", {"maxNesting": _MOST_NESTING}).enable("table").parse(body)
    if any(token.nesting > 0 and token.level >= _MOST_NESTING - 1 for token in tokens):
        raise DocumentRefusedError(
            Refusal.RESOURCES, f"lists or quotations lie {_MOST_NESTING} deep or more: set them less deep"
        )
    page = page_of_blocks(_blocks(SyntaxTreeNode(tokens)))
    if not page.lines:
        raise DocumentRefusedError(Refusal.EMPTY, "the file holds no text, so there is nothing to index")
    reader = f"markdown-it-py {markdown_it.__version__}"
    return Extracted("markdown", reader, (page,), stated=stated, notes=(note,) if note else ())


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Split off the front matter and read it with YAML's safe loader."""
    handler = YAMLHandler()
    if not handler.detect(text):
        return {}, text
    try:
        matter, body = handler.split(text)
    except ValueError:  # never closed, so the opening line is just a rule
        return {}, text
    first_line = text.count("\n", 0, text.index(matter)) + 1
    try:
        values = _plain(handler.load(matter) or {}, iter(range(_MOST_VALUES)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        last = matter.rstrip().count("\n")  # an open bracket is missed only after the end
        raise _refused(
            first_line + min(mark.line if mark else 0, last), getattr(error, "problem", None) or "not YAML"
        ) from error
    except (ValueError, RecursionError) as error:  # such as the 31st of February
        raise _refused(first_line, str(error)) from error
    if not isinstance(values, dict):
        raise _refused(first_line, "no list of names and values")
    return values, body


def _refused(line: int, problem: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.METADATA,
        f"the front matter cannot be read from line {line} on ({problem}), so what it states is unsure: "
        "correct it, or remove it",
    )


def _plain(value: Any, budget: Iterator[int], depth: int = 0) -> Any:
    """Return the value in the types that JSON has: dates as ISO strings, numbers that JSON lacks as text."""
    if next(budget, None) is None or depth > _DEEPEST:
        raise ValueError(f"more than {_MOST_VALUES} values, or nested more than {_DEEPEST} deep")
    match value:
        case None | bool():
            return value
        case int():
            if abs(value) >= 10**_MOST_DIGITS:
                raise ValueError(f"a number of more than {_MOST_DIGITS} digits")
            return value
        case str():
            return clean(value)[0]
        case float():
            return value if math.isfinite(value) else str(value)
        case date() | datetime():
            return value.isoformat()
        case dict():
            return {clean(str(key))[0]: _plain(item, budget, depth + 1) for key, item in value.items()}
        case list() | tuple() | set():
            return [_plain(item, budget, depth + 1) for item in value]
    return str(value)


def _blocks(parent: SyntaxTreeNode, *, nested: bool = False) -> Iterator[Block]:
    for node in parent.children:
        match node.type:
            case "heading":
                yield Block(_inline(node)[0], heading=int(node.tag[1]))
            case "paragraph":
                text, pictures = _inline(node)
                yield Block(text)
                for description in pictures:
                    yield Block(description, caption=True)
            case "bullet_list" | "ordered_list":
                yield from _items(node, nested=nested)
            case "table":
                rows = (row for part in node.children for row in part.children)
                for number, row in enumerate(rows):
                    cells = [_inline(cell)[0].strip() for cell in row.children]
                    yield Block(" | ".join(cells).rstrip(" |"), tight=number > 0)
            case "blockquote":
                yield from _blocks(node)
            case "fence" | "code_block":
                yield Block(node.content)


def _items(node: SyntaxTreeNode, *, nested: bool) -> Iterator[Block]:
    for number, item in enumerate(node.children):
        marker = "• " if node.type == "bullet_list" else f"{item.info}{item.markup} "
        for block in _blocks(item, nested=True):
            if marker and block.text.strip():
                yield replace(block, text=marker + block.text, tight=nested or number > 0)
                marker = ""
            else:
                yield block


def _inline(node: SyntaxTreeNode) -> tuple[str, list[str]]:
    """Return the text under a node, and apart from it the descriptions of its pictures."""
    match node.type:
        case "text" | "text_special" | "code_inline":
            return node.content, []
        case "softbreak" | "hardbreak":
            return "\n", []
        case "html_inline":
            return "\n" if _LINE_BREAK.fullmatch(node.content) else "", []
    parts = [_inline(child) for child in node.children]
    text = "".join(text for text, _ in parts)
    pictures = [description for _, found in parts for description in found]
    return ("", [text, *pictures]) if node.type == "image" else (text, pictures)
