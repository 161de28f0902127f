"""The benchmarks stand beside the package, not in it."""

from __future__ import annotations

import sys
from pathlib import Path

# At the end: harness itself is the one that is installed, not the folder beside the benchmarks.
sys.path.append(str(Path(__file__).parent.parent.parent))
