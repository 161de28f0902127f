"""A batch: many scripts in one PowerShell process, their results one line each.

Sans-IO: a `Batch` gives the command line and the bytes for standard input, a `ResultReader` takes the bytes of standard
output. Both ends of the format are described in ``templates/powershell/bootstrap.ps1``.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness import resources
from harness.errors import ScriptError
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.redaction import Secret
    from harness.remote.powershell import Script

_RESULT = re.compile(rb"harness-result (\d+) (ok|failed) ([A-Za-z0-9+/=]*)\s*$")
_LONGEST_COMMAND_LINE = 8191  # cmd.exe's limit, through which every WinRS command goes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one script.

    Args:
        number: The number that `Batch.run` or `Batch.load` gave.
        value: The script's output from JSON; always a list for `Batch.run`.
        error: What failed, or None.
    """

    number: int
    value: object = None
    error: ScriptError | None = None


class Batch:
    """The scripts of one PowerShell process, in order."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._scripts: list[Script] = []
        self._secrets: dict[str, Secret] = {}

    def __len__(self) -> int:
        """Count the scripts."""
        return len(self._scripts)

    def load(self, script: Script) -> int:
        """Add a script that leaves functions or a session behind, and give its number."""
        return self._add("load", script)

    def run(self, script: Script) -> int:
        """Add a script whose output is its result, and give its number."""
        return self._add("run", script)

    def script(self, number: int) -> Script:
        """Give the script of that number."""
        return self._scripts[number]

    def _add(self, verb: str, script: Script) -> int:
        number = len(self._scripts)
        for name, secret in script.secrets.items():
            if self._secrets.setdefault(name, secret) != secret:
                raise ValueError(f"two scripts of one batch give the secret {name!r} different values")
        self._scripts.append(script)
        self._lines.append(f"{verb} {number} {_encode(script.text)}")
        return number

    def stdin(self) -> bytes:
        """Give all of standard input. The closing line tells the host that nothing was cut off."""
        secrets = [f"secret {name} {_encode(secret.reveal())}" for name, secret in self._secrets.items()]
        return "\n".join([*secrets, *self._lines, "end", ""]).encode("ascii")

    def reader(self) -> ResultReader:
        """Give a reader for this batch's standard output."""
        return ResultReader(self)


class ResultReader:
    """Turns standard output, in whatever pieces it comes, into results.

    Lines that are no results (a banner, a cmdlet's warning) are kept in ``chatter``.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._rest = b""
        self.chatter: list[str] = []

    def feed(self, data: bytes) -> Iterator[Result]:
        """Take the next bytes and give the results that they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            match = _RESULT.match(line)
            if match is None:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self.chatter.append(text)
                continue
            yield self._result(int(match[1]), match[2] == b"ok", match[3])

    def _result(self, number: int, ok: bool, data: bytes) -> Result:
        try:
            script = self._batch.script(number)
            value = json.loads(base64.b64decode(data, validate=True))
        except (IndexError, ValueError, binascii.Error) as error:
            return Result(number, error=ScriptError(f"the host's answer can't be read: {error}"))
        if ok:
            return Result(number, value=value)
        return Result(number, error=_failure(value, script))


def _failure(record: dict[str, object], script: Script) -> ScriptError:
    line = record.get("line")
    source = script.source
    if isinstance(line, int) and 1 <= line <= script.text.count("\n") + 1:
        source = replace(source, line=source.line + line - 1)
    return ScriptError(
        str(record.get("message", "")).strip() or "PowerShell gave no message",
        category=str(record.get("category", "")),
        identifier=str(record.get("identifier", "")),
        exception=str(record.get("type", "")),
        source=source,
    )


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


@functools.cache
def command_line() -> str:
    """Give the command line that starts a batch's process; it is the same for every batch.

    Raises:
        ValueError: The bootstrap has outgrown cmd.exe's limit.
    """
    text = (resources.folder("templates") / "powershell" / "bootstrap.ps1").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("#"))
    encoded = base64.b64encode(code.encode("utf-16-le")).decode("ascii")
    # Text formats keep standard error and standard input free of CLIXML.
    command = (
        "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass "
        f"-InputFormat Text -OutputFormat Text -EncodedCommand {encoded}"
    )
    if len(command) > _LONGEST_COMMAND_LINE:
        raise ValueError(f"the bootstrap makes a command line of {len(command)} characters; 8,191 is the limit")
    return command


@functools.cache
def prelude() -> Script:
    """Give the functions that every batch loads first."""
    from harness.remote.powershell import Script  # noqa: PLC0415  only a type elsewhere in this module

    name = "templates/powershell/prelude.ps1"
    path = resources.folder("templates") / "powershell" / "prelude.ps1"
    return Script(path.read_text(encoding="utf-8"), Source(name, 1))
