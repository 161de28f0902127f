"""The SMB server for machines without Samba: impacket's, in this process. It is degraded.

It speaks SMB 2.0.2 only: no encryption, no reads over 64 KB. It ignores share modes and who is an
administrator, so it can't show that a reader locks a file against its writer. Names are case-sensitive, and
nothing can be written. Tests that need more run against Samba.
"""

from __future__ import annotations

import os
import secrets
import threading
from configparser import ConfigParser
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.lab.smbserver import ADMIN_SHARE, PUBLIC_SHARE, LabSmbError, SmbUser, creation_time, host_folders

if TYPE_CHECKING:
    import socketserver
    from collections.abc import Sequence
    from pathlib import Path

_FIRST_UID = 1000


class EmbeddedSmb:
    """The server; see ``harness.lab.smbserver.SmbServer``.

    Args:
        root: The lab's state folder; ``hosts/<address>/c`` and ``/logs`` below it are served.
        addresses: The simulated hosts' own loopback addresses, at least one.
        users: Who may sign in; all of them may read ``C$``.
        port: 0 for a free one.
    """

    degraded = True

    def __init__(self, root: Path, addresses: Sequence[str], users: Sequence[SmbUser], *, port: int = 0) -> None:
        self._root = root.resolve()
        self._addresses = tuple(addresses)
        self._users = tuple(users)
        self._port = port
        self._servers: list[Any] = []

    @property
    def port(self) -> int:
        """The TCP port, the same on every address."""
        return self._port

    def start(self) -> None:
        """Serve in daemon threads, which end with this process.

        Raises:
            LabSmbError: impacket isn't installed, or a port is taken.
        """
        _report_creation_times()
        for address in self._addresses:
            try:
                server = self._serve(address)
            except OSError as error:
                self.stop()
                raise LabSmbError(f"can't serve SMB on {address}:{self._port}: {error.strerror}") from error
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, name=f"smb-{address}", daemon=True).start()

    def stop(self) -> None:
        """Stop serving; connections that are open end with their clients."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def _serve(self, address: str) -> socketserver.TCPServer:
        """Bind one host's server.

        Returns:
            impacket's server, ready to serve.
        """
        ntlm, smbserver = _impacket()
        admin, public = host_folders(self._root, address)
        # Not SimpleSMBServer, which opens two more ports for named pipes and never closes them.
        config = ConfigParser()
        config["global"] = {
            "server_name": "LAB",
            "server_os": "Windows",
            "server_domain": "LAB",
            "log_file": "None",
            "rpc_apis": "no",
            "credentials_file": "",
            "challenge": secrets.token_hex(8),
            "SMB2Support": "True",
            "anonymous_logon": "False",
        }
        for share, folder in ((ADMIN_SHARE, admin), (PUBLIC_SHARE, public)):
            config[share.upper()] = {
                "comment": "",
                "read only": "yes",
                "share type": "0",
                # impacket's parser takes a lone percent sign for a reference.
                "path": str(folder).replace("%", "%%"),
            }
        server: socketserver.ThreadingTCPServer = smbserver.SMBSERVER((address, self._port), config_parser=config)
        server.processConfigFile()  # type: ignore[attr-defined] # impacket has no types
        for uid, user in enumerate(self._users, start=_FIRST_UID):
            hashes = ntlm.compute_lmhash(user.password), ntlm.compute_nthash(user.password)
            server.addCredential(user.name, uid, *hashes)  # type: ignore[attr-defined] # the same
        server.daemon_threads = True
        self._port = int(server.server_address[1])
        return server


def _impacket() -> tuple[Any, Any]:
    """Import impacket, which takes its time.

    Returns:
        Its modules ``ntlm`` and ``smbserver``.
    """
    try:
        from impacket import ntlm, smbserver  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise LabSmbError(
            "the embedded SMB server needs impacket", hint="pip install 'exchange-log-harness[lab]'"
        ) from error
    return ntlm, smbserver


@cache
def _report_creation_times() -> None:
    """Make impacket report a file's creation time, once per process.

    It gives POSIX's change time instead, which moves with every line that is appended, so that every growing
    log would look recreated.
    """
    _, smbserver = _impacket()
    query, find = smbserver.queryPathInformation, smbserver.findFirst2

    def query_path(path: str, filename: str, level: int) -> tuple[Any, int]:
        record, code = query(path, filename, level)
        name = os.path.join(path, smbserver.normalize_path(filename, path))  # noqa: PTH118 - as impacket does it
        if record is not None and "CreationTime" in getattr(record, "fields", {}):
            record["CreationTime"] = creation_time(name)
        return record, code

    def find_first(path: str, filename: str, *args: Any, **options: Any) -> tuple[Any, int, int]:  # noqa: ANN401 - impacket's
        found, count, code = find(path, filename, *args, **options)
        folder = os.path.dirname(os.path.join(path, smbserver.normalize_path(filename)))  # noqa: PTH118, PTH120 - the same
        for item in found or ():
            if "CreationTime" in item.fields:
                name = item["FileName"].decode("utf-16-le")
                item["CreationTime"] = creation_time(os.path.join(folder, name))  # noqa: PTH118 - the same
        return found, count, code

    smbserver.queryPathInformation, smbserver.findFirst2 = query_path, find_first
