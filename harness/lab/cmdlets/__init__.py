"""The cmdlets of Exchange, IIS and Windows over the state of a simulated host."""
