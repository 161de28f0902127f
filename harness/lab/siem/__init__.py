"""A simulated JSA or QRadar console: the part of its REST API that log sources need, as its documentation describes it.

It is written without regard to harness's own client; ``tests/contract/console.yml`` is what both are held to.
"""
