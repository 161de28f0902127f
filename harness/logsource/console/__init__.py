"""The console's REST API: what stands there, how it differs from the inventory, and how it is brought in line.

`Console` gives typed access; `plan` compares; `push` writes in bulk and finds out what became of every item.
"""
