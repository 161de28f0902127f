"""Benchmarks: how fast harness is beside others, in the same run on the same machine."""
