"""The .NET types that the language itself and most scripts need; each file declares those of one subject."""

from harness.lab.powershell.core.types.console import CONSOLE
from harness.lab.powershell.core.types.dates import DATES
from harness.lab.powershell.core.types.encodings import BYTES
from harness.lab.powershell.core.types.enumerations import NAMES
from harness.lab.powershell.core.types.environment import ENVIRONMENT
from harness.lab.powershell.core.types.numbers import NUMBERS
from harness.lab.powershell.core.types.objects import OBJECTS
from harness.lab.powershell.core.types.strings import STRINGS

TYPES = (NUMBERS, STRINGS, BYTES, DATES, OBJECTS, CONSOLE, ENVIRONMENT, NAMES)

__all__ = ["TYPES"]
