"""What the console polls: log sources, derived from an inventory's hosts."""
