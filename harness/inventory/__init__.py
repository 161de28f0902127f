"""Hosts, groups, variables and secrets, each with the file and line it came from."""
