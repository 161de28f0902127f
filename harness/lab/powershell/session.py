"""One PowerShell process: what it was started with and what it has loaded."""
