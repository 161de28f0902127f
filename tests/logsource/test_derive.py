"""What log sources follow from a host."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import InventoryError, SharePathError
from harness.exchange.folders import DEFAULTS, Folders, SmtpFolders, relocated
from harness.inventory import load
from harness.logsource.derive import belongs, check_distinct, derive, share_form
from harness.logsource.model import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.exchange.folders import Service
    from harness.inventory import Host
    from harness.logsource.model import LogSource

    MakeHost = Callable[..., Host]

V15 = "c$/Program Files/Microsoft/Exchange Server/V15/TransportRoles/Logs"
OWA = r"C:\inetpub\logs\LogFiles\W3SVC1"
TRACKING = r"D:\Exchange\MessageTracking"


@pytest.fixture
def make_host(tmp_path: Path) -> MakeHost:
    """Make a host with given settings."""

    def make(**settings: str) -> Host:
        words = " ".join(f"{name}={value}" for name, value in settings.items())
        path = tmp_path / "inventory.ini"
        path.write_text(f"[exchange]\nex01.corp.example {words}\n")
        return load(path).hosts["ex01.corp.example"]

    return make


def chosen(source: LogSource, *names: str) -> list[str]:
    """Give the message tracking files that a log source takes."""
    (polled,) = (each for each in source.polled() if each.family == "MSGTRK")
    return [name for name in names if polled.wants(name)]


def test_each_transport_service_is_a_log_source(make_host: MakeHost) -> None:
    """From 2013 on protocol logs are apart, and a log source has one folder for them."""
    found = derive(make_host(exchange_version="2016", address="10.0.0.7"), None)

    assert [
        ("ex01.corp.example", f"{V15}/Hub/ProtocolLog/"),
        ("ex01.corp.example-frontend", f"{V15}/FrontEnd/ProtocolLog/"),
        ("ex01.corp.example-mailbox", f"{V15}/Mailbox/ProtocolLog/"),
    ] == [(source.identifier, source.smtp_folder) for source in found]
    assert {("10.0.0.7", "defaults of Exchange 2016")} == {(source.server_address, source.origin) for source in found}


def test_owa_and_tracking_are_polled_once(make_host: MakeHost) -> None:
    """Only the first log source has them; with two, every event would come twice."""
    found = derive(make_host(exchange_version="2019"), None)

    assert [("c$/inetpub/logs/LogFiles/W3SVC1/", f"{V15}/MessageTracking/"), ("", ""), ("", "")] == [
        (source.owa_folder, source.msgtrk_folder) for source in found
    ]


def test_up_to_2010_one_log_source_is_enough(make_host: MakeHost) -> None:
    """Receive and send logs stand below one folder."""
    (found,) = derive(make_host(exchange_version="2010"), None)

    logs = "c$/Program Files/Microsoft/Exchange Server/V14/TransportRoles/Logs"
    assert (f"{logs}/ProtocolLog/", f"{logs}/MessageTracking/") == (found.smtp_folder, found.msgtrk_folder)


@pytest.mark.parametrize(
    ("version", "roles", "expected"),
    [
        ("2013", "client_access", {"": ("OWA",), "-frontend": ("SMTP",)}),
        ("2013", "mailbox", {"": ("OWA", "SMTP", "MSGTRK"), "-mailbox": ("SMTP",)}),
        ("2016", "edge_transport", {"": ("SMTP", "MSGTRK")}),
        ("2010", "mailbox", {"": ("MSGTRK",)}),
        ("2010", "client_access", {"": ("OWA",)}),
        ("2010", "hub_transport,mailbox", {"": ("SMTP", "MSGTRK")}),
    ],
)
def test_roles_decide(make_host: MakeHost, version: str, roles: str, expected: dict[str, tuple[str, ...]]) -> None:
    """A log that a server doesn't write isn't polled."""
    found = derive(make_host(exchange_version=version, exchange_roles=roles), None)

    assert expected == {
        source.identifier.removeprefix("ex01.corp.example"): tuple(polled.family for polled in source.polled())
        for source in found
    }


@pytest.mark.parametrize("version", sorted(DEFAULTS))
def test_every_version_has_distinct_identifiers(make_host: MakeHost, version: str) -> None:
    """The console files events by identifier, and refuses two log sources with one."""
    identifiers = [source.identifier for source in derive(make_host(exchange_version=version), None)]

    assert len(identifiers) == len(set(identifiers)) > 0


def test_2003_is_for_wincollect(make_host: MakeHost) -> None:
    """The console's own protocol doesn't read it; the folders and files are those of IIS 6 and the System Attendant."""
    (found,) = derive(make_host(exchange_version="2003"), None)

    assert "WinCollect Microsoft Exchange" == found.protocol
    assert {
        "OWA": "c$/WINDOWS/system32/LogFiles/W3SVC1/",
        "SMTP": "c$/WINDOWS/system32/LogFiles/SMTPSVC1/",
        "MSGTRK": "c$/Program Files/Exchsrvr/EX01.log/",
    } == {family: found.folder(family) for family in FAMILIES}
    assert ["20261128.log"] == chosen(found, "20261128.log", "MSGTRK20261128-1.LOG", "ex261128.log")


def test_2003_needs_a_name(make_host: MakeHost) -> None:
    """Message tracking's folder is named after the server; an address doesn't tell, and the error has the line."""
    with pytest.raises(InventoryError) as caught:
        derive(make_host(exchange_version="2003", exchange_fqdn="192.0.2.7"), None)

    (problem,) = caught.value.problems
    assert (2, True) == (problem.source.line, "exchange_fqdn" in problem.hint)


def test_each_virtual_server_of_2003_is_a_log_source(make_host: MakeHost) -> None:
    """A log source has one folder for SMTP logs, and no conversation may be left out."""
    smtp = tuple(SmtpFolders("hub", rf"C:\Logs\SMTPSVC{number}", "") for number in (1, 2))
    found = derive(make_host(exchange_version="2003"), Folders(OWA, smtp, TRACKING, "the host"))

    assert {"": "c$/Logs/SMTPSVC1/", "-smtpsvc2": "c$/Logs/SMTPSVC2/"} == {
        source.identifier.removeprefix("ex01.corp.example"): source.smtp_folder for source in found
    }


@pytest.mark.parametrize(
    ("settings", "mailbox_role"),
    [
        ({"exchange_version": "2010", "exchange_roles": "mailbox"}, True),
        ({"exchange_version": "2007", "exchange_roles": "hub_transport,mailbox"}, True),
        ({"exchange_version": "2010"}, True),
        ({"exchange_version": "2010", "exchange_roles": "hub_transport"}, False),
        ({"exchange_version": "2016"}, False),
    ],
)
def test_what_a_mailbox_role_tracks_is_collected(
    make_host: MakeHost, settings: dict[str, str], mailbox_role: bool
) -> None:
    """Up to 2010 it has files of its own, which the protocol's patterns leave out; the others are as they were."""
    names = ["MSGTRK20120105-1.LOG", "MSGTRKMD20120105-1.LOG", "MSGTRKMS20120105-1.LOG", "MSGTRKMA20120105-1.log"]
    found = derive(make_host(**settings), None)[0]

    assert names + ["MSGTRKM20120105-1.LOG"] * mailbox_role == chosen(found, *names, "MSGTRKM20120105-1.LOG", "x.log")
    assert "Microsoft Exchange" == found.protocol


