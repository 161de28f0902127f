"""One private, unprivileged Samba server that plays the file server of every simulated host.

Nothing of the machine's own Samba is read or written: configuration, accounts, locks and logs are in the
lab's folder. A host is known by the loopback address that a client connects to: ``%i`` in the share's path.
Multi-channel must be off for that, since smbd hands connections that carry the same client GUID to one child,
and ``%i`` would then name the wrong host.

Every user needs a Unix account that Samba can look up. The lab borrows those which any system has, by name
alone: all files are read and written as the user who runs the lab, and the borrowed accounts get no password
outside the lab's own database.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBException

from harness.lab.smbserver import ADMIN_SHARE, PUBLIC_SHARE, LabSmbError, SmbUser, host_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.lab.smbserver import PublicShare

Security = Literal["off", "desired", "required"]

# Unix sockets lie below the private folder, and the path of a socket has at most 107 bytes.
_LONGEST_RUNTIME_PATH = 70
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_PORT_TRIES = 5
_GUEST = "nobody"

_CONFIG = """\
[global]
server role = standalone server
workgroup = {domain}
server string = simulated Exchange host
smb ports = {port}
interfaces = {interfaces}
bind interfaces only = yes
disable netbios = yes
dns proxy = no
# See the module's docstring: with it, reads returned another host's files.
server multi channel support = no
server min protocol = {min_protocol}
server max protocol = {max_protocol}
server signing = {signing}
server smb encrypt = {encryption}
map to guest = never
guest account = nobody
restrict anonymous = 2
passdb backend = tdbsam:{runtime}/private/passdb.tdb
username map = {runtime}/users.map
private dir = {runtime}/private
lock directory = {runtime}/lock
state directory = {runtime}/state
cache directory = {runtime}/cache
pid directory = {runtime}/pid
ncalrpc dir = {runtime}/ncalrpc
max log size = 5000
log level = 1
load printers = no
printing = bsd
printcap name = /dev/null
disable spoolss = yes
rpc start on demand helpers = no
# The lab's hosts write the files behind Samba's back; a client that caches would not see it.
oplocks = no
level2 oplocks = no
kernel oplocks = no
store dos attributes = yes
force user = {account}
{shares}
include = {runtime}/shares-%i.conf
"""

_ADMIN = """
[{share}]
path = {root}/hosts/%i/c
read only = no
valid users = {admins}
"""

_PUBLIC = """
[{share}]
path = {root}/hosts/%i/logs
read only = yes
"""

_MADE = """
[{name}]
path = {folder}
read only = yes
valid users = {readers}
"""


class SambaMissing(LabSmbError):  # noqa: N818 - the name says what is the matter
    """There is no ``smbd`` on this machine."""


class Samba:
    """The server; see ``harness.lab.smbserver.SmbServer``.

    Args:
        root: The lab's state folder; ``hosts/<address>/c`` and ``/logs`` below it are served.
        addresses: The simulated hosts' own loopback addresses, at least one.
        users: Who may sign in.
        port: 0 for a free one.
        domain: The NetBIOS domain; any other domain is accepted at sign-in too.
        signing: What the server asks of its clients.
        encryption: The same; ``required`` shuts out clients older than SMB 3.
        min_protocol: The oldest dialect, as Samba writes it, for example ``SMB2_02``.
        max_protocol: The newest, for example ``SMB3_11``.
    """

    degraded = False

    def __init__(
        self,
        root: Path,
        addresses: Sequence[str],
        users: Sequence[SmbUser],
        *,
        port: int = 0,
        domain: str = "LAB",
        signing: Security = "desired",
        encryption: Security = "desired",
        min_protocol: str = "SMB2_02",
        max_protocol: str = "SMB3_11",
    ) -> None:
        self._root = root.resolve()
        self._addresses = tuple(addresses)
        self._users = tuple(users)
        self._port = port
        self._domain = domain
        self._signing = {"off": "disabled", "desired": "auto", "required": "mandatory"}[signing]
        self._encryption = encryption
        self._protocols = (min_protocol, max_protocol)
        self._process: subprocess.Popen[bytes] | None = None
        self._runtime: Path | None = None

    @property
    def port(self) -> int:
        """The TCP port, the same on every address."""
        return self._port

    @property
    def logs(self) -> Path:
        """The folder with smbd's own log."""
        return self._root / "samba"

    def start(self) -> None:
        """Serve; return as soon as every address answers.

        Raises:
            SambaMissing: ``smbd`` or ``pdbedit`` isn't installed.
            LabSmbError: It didn't start; says what its log says.
        """
        smbd, pdbedit = _program("smbd"), _program("pdbedit")
        for address in self._addresses:
            host_folders(self._root, address)
        self.logs.mkdir(parents=True, exist_ok=True)
        self._runtime = _runtime_folder(self.logs)
        asked = self._port
        for attempt in range(1, _PORT_TRIES + 1):
            self._port = asked or _free_port(self._addresses)
            if asked and not _bindable(self._addresses, asked):
                # Whoever has it may well speak SMB, so that it would look as if ours had started.
                self.stop()
                raise LabSmbError(f"port {asked} is in use", hint="ask for another, or for 0")
            self._write_config()
            for address in self._addresses:
                self.publish(address, ())
            if attempt == 1:
                self._add_users(pdbedit)
            if self._run(smbd):
                return
            # Somebody else may have taken the port between our looking and smbd's binding.
            if asked or _bindable(self._addresses, self._port):
                break
        log = self._last_words()
        self.stop()
        raise LabSmbError(
            f"smbd did not start on port {self._port}: {log}", hint=f"its log is {self.logs / 'log.smbd'}"
        )

    def publish(self, address: str, shares: Iterable[PublicShare]) -> None:
        """Serve these shares on a host instead of those before; each connection that is made from now on sees them.

        Args:
            address: The host's own.
            shares: All that somebody made on it.
        """
        accounts = {user.name.lower(): account for account, user in self._accounts()}
        parts = []
        for share in shares:
            readers = " ".join(accounts[name] for name in sorted(share.readers & accounts.keys())) or _GUEST
            parts.append(_MADE.format(name=share.name, folder=share.folder, readers=readers))
        file = self._folder() / f"shares-{address}.conf"
        fresh = file.with_suffix(".new")
        fresh.write_text("".join(parts), encoding="utf-8")
        fresh.replace(file)

    def stop(self) -> None:
        """End smbd with all its children; harmless when called twice."""
        process, self._process = self._process, None
        if process is not None:
            # smbd ends itself and its process group once its standard input closes. The kernel closes it too
            # when this process is killed, so no smbd outlives the lab.
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            shutil.rmtree(runtime, ignore_errors=True)

    def _write_config(self) -> None:
        """Write smb.conf and the map from lab users to Unix accounts."""
        runtime = self._folder()
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc"):
            (runtime / name).mkdir(mode=0o700, exist_ok=True)
        # Without a name everybody would be valid; nobody signs in as Samba's guest account.
        admins = " ".join(account for account, user in self._accounts() if user.admin) or _GUEST
        shares = _ADMIN.format(share=ADMIN_SHARE, root=self._root, admins=admins)
        shares += _PUBLIC.format(share=PUBLIC_SHARE, root=self._root)
        text = _CONFIG.format(
            domain=self._domain,
            port=self._port,
            # The netmask is needed: a bare loopback address other than 127.0.0.1 isn't found.
            interfaces=" ".join(f"{address}/255.0.0.0" for address in self._addresses),
            min_protocol=self._protocols[0],
            max_protocol=self._protocols[1],
            signing=self._signing,
            encryption=self._encryption,
            runtime=runtime,
            logs=self.logs,
            account=pwd.getpwuid(os.getuid()).pw_name,
            shares=shares,
        )
        (runtime / "smb.conf").write_text(text, encoding="utf-8")
        lines = (f'!{account} = "{user.name}"\n' for account, user in self._accounts())
        (runtime / "users.map").write_text("".join(lines), encoding="utf-8")

    def _accounts(self) -> list[tuple[str, SmbUser]]:
        """Pair each lab user with a Unix account."""
        own = pwd.getpwuid(os.getuid()).pw_name
        # Samba's guest account is left out: signing in as it means something else.
        others = sorted(entry.pw_name for entry in pwd.getpwall() if entry.pw_name not in {own, _GUEST})
        accounts = [own, *others]
        if len(self._users) > len(accounts):
            raise LabSmbError(f"the lab has {len(self._users)} users but this machine only {len(accounts)} accounts")
        return list(zip(accounts, self._users, strict=False))

    def _add_users(self, pdbedit: str) -> None:
        """Put the passwords into the lab's own account database."""
        for account, user in self._accounts():
            done = subprocess.run(  # noqa: S603 - a fixed program; the name comes from the password database
                [pdbedit, "-s", str(self._folder() / "smb.conf"), "-d0", "-a", "-t", "-u", account],
                input=f"{user.password}\n{user.password}\n".encode(),
                capture_output=True,
                check=False,
            )
            if done.returncode:
                raise LabSmbError(f"pdbedit refused the lab's user {user.name!r}: {_tail(done.stderr)}")

    def _run(self, smbd: str) -> bool:
        """Start smbd and wait for it.

        Returns:
            Whether every address answers; where not, smbd has ended.
        """
        # Its own session, so that smbd leads a process group and takes its children along when it ends.
        with (self.logs / "stderr.log").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program with our own configuration
                [
                    smbd,
                    "-F",
                    "--no-process-group",
                    "-s",
                    str(self._folder() / "smb.conf"),
                    "-l",
                    str(self.logs),
                ],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        waiting = list(self._addresses)
        while time.monotonic() < deadline and self._process.poll() is None:
            waiting = [address for address in waiting if not answers(address, self._port)]
            if not waiting:
                return True
            time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        return False

    def _folder(self) -> Path:
        if self._runtime is None:
            raise LabSmbError("the lab's Samba isn't running")
        return self._runtime

    def _last_words(self) -> str:
        """Give the end of smbd's output."""
        for name in ("log.smbd", "stderr.log"):
            with suppress(OSError):
                text = _tail((self.logs / name).read_bytes())
                if text:
                    return text
        return "it said nothing"


