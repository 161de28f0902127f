"""The table for spreadsheets."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st
from logsource_samples import console, log_source

from harness.logsource.csvfile import safe, write
from harness.logsource.resolve import resolve

FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def rows(text: str) -> list[list[str]]:
    """Read a table as a spreadsheet does."""
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.text(st.sampled_from([*FORMULAS, "'", '"', ";", ",", "a", "1", "(", "\u00fc"]), min_size=1, max_size=8))
@example('=HYPERLINK("http://evil.example","x")')
@example("a\n=1+1")
def test_no_cell_begins_a_formula(text: str) -> None:
    """Whatever is in a value: no cell of it begins one, and an apostrophe is all that comes in addition."""
    source = log_source(name=text, identifier=text, user=text, groups=(text,), host=text)
    cells = [cell for row in rows(write([source])) for cell in row]

    assert [] == [cell for cell in cells if cell.startswith(FORMULAS)]
    assert {text, f"'{text}"} & set(cells)


@given(st.text(st.sampled_from([*";\t|,\n=+-@\"'x"]), min_size=1, max_size=8))
def test_every_cell_is_in_quotes(text: str) -> None:
    """A spreadsheet that separates at a semicolon finds no cell more, in which a formula could begin."""
    table = write([log_source(name=text)])
    quoted = io.StringIO()
    csv.writer(quoted, quoting=csv.QUOTE_ALL).writerows(rows(table))

    assert quoted.getvalue() == table


def test_all_parameters_are_there() -> None:
    """One row for each log source, and its host and the origin of its folders at the end."""
    head, first, second = rows(write([log_source(origin="the host"), log_source(name="b", identifier="b")]))

    assert len(head) == len(first) == len(second)
    assert {
        "Log Source Identifier": "ex01",
        "OWA Log Folder Path": "c$/inetpub/logs/LogFiles/W3SVC1/",
        "Password": "<password: env:JSA_PASSWORD>",
        "Recursive": "true",
        "Polling Interval (seconds)": "10",
        "Host": "ex01",
        "Folders from": "the host",
    }.items() <= dict(zip(head, first, strict=True)).items()


def test_with_a_console_the_values_are_its_own() -> None:
    """A console's allowed value, not harness's."""
    source = log_source()
    head, row = rows(write([source], {"ex01": resolve(source, console())}))

    assert "AUTO" == dict(zip(head, row, strict=True))["SMB Version"]


def test_plain_texts_stay_as_they_are() -> None:
    """No apostrophe where none is needed."""
    assert ("c$/x/", "1-2", "'-x") == (safe("c$/x/"), safe("1-2"), safe("-x"))