def test_folders_of_the_host_win(make_host: MakeHost) -> None:
    """What was moved is polled where it is, and the log source says that the host was asked."""
    smtp = SmtpFolders("hub", r"E:\Logs\Hub\ProtocolLog\SmtpReceive", r"E:\Logs\Hub\ProtocolLog\SmtpSend")
    (found,) = derive(make_host(exchange_version="2016"), Folders(OWA, (smtp,), TRACKING, "the host"))

    assert ("c$/inetpub/logs/LogFiles/W3SVC1/", "e$/Logs/Hub/ProtocolLog/", "d$/Exchange/MessageTracking/") == (
        found.owa_folder,
        found.smtp_folder,
        found.msgtrk_folder,
    )
    assert "the host" == found.origin


def test_a_folder_of_other_things_is_never_polled(make_host: MakeHost) -> None:
    """Below D:\\Exchange a database's transaction logs end in .log as well: receive and send are polled apart."""  # noqa: D301 - one backslash is meant
    smtp = SmtpFolders("frontend", r"D:\Exchange\Receive", r"D:\Exchange\Send")
    found = derive(make_host(exchange_version="2016"), Folders(OWA, (smtp,), TRACKING, "the host"))

    assert {"": "", "-frontend": "d$/Exchange/Receive/", "-frontend-send": "d$/Exchange/Send/"} == {
        source.identifier.removeprefix("ex01.corp.example"): source.smtp_folder for source in found
    }


