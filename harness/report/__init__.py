"""Renderers of results: terminal and JSON."""
