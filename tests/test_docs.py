"""The documentation's generated parts are what the code says, and the tests that it names exist."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    """A command, key or module that changed is documented in the same change: run docs/generate.py."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    text = page.read_text(encoding="utf-8")

    assert generate.filled(text) == text


def test_the_tests_named_for_each_version_exist() -> None:
    """Each row of the table of versions and roles names tests that pytest finds."""
    named = set(re.findall(r"`(tests/[^`]+::[^`]+)`", (DOCS / "versions.md").read_text(encoding="utf-8")))
    files = sorted({name.partition("::")[0] for name in named})
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        capture_output=True,
        text=True,
        check=True,
        cwd=DOCS.parent,
    ).stdout.splitlines()

    assert set() == named - set(found)
    assert named