def moved(root: str, *services: Service) -> Folders:
    """Give a host whose SMTP logs were moved below a root."""
    return Folders(OWA, tuple(relocated(root, service) for service in services), TRACKING, "the host")


def test_relocated_smtp_logs_are_one_log_source(make_host: MakeHost) -> None:
    """All services' logs are below one root that holds nothing else: one source reads them, and all other logs."""
    host = make_host(exchange_smtp_layout="relocated", exchange_smtp_root=r"'E:\Logs\Smtp'")
    (found,) = derive(host, moved(r"e:\logs\smtp", "hub", "frontend", "mailbox"))
    (defaults,) = derive(host, None)

    assert ("ex01.corp.example", "e$/Logs/Smtp/", True) == (found.identifier, found.smtp_folder, found.recursive)
    assert ("d$/Exchange/MessageTracking/", "e$/Logs/Smtp/") == (found.msgtrk_folder, defaults.smtp_folder)
    assert r"SMTP logs below E:\Logs\Smtp" in defaults.origin


def test_without_smtp_logs_the_layout_says_nothing(make_host: MakeHost) -> None:
    """A mailbox server up to 2010 has none that could be elsewhere."""
    host = make_host(exchange_smtp_layout="relocated", exchange_version="2010", exchange_roles="mailbox")

    assert [("", "the host")] == [
        (source.smtp_folder, source.origin) for source in derive(host, Folders("", (), TRACKING, "the host"))
    ]


@pytest.mark.parametrize(
    "folders",
    [
        DEFAULTS["2016"],
        moved(r"D:\Other", "hub", "frontend"),
        Folders(OWA, (relocated(r"C:\ExchangeLogs\Smtp", "hub"), relocated(r"D:\Other", "mailbox")), "", "the host"),
        Folders(OWA, (SmtpFolders("hub", "", ""),), "", "the host"),
    ],
    ids=["never moved", "another root", "one of two", "no folder"],
)
def test_a_host_that_was_not_relocated_is_refused(make_host: MakeHost, folders: Folders) -> None:
    """A log source of a folder that nobody writes to would be empty for ever; the hint names what moves the logs."""
    with pytest.raises(InventoryError) as caught:
        derive(make_host(exchange_smtp_layout="relocated"), folders)

    (problem,) = caught.value.problems
    assert r"its SMTP logs should all be below C:\ExchangeLogs\Smtp, but those of the" in problem.message
    assert "smtp_log_folders" in problem.hint


