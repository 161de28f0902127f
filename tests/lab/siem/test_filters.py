"""The language of filters, as the API's overview documents it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab.siem import filters

ENTRY: dict[str, Any] = {
    "name": 'Exchange "A" @ mx1',
    "id": 5,
    "credibility": 10,
    "enabled": True,
    "description": None,
    "group_ids": [100, 200],
    "status": {"status": "ERROR", "messages": [{"text": "late"}, {"text": "gone"}]},
}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("id=5", True),
        ("id = 6", False),
        ("id!=5", False),
        ("id <> 6", True),
        ("id ^= 5", False),
        ("id > 4", True),
        ("id < 5", False),
        ("id >= 5", True),
        ("id <= 4", False),
        ("credibility > 9", True),  # as numbers: as text "10" is less
        ("id in (1, 5)", True),
        ("id not in (1, 5)", False),
        ("id not in (1, 2)", True),
        ("id between 3 and 5", True),
        ("id not between 3 and 5", False),
        ("id between 6 and 9 or id between 1 and 5", True),
        ("description is null", True),
        ("description is not null", False),
        ("name is not null", True),
        ("not id=5", False),
        ("not (id=6 or id=7) and enabled=true", True),
        ("id=6 and id=5 or id=5", True),
        ("id=5 or id=6 and id=7", True),
        ("(id=5 or id=6) and id=7", False),
        (r'name="Exchange \"A\" @ mx1"', True),
        ("name='Exchange \"A\" @ mx1'", True),
        ("status(status)=ERROR", True),
        ('status(messages(text))="gone"', True),
        ("status(nothing) is null", True),
        ("group_ids=200", True),
        ("group_ids=300", False),
        ("enabled=1", False),
        ("id%20in%20%281%2C%205%29", True),
    ],
)
def test_reads(text: str, passes: bool) -> None:
    """A filter passes what it says, singly or doubly encoded."""
    assert passes is filters.parse(text)(ENTRY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the filter ends at character 1"),
        ("id", "the filter ends at character 3"),
        ("id=", "the filter ends at character 4"),
        ("id==5", "= is unexpected at character 4"),
        ("id=5 id=6", "id is unexpected at character 6"),
        ("(id=5", "the filter ends at character 6"),
        ("id in 5", "5 is unexpected at character 7"),
        ("id between 1", "the filter ends at character 13"),
        ("id is 5", "5 is unexpected at character 7"),
        ("=5", "= is unexpected at character 1"),
        ('name="mx1', "character 6 of the filter can't be read: \"mx1"),
    ],
)
def test_refuses(text: str, why: str) -> None:
    """What can't be read is refused with its place."""
    with pytest.raises(filters.FilterError) as caught:
        filters.parse(text)

    assert why == str(caught.value)
