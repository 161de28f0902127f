"""What a simulated Exchange server and its organisation are made of."""