def test_per_service_reads_relocated_folders_too(make_host: MakeHost) -> None:
    """Each service has a folder of its own below the root, so nothing is lost before the logs are moved back."""
    found = derive(make_host(exchange_smtp_layout="per_service"), moved(r"D:\Smtp", "hub", "frontend"))

    assert {"": "d$/Smtp/Hub/ProtocolLog/", "-frontend": "d$/Smtp/FrontEnd/ProtocolLog/"} == {
        source.identifier.removeprefix("ex01.corp.example"): source.smtp_folder for source in found
    }


def test_a_public_share_is_preferred_to_the_drives_own(make_host: MakeHost) -> None:
    """The innermost share that holds a folder, in any case of its letters; what no share holds keeps its drive's."""
    shares = r"web$=C:\INETPUB,web-logs=C:\inetpub\logs\LogFiles\,smtp$=E:\Logs\Smtp"
    host = make_host(exchange_smtp_layout="relocated", exchange_smtp_root=r"'E:\Logs\Smtp'", smb_shares=f"'{shares}'")
    (found,) = derive(host, moved(r"E:\Logs\Smtp", "hub"))

    assert ("web-logs/W3SVC1/", "smtp$/", "d$/Exchange/MessageTracking/") == (
        found.owa_folder,
        found.smtp_folder,
        found.msgtrk_folder,
    )


@pytest.mark.parametrize("wrong", ["logs", "logs=", r"logs=\\nas\logs", "logs=logs", r"=C:\Logs", r"a/../b=C:\Logs"])
def test_what_is_no_share_with_its_folder_is_refused(make_host: MakeHost, wrong: str) -> None:
    """All of them at once, by the inventory's line, with the form to write."""
    with pytest.raises(InventoryError) as caught:
        derive(make_host(smb_shares=f"'{wrong},good=C:\\Logs,{wrong}x'"), None)

    assert [f"{wrong!r}", f"{wrong + 'x'!r}"] == [
        problem.message.partition(": ")[2].partition(" is no share")[0] for problem in caught.value.problems
    ]
    assert "write NAME=FOLDER" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"C:\inetpub\logs", "c$/inetpub/logs/"),
        ("D:\\Logs\\", "d$/Logs/"),
        (r"%SystemDrive%\inetpub\logs", "f$/inetpub/logs/"),
        (r"%systemdrive%\x", "f$/x/"),
        ("C:/mixed\\slashes", "c$/mixed/slashes/"),
        ("E:\\", "e$/"),
        (r"C:\Größe & mehr", "c$/Größe & mehr/"),
    ],
)
def test_windows_paths_become_share_paths(path: str, expected: str) -> None:
    """A drive becomes its administrative share, written as the console takes it."""
    assert expected == share_form(path, system_drive="F:")


@pytest.mark.parametrize(
    "path",
    [r"\\nas\logs", "//nas/logs", r"logs\here", r"\logs", "C:logs", "", r"%LOGS%\x", r"C:\%LOGS%\x", r"C:\a\..\b"],
)
def test_other_paths_are_refused(path: str) -> None:
    """There is no administrative share for them, or nobody knows where they lead."""
    with pytest.raises(SharePathError):
        share_form(path)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [("ex01-smtpsvc2", True), ("EX01-Frontend-send", True), ("ex01-smtpsvc", False), ("ex011", False), ("ex02", False)],
)
def test_what_is_a_host_s_own(identifier: str, expected: bool) -> None:
    """Every log source that a host can have, wherever its logs are, and no other host's."""
    assert expected == belongs(identifier, "ex01")


