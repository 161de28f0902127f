"""How objects and errors look as text.

Strings and numbers stand on lines of their own. An object is always shown as a list of its properties (a real host
makes a table of up to four of them): scripts that are read by a machine write text or JSON, so nothing depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.conversions import type_name
from harness.lab.powershell.formatting import format_date, text
from harness.lab.powershell.objects import ErrorRecord, Hashtable, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.lab.powershell.session import Session


def render(items: Sequence[Value], session: Session) -> str:
    """Give objects as lines that end in CRLF."""
    return "".join(render_one(item, session) for item in items)


def render_one(item: Value, session: Session) -> str:  # noqa: PLR0911 - one row per kind of value
    """Give one object as lines that end in CRLF; ``$null`` gives none."""
    if item is None:
        return ""
    if isinstance(item, list):
        return render(item, session)
    if isinstance(item, Hashtable):
        return _rows([(text(key), value) for key, value in item.items()], head=("Name", "Value"))
    if isinstance(item, ErrorRecord):
        return error_text(item, session)
    if isinstance(item, PSObject) and item.properties and item.text is None:
        names = item.columns or tuple(item.properties)
        return _rows([(name, item.get(name)) for name in names])
    if type_name(item) == "System.DateTime":
        return f"\r\n{format_date(item, 'dddd, MMMM d, yyyy h:mm:ss tt')}\r\n\r\n"
    return text(item) + "\r\n"


def _rows(rows: list[tuple[str, Value]], head: tuple[str, str] | None = None) -> str:
    if head is not None:
        lines = [f"{head[0]:<30} {head[1]}", f"{'-' * len(head[0]):<30} {'-' * len(head[1])}"]
        lines += [f"{name:<30} {shown(value)}" for name, value in rows]
    else:
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:<{width}} : {shown(value)}" for name, value in rows]
    return "\r\n" + "\r\n".join(lines) + "\r\n\r\n"


def shown(value: Value) -> str:
    """Give a property's value as a list shows it."""
    if isinstance(value, list):
        return "{" + ", ".join(text(item) for item in value[:4]) + ("..." if len(value) > 4 else "") + "}"  # noqa: PLR2004 - as $FormatEnumerationLimit
    return text(value)


def error_text(record: ErrorRecord, session: Session) -> str:
    """Give an error as the console shows it, in the form of the session's PowerShell version."""
    place = record.position
    head = (
        f"{place.command or record.activity} : {record.message}" if place.command or record.activity else record.message
    )
    lines = [head.replace("\n", "\r\n")]
    if place.line:
        lines.append(f"At {place.file or 'line'}:{place.line} char:{place.column}")
        if session.version >= (3, 0):
            stripped = place.text.strip()
            lead = len(place.text) - len(place.text.lstrip())
            start = max(0, place.column - 1 - lead)
            lines += [f"+ {stripped}", f"+ {' ' * start}{'~' * max(1, len(stripped) - start)}"]
        else:
            lines.append(f"+ {place.text[: place.column - 1]} <<<< {place.text[place.column - 1 :]}")
    target = "" if record.target is None else text(record.target)
    kind = "" if record.target is None else type_name(record.target).rsplit(".", 1)[-1]
    reason = record.exception.type_name.rsplit(".", 1)[-1]
    lines += [
        f"    + CategoryInfo          : {record.category}: ({target}:{kind}) [{record.activity}], {reason}",
        f"    + FullyQualifiedErrorId : {record.error_id or record.message}",
        " ",
    ]
    return "\r\n".join(lines) + "\r\n"
