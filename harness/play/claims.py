"""Who writes what belongs to the whole organisation.

A send connector shows on every server and is written once. The first host of the play, in the order of the
inventory, that wants to change it and answers, owns it; so a plan and the run after it name the same host, however
the hosts' answers race. A host therefore waits with shared changes until every host before it has planned or failed,
but no longer than for some seconds after it has planned itself: a host that is slow or dead mustn't hold others up. Who
owns what is never taken back, so nothing is written twice then either; only the host's name may be another one than
the plan's.
"""

from __future__ import annotations

import threading


class Claims:
    """The shared resources of one play and the hosts that own them.

    Args:
        hosts: The play's hosts in order.
        patience: Seconds that a host waits for those before it.
    """

    def __init__(self, hosts: tuple[str, ...], *, patience: float = 10.0) -> None:
        self._order = {host: index for index, host in enumerate(hosts)}
        self._planned: set[str] = set()
        self._owner: dict[tuple[str, str], str] = {}
        self._turn = threading.Condition()
        self._patience = patience

    def claim(self, host: str, keys: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Wait for the host's turn, take what nobody owns, and give each key's owner.

        Args:
            host: Who asks.
            keys: Kind and id of the shared resources that it wants to change.
        """
        before = [other for other, index in self._order.items() if index < self._order[host]]
        with self._turn:
            self._turn.wait_for(lambda: self._planned.issuperset(before), self._patience)
            return {key: self._owner.setdefault(key, host) for key in keys}

    def planned(self, host: str) -> None:
        """Say that the host claims nothing more: it has planned, failed or been left out."""
        with self._turn:
            self._planned.add(host)
            self._turn.notify_all()
