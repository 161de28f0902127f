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
    rf"(?P<atom>(?P<one>{_PLAIN}|\.|{_CLASS}|{_ESCAPED}){_REPEATED})|(?P<group>\((?!\?))|\((?:\?:|\?i:)|\)(?![*+?{{])|\||\\b"
    r"|\$(?=\)|\||$)"
)
_GROUP = "(?P<value>"


def undecided(pattern: str) -> re.Pattern[str]:
    """Give what matches those beginnings of texts after which it isn't certain yet what a pattern gives.

    Such a beginning is matched to its end by a part of the pattern, so that what follows may matter. Every other one
    gives by itself what each text gives that goes on behind it.

    Args:
        pattern: A pattern that `alike` knows.
    """
    parts = []
    for token in _TOKEN.finditer(pattern):
        if token["atom"]:
            parts.append(rf"(?:{token['one']}*\Z|{token[0]})")  # the beginning may end here, or inside a repetition
        else:
            parts.append({r"\b": r"(?:\b|\Z)", "$": r"\Z"}.get(token[0], token[0]))
    return re.compile(rf"(?:{''.join(parts)})\Z")


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