def test_the_inventory_says_what_the_form_asks_for(make_host: MakeHost) -> None:
    """Each key reaches its field; what isn't said is left to the console."""
    (found,) = derive(
        make_host(
            exchange_version="2010",
            logsource_name='"{host} ({version})"',
            logsource_description="Mail",
            logsource_identifier="mail",
            logsource_server_address="10.0.0.7",
            logsource_user=r"'CORP\svc'",
            logsource_password="env:JSA",
            logsource_polling_interval="30",
            logsource_throttle="500",
            logsource_smb_version="SMB3",
            logsource_credibility="7",
            logsource_coalescing="no",
            logsource_groups="Mail,Exchange",
            logsource_collector="ec0",
            logsource_enabled="no",
        ),
        None,
    )
    expected = {
        "name": "ex01.corp.example (2010)",
        "description": "Mail",
        "identifier": "mail",
        "server_address": "10.0.0.7",
        "domain": "CORP",
        "user": "svc",
        "password_reference": "env:JSA",
        "polling_interval": 30.0,
        "throttle": 500,
        "smb_version": "SMB3",
        "credibility": 7,
        "coalescing": False,
        "store_payload": None,
        "groups": ("Mail", "Exchange"),
        "collector": "ec0",
        "enabled": False,
        "type": "Microsoft Exchange Server",
        "protocol": "Microsoft Exchange",
    }

    assert expected == {name: getattr(found, name) for name in expected}


def test_the_account_is_that_of_smb_unless_another_is_named(make_host: MakeHost) -> None:
    """And that is WinRM's, unless another is named; nothing is looked up for it."""
    (found,) = derive(
        make_host(exchange_version="2010", winrm_user="svc@corp.example", winrm_password="env:NOT_SET_ANYWHERE"), None
    )

    assert ("", "svc@corp.example", "env:NOT_SET_ANYWHERE") == (found.domain, found.user, found.password_reference)


def test_a_password_in_clear_is_named_by_its_place(make_host: MakeHost) -> None:
    """The password itself stands in no definition."""
    (found,) = derive(make_host(exchange_version="2010", logsource_password="hunter22"), None)

    assert re.fullmatch(r"logsource_password in .*inventory\.ini:2", found.password_reference)
    assert "hunter22" not in repr(found)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"logsource_name": r"'a\b'"}, "can't have the name"),
        ({"logsource_name": "x" * 256}, "can't have the name"),
        ({"logsource_name": "'{hots}'"}, "logsource_name has the placeholder {hots}"),
        ({"logsource_description": "x" * 256}, "a description of 256 characters"),
        ({"logsource_credibility": "11"}, "a credibility of 11 can't be"),
        ({"logsource_polling_interval": "0"}, "an interval of 0 s"),
        ({"logsource_encoding": "UTF-9"}, "no encoding 'UTF-9'"),
    ],
)
def test_what_the_console_refuses_has_its_line(make_host: MakeHost, settings: dict[str, str], words: str) -> None:
    """An error of the inventory, with the line of the key."""
    with pytest.raises(InventoryError) as caught:
        derive(make_host(exchange_version="2016", **settings), None)

    (problem,) = caught.value.problems
    assert 2 == problem.source.line
    assert words in problem.message


def test_two_hosts_cant_share_a_name_or_an_identifier(tmp_path: Path) -> None:
    """Every conflict at once, each with the key that makes it; upper and lower case are the same."""
    path = tmp_path / "inventory.ini"
    path.write_text("a logsource_identifier=mail\nb logsource_identifier=MAIL\n[all:vars]\nexchange_version=2010\n")
    hosts = load(path).hosts
    with pytest.raises(InventoryError) as caught:
        check_distinct([source for host in hosts.values() for source in derive(host, None)], hosts)

    assert [(2, "identifier 'MAIL'"), (0, "name 'Exchange @ MAIL'")] == [
        (problem.source.line, re.search(r"(?:identifier|name) '[^']*'", problem.message)[0])  # type: ignore[index]
        for problem in caught.value.problems
    ]
    assert "for Microsoft Exchange Server over Microsoft Exchange is that of a log source of a's" in str(caught.value)


def test_another_protocol_may_have_the_same_identifier(make_host: MakeHost) -> None:
    """The console tells them apart by type and protocol as well."""
    host = make_host(exchange_version="2010")
    (one,) = derive(host, None)
    other = replace(one, name="other", protocol="Syslog")

    check_distinct([one, other], {host.name: host})