def answers(address: str, port: int) -> bool:
    """Tell whether an SMB server negotiates there.

    Args:
        address: An IP address.
        port: A TCP port.
    """
    connection = Connection(uuid.uuid4(), address, port, require_signing=False)
    try:
        connection.connect(timeout=2)
    except (SMBException, ValueError, OSError):
        return False
    finally:
        if connection.transport is not None:
            connection.disconnect(close=False)
    return True


def _program(name: str) -> str:
    """Find a program of Samba's, also where a plain user's path leaves out the system folders."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/usr/local/samba/sbin")
    if found is None:
        raise SambaMissing(
            f"{name} isn't installed, so the lab can't serve real SMB 3",
            hint="install the package samba, or use the embedded server, which is degraded",
        )
    return found


def _runtime_folder(logs: Path) -> Path:
    """Make the folder for accounts, locks and sockets, near the logs if the path is short enough."""
    near = len(str(logs)) < _LONGEST_RUNTIME_PATH
    return Path(tempfile.mkdtemp(prefix="run-" if near else "harness-smbd-", dir=logs if near else None))


def _free_port(addresses: Sequence[str]) -> int:
    """Find a port that is free on every address."""
    while True:
        with socket.socket() as probe:
            probe.bind((addresses[0], 0))
            port = int(probe.getsockname()[1])
        if _bindable(addresses, port):
            return port


def _bindable(addresses: Sequence[str], port: int) -> bool:
    for address in addresses:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise LabSmbError(f"can't listen on {address}: {error.strerror}") from error
                return False
    return True


def _tail(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return "; ".join(lines[-3:])
