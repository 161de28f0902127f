"""How scripts and bytes travel to a host and back."""
