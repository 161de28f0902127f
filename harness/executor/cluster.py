"""Tasks on the workers of a Dask cluster.

What travels is pickled by Dask: a function's name and its argument. Keys, and the arguments' ``repr``, are what
dashboards and logs show. A task's error never leaves its worker as an exception, since a worker logs those with the
task's argument: it is a result like any other, redacted there, where the secrets are known.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import socket
import threading
import uuid
from asyncio import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness import __version__, debug
from harness.errors import ClusterError, HarnessError, InputError
from harness.garbage import collected_seldom
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import distributed

    from harness.executor.address import Address
    from harness.executor.model import Task

R = TypeVar("R")

CONNECT_SECONDS = 15.0
"""How long a scheduler has to answer."""

_OPTION = Source("--executor")


@dataclass(frozen=True, slots=True)
class _Failed:
    """How a task failed."""

    error: HarnessError


class DaskExecutor:
    """The workers of a Dask scheduler.

    Args:
        address: The scheduler's.
        seconds: How long it has to answer.

    Raises:
        InputError: The extra ``dask`` isn't installed, or the cluster's software isn't this process's.
        ClusterError: Nobody answers, or there is no worker.
    """

    def __init__(self, address: Address, *, seconds: float = CONNECT_SECONDS) -> None:
        self._address = address
        self._client = _connected(address, seconds)
        try:
            workers = _workers(address, self._client)
            _check(self._client)
        except BaseException:
            self.close()
            raise
        self.width = sum(workers.values())
        self.confidential = address.tls and all(worker.startswith("tls://") for worker in workers)

    def submit(self, task: Task[R]) -> _Pending[R]:
        """Run a task on a worker as soon as there is room."""
        key = f"{task.name} {uuid.uuid4().hex[:12]}"
        call = _Call(task.function, task.argument, "" if task.again else key, task.waits)
        try:
            future = self._client.submit(_run, call, key=key, pure=False)
        except (OSError, RuntimeError, CancelledError) as error:
            raise _lost(self._address, error) from error
        return _Pending(self._address, future, task.name)

    def close(self) -> None:
        """Let the cluster go; what still runs there comes to nothing."""
        self._client.close(timeout=2)


@dataclass(frozen=True, slots=True)
class _Call(Generic[R]):
    """What a worker is given.

    Args:
        function: What to call.
        argument: With what.
        once: What it goes by where it must not begin twice; empty where it may.
        waits: Whether it leaves the worker's place to others.
    """

    function: Callable[[Any], R]
    argument: object
    once: str
    waits: bool

    def __repr__(self) -> str:
        """Name the function alone: this is shown on dashboards and in workers' logs."""
        return f"<{self.function.__name__}>"


def _run(call: _Call[R]) -> R | _Failed:
    """Do a task, on a worker."""
    from distributed import Event, secede  # noqa: PLC0415 - an extra

    if call.once:
        begun = Event(call.once)
        if begun.is_set():
            message = "the worker that had begun with it was lost, and what doesn't only read isn't done twice"
            return _Failed(ClusterError(message, hint="see why the worker ended, and run the command again"))
        begun.set()
    if call.waits:
        secede()
    try:
        with collected_seldom():
            return call.function(call.argument)
    except HarnessError as error:
        return _Failed(error)
    except Exception as error:  # noqa: BLE001 - a worker would log it with its argument
        message = f"unexpected {type(error).__name__} on the worker at {socket.gethostname()}"
        return _Failed(HarnessError(message, hint=debug.keep(error)))


class _Pending(Generic[R]):
    """What will come of a task; see `harness.executor.model.Pending`."""

    def __init__(self, address: Address, future: distributed.Future, name: str) -> None:
        self._address = address
        self._future = future
        self._name = name
        self._done = threading.Event()
        future.add_done_callback(lambda _: self._done.set())

    def result(self, timeout: float | None = None) -> R:
        """Wait for it."""
        from distributed import KilledWorker  # noqa: PLC0415 - an extra

        # Dask's own time limit would also end the way of a large result to us, and begin it anew the next time.
        if not self._done.wait(timeout):
            raise TimeoutError
        try:
            result: R | _Failed = self._future.result()
        except KilledWorker as error:
            raise ClusterError(
                f"{self._name}: every worker that began with it was lost, the last one at {error.last_worker.address}",
                hint="see the workers' logs; a worker that needs more memory than it has is ended",
            ) from error
        except ModuleNotFoundError as error:
            raise InputError([_unfit(f"a worker lacks {error.name}")]) from error
        except (CancelledError, OSError) as error:
            raise _lost(self._address, error) from error
        if isinstance(result, _Failed):
            raise result.error
        return result

    def cancel(self) -> object:
        """Say that nobody waits any more."""
        return self._future.cancel()


