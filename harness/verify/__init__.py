"""Verification: expectations, probes, and what a host's logs held; pytest runs the expectations as items."""
