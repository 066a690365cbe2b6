"""Web pages and XML that name other places, nest or repeat without end, or claim what they are not."""

from collections.abc import Callable
from random import Random

from tests.faults.files import Kind, Target, times

STORY = (
    "<p>Families in Ashby are seen by their own worker every week, and the board reads each report twice. </p>" * 4
)


def whole(body: str = STORY, head: str = "<title>Visits in Ashby</title>", before: str = "<!DOCTYPE html>") -> bytes:
    """Write a web page."""
    return f"{before}<html><head>{head}</head><body>{body}</body></html>".encode()


def entities_from_elsewhere(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Name a file or an address as an entity, a definition, an inclusion or a style sheet."""
    address = random.choice((target.canary.as_uri(), str(target.canary), target.url))
    doctype = random.choice(
        (
            f'<!DOCTYPE html [<!ENTITY x SYSTEM "{address}">]>',
            f'<!DOCTYPE html [<!ENTITY % y SYSTEM "{address}"> %y;]>',
            f'<!DOCTYPE html PUBLIC "-//X//Y" "{address}">',
            f'<?xml-stylesheet href="{address}"?><!DOCTYPE html>',
        )
    )
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{address}" parse="text"/>'
    body = f"<p>Words before &x; and after it.</p>{include}{STORY}"
    if random.random() < 0.5:
        return random.choice((".xhtml", ".html")), b'<?xml version="1.0"?>' + whole(body, before=doctype)
    return ".html", whole(body, before=doctype)


def no_xml_from_elsewhere(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    doctype = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{random.choice((target.canary.as_uri(), target.url))}">]>'
    root = random.choice(("<svg><text>&x;</text></svg>", "<rss>&x;</rss>", "<data>&x;</data>"))
    return random.choice((".svg", ".xml", ".txt")), f'<?xml version="1.0"?>{doctype}{root}'.encode()


def entities_without_end(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    if random.random() < 0.5:
        bodies = [("e0", "laugh " * 10), *((f"e{n}", f"&e{n - 1};" * 10) for n in range(1, 12))]
        text = "&e11;"
    else:
        bodies, text = [("e", "laugh " * times(20_000, scale))], "&e;" * times(20_000, scale)
    doctype = "<!DOCTYPE html [" + "".join(f'<!ENTITY {name} "{value}">' for name, value in bodies) + "]>"
    return ".xhtml", b'<?xml version="1.0"?>' + whole(f"<p>{text}</p>{STORY}", before=doctype)


def deep(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    tag = random.choice(("div", "b", "ul><li", "table><tr><td", "blockquote", "article", "font", "svg", "x-y", "q"))
    depth = random.choice((200, 2_000, times(1e5, scale)))
    if random.random() < 0.5:
        return ".html", whole(STORY + f"<{tag}>" * depth + STORY)
    closed = "".join(f"</{name}>" for name in reversed(tag.split("><")))
    return ".html", whole(STORY + f"<{tag}>" * depth + STORY + closed * depth)


def many(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Repeat one thing very often."""
    piece = random.choice(
        (
            "<p>a",
            "<p>A short paragraph.</p>",
            "<br>",
            "<a href=x>b</a> ",
            "<li>c</li>",
            "<td>d",
            "</p>",
            "<!---->",
            "&amp;",
        )
    )
    count = times(random.choice((1e4, 5e4)), scale)
    return ".html", whole(STORY + piece * count + STORY)


def wide(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Write one very long attribute, text, name, comment or title, or very many attributes."""
    length = times(random.choice((1e6, 1.2e7)), scale)
    made: tuple[Callable[[], bytes], ...] = (
        lambda: whole(f'<p title="{"x" * length}">a</p>{STORY}'),
        lambda: whole(f"<p>{'word ' * (length // 5)}</p>"),
        lambda: whole(f"<p>{'x' * length}</p>{STORY}"),
        lambda: whole(f"<{'n' * length}>{STORY}"),
        lambda: whole("<p " + " ".join(f"a{n}=b" for n in range(length // 50)) + f">{STORY}"),
        lambda: whole(STORY, head=f"<title>{'!' * (length // 10)}</title>"),
        lambda: whole(STORY, head=f"<meta name=date content='{'1' * length}'>"),
        lambda: whole(f"<!--{'-' * length}"),
        lambda: whole(f"{STORY}<script>{'<' * length}"),
        lambda: whole(f"<pre>{chr(10) * length}</pre>{STORY}"),
    )
    return ".html", random.choice(made)()


def signs(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Put controls, marks that turn the direction of text and numbers of no character everywhere."""
    odd = random.sample(
        (
            "&#27;[2J",
            "&#0;",
            "&#x202e;",
            "\u202e",
            "&#xD800;",
            "&#x110000;",
            "&#99999999999;",
            "\x1b]0;x\x07",
            "\ufffe",
            "&#8206;",
        ),
        4,
    )
    joined = "".join(odd)
    head = f"<title>Visits {joined} in Ashby</title><link rel=canonical href='https://a.example/{joined}'>"
    head += f"<meta property='og:site_name' content='Care {joined} Watch'>"
    return ".html", whole(f"<h1>Visits {joined}</h1>{STORY}<p>{joined}</p>", head)


def charset(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Claim an encoding that it is not in, or that no text is in."""
    claims = "utf-7 utf-16 utf-32 hex rot13 unicode_escape idna punycode base64 zlib undefined cp037 euc-jp mbcs ../x"
    head = f"<meta charset='{random.choice(claims.split())}'><title>Visits</title>"
    body = STORY + random.choice(("\xe9\xe8", "\\x41\\u202e", "+ADw-script+AD4-"))
    text = whole(body, head).decode()
    return ".html", text.encode(
        random.choice(("latin-1", "utf-8", "utf-16", "utf-16-be", "utf-32", "cp1252")), "replace"
    )


def scripts(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    """Carry what a browser would run or fetch."""
    address = random.choice((target.url, target.canary.as_uri(), "javascript:alert(1)", "data:text/html,x"))
    head = f"<base href='{address}'><link rel=canonical href='{address}'>"
    head += f"<meta http-equiv=refresh content='0;url={address}'>"
    body = (
        f"<iframe src='{address}'></iframe><img src='{address}' onerror=alert(1)><object data='{address}'></object>"
        f"<script src='{address}'></script><svg onload=alert(1)><use href='{address}'/></svg><embed src='{address}'>"
    )
    return ".html", whole(body + STORY, f"{head}<title><img src=x onerror=alert(1)></title>")


def no_page_without_text(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    bodies = ("", "<script>while(1){}</script>", "<!-- hidden words -->" * 9, "<p>Just a moment...</p>", "<frameset>")
    return ".html", whole(random.choice(bodies), "<title>404 Not Found</title>")


def broken(random: Random, target: Target, scale: float) -> tuple[str, bytes]:
    data = bytearray(whole(f"<article><h1>Visits</h1>{STORY * 3}<table><tr><td>1</table></article>"))
    for _ in range(random.choice((1, 5, 50))):
        at = random.randrange(20, len(data))
        data[at : at + random.choice((0, 1, 5))] = random.choice(
            (b"<", b">", b"&", b"\0", b"'", b"<![CDATA[", b"\xff", b"<!")
        )
    return ".html", bytes(data)


KINDS: tuple[Kind, ...] = (
    entities_from_elsewhere,
    no_xml_from_elsewhere,
    entities_without_end,
    deep,
    many,
    wide,
    signs,
    charset,
    scripts,
    no_page_without_text,
    broken,
)
