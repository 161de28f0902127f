"""Static proof: scripts are checked against each version that they are made for, before any host sees them.

Of the lab, the parser is used and nothing else: it is strict, knows line and column, and needs no package.
"""
