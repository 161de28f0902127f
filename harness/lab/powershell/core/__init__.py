"""What every PowerShell process has: the language's own types and cmdlets."""

from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.data import DATA
from harness.lab.powershell.core.language import LANGUAGE
from harness.lab.powershell.core.selection import SELECTION
from harness.lab.powershell.core.types import TYPES

CORE = Registry(*TYPES, LANGUAGE, SELECTION, DATA)

__all__ = ["CORE"]
