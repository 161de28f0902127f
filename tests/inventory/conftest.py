"""What the inventory's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from harness.inventory import Inventory, SecretResolver, load
from harness.redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Loader(Protocol):
    """Writes an inventory and the files beside it, and loads it."""

    def __call__(
        self,
        text: str,
        files: Mapping[str, str] = ...,
        *,
        extra: Mapping[str, str] = ...,
        secrets: SecretResolver | None = ...,
    ) -> Inventory:
        """Write and load."""


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """No test sees the secrets of another one."""
    yield
    redactor.clear()


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Give a function that loads an inventory from text; its file is called ``inventory.ini``."""

    def loader(
        text: str,
        files: Mapping[str, str] | None = None,
        *,
        extra: Mapping[str, str] | None = None,
        secrets: SecretResolver | None = None,
    ) -> Inventory:
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "inventory.ini"
        path.write_text(text, encoding="utf-8")
        for name, content in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        return load(path.relative_to(tmp_path), extra=extra or {}, secrets=secrets)

    return loader
