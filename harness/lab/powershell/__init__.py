"""A strict evaluator of a small, documented PowerShell subset."""
