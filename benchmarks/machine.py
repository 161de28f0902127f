"""The machine that figures were measured on, and what ran on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

_PACKAGES = (
    "exchange-log-harness",
    "ansible-core",
    "dask",
    "distributed",
    "duckdb",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pyspnego",
    "pywinrm",
    "smbprotocol",
)
_PROGRAMS = {"smbd": "--version", "smbclient": "--version"}


def machine() -> dict[str, object]:
    """Say what machine this is, and how busy others keep it just now."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Give the versions of what takes part, as far as it is installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for program, option in _PROGRAMS.items():
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
        if path is not None:
            said = subprocess.run([path, option], capture_output=True, text=True, check=False).stdout
            found[program] = said.strip().removeprefix("Version ")
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
