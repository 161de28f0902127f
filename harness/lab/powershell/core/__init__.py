"""What every PowerShell process has: the language's own types and cmdlets."""

from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.blocks import BLOCKS
from harness.lab.powershell.core.data import DATA
from harness.lab.powershell.core.modules import MODULES
from harness.lab.powershell.core.process import PROCESS
from harness.lab.powershell.core.selection import SELECTION
from harness.lab.powershell.core.streams import STREAMS
from harness.lab.powershell.core.types import TYPES
from harness.lab.powershell.core.variables import VARIABLES

CORE = Registry(*TYPES, BLOCKS, STREAMS, VARIABLES, MODULES, PROCESS, SELECTION, DATA)

__all__ = ["CORE"]
