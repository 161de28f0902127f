"""Simulated hosts behind real protocols."""
