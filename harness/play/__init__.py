"""Playbooks: reading them, planning them and running them."""
