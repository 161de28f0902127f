"""A strict evaluator of a small, documented PowerShell subset.

It runs the very scripts that a real Windows host would get. What it doesn't have is refused as
"not simulated", with the construct and its place; it never guesses.

* `parse` gives the syntax tree of a script, with the line and column of every node.
* `harness.lab.powershell.host.run` is ``powershell.exe``.
* `harness.lab.powershell.cmdlet` is how a simulated host declares its cmdlets, types and programs.
"""

from harness.lab.powershell.parser import parse
from harness.lab.powershell.syntax import Node, Script, ScriptSyntaxError

__all__ = ["Node", "Script", "ScriptSyntaxError", "parse"]
