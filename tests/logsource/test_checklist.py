"""The pages that people type off."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

from logsource_samples import console, log_source

from harness.logsource.checklist import write
from harness.logsource.model import WINCOLLECT
from harness.logsource.resolve import resolve

DAY = date(2026, 11, 28)


class Page(HTMLParser):
    """Reads a page's tables: the label and the value of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.articles = 0
        self.tags: set[str] = set()
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as in the library
        """Count, and begin rows and cells."""
        self.tags.add(tag)
        self.articles += tag == "article"
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        """End cells."""
        self._cell = self._cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        """Collect a cell's text."""
        if self._cell:
            self.rows[-1][-1] += data

    def fields(self) -> list[tuple[str, str]]:
        """Give label and value of each row."""
        return [(row[2].strip().removesuffix("*"), " ".join(row[3].split())) for row in self.rows]


def page(text: str) -> Page:
    """Read a document."""
    found = Page()
    found.feed(text)
    return found


def test_the_fields_stand_in_the_forms_order() -> None:
    """What is documented of the order, and everything with its value."""
    fields = page(write([log_source(domain="CORP", coalescing=False)], "inventory.ini", DAY)).fields()

    assert [
        ("Log Source Name", "Exchange @ ex01"),
        ("Log Source Description", "leave empty"),
        ("Log Source Type", "Microsoft Exchange Server"),
        ("Protocol Configuration", "Microsoft Exchange"),
        ("Log Source Identifier", "ex01"),
        ("Server Address", "10.0.0.7"),
        ("Domain", "CORP"),
        ("Username", "svc-jsa"),
        ("Password", "not printed; kept in env:JSA_PASSWORD"),
        ("SMTP Log Folder Path", "d$/Exchange/ProtocolLog/"),
    ] == fields[:10]
    assert {
        ("Use Custom File Patterns", "off"),
        ("Recursive", "✓on"),
        ("Coalescing Events", "off"),
        ("Target Event Collector", "as the console proposes"),
    } <= set(fields)


def test_a_page_for_each() -> None:
    """Each begins a new sheet, and says which of how many it is."""
    text = write([log_source(), log_source(name="b", identifier="b", owa_folder="")], "inventory.ini", DAY)

    assert 2 == page(text).articles
    assert "break-after: page" in text
    assert ["Log source 1 of 2", "Log source 2 of 2"] == re.findall(r"Log source \d of \d", text)
    assert ("OWA Log Folder Path", "leave empty: this log source doesn't collect it") in page(text).fields()


def test_patterns_are_shown_where_the_form_shows_them() -> None:
    """Only with custom patterns does the form ask for them."""
    usual = page(write([log_source()], "i", DAY)).fields()
    custom = page(write([log_source(owa_pattern="u_ex.*")], "i", DAY)).fields()

    assert "OWA File Pattern" not in dict(usual)
    assert ("u_ex.*", "✓on") == (dict(custom)["OWA File Pattern"], dict(custom)["Use Custom File Patterns"])


def test_with_a_console_its_own_fields_are_shown() -> None:
    """What it doesn't have isn't asked for, and no label is in doubt."""
    source = log_source()
    text = write([source], "i", DAY, {"ex01": resolve(source, console())})

    assert "File Encoding" not in dict(page(text).fields())
    assert "<sup>" not in text


def test_an_agents_sheet_has_local_folders() -> None:
    """Exchange 2003 is read by WinCollect on the server: no share, no account, milliseconds."""
    source = log_source(protocol=WINCOLLECT, owa_folder="c$/WINDOWS/system32/LogFiles/W3SVC1/", smtp_folder="")
    read = dict(page(write([source], "i", DAY)).fields())

    assert {
        "OWA Log Folder Path": r"C:\WINDOWS\system32\LogFiles\W3SVC1",
        "Polling Interval (ms)": "10000",
        "Local System": "✓on",
        "WinCollect Agent": "the agent on ex01",
    }.items() <= read.items()
    assert not {"Server Address", "Username", "SMB Version"} & read.keys()


def test_nothing_of_a_value_is_markup() -> None:
    """A name from an inventory can't put anything into the page."""
    hostile = "<script>alert(1)</script>&\"'"
    read = page(write([log_source(name=hostile, host=hostile, origin=hostile)], hostile, DAY))

    assert "script" not in read.tags
    assert hostile in dict(read.fields())["Log Source Name"]


def test_the_page_needs_nothing_beside_it() -> None:
    """It is mailed, printed, or opened on a machine without a network."""
    text = write([log_source()], "i", DAY)

    assert [] == re.findall(r"https?://|<link|src=|@import|url\(", text)
