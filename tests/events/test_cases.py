"""Sample logs beside the events that they must give.

Each folder in ``tests/cases/events/<family>/`` holds a log and ``expected.yml``. With ``HARNESS_UPDATE=1`` in the
environment the cases that changed are rewritten, and only those; read the difference before you commit it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.events import MAPPED, Quarantined, Record, load, reader_for, recognise, write_time

CASES = Path(__file__).parent.parent / "cases" / "events"
FOLDERS = sorted(path for path in CASES.glob("*/*") if path.is_dir())


def read_case(log: Path) -> dict[str, Any]:
    """Read a sample log into what ``expected.yml`` holds."""
    data = log.read_bytes()
    recognised = recognise(log.name, data)
    assert recognised.format is not None
    reader = reader_for(recognised.format, log.name)
    mapping = load(recognised.format)
    events, quarantined = [], []
    for item in [*reader.feed(data, 0), *reader.finish(final=True)]:
        if isinstance(item, Record):
            event = mapping.apply(item)
            shown: dict[str, Any] = {"line": item.line, "offset": item.offset, "length": item.length}
            shown |= {name: getattr(event, name) for name in MAPPED}
            shown["device_time"] = write_time(event.device_time)
            if event.problems:
                shown["problems"] = [str(problem) for problem in event.problems]
            events.append(shown)
        elif isinstance(item, Quarantined):
            quarantined.append(
                {
                    "line": item.line,
                    "lines": item.lines,
                    "offset": item.offset,
                    "length": item.length,
                    "fault": item.fault.value,
                    "reason": item.reason,
                }
            )
    return {
        "format": recognised.format.value,
        "counts": reader.counts.as_dict(),
        "events": events,
        "quarantined": quarantined,
    }


def test_there_are_cases() -> None:
    """The folder of cases is found, so that the tests below can't pass by being none."""
    families = {folder.parent.name for folder in FOLDERS}

    assert {"msgtrk", "smtp", "owa"} == families


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_case(folder: Path) -> None:
    """A sample log gives the events, the quarantined lines and the counts that stand beside it."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # ruamel's stub knows only its default
    yaml.width = 1000
    [log] = [path for path in folder.iterdir() if path.suffix.lower() == ".log"]
    file = folder / "expected.yml"
    actual = read_case(log)
    expected = yaml.load(file.read_text("utf-8")) if file.exists() else None
    if os.environ.get("HARNESS_UPDATE") == "1" and actual != expected:
        text = io.StringIO()
        yaml.dump(actual, text)
        file.write_text(text.getvalue(), "utf-8")
        expected = actual

    assert expected == actual
