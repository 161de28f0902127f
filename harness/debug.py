"""What harness didn't expect: kept in a file, so that it can be reported."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback

from harness import __version__
from harness.redaction import redactor


def keep(error: BaseException) -> str:
    """Write an unexpected error with its traceback to a file that only this user reads, and say where.

    Args:
        error: Anything that isn't one of harness's own errors.

    Returns:
        What to do next, for an error's hint.
    """
    lines = [
        f"harness {__version__}, Python {platform.python_version()}, {platform.system()}",
        *traceback.format_exception(error),
    ]
    descriptor, path = tempfile.mkstemp(prefix="harness-debug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(redactor.redact("\n".join(lines)))
    return f"this is a mistake in harness: please report it with the file {path}"
