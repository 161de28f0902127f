"""Collecting: polling log folders, positions that survive a kill, output that loses and repeats nothing."""
