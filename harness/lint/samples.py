"""Every script that harness would send, rendered: for each version, from sample arguments and a sample host's answers.

The samples are chosen so that every template is rendered, and every line of it has values to work on. A module without
a sample is a finding, and so is a template that no sample renders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from harness.exchange.versions import VERSIONS, Server
from harness.modules import facts, log_folders, shells
from harness.modules.base import Target
from harness.modules.collector_access import Fix
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


# What is the same on every server: access for the collector. Each script asks for the Windows that it runs on, so that
# one sample renders what it does on any; each of its loops has something to go over.
_OPEN = {
    "enabled": "True",
    "direction": "Inbound",
    "action": "Allow",
    "profile": "Any",
    "protocol": "TCP",
    "addresses": ["10.0.0.9"],
}
_SHARE: Mapping[str, object] = {
    "sid": "S-1-5-21-1-2-3-1104",
    "problem": None,
    "path": None,
    "type": None,
    "entries": [],
    "drive": "Fixed",
    "exists": True,
    "rules": [],
    "can_grant": True,
}
_SHARE_OF_OTHERS = {
    **_SHARE,
    "path": "D:\\L",
    "type": 0,
    "entries": ["0 S-1-5-32-544 2032127"],
}
_REFUSING = {
    "windows": "6.1.7601",
    "drive_share": False,
    "smb1": True,
    "smb2": False,
    "signing": False,
    "encryption": False,
    "AutoShareServer": 0,
    "LocalAccountTokenFilterPolicy": None,
    "EnableLUA": 1,
    "LmCompatibilityLevel": None,
    "NtlmMinServerSec": 0x20080000,
    "RestrictReceivingNTLMTraffic": 2,
}


def _firewall(port: int, rule: Mapping[str, object] | None) -> dict[str, Any]:
    return _resource("firewall rule", f"harness-TCP-{port}", protocol="TCP", port=port, way="NetSecurity", rule=rule)


_ACCESS: Mapping[str, tuple[Sample, ...]] = {
    "firewall": tuple(
        Sample(
            {"collectors": collectors, "profile": "smb2", "winrm": True},
            # One to make, one to change, one to remove.
            [
                _firewall(445, None),
                _firewall(5985, {**_OPEN, "ports": ["5985"]}),
                _firewall(135, {**_OPEN, "ports": ["135"]}),
            ],
        )
        for collectors in (["10.0.0.7", "10.0.1.0/24"], ["any"])
    ),
    "log_share": tuple(
        Sample({"name": "logs", "path": "D:\\L", "account": "EXAMPLE\\reader"}, [_resource("share", "logs", **share)])
        for share in (_SHARE, _SHARE_OF_OTHERS)
    ),
    "collector_access": (
        Sample(
            {"account": "local", "fix": list(get_args(Fix))},
            [_resource("server", "server", **_REFUSING)],
        ),
    ),
}


def samples(target: Target) -> Mapping[str, tuple[Sample, ...]]:
    """Give each module's samples for a server."""
    server = target.server
    services = [_resource(service.kind, "EX01", protocol_logging="None") for service in server.intra_org]
    delivery = [_resource(server.delivery.kind, "EX01", protocol_logging="None")] if server.delivery else []
    folders = [
        _resource(
            service.kind,
            "EX01",
            service=name,
            version=target.version.name,
            install="C:\\Exchange\\",
            receive="C:\\Receive",
            send="C:\\Send",
            tracking=None,
        )
        for name, service in server.protocol_logs.items()
    ]
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
    tracked: dict[str, object] = {"path": "D:\\Tracking"}
    if target.version.management == "shell":
        tracked |= {
            "maximum_age": "10.00:00:00",
            "maximum_directory_size": "500 MB",
            "maximum_file_size": "20 MB",
            "subject_logging": True,
        }
    site = {**_SITE, "metabase": True, "fields": "2199503", "target": None}
    if target.version.management == "shell":
        site = {**_SITE}
    service = _resource("service", "MSExchangeTransport", state="Stopped", start_mode="Auto", process=0)
    return {
        **_ACCESS,
        "iis_logging": (
            Sample(
                {
                    "site_defaults": True,
                    "fields": ["cs-method", "cs-version"],
                    "period": "hourly",
                    "directory": "D:\\L",
                },
                [_resource("site defaults", "defaults", **site), _resource("site", "1", **site)],
            ),
        ),
        "receive_connector": (
            Sample(
                {"protocol_logging": "verbose", "mailbox_delivery": "verbose"},
                [_resource("receive connector", "1", protocol_logging="None"), *delivery],
            ),
        ),
        "send_connector": (
            Sample(
                {"protocol_logging": "verbose", "intra_org": "verbose"},
                [_resource("send connector", "1", protocol_logging="None", source=True), *services],
            ),
        ),
        "smtp_virtual_server": (
            Sample(
                {"protocol_logging": "verbose", "fields": ["cs-method"]},
                [_resource("SMTP virtual server", "SmtpSvc/1", **site)],
            ),
        ),
        "smtp_log_folders": (Sample({"root": "D:\\Smtp"}, folders),),
        "message_tracking": (Sample(tracked, [tracking]),),
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
    """Give the servers that scripts are made for: the usual roles, each role alone, each way to the cmdlets."""
    for roles in dict.fromkeys((version.usual, *(frozenset({role}) for role in version.roles))):
        for access in Server(version, roles).accesses:
            yield Target("ex01", version, access, "ex01.example.com", "EXAMPLE\\admin", Secret("sample"), roles=roles)
    if "remoting" in version.accesses:
        yield Target("ex01", version, "remoting")


def loaded() -> Script:
    """Give the functions that every batch has."""
    return batch.prelude()


def scripts(version: Version) -> Iterator[Script]:
    """Give every script for a version: those that bring cmdlets up, the facts, each module's read and write."""
    yield loaded()
    for target in targets(version):
        wanting = [facts.script(), log_folders.script(target, target.roles or frozenset())]
        for name in samples(target):
            wanting += of_module(name, target)
        yield from wanting
        yield from shells.loads(wanting, target).values()


def of_module(name: str, target: Target) -> Iterator[Script]:
    """Give a module's read and write scripts for a server; none where the server has nothing that it is about."""
    module = MODULES[name]
    for sample in samples(target).get(name, ()):
        arguments = module.Arguments.model_validate(sample.arguments)
        if module.misfit(arguments, target.server):
            continue
        yield module.read(arguments, target)
        difference = module.compare(arguments, module.resources(list(sample.answer)))
        if not difference:
            message = f"the sample of {name} leaves nothing to write, so its write script isn't checked"
            raise AssertionError(message)
        yield module.write(arguments, difference, target)
