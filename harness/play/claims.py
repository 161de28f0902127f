"""Who writes what belongs to the whole organisation.

A send connector shows on every server and is written once. The first host of the play, in the order of the
inventory, that wants to change it and answers, owns it; so a plan and the run after it name the same host, however
the hosts' answers race. A host therefore waits with shared changes until every host before it has planned or failed.
"""

from __future__ import annotations

import threading


class Claims:
    """The shared resources of one play and the hosts that own them.

    Args:
        hosts: The play's hosts in order.
    """

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._order = {host: index for index, host in enumerate(hosts)}
        self._planned: set[str] = set()
        self._owner: dict[tuple[str, str], str] = {}
        self._turn = threading.Condition()

    def claim(self, host: str, keys: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Wait for the host's turn, take what nobody owns, and give each key's owner.

        Args:
            host: Who asks.
            keys: Kind and id of the shared resources that it wants to change.
        """
        before = [other for other, index in self._order.items() if index < self._order[host]]
        with self._turn:
            self._turn.wait_for(lambda: self._planned.issuperset(before))
            return {key: self._owner.setdefault(key, host) for key in keys}

    def planned(self, host: str) -> None:
        """Say that the host claims nothing more: it has planned, failed or been left out."""
        with self._turn:
            self._planned.add(host)
            self._turn.notify_all()
