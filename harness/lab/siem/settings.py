"""How a simulated console behaves, and what can befall it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

VersionState: TypeAlias = Literal["current", "deprecated", "removed"]

_VERSIONS: Final[Mapping[str, VersionState]] = MappingProxyType(
    {"20.0": "removed", "22.0": "deprecated", "26.0": "current"}
)


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What a console is like.

    Args:
        task_seconds: How long a bulk task works on each of its log sources; 0 has it done when it is looked at first.
        deploy_seconds: How long a deploy takes.
        api_versions: The versions of the API and what has become of them. 26.0 and the deprecation of 22.0 are
            documented for one update of the product; that 20.0 is removed there is assumed.
        wincollect: Whether a fresh console has WinCollect's agents and destinations.
    """

    task_seconds: float = 0.0
    deploy_seconds: float = 0.0
    api_versions: Mapping[str, VersionState] = field(default_factory=lambda: _VERSIONS)
    wincollect: bool = True


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls a console; the default is nothing.

    Args:
        answer_status: Requests are answered with this HTTP status.
        retry_after: Seconds that such an answer's Retry-After names.
        page: Such an answer is a proxy's HTML page. Without it 429 and 502 to 504 have no body, all else the API's.
        cut: The connection breaks before the console acts, after it acted and before it answers, or within the answer.
        hang: Requests are read and never answered.
        delay_seconds: Every answer comes that much later.
        refuse_name: Log sources whose name contains it fail when they are created or updated: 500, code 1100.
        method: Only requests of this method are touched; empty for all.
        path: Only requests whose path contains it are touched.
        times: After so many touched requests all is well again; ``None`` means never.
    """

    answer_status: int | None = None
    retry_after: int | None = None
    page: bool = False
    cut: Literal["", "before", "after", "within"] = ""
    hang: bool = False
    delay_seconds: float = 0.0
    refuse_name: str = ""
    method: str = ""
    path: str = ""
    times: int | None = None

    @property
    def on_the_way(self) -> bool:
        """Whether it befalls requests, not log sources."""
        return bool(self.answer_status or self.cut or self.hang or self.delay_seconds)
