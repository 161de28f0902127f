"""The form of a ``verify:`` section. pydantic checks it; `harness.verify.loader` makes expectations of it."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, model_validator

from harness.events import Format  # noqa: TC001 - pydantic reads it

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if not found:
            raise ValueError("expected a duration such as 90 s, 10m or 2h")
        seconds = float(found[1]) * _UNITS[found[2] or "s"]
    if seconds <= 0:
        raise ValueError("expected a duration above 0")
    return seconds


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise ValueError("expected a regular expression in quotes")  # noqa: TRY004 - pydantic wants a ValueError
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"isn't a regular expression: {error}") from None


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"isn't a network such as 10.0.0.0/8: {error}") from None


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _short(value: object) -> object:
    """Take ``event_id: RECEIVE`` for ``event_id: {equals: RECEIVE}``."""
    return value if isinstance(value, dict) else {"equals": value}


Text = StrictStr
Duration = Annotated[float, BeforeValidator(_duration)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Count = Annotated[int, Field(strict=True, ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class ConditionModel(_Strict):
    """What is asked of one mapped field; several conditions must all hold."""

    equals: Text | None = Field(default=None, description="The value is exactly this")
    matches: Pattern | None = Field(default=None, description="The whole value matches this regular expression")
    in_network: Annotated[list[Network], BeforeValidator(_listed), Field(min_length=1)] | None = Field(
        default=None, description="The value is an address in this network, or one of these"
    )
    one_of: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None, description="The value is one of these"
    )

    @model_validator(mode="after")
    def _some(self) -> ConditionModel:
        if not self.model_fields_set:
            raise ValueError("a condition is equals, matches, in_network or one_of")
        return self


Condition = Annotated[ConditionModel, BeforeValidator(_short)]


class MatcherModel(_Strict):
    """What is asked of an event, by mapped field."""

    event_id: Condition | None = None
    username: Condition | None = None
    source_ip: Condition | None = None
    destination_ip: Condition | None = None
    device_time: Condition | None = None

    @model_validator(mode="after")
    def _some(self) -> MatcherModel:
        if not self.model_fields_set:
            raise ValueError("name at least one mapped field")
        return self


class EventIdsModel(_Strict):
    """The event IDs that the console knows, from its own export."""

    console_mappings: Text = Field(description="The console's dsm_event_mappings as JSON")


def _event_ids(value: object) -> object:
    if isinstance(value, list | dict):
        return value
    raise ValueError("expected a list of event IDs, or console_mappings: FILE")


def _columns(value: object) -> object:
    if isinstance(value, list | dict) and value:
        return value
    raise ValueError("expected a list of columns, or such lists by the log's format")


Columns = Annotated[list[Text], Field(min_length=1)]


class FamilyModel(_Strict):
    """What is expected of a family's log."""

    fresh_within: Duration | None = Field(default=None, description="The newest event isn't older")
    fields_present: Annotated[Columns | dict[Format, Columns], BeforeValidator(_columns)] | None = Field(
        default=None, description="The log has these columns: a list, or a list for each format"
    )
    min_events: Count | None = Field(default=None, description="At least so many events")
    max_unparsed: Count | None = Field(default=None, description="At most so many lines that can't be read")
    event_ids: Annotated[list[Text] | EventIdsModel, BeforeValidator(_event_ids)] | None = Field(
        default=None, description="Only these event IDs: a list, or console_mappings: FILE"
    )
    every: Annotated[list[MatcherModel], BeforeValidator(_listed)] = Field(
        default=[], description="What every event is like"
    )
    some: Annotated[list[MatcherModel], BeforeValidator(_listed)] = Field(
        default=[], description="What at least one event is like"
    )
    golden: Text | None = Field(default=None, description="A folder of sample logs beside their events")
    probe: Literal["smtp", "owa"] | None = Field(default=None, description="Traffic of our own comes out in the log")
    connectors_logged: Literal[True] | None = Field(
        default=None, description="Every connector on the way of the probe's message has logged its conversation"
    )
    connectors_verbose: Literal[True] | None = Field(
        default=None, description="Every connector of the server logs its conversations, as the server itself says"
    )
    tracking_enabled: Literal[True] | None = Field(
        default=None, description="Message tracking is on, as the server itself says"
    )
    deadline: Duration | None = Field(default=None, description="How long to wait for all of it; 120 s")


class SmtpProbeModel(_Strict):
    """How the message is sent; the inventory's ``probe_…`` keys say so otherwise."""

    sender: Text | None = None
    recipient: Text | None = None
    port: Port | None = None
    starttls: bool | None = Field(default=None, strict=True)


class OwaProbeModel(_Strict):
    """How the request is sent; the inventory's ``probe_…`` keys say so otherwise."""

    scheme: Literal["http", "https"] | None = None
    port: Port | None = None
    path: Annotated[str, Field(pattern=r"^/[!-~]*$")] | None = None


class ProbesModel(_Strict):
    """How probes are sent."""

    smtp: SmtpProbeModel = SmtpProbeModel()
    owa: OwaProbeModel = OwaProbeModel()


class VerifyModel(_Strict):
    """What harness verify expects of the hosts of a play."""

    OWA: FamilyModel | None = Field(default=None, description="Outlook Web Access, the IIS log")
    SMTP: FamilyModel | None = Field(default=None, description="SMTP protocol logs")
    MSGTRK: FamilyModel | None = Field(default=None, description="Message tracking")
    probes: ProbesModel = ProbesModel()


def json_schema() -> dict[str, Any]:
    """Describe a ``verify:`` section for editors, as JSON Schema."""
    return VerifyModel.model_json_schema(mode="validation")
