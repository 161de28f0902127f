"""Reading files over SMB 2 and 3 without ever getting in their writer's way.

smbprotocol stands behind four small classes: where to (``SmbEndpoint``), a connection (``SmbConnection``), a
file that is open for reading (``SmbFile``) and the connections of this process (``SmbConnections``).

A connection belongs to one thread: smbprotocol counts a connection's credits but doesn't wait for them, so
two threads on one connection take each other's. More threads don't read faster anyway; a second request that
is under way does.
"""

from __future__ import annotations

import difflib
import logging
import threading
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from smbprotocol.connection import Connection
from smbprotocol.exceptions import EndOfFile, NoMoreFiles, SMBConnectionClosed, SMBException
from smbprotocol.file_info import FileAttributes, FileInformationClass, FileStandardInformation
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2QueryInfoRequest,
    SMB2QueryInfoResponse,
)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from harness.errors import (
    AccessDeniedError,
    HostError,
    PathMissingError,
    ProtocolMismatchError,
    UnreachableError,
)
from harness.remote.sharepath import clean, join, name_problem, parent
from harness.remote.smberrors import (
    NOT_SUPPORTED,
    NoAnswer,
    is_lost,
    no_answer,
    share_error,
    sign_in_error,
    status_of,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Generator, Iterator
    from datetime import datetime
    from types import TracebackType

    from smbprotocol.connection import Request

T = TypeVar("T")
Dialect = Literal["2.0.2", "2.1", "3.0", "3.0.2", "3.1.1"]
DIALECTS: dict[Dialect, int] = {
    "2.0.2": 0x0202,
    "2.1": 0x0210,
    "3.0": 0x0300,
    "3.0.2": 0x0302,
    "3.1.1": 0x0311,
}

# Measured: 1 MB with two requests under way reads as fast as Samba's own client; a credit buys 64 KB.
_LARGEST_READ = 1 << 20
_OUTSTANDING = 2
_CREDIT = 1 << 16
# A page of a folder's listing, about 1,500 names. smbprotocol copies the rest of the page for every name in
# it, so a bigger one costs more than its round trip.
_LARGEST_PAGE = 1 << 18
_SIGN_OFF_SECONDS = 2

# Whatever goes wrong comes out as one of our errors.
logging.getLogger("smbprotocol").addHandler(logging.NullHandler())


class Revealable(Protocol):
    """A secret, as the inventory resolves it."""

    def reveal(self) -> str:
        """Give the secret itself."""


@dataclass(frozen=True, slots=True)
class SmbEndpoint:
    """Where to read, and as whom.

    Args:
        host: The host's name in the inventory; Kerberos asks for a ticket to this name.
        user: Without domain.
        password: ``None`` for a Kerberos ticket that is there already.
        address: What to connect to; empty for ``host``.
        port: TCP.
        domain: Empty for a local account.
        min_dialect: Nothing older is accepted.
        max_dialect: Nothing newer is offered.
        require_signing: Refuse a session that isn't signed; a guest's can't be.
        encrypt: Refuse a session that isn't encrypted.
        auth: ``negotiate`` takes Kerberos where it can, else NTLM.
        timeout: Seconds for the connection and for each answer.
    """

    host: str
    user: str
    password: Revealable | None = field(repr=False, compare=False)
    address: str = ""
    port: int = 445
    domain: str = ""
    min_dialect: Dialect = "2.0.2"
    max_dialect: Dialect = "3.1.1"
    require_signing: bool = True
    encrypt: bool = False
    auth: Literal["ntlm", "kerberos", "negotiate"] = "negotiate"
    timeout: float = 30.0

    @property
    def target(self) -> str:
        """What to connect to."""
        return self.address or self.host

    @property
    def account(self) -> str:
        """The user as Windows writes it: ``DOMAIN\\user``."""  # noqa: D301 - the text has one backslash
        return f"{self.domain}\\{self.user}" if self.domain else self.user


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as its folder lists it.

    Args:
        path: Below the share, with forward slashes.
        name: The last part of the path.
        size: Bytes; Windows updates it late while the file is open for writing.
        created: When the file came into being.
        modified: When it was last written; late as the size is.
        file_id: The file system's own number for the file, 0 where it gives none.
    """

    path: str
    name: str
    size: int
    created: datetime
    modified: datetime
    file_id: int = 0


class SmbConnection:
    """A connection to one host, for one thread. It signs in at first use, and again once after it broke.

    Args:
        endpoint: Where to, and as whom.
    """

    def __init__(self, endpoint: SmbEndpoint) -> None:
        self.endpoint = endpoint
        self._session: Session | None = None
        self._trees: dict[str, TreeConnect] = {}

    @property
    def dialect(self) -> str:
        """The SMB version that both sides agreed on, empty before the first use."""
        if self._session is None:
            return ""
        return next(name for name, code in DIALECTS.items() if code == self._session.connection.dialect)

    @property
    def encrypted(self) -> bool:
        """Whether the session encrypts what it carries."""
        return self._session is not None and bool(self._session.encrypt_data)

    def list(
        self,
        share: str,
        folder: str,
        *,
        wanted: Callable[[str], bool] = bool,
        recursive: bool = False,
        on_denied: Callable[[AccessDeniedError], None] | None = None,
    ) -> Iterator[FileInfo]:
        """List files, a folder at a time.

        Args:
            share: The share's name.
            folder: Below it, with forward slashes; empty for the share itself.
            wanted: Says by its name whether a file is.
            recursive: Whether the folders below are listed too. Links and junctions aren't followed.
            on_denied: Takes the error of a folder below that may not be read; without it the error is raised.

        Yields:
            The wanted files, in the server's order. A folder below that vanished meanwhile is left out.

        Raises:
            PathMissingError: There is no such folder; says which part of the path is there.
            HostError: One of the other reasons in ``harness.errors``.
        """
        start = clean(folder)
        pending = deque([start])
        while pending:
            at = pending.popleft()
            try:
                entries = self._entries(share, at)
            except PathMissingError:
                if at != start:
                    continue
                raise self._explain_missing(share, at) from None
            except AccessDeniedError as error:
                if at == start or on_denied is None:
                    raise
                on_denied(error)
                continue
            for info, is_folder in entries:
                if not is_folder and wanted(info.name):
                    yield info
            if recursive:
                pending.extend(info.path for info, is_folder in entries if is_folder)

    def open(self, share: str, path: str) -> SmbFile:
        """Open a file for reading.

        Args:
            share: The share's name.
            path: Below it, with forward slashes.

        Raises:
            PathMissingError: It isn't there, perhaps not any more.
            FileLockedError: Another program lets nobody read it.
            HostError: One of the other reasons in ``harness.errors``.
        """
        cleaned = clean(path)
        handle = self._steadily(share, cleaned, lambda: open_for_reading(self._tree(share), cleaned))
        return SmbFile(self.endpoint, share, cleaned, handle)

    def close(self) -> None:
        """Sign off and disconnect; harmless when called twice. The next use signs in again."""
        session, self._session = self._session, None
        self._trees.clear()
        if session is not None:
            _sign_off(session)

    def __enter__(self) -> Self:
        """Give the connection itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sign off and disconnect."""
        self.close()

    def _tree(self, share: str) -> TreeConnect:
        """Give the connection to a share, made if need be."""
        key = share.casefold()
        if key not in self._trees:
            if self._session is None:
                self._session = _sign_in(self.endpoint)
            tree = TreeConnect(self._session, rf"\\{self.endpoint.target}\{share}")
            try:
                tree.connect()
            except SMBException as error:
                if is_lost(error):
                    raise
                # Said of the share, not of the path below it.
                raise share_error(error, self.endpoint, share, "") from error
            self._trees[key] = tree
        return self._trees[key]

    def _steadily(self, share: str, path: str, action: Callable[[], T]) -> T:
        """Do something that may be done twice, and do it again on a new connection if the first one broke."""
        try:
            return action()
        except (SMBException, OSError) as error:
            if not is_lost(error):
                raise self._failed(error, share, path) from error
        self._abandon()
        try:
            return action()
        except (SMBException, OSError) as error:
            raise self._failed(error, share, path) from error

    def _failed(self, error: Exception, share: str, path: str) -> HostError:
        """Translate, and let go of a connection that is of no more use."""
        if is_lost(error) or isinstance(error, NoAnswer):
            self._abandon()
        return share_error(error, self.endpoint, share, path)

    def _abandon(self) -> None:
        """Drop a broken connection without a word to the host."""
        session, self._session = self._session, None
        self._trees.clear()
        if session is not None:
            session.connection.disconnect(close=False)

    def _entries(self, share: str, folder: str) -> builtins.list[tuple[FileInfo, bool]]:
        """List one folder.

        Returns:
            Each entry and whether it is a folder to go into.
        """
        return self._steadily(share, folder, lambda: _read_folder(self._tree(share), folder))

    def _explain_missing(self, share: str, folder: str) -> PathMissingError:
        """Say how far the path leads, and what stands where it ends."""
        missing, exists = folder, parent(folder)
        entries: builtins.list[tuple[FileInfo, bool]] = []
        place = f"//{self.endpoint.host}/{share}"
        while True:
            with suppress(PathMissingError):
                try:
                    entries = self._entries(share, exists)
                except AccessDeniedError:
                    entries = []
                break
            if not exists:
                break
            missing, exists = exists, parent(exists)
        part = missing.rpartition("/")[2]
        names = [info.name for info, is_folder in entries if is_folder]
        close = difflib.get_close_matches(part, names, n=1, cutoff=0.5)
        if close:
            hint = f"did you mean {close[0]!r}?"
        elif names:
            hint = "there are: " + ", ".join(repr(name) for name in sorted(names)[:8])
        else:
            hint = "check the path on the host"
        return PathMissingError(
            f"{place}/{folder} isn't there: {place}/{exists} is, but it has no folder {part!r}",
            host=self.endpoint.host,
            share=share,
            path=folder,
            exists=exists,
            missing=part,
            hint=hint,
        )


class SmbFile:
    """A file that is open for reading. Its writer doesn't notice.

    Args:
        endpoint: The host.
        share: The share's name.
        path: Below the share.
        handle: smbprotocol's open.
    """

    def __init__(self, endpoint: SmbEndpoint, share: str, path: str, handle: Open) -> None:
        self._endpoint = endpoint
        self._share = share
        self._path = path
        self._handle = handle
        self.created: datetime = handle.creation_time
        self.size_at_open = int(handle.end_of_file)

    def size(self) -> int:
        """Ask for the size now, in bytes; the handle knows it even where the folder's listing lags.

        Raises:
            HostError: One of the reasons in ``harness.errors``.
        """
        return self._translated(lambda: _query_size(self._handle))

    def read(self, offset: int, length: int) -> bytes:
        """Read a piece.

        Args:
            offset: The first byte's.
            length: At most so many bytes.

        Returns:
            Fewer bytes than asked for only where the file ends.

        Raises:
            HostError: One of the reasons in ``harness.errors``.
        """
        return b"".join(self.chunks(offset, length))

    def chunks(self, offset: int, length: int, *, largest: int = _LARGEST_READ) -> Generator[bytes]:
        """Read a piece in chunks, the next one already under way while one is used.

        Args:
            offset: The first byte's.
            length: At most so many bytes.
            largest: At most so many bytes in a chunk.

        Yields:
            The bytes in order, without a gap, up to the end of the file.

        Raises:
            HostError: One of the reasons in ``harness.errors``.
        """
        connection = self._handle.connection
        size = min(largest, _LARGEST_READ if connection.supports_multi_credit else _CREDIT)
        size = min(size, int(connection.max_read_size))
        at, end = offset, offset + length
        under_way: deque[tuple[Request, int]] = deque()
        try:
            while at < end or under_way:
                while at < end and len(under_way) < _OUTSTANDING:
                    piece = min(size, end - at, _credits(connection) * _CREDIT)
                    if piece == 0 and under_way:
                        break
                    # With nothing under way no credit will come, so that the request may as well say so.
                    piece = piece or min(size, end - at)
                    under_way.append((self._translated(partial(_send_read, self._handle, at, piece)), piece))
                    at += piece
                request, piece = under_way.popleft()
                data = self._translated(partial(_receive_read, self._handle, request))
                if data:
                    yield data
                if len(data) < piece:
                    # What comes after was asked for before the writer went on, so there may be a gap.
                    return
        finally:
            for request, _ in under_way:
                with suppress(SMBException, OSError):
                    _receive_read(self._handle, request)

    def close(self) -> None:
        """Let go of the file; harmless when called twice, or after the connection broke."""
        with suppress(SMBException, OSError):
            self._handle.close()

    def __enter__(self) -> Self:
        """Give the file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()

    def _translated(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except (SMBException, OSError) as error:
            raise share_error(error, self._endpoint, self._share, self._path) from error


class SmbConnections:
    """The connections of this process: one for each host and thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: dict[tuple[int, SmbEndpoint, int], SmbConnection] = {}

    def get(self, endpoint: SmbEndpoint) -> SmbConnection:
        """Give this thread's connection, which may not have signed in yet.

        Args:
            endpoint: Where to, and as whom; other credentials mean another connection.
        """
        # The endpoint lives as long as its connection here, so that the password's identity stays its own.
        key = (threading.get_ident(), endpoint, id(endpoint.password))
        with self._lock:
            if key not in self._connections:
                self._connections[key] = SmbConnection(endpoint)
            return self._connections[key]

    def close(self) -> None:
        """Sign off everywhere; only when no other thread reads any more."""
        with self._lock:
            connections = [*self._connections.values()]
            self._connections.clear()
        for connection in connections:
            connection.close()


def open_for_reading(tree: TreeConnect, path: str, *, folder: bool = False) -> Open:
    """Open a file or folder. Nothing else in harness opens anything over SMB.

    Exchange and IIS keep their logs open. Whoever opens a log without sharing it for reading, writing and
    deleting is refused as long as the service has it, or, worse, has it first and makes the service stop
    logging. So all three are always shared, and only reading is asked for. No oplock is taken, since breaking
    one delays the writer.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        folder: Whether it is a folder.

    Returns:
        The handle, with creation time and size as of now.

    Raises:
        SMBException: The server refused it.
    """
    handle = Open(tree, path.replace("/", "\\"))
    handle.create(
        ImpersonationLevel.Impersonation,
        FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
        0,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
        CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE,
    )
    return handle


class _BoundedConnection(Connection):  # type: ignore[misc]  # smbprotocol has no types
    """smbprotocol's connection, but no answer is waited for without end.

    Args:
        endpoint: Where to.
    """

    def __init__(self, endpoint: SmbEndpoint) -> None:
        # A client GUID of its own: Samba hands connections of one GUID to one process.
        super().__init__(uuid.uuid4(), endpoint.target, endpoint.port, require_signing=endpoint.require_signing)
        self._seconds = endpoint.timeout

    def receive(
        self,
        request: Request,
        wait: bool = True,
        timeout: float | None = None,
        resolve_symlinks: bool = True,
    ) -> Any:  # noqa: ANN401 - smbprotocol has no types
        """Wait for an answer, but not longer than the endpoint says.

        Raises:
            NoAnswer: The time is over.
        """
        seconds = timeout or self._seconds
        try:
            return super().receive(request, wait=wait, timeout=seconds, resolve_symlinks=resolve_symlinks)
        except SMBException as error:
            # smbprotocol has no class of its own for this; an answer would have set the event.
            if type(error) is SMBException and not request.response_event.is_set():
                raise NoAnswer(seconds) from error
            raise

    def _check_worker_running(self) -> None:
        """Say that the connection is closed, whatever ended the thread that receives."""
        try:
            super()._check_worker_running()
        except SMBConnectionClosed:
            raise
        except Exception as error:
            raise SMBConnectionClosed(f"the connection broke: {error}") from error


def _sign_in(endpoint: SmbEndpoint) -> Session:
    """Connect, negotiate and sign in.

    Raises:
        HostError: One of the reasons in ``harness.errors``.
    """
    connection = _negotiate(endpoint)
    try:
        _check_offer(connection, endpoint)
        session = Session(
            connection,
            endpoint.account,
            endpoint.password.reveal() if endpoint.password else None,
            require_encryption=endpoint.encrypt,
            hostname_override=endpoint.host,
            auth_protocol=endpoint.auth,
        )
        session.connect()
    except (SMBException, OSError) as error:
        connection.disconnect(close=False)
        raise sign_in_error(error, endpoint) from error
    except BaseException:
        connection.disconnect(close=False)
        raise
    # It has served its purpose, and nothing that lives on needs to know it.
    session.password = None
    return session


def _negotiate(endpoint: SmbEndpoint) -> Connection:
    """Connect and agree on a dialect.

    smbprotocol offers either everything or one dialect, so a lower limit than the newest is tried from there
    down.
    """
    newest, oldest = DIALECTS[endpoint.max_dialect], DIALECTS[endpoint.min_dialect]
    if newest == max(DIALECTS.values()):
        return _connect(endpoint, None)
    offers = sorted((code for code in DIALECTS.values() if oldest <= code <= newest), reverse=True)
    for offer in offers:
        try:
            return _connect(endpoint, offer)
        except SMBException as error:
            if status_of(error) != NOT_SUPPORTED:
                raise sign_in_error(error, endpoint) from error
    raise _mismatch(
        endpoint,
        f"{endpoint.host} speaks none of SMB {endpoint.min_dialect} to {endpoint.max_dialect}",
        "widen the range of SMB versions",
    )


def _connect(endpoint: SmbEndpoint, dialect: int | None) -> Connection:
    """Connect and negotiate.

    Raises:
        UnreachableError: Nobody answers on the port.
        DeadlineError: The host takes the connection and says nothing.
        SMBException: The one dialect that was offered isn't accepted.
    """
    connection = _BoundedConnection(endpoint)
    try:
        connection.connect(dialect=dialect, timeout=endpoint.timeout)
    except ValueError as error:
        # So smbprotocol says that the socket didn't connect.
        raise _unreachable(endpoint, error.__cause__ or error) from error
    except (SMBException, OSError) as error:
        connection.disconnect(close=False)
        if isinstance(error, NoAnswer):
            raise no_answer(error, endpoint, which="connect") from error
        if dialect is not None and status_of(error) == NOT_SUPPORTED:
            raise
        raise sign_in_error(error, endpoint) from error
    return connection


def _check_offer(connection: Connection, endpoint: SmbEndpoint) -> None:
    """Refuse what is less than the endpoint asks for, before any credential is sent."""
    if connection.dialect < DIALECTS[endpoint.min_dialect]:
        agreed = next(name for name, code in DIALECTS.items() if code == connection.dialect)
        raise _mismatch(
            endpoint,
            f"{endpoint.host} speaks SMB {agreed}, and at least {endpoint.min_dialect} was asked for",
            "enable the newer version on the host, or lower the oldest one that is accepted",
        )
    if endpoint.encrypt and not connection.supports_encryption:
        raise _mismatch(
            endpoint,
            f"{endpoint.host} can't encrypt SMB, and encryption was asked for",
            "encryption needs SMB 3 on the host; enable it there, or don't ask for it",
        )


def _unreachable(endpoint: SmbEndpoint, error: BaseException) -> HostError:
    if isinstance(error, TimeoutError):
        return no_answer(NoAnswer(endpoint.timeout), endpoint, which="connect")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreachableError(
        f"nobody answers on {endpoint.target} port {endpoint.port} (SMB): {reason}",
        host=endpoint.host,
        tried=(f"smb://{endpoint.target}:{endpoint.port}",),
        hint=f"check the name, and that firewalls let TCP {endpoint.port} through",
    )


def _mismatch(endpoint: SmbEndpoint, message: str, hint: str) -> ProtocolMismatchError:
    return ProtocolMismatchError(
        message, host=endpoint.host, tried=(f"smb://{endpoint.target}:{endpoint.port}",), hint=hint
    )


def _sign_off(session: Session) -> None:
    """Log off, so that the host doesn't keep the session, and disconnect."""
    with suppress(SMBException, OSError):
        session.disconnect(close=False, timeout=_SIGN_OFF_SECONDS)
    with suppress(OSError):
        session.connection.disconnect(close=False)


def _read_folder(tree: TreeConnect, folder: str) -> list[tuple[FileInfo, bool]]:
    """List one folder; see ``SmbConnection._entries``."""
    connection = tree.session.connection
    page = _CREDIT
    if connection.supports_multi_credit:
        page = min(_LARGEST_PAGE, int(connection.max_transact_size), max(1, _credits(connection)) * _CREDIT)
    handle = open_for_reading(tree, folder, folder=True)
    entries: list[tuple[FileInfo, bool]] = []
    try:
        with suppress(NoMoreFiles):
            while True:
                found = handle.query_directory(
                    "*", FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION, max_output=page
                )
                entries.extend(chain.from_iterable(_entry(folder, one) for one in found))
    finally:
        with suppress(SMBException, OSError):
            handle.close()
    return entries


def _entry(folder: str, entry: Any) -> Iterator[tuple[FileInfo, bool]]:  # noqa: ANN401 - smbprotocol has no types
    """Read an entry of a listing, but for those that lead elsewhere."""
    name = entry["file_name"].get_value().decode("utf-16-le", errors="replace")
    attributes = int(entry["file_attributes"].get_value())
    is_folder = bool(attributes & FileAttributes.FILE_ATTRIBUTE_DIRECTORY)
    # The folder itself, its parent, and names that no honest server lists. A junction may lead round in a
    # circle.
    if name_problem(name) or (is_folder and attributes & FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT):
        return
    info = FileInfo(
        path=join(folder, name),
        name=name,
        size=int(entry["end_of_file"].get_value()),
        created=entry["creation_time"].get_value(),
        modified=entry["last_write_time"].get_value(),
        file_id=int(entry["file_id"].get_value()),
    )
    yield info, is_folder


def _credits(connection: Connection) -> int:
    """Count the requests of 64 KB that the server lets us send now."""
    with connection.sequence_lock:
        return int(connection.sequence_window["high"] - connection.sequence_window["low"])


def _send_read(handle: Open, offset: int, length: int) -> Request:
    """Ask for bytes, and don't wait for them."""
    message, _ = handle.read(offset, length, send=False)
    tree = handle.tree_connect
    return handle.connection.send(message, tree.session.session_id, tree.tree_connect_id)


def _receive_read(handle: Open, request: Request) -> bytes:
    """Wait for the bytes that were asked for; none at the end of the file."""
    try:
        return bytes(handle._read_response(request))  # noqa: SLF001 - read() itself gives this to callers
    except EndOfFile:
        return b""


def _query_size(handle: Open) -> int:
    """Ask the handle for its file's size."""
    query = SMB2QueryInfoRequest()
    query["info_type"] = FileStandardInformation.INFO_TYPE
    query["file_info_class"] = FileStandardInformation.INFO_CLASS
    query["file_id"] = handle.file_id
    query["output_buffer_length"] = len(FileStandardInformation())
    tree = handle.tree_connect
    request = handle.connection.send(query, tree.session.session_id, tree.tree_connect_id)
    answer = SMB2QueryInfoResponse()
    answer.unpack(handle.connection.receive(request)["data"].get_value())
    return int(answer.parse_buffer(FileStandardInformation)["end_of_file"].get_value())
