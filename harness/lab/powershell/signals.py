"""``return``, ``exit``, ``break`` and ``continue`` on their way: Python exceptions that are no errors."""

from __future__ import annotations


class ReturnSignal(Exception):  # noqa: N818 - control flow, not an error
    """``return`` on its way out of its block."""


class ExitSignal(Exception):  # noqa: N818 - control flow, not an error
    """``exit`` on its way out of the script."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class LoopSignal(Exception):  # noqa: N818 - control flow, not an error
    """``break`` or ``continue`` on its way to its loop."""

    def __init__(self, kind: str, label: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.label = label
