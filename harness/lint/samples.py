"""Every script that harness would send, rendered: for each version, from sample arguments and a sample host's answers.

The samples are chosen so that every template is rendered, and every line of it has values to work on. A module without
a sample is a finding, and so is a template that no sample renders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.exchange.versions import VERSIONS
from harness.modules import facts, log_folders, shells
from harness.modules.base import Target
from harness.modules.registry import MODULES
from harness.redaction import Secret
from harness.remote import batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.exchange.versions import Version
    from harness.remote.powershell import Script

WITHOUT = frozenset({"powershell"})
"""Modules that have no templates: their scripts are the user's."""

_SITE = {
    "enabled": "False",
    "format": "IIS",
    "fields": "Date,Time",
    "period": "Daily",
    "directory": "C:\\Logs",
    "local_time_rollover": "False",
    "target": "ETW",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A task, and what a host answers to its read script so that there is something to write.

    Args:
        arguments: The task's.
        answer: What the read script prints.
    """

    arguments: Mapping[str, Any]
    answer: Sequence[Mapping[str, Any]]


def _resource(kind: str, ident: str, **properties: object) -> dict[str, Any]:
    return {"kind": kind, "id": ident, "name": ident, "properties": properties}


def samples(target: Target) -> Mapping[str, tuple[Sample, ...]]:
    """Give each module's samples for a server; none where the module has nothing to do with its roles."""
    services = [_resource(service.kind, "EX01", protocol_logging="None") for service in target.version.intra_org]
    tracking = _resource(
        "message tracking",
        "EX01",
        enabled=False,
        path="C:\\Tracking",
        maximum_age="30.00:00:00",
        maximum_directory_size="1000 MB (1,048,576,000 bytes)",
        maximum_file_size="10 MB (10,485,760 bytes)",
        subject_logging=False,
    )
    service = _resource("service", "MSExchangeTransport", state="Stopped", start_mode="Auto", process=0)
    return {
        "iis_logging": (
            Sample(
                {
                    "site_defaults": True,
                    "fields": ["cs-method", "cs-version"],
                    "period": "hourly",
                    "directory": "D:\\L",
                },
                [_resource("site defaults", "defaults", **_SITE), _resource("site", "1", **_SITE)],
            ),
        ),
        "receive_connector": (
            Sample({"protocol_logging": "verbose"}, [_resource("receive connector", "1", protocol_logging="None")]),
        ),
        "send_connector": (
            Sample(
                {"protocol_logging": "verbose", "intra_org": "verbose"},
                [_resource("send connector", "1", protocol_logging="None", source=True), *services],
            ),
        ),
        "message_tracking": (
            Sample(
                {
                    "path": "D:\\Tracking",
                    "maximum_age": "10.00:00:00",
                    "maximum_directory_size": "500 MB",
                    "maximum_file_size": "20 MB",
                    "subject_logging": True,
                },
                [tracking],
            ),
        ),
        "service": (
            Sample({"names": ["MSExchangeTransport"], "state": "running"}, [service]),
            Sample(
                {"names": ["MSExchangeTransport"], "state": "restarted"},
                [{**service, "properties": {**service["properties"], "state": "Running"}}],
            ),
        ),
    }


def unsampled() -> list[str]:
    """Give the modules that have no sample for any server."""
    known = {
        name
        for version in VERSIONS.values()
        for target in targets(version)
        for name, those in samples(target).items()
        if those
    }
    return sorted(set(MODULES) - known - WITHOUT)


def targets(version: Version) -> Iterator[Target]:
    """Give the servers that scripts are made for: each way to get at the Exchange cmdlets."""
    yield Target("ex01", version, "remoting", "ex01.example.com", "EXAMPLE\\admin", Secret("sample"))
    yield Target("ex01", version, "remoting")
    yield Target("ex01", version, "snapin")


def loaded() -> Script:
    """Give the functions that every batch has."""
    return batch.prelude()


def scripts(version: Version) -> Iterator[Script]:
    """Give every script for a version: those that bring cmdlets up, the facts, each module's read and write."""
    yield loaded()
    for target in targets(version):
        wanting = [facts.script(target), log_folders.script(target)]
        for name, of_module in samples(target).items():
            for sample in of_module:
                wanting += _of_module(name, sample, target)
        yield from wanting
        yield from shells.loads(wanting, target).values()


def _of_module(name: str, sample: Sample, target: Target) -> Iterator[Script]:
    module = MODULES[name]
    arguments = module.Arguments.model_validate(sample.arguments)
    yield module.read(arguments, target)
    difference = module.compare(arguments, module.resources(list(sample.answer)))
    if not difference:
        message = f"the sample of {name} leaves nothing to write, so its write script isn't checked"
        raise AssertionError(message)
    yield module.write(arguments, difference, target)
