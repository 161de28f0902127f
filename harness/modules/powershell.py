"""The module `powershell`: scripts of the user's own, where no module fits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pydantic

from harness.errors import ScriptError, TaskError
from harness.modules.base import Arguments, Change, Difference, Module, Resource
from harness.remote.powershell import Script, literal
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Target

_READ = Source("the task's scripts read and test", 1)
_SET = Source("the task's script set", 1)


class PowerShellArguments(Arguments):
    """Three scripts: what is, whether it is right, and how to make it so.

    The text is taken as it stands; it is the one place where a playbook's text becomes code. A template in it fills
    values in as PowerShell literals, so no value does.
    """

    read: str = pydantic.Field("", description="Prints the current state, for the report")
    test: str = pydantic.Field("", description="Prints $true when nothing needs doing")
    set: str = pydantic.Field(min_length=1, description="Makes it so")
    exchange: list[str] = pydantic.Field([], description="The Exchange cmdlets that the scripts call")


class PowerShell(Module[PowerShellArguments]):
    """Scripts of the user's own."""

    name = "powershell"
    Arguments = PowerShellArguments
    pure_read = False
    literals = dict.fromkeys(("read", "test", "set"), literal)

    def read(self, arguments: PowerShellArguments, target: Target) -> Script:
        """Run ``read`` and ``test`` and print what both gave."""
        if arguments.exchange and target.version.management == "wmi":
            raise TaskError(f"Exchange {target.version.name} has no cmdlets", hint="leave exchange out, and use WMI")
        parts = [f"@(. {{ {text}\n}})" if text else "@()" for text in (arguments.read, arguments.test)]
        return _script(arguments, f"@{{ read = {parts[0]}; test = {parts[1]} }}", _READ)

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Keep what ``read`` printed as text, and what ``test`` answered."""
        match value:
            case [{"read": list(read), "test": list(test)}]:
                state = tuple(each if isinstance(each, str) else json.dumps(each) for each in read)
                verdict = test[-1] if test else None
                if verdict is not None and not isinstance(verdict, bool):
                    raise ScriptError(f"the test script must end by printing $true or $false, not {verdict!r:.80}")
                return (Resource("script", "script", "script", {"state": state, "passed": verdict}),)
        raise ScriptError(f"the host's answer isn't a script's result: {value!r:.200}")

    def compare(self, arguments: PowerShellArguments, resources: Sequence[Resource]) -> Difference:
        """Believe the test; without one nobody knows."""
        if not arguments.test:
            return Difference(known=False, notes=("the task has no test, so harness can't know whether it is done",))
        (script,) = resources
        if script.properties["passed"] is None:
            raise ScriptError("the test script printed nothing; it must end by printing $true or $false")
        if script.properties["passed"]:
            return Difference()
        return Difference((Change(script, "test", "False", "True"),))

    def confirm(
        self, arguments: PowerShellArguments, before: Sequence[Resource], after: Sequence[Resource]
    ) -> Difference:
        """Believe the test; without one the script's end without an error is all there is."""
        if not arguments.test:
            return Difference()
        return super().confirm(arguments, before, after)

    def write(self, arguments: PowerShellArguments, _difference: Difference, _target: Target) -> Script:
        """Run ``set``."""
        return _script(arguments, arguments.set, _SET)


def _script(arguments: PowerShellArguments, text: str, source: Source) -> Script:
    return Script(text, source, frozenset(arguments.exchange))