def _connected(address: Address, seconds: float) -> distributed.Client:
    """Connect to a scheduler."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        problem = Problem(
            _OPTION, "this needs a package that isn't installed", "pip install 'exchange-log-harness[dask]'"
        )
        raise InputError([problem]) from None
    # What a client logs on a lost connection is said by our own errors.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    security = _security(address)
    try:
        # Asked beforehand, since a client that meets another version of Dask fails in ways of its own.
        asked = asyncio.run(asyncio.wait_for(_scheduler_versions(address, security), seconds))
        _refuse(_differences({"the scheduler": asked}))
        return Client(address.url, security=security, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        cause = "" if isinstance(error, TimeoutError) else f": {error}"
        raise ClusterError(
            f"no scheduler answers at {address.written}{cause}",
            hint="see that it runs and that its port is open to this machine, and whether it speaks TLS (dask+tls://)",
        ) from error


async def _scheduler_versions(address: Address, security: distributed.Security | None) -> Mapping[str, Any]:
    from distributed import rpc  # noqa: PLC0415 - an extra

    arguments = {} if security is None else security.get_connection_args("client")
    async with rpc(address.url, connection_args=arguments) as scheduler:
        versions: Mapping[str, Any] = await scheduler.versions()
    return versions


def _security(address: Address) -> distributed.Security | None:
    """Give the certificates; None for a connection that isn't encrypted.

    Raises:
        InputError: There are none, or they can't be used.
    """
    from distributed import Security  # noqa: PLC0415 - an extra, and slow to import

    if not address.tls:
        return None
    files = {"tls_ca_file": address.ca, "tls_client_cert": address.cert, "tls_client_key": address.key}
    given = {name: str(path) for name, path in files.items() if path is not None}
    security = Security(require_encryption=True, **given)
    wanted = "--executor-tls-ca, --executor-tls-cert and --executor-tls-key, or Dask's distributed.comm.tls"
    try:
        context = security.get_connection_args("client").get("ssl_context")
    except OSError as error:
        problem = Problem(_OPTION, f"the certificates for {address.written} can't be used: {error}", f"see {wanted}")
        raise InputError([problem]) from error
    if context is None:
        problem = Problem(_OPTION, f"{address.written} needs an authority, a certificate and its key", f"give {wanted}")
        raise InputError([problem])
    return security


def _workers(address: Address, client: distributed.Client) -> Mapping[str, int]:
    """Give each worker's address, and how many tasks it runs at a time."""
    workers: Mapping[str, int] = client.nthreads()
    if not workers:
        raise ClusterError(
            f"the scheduler at {address.written} has no worker",
            hint=f"start one where the logs are: dask worker {address.url} --nthreads 1",
        )
    return workers


def _check(client: distributed.Client) -> None:
    """Refuse a cluster whose software isn't ours: what is pickled here couldn't be read there.

    Raises:
        InputError: Somebody lacks harness, or has another version of it, of Python or of Dask.
    """

    def harness_version() -> str:
        # Pickled as it stands, since where harness is missing it can't be imported by name.
        try:
            import harness  # noqa: PLC0415 - runs on a worker
        except ImportError:
            return ""
        return harness.__version__

    workers = client.get_versions()["workers"]
    _refuse(_differences({f"the worker at {worker}": each for worker, each in workers.items()}))
    versions = {"the scheduler": client.run_on_scheduler(harness_version)}
    versions |= {f"the worker at {worker}": each for worker, each in client.run(harness_version).items()}
    _refuse(
        f"{who} " + (f"has harness {theirs}, and this process has {__version__}" if theirs else "has no harness")
        for who, theirs in versions.items()
        if theirs != __version__
    )


def _differences(others: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say who has another version of Python or of Dask."""
    from distributed import __version__ as ours  # noqa: PLC0415 - an extra

    for who, versions in others.items():
        theirs = versions["packages"]
        for package, has, own in (
            ("Python", _minor(theirs["python"]), _minor(platform.python_version())),
            ("distributed", theirs["distributed"], ours),
        ):
            if has != own:
                yield f"{who} has {package} {has}, and this process has {own}"


def _refuse(messages: Iterable[str]) -> None:
    """Fail where there are any.

    Raises:
        InputError: With all of them.
    """
    if problems := [_unfit(message) for message in messages]:
        raise InputError(problems)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _unfit(message: str) -> Problem:
    own = f"Python {_minor(platform.python_version())}, exchange-log-harness[dask]=={__version__}"
    return Problem(_OPTION, message, f"scheduler, workers and this machine need the same software: {own}")


def _lost(address: Address, error: BaseException) -> ClusterError:
    return ClusterError(
        f"the scheduler at {address.written} was lost in mid-run ({type(error).__name__})",
        hint="see its log, and run the command again; what collect wrote is whole",
    )
