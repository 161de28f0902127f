"""What can go wrong with a host, on purpose: for tests and demonstrations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls a host; the default is nothing.

    Args:
        refuse_connections: Nobody listens; connections that are open are broken.
        hang: A request is read and never answered.
        delay_seconds: Every answer comes that much later.
        answer_status: Every request is answered with this HTTP status and no body, for example 503.
        drop_after_requests: So many more requests are answered; the connection of each later one is broken.
        drop_in_receive: The connection breaks while a Receive waits.
        reject_passwords: No user and password is right.
        times: After so many requests that were hung, dropped or answered with ``answer_status`` all is well again;
            ``None`` means never.
    """

    refuse_connections: bool = False
    hang: bool = False
    delay_seconds: float = 0.0
    answer_status: int | None = None
    drop_after_requests: int | None = None
    drop_in_receive: bool = False
    reject_passwords: bool = False
    times: int | None = None
