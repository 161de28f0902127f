"""Which patterns mean the same to Python as to RE2, Arrow's engine for regular expressions."""

from __future__ import annotations

import re

# In ASCII text without line feeds both read alike: plain characters, classes of plain characters, escaped marks, "."
# and "\\b"; each of them once or with one repetition; groups that aren't repeated; alternatives; and "$" at the end of
# an alternative. Of several ways to match both take the first.
_PLAIN = r"[A-Za-z0-9 <>;,:@=/_\-]"
_CLASS = r"\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 <>;,:@=/_.+])+-?\]"
_ESCAPED = r"\\[.+*?()\[\]{}|\\]"
_REPEATED = r"(?:[*+?]|\{\d{1,2}(?:,\d{0,2})?\})?"
_TOKEN = re.compile(
    rf"(?P<atom>(?:{_PLAIN}|\.|{_CLASS}|{_ESCAPED}){_REPEATED})|(?P<group>\((?!\?))|\((?:\?:|\?i:)|\)(?![*+?{{])|\||\\b"
    r"|\$(?=\)|\||$)"
)
_GROUP = "(?P<value>"
_FIRST = re.compile(rf"(?:\((?!\?)|(?P<either>\(\?i:))?(?P<atom>{_CLASS}|{_ESCAPED}|{_PLAIN})(?![*?{{|])(?![^()]*\|)")


def first_bytes(pattern: str) -> frozenset[int] | None:
    """Give the bytes that texts begin with that such a pattern matches; None where that isn't obvious.

    Args:
        pattern: A pattern that `alike` knows.
    """
    found = _FIRST.match(pattern)
    # An alternative at the outmost level would begin with something else.
    if found is None or "|" in re.sub(r"\([^()]*\)|\[[^\]]*\]", "", pattern):
        return None
    one = re.compile(f"(?i:{found['atom']})" if found["either"] else found["atom"])
    return frozenset(code for code in range(128) if one.fullmatch(chr(code)))


def alike(pattern: str) -> str:
    """Give a pattern as RE2 reads it.

    Args:
        pattern: A Python pattern that is matched from a text's beginning, and gives its only group.

    Returns:
        A pattern that is searched, with a group ``value``; empty where it isn't certain that it means the same.
    """
    parts = []
    at = groups = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return ""
        groups += token["group"] is not None
        parts.append(_GROUP if token["group"] else token[0])
        at = token.end()
    return f"^(?:{''.join(parts)})" if groups == 1 else ""
