"""What is asked of a mapped field: to be equal, to match, to lie in a network, to be one of some."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from harness.events import MAPPED, write_time

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network

    from harness.events import Event

FIELDS = MAPPED
"""The fields that can be asked about."""


class Condition(Protocol):
    """What is asked of one value."""

    def holds(self, value: str) -> bool:
        """Whether a value is as asked; an empty one stands for none."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is exactly this one."""

    wanted: str

    def holds(self, value: str) -> bool:
        """Compare; upper and lower case differ."""
        return value == self.wanted

    def __str__(self) -> str:
        """As in a sentence that begins with the field's name."""
        return f"is {self.wanted!r}"


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole value matches a regular expression."""

    pattern: re.Pattern[str]

    def holds(self, value: str) -> bool:
        """Match the value from its beginning to its end."""
        return self.pattern.fullmatch(value) is not None

    def __str__(self) -> str:
        """As in a sentence that begins with the field's name."""
        return f"matches {self.pattern.pattern!r}"


@dataclass(frozen=True, slots=True)
class InNetwork:
    """The value is an address in one of these networks."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def holds(self, value: str) -> bool:
        """Look the address up; what is no address lies in no network."""
        try:
            address = ip_address(value)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def __str__(self) -> str:
        """As in a sentence that begins with the field's name."""
        return "lies in " + " or ".join(map(str, self.networks))


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these."""

    wanted: tuple[str, ...]

    def holds(self, value: str) -> bool:
        """Compare; upper and lower case differ."""
        return value in self.wanted

    def __str__(self) -> str:
        """As in a sentence that begins with the field's name."""
        return "is one of " + ", ".join(map(repr, self.wanted))


@dataclass(frozen=True, slots=True)
class Matcher:
    """What is asked of one event.

    Args:
        conditions: For each mapped field that is asked about, what is asked of it; all must hold.
    """

    conditions: Mapping[str, tuple[Condition, ...]]

    def holds(self, event: Event) -> bool:
        """Whether an event is as asked."""
        return all(
            condition.holds(text(event, field))
            for field, conditions in self.conditions.items()
            for condition in conditions
        )

    def shown(self, event: Event) -> str:
        """Write the fields that are asked about as they are in an event."""
        return ", ".join(f"{field}={text(event, field)!r}" for field in self.conditions)

    def __str__(self) -> str:
        """As in a sentence: ``event_id is 'RECEIVE' and source_ip lies in 10.0.0.0/8``."""
        return " and ".join(
            f"{field} {condition}" for field, conditions in self.conditions.items() for condition in conditions
        )


def text(event: Event, field: str) -> str:
    """Give a mapped field as text; a time is written as Exchange writes it."""
    return write_time(event.device_time) if field == "device_time" else str(getattr(event, field))
