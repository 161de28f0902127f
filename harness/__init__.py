"""Make Exchange servers deliver their logs to a SIEM, and prove it."""

__version__ = "0.1.0"
