"""What is true of each Exchange version, as data."""
