"""A host whose logs a test writes by itself, behind real SMB; and front ends for probes to talk to."""

from __future__ import annotations

import asyncio
import http.server
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import SMTP

from harness.collect.source import PolledFolder
from harness.lab.embedded_smb import EmbeddedSmb
from harness.lab.samba import Samba, SambaMissing
from harness.lab.smbserver import SmbUser, create_log, host_folders
from harness.redaction import Secret
from harness.remote.smb import SmbConnection, SmbEndpoint
from harness.verify.gather import Subject
from harness.verify.probe import OwaProbe, SmtpProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.lab.smbserver import SmbServer
    from harness.verify.probe import Kind, Probe

ADDRESSES = ("127.0.0.21", "127.0.0.22")
USER = SmbUser("svc-jsa", "canary-4711")
NAME = "ex01.lab.example"

OWA_FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version sc-status"
SMTP_FIELDS = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
MSGTRK_FIELDS = "date-time,client-ip,server-ip,source-context,connector-id,source,event-id,message-id,recipient-address"


def owa_header(fields: str = OWA_FIELDS) -> str:
    """The header of an IIS log."""
    return f"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Fields: {fields}\r\n"


def owa_row(query: str = "-", status: int = 200) -> str:
    """A row of an IIS log, of now."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%d %H:%M:%S} 192.0.2.20 GET /owa/ {query} 443 - 198.51.100.7 HTTP/1.1 {status}\r\n"


def smtp_header() -> str:
    """The header of a receive log."""
    return (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Receive Protocol Log\r\n"
        f"#Date: {moment()}\r\n#Fields: {SMTP_FIELDS}\r\n"
    )


def smtp_row(event: str, data: str, *, session: str = "08D1", connector: str = r"EX01\Default Frontend EX01") -> str:
    """A row of a receive log, of now."""
    return f"{moment()},{connector},{session},1,192.0.2.20:25,198.51.100.7:41000,{event},{data},\r\n"


def msgtrk_header() -> str:
    """The header of a message tracking log."""
    return (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.006\r\n#Log-type: Message Tracking Log\r\n"
        f"#Date: {moment()}\r\n#Fields: {MSGTRK_FIELDS}\r\n"
    )


def msgtrk_row(
    message_id: str, *, event: str = "RECEIVE", session: str = "08D2", connector: str = r"EX01\Default EX01"
) -> str:
    """A row of a message tracking log, of now."""
    return f"{moment()},198.51.100.7,192.0.2.20,{session};x;0,{connector},SMTP,{event},{message_id},ann@lab.example\r\n"


def moment() -> str:
    """Now, as Exchange writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class LogHost:
    """A host whose logs a test writes."""

    server: SmbServer
    root: Path
    address: str = ADDRESSES[0]
    name: str = NAME
    probes: dict[str, Probe] = field(default_factory=dict)

    def file(self, path: str) -> Path:
        """A file below ``C$``."""
        return host_folders(self.root, self.address)[0] / path

    def write(self, path: str, text: str) -> None:
        """Write a new file."""
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(create_log(file), "wb") as stream:
            stream.write(text.encode())

    def append(self, path: str, text: str) -> None:
        """Append to a file."""
        with self.file(path).open("ab") as stream:
            stream.write(text.encode())

    def write_all(self) -> None:
        """Write the three logs with a header and a row of somebody else's each."""
        self.write("owa/u_ex261123.log", owa_header() + owa_row())
        self.write("smtp/RECV2026112310-1.LOG", smtp_header() + smtp_row("<", "EHLO client.example"))
        self.write("msgtrk/MSGTRK2026112310-1.LOG", msgtrk_header() + msgtrk_row("<other@client.example>"))

    def folder(self, family: str, folder: str = "") -> PolledFolder:
        """A folder of a log source."""
        return PolledFolder(
            host=self.name,
            identifier=self.name,
            family=family,  # type: ignore[arg-type] # one of the three
            share="c$",
            folder=folder or family.lower(),
            file_pattern=r".*\.(?:log|LOG)$",
        )

    def endpoint(self, **options: Any) -> SmbEndpoint:
        """Where its shares are."""
        values: dict[str, Any] = {
            "host": self.name,
            "user": USER.name,
            "password": Secret(USER.password),
            "address": self.address,
            "port": self.server.port,
            "auth": "ntlm",
            "timeout": 5.0,
        }
        return SmbEndpoint(**(values | options))

    def subject(self, *families: str, **options: Any) -> Subject:
        """The host as verification needs it."""
        folders = tuple(self.folder(family) for family in families or ("OWA", "SMTP", "MSGTRK"))
        return Subject(self.name, self.address, folders, lambda: SmbConnection(self.endpoint(**options)), self._probe)

    def _probe(self, kind: Kind) -> Probe:
        return self.probes[kind]


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmbServer, Path]]:
    root = tmp_path_factory.mktemp("lab")
    server: SmbServer = Samba(root, ADDRESSES, [USER])
    try:
        server.start()
    except SambaMissing:
        server = EmbeddedSmb(root, ADDRESSES, [USER])
        server.start()
    try:
        yield server, root
    finally:
        server.stop()


@pytest.fixture
def host(_server: tuple[SmbServer, Path]) -> LogHost:
    """A host without any log; real Samba serves it where that is installed."""
    made = LogHost(*_server)
    top = host_folders(made.root, made.address)[0]
    for entry in sorted(top.rglob("*"), reverse=True):
        if entry.is_dir():
            entry.rmdir()
        else:
            entry.unlink()
    for family in ("owa", "smtp", "msgtrk"):
        (top / family).mkdir()
    return made


class Mailbox:
    """What a receive connector is told; it may refuse."""

    def __init__(self) -> None:
        self.greetings: list[str] = []
        self.messages: list[Any] = []
        self.refusal = ""
        self.on_message: Callable[[str, str], None] = lambda _greeting, _id: None

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self, _server: object, session: Any, _envelope: object, hostname: str, responses: list[str]
    ) -> list[str]:
        """Note the greeting."""
        self.greetings.append(hostname)
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the same
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        """Take or refuse a recipient."""
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, session: Any, envelope: Any) -> str:  # noqa: N802 - the same
        """Take a message."""
        self.messages.append(envelope)
        identifier = next(
            line.split(b": ", 1)[1].decode().strip()
            for line in envelope.content.splitlines()
            if line.lower().startswith(b"message-id: ")
        )
        self.on_message(session.host_name, identifier)
        return "250 OK"


@contextmanager
def mail_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Run a receive connector; give its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(mailbox, loop=loop, **options), ADDRESSES[0], 0)

    async def stop() -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def web_server(on_request: Callable[[str], int], *, context: Any = None) -> Iterator[int]:
    """Run a web site; give its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = on_request(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/owa/auth/logon.aspx")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = http.server.ThreadingHTTPServer((ADDRESSES[0], 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def smtp_probe(port: int, **options: Any) -> SmtpProbe:
    """A probe of the receive connector."""
    values: dict[str, Any] = {
        "host": NAME,
        "address": ADDRESSES[0],
        "name": NAME,
        "port": port,
        "sender": "harness@lab.example",
        "recipient": "postmaster@lab.example",
    }
    return SmtpProbe(**(values | options))


def owa_probe(port: int, **options: Any) -> OwaProbe:
    """A probe of the web site."""
    values: dict[str, Any] = {
        "host": NAME,
        "address": ADDRESSES[0],
        "name": NAME,
        "scheme": "http",
        "port": port,
    }
    return OwaProbe(**(values | options))
