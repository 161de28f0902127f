"""A real Dask cluster: what it does, and what is said where it can't."""

from __future__ import annotations

import datetime as dt
import operator
import socket
from typing import TYPE_CHECKING

import pytest
import worker_tasks
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dask_cluster import PASSWORD, Cluster, running, wait_for

from harness import __version__
from harness.errors import ClusterError, HarnessError, HostError, InputError, PathMissingError
from harness.executor import Task, in_order
from harness.executor.address import Address
from harness.executor.cluster import DaskExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_results_come_in_the_tasks_order(executor: DaskExecutor) -> None:
    """Whatever ends first, and however many there are; what has no task keeps its place."""
    jobs = [(number, Task(f"negate {number}", operator.neg, number) if number % 3 else None) for number in range(40)]

    assert 2 == executor.width
    assert [(number, -number if number % 3 else None) for number in range(40)] == list(in_order(executor, jobs))


def test_an_error_of_ours_comes_back_whole(executor: DaskExecutor) -> None:
    """Its class, its attributes and its hint."""
    with pytest.raises(PathMissingError, match="no such folder") as failed:
        executor.submit(Task("missing", worker_tasks.missing, "ex01")).result()

    error = failed.value
    assert ("ex01", "c$", "Logs", "c$", "look") == (error.host, error.share, error.path, error.exists, error.hint)


def test_a_secret_of_the_workers_shows_nowhere(cluster: Cluster, executor: DaskExecutor) -> None:
    """Neither in an error's text, expected or not, nor in what scheduler and workers log."""
    with pytest.raises(HostError) as said:
        executor.submit(Task("talkative", worker_tasks.talkative, "WORKERS_PASSWORD")).result()
    with pytest.raises(HarnessError, match="unexpected ValueError on the worker at ") as unexpected:
        executor.submit(Task("unexpected", worker_tasks.unexpected, "WORKERS_PASSWORD")).result()

    assert ("the host said ********", "don't say ********") == (said.value.message, said.value.hint)
    assert "please report it with the file" in unexpected.value.hint
    assert PASSWORD not in f"{said.value!r} {unexpected.value!r} {unexpected.value.__context__!r}"
    assert PASSWORD not in cluster.logs()


def test_what_does_more_than_read_is_done_once(cluster: Cluster, executor: DaskExecutor) -> None:
    """Where the worker is lost in the middle of it, nobody else begins with it, and the others work on."""
    with pytest.raises(ClusterError, match="isn't done twice"):
        executor.submit(Task("deadly", worker_tasks.deadly, 9, again=False)).result(60)

    assert -7 == executor.submit(Task("negate", operator.neg, 7)).result(60)
    wait_for(lambda: any(worker.poll() == 9 for worker in cluster.workers), "no worker was lost")


def closed_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def parse(text: str, **files: Path) -> Address:
    """Read an address."""
    found = Address.parse(text, **{"ca": None, "cert": None, "key": None, **files})
    assert found is not None
    return found


def test_no_scheduler() -> None:
    """One error with the address, exit code 4."""
    with pytest.raises(ClusterError, match="no scheduler answers at dask://127") as failed:
        DaskExecutor(parse(f"dask://127.0.0.1:{closed_port()}"), seconds=0.5)

    assert 4 == failed.value.exit_code
    assert "dask+tls" in failed.value.hint


def test_a_cluster_that_does_not_fit(tmp_path: Path) -> None:
    """A scheduler without workers; workers without harness, and with another version: each is told in one error."""
    with running(Cluster(tmp_path)) as cluster:
        with pytest.raises(ClusterError, match="has no worker") as alone:
            cluster.executor()
        cluster.worker("import sys; sys.modules['harness'] = None")
        cluster.worker("import harness; harness.__version__ = '0.0.1'")
        _joined(cluster, 2)
        with pytest.raises(InputError) as unfit:
            cluster.executor()

    assert 4 == alone.value.exit_code
    assert f"dask worker {cluster.address.replace('dask', 'tcp')}" in alone.value.hint
    told = [problem.message.partition(" has ")[2] for problem in unfit.value.problems]
    assert [f"harness 0.0.1, and this process has {__version__}", "no harness"] == sorted(told)
    assert 3 == unfit.value.exit_code


def test_another_version_of_dask(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told before anything is sent, exit code 3."""
    monkeypatch.setattr("distributed.__version__", "2020.1.0")
    with pytest.raises(InputError, match="the scheduler has distributed 20") as unfit:
        cluster.executor()

    assert 3 == unfit.value.exit_code


def _joined(cluster: Cluster, count: int) -> None:
    from distributed import Client  # noqa: PLC0415 - an extra

    with Client(cluster.address.replace("dask://", "tcp://"), set_as_default=False) as client:
        wait_for(lambda: len(client.nthreads()) == count, f"there aren't {count} workers")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A certificate that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return {"ca": cert, "cert": cert, "key": private}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: dict[str, Path]) -> Iterator[Cluster]:
    """A cluster that speaks TLS alone."""
    options = [f"--tls-ca-file={certificate['ca']}", *(f"--tls-{name}={certificate[name]}" for name in ("cert", "key"))]
    with running(Cluster(tmp_path_factory.mktemp("encrypted"), options)) as cluster:
        cluster.worker()
        yield cluster


def test_tls(encrypted: Cluster, certificate: dict[str, Path]) -> None:
    """With the cluster's certificates tasks run, and what is sent counts as confidential."""
    wait_for(lambda: "Registered to" in encrypted.logs(), "the worker didn't start")
    executor = encrypted.executor(**certificate)
    try:
        assert executor.confidential
        assert -7 == executor.submit(Task("negate", operator.neg, 7)).result(60)
    finally:
        executor.close()


def test_tls_that_does_not_fit(encrypted: Cluster, certificate: dict[str, Path], tmp_path: Path) -> None:
    """No certificates, another authority's, and none where they are asked for: each is told, and nothing is sent."""
    stranger = tmp_path / "ca.pem"
    stranger.write_bytes(certificate["ca"].read_bytes().replace(b"M", b"N", 1))
    with pytest.raises(InputError, match="needs an authority, a certificate and its key") as bare:
        encrypted.executor()
    with pytest.raises(InputError, match="can't be used"):
        encrypted.executor(**certificate | {"ca": stranger})
    with pytest.raises(ClusterError, match="no scheduler answers at dask://"):
        DaskExecutor(parse(encrypted.address.replace("dask+tls", "dask")), seconds=1)

    assert "--executor-tls-ca" in str(bare.value)


def test_in_clear_nothing_is_confidential(executor: DaskExecutor) -> None:
    """Not even on loopback, since a worker may be elsewhere."""
    assert not executor.confidential
