"""The page about the HTTP API that people read: made from the OpenAPI document, without scripts or other files."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #111;
  background: #fff }
section { border-top: 1px solid #767676; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere }
code, pre { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: #f3f3f3; padding: 1rem; white-space: pre-wrap }
a { color: #0b4f9c; display: inline-block; padding: .2rem 0 }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #111 } pre { background: #222 } a { color: #8ec5ff }
}
"""

Json = Mapping[str, Any]


def policy() -> str:
    """Give the content security policy under which the page works: its own style and nothing else."""
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    others = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {others}"


def page(document: Json, address: str) -> str:
    """Write the page of an OpenAPI document that is found at this address."""
    about = document["info"]
    title = f"{escape(about['title'])} {escape(about['version'])}"
    return "".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}: HTTP API</title><style>{STYLE}</style></head><body><main><h1>{title}: HTTP API</h1>",
        f'<p>{escape(about["description"])} For programs: <a href="{escape(address)}">OpenAPI document</a>.</p>',
        *(f"<p>{escape(one['description'])}</p>" for one in document["components"]["securitySchemes"].values()),
        "<nav aria-label='Operations'><ul>",
        *(f'<li><a href="#{escape(one["operationId"])}">{name}</a></li>' for name, one in _operations(document)),
        "</ul></nav>",
        *(part for name, one in _operations(document) for part in _operation(name, one)),
        "<section><h2>Schemas</h2>",
        *(part for name, one in document["components"]["schemas"].items() for part in _schema(name, one)),
        "</section></main></body></html>",
    ])  # fmt: skip


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<code>{method.upper()} {escape(path)}</code>", operation


def _operation(name: str, operation: Json) -> Iterator[str]:
    yield f'<section id="{escape(operation["operationId"])}"><h2>{name}</h2>'
    yield f"<p><strong>{escape(operation['summary'])}.</strong> {escape(operation['description'])}</p>"
    if parameters := operation.get("parameters"):
        yield "<table><caption>Parameters</caption>" + _head("name", "in", "type", "about")
        for one in parameters:
            is_required = " (required)" if one.get("required") else ""
            about = escape(one.get("description", ""))
            yield _row(f"<code>{escape(one['name'])}</code>{is_required}", one["in"], _type(one["schema"]), about)
        yield "</table>"
    if body := operation.get("requestBody"):
        for media, content in body["content"].items():
            yield f"<p>Body: {escape(media)}, {_type(content['schema'])}</p>"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(
            f"{escape(media)}{': ' + _type(one['schema']) if '$ref' in one['schema'] else ''}"
            for media, one in answer.get("content", {}).items()
        )
        yield f"<p>Answer {escape(status)}: {kinds}</p>"
    yield "</section>"


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    if values := schema.get("enum"):
        yield f"<p>One of {', '.join(f'<code>{escape(str(value))}</code>' for value in values)}.</p>"
    if properties := schema.get("properties"):
        required = schema.get("required", ())
        yield "<table>" + _head("field", "type", "about")
        for field, one in properties.items():
            is_required = " (required)" if field in required else ""
            about = escape(one.get("description", ""))
            yield _row(f"<code>{escape(field)}</code>{is_required}", _type(one), about)
        yield "</table>"
    for example in schema.get("examples", ()):
        yield f"<p>Example:</p><pre>{escape(json.dumps(example, ensure_ascii=False, indent=2))}</pre>"


def _type(schema: Json) -> str:
    """Write what a value may be, with links to the schemas that are named."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(one) for one in several)
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return escape(str(schema.get("format") or schema.get("type") or "any"))


def _head(*names: str) -> str:
    return f"<tr>{''.join(f'<th scope=col>{name}</th>' for name in names)}</tr>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
