"""Signs that do something where text is shown: they steer terminals, turn writing round, or begin markup."""

import json
import re
import unicodedata

# Controls, formats (all bidi controls are among them), half pairs, ends of lines and paragraphs, and what this
# Python's Unicode does not know yet and so cannot vouch for.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
# A superset, since looking up each sign of a page would take long; quotes, dashes and pounds are many, and left out.
_SUSPECT = re.compile(r"[^\w !-~\xa0-\xac\xae-\xff\u2010-\u2027\u2030-\u205e]")
_SUSPECT_IN_JSON = re.compile(r"[^\w !-;=?-~\xa0-\xac\xae-\xff\u2010-\u2027\u2030-\u205e]")  # and <, > beside it


def safe(text: str) -> str:
    """Replace what could steer a terminal or turn its writing round, sign for sign; line feeds stay."""
    return _SUSPECT.sub(lambda match: "\ufffd" if _steers(match[0]) else match[0], text)


def safe_line(text: str) -> str:
    """Replace the same signs and line feeds, in what is one line: a name could forge further ones."""
    return safe(text).replace("\n", "\ufffd")


def safe_json(text: str) -> str:
    """Escape the same signs in JSON, and those that begin markup; it says what it said before."""
    return _SUSPECT_IN_JSON.sub(_escaped, text)


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from running a cell as a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _escaped(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in "<>":
        return f"\\u{ord(sign):04x}"
    return json.dumps(sign)[1:-1] if _steers(sign) else sign


def _steers(sign: str) -> bool:
    return sign != "\n" and unicodedata.category(sign) in _STEERING
