"""Fixtures that tests of several rooms use."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dask_cluster import Cluster
    from running_lab import RunningLab

    from harness.executor.cluster import DaskExecutor

# A deadline would make every property a timed test; a busy machine is no finding, and pytest's own limit still holds.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[..., RunningLab]]:
    """Make a lab of given hosts; it ends with the test."""
    from running_lab import RunningLab  # noqa: PLC0415  the evaluator is slow to import, and few tests need it

    with ExitStack() as labs:
        yield lambda *names, **account: labs.enter_context(RunningLab(tmp_path, list(names), **account).running())


@pytest.fixture
def lab(make_lab: Callable[..., RunningLab]) -> RunningLab:
    """Two simulated Exchange 2016 servers of one organisation, as new."""
    return make_lab("ex01.lab.example", "ex02.lab.example")


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    import dask_cluster  # noqa: PLC0415  an extra, and slow to import

    environment = {"WORKERS_PASSWORD": dask_cluster.PASSWORD}
    made = dask_cluster.Cluster(tmp_path_factory.mktemp("cluster"), environment=environment)
    with dask_cluster.running(made) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """A Dask scheduler with two workers, who know a password that this process doesn't."""
    _cluster.ensure(2)
    return _cluster


@pytest.fixture
def executor(cluster: Cluster) -> Iterator[DaskExecutor]:
    """A connection to that cluster."""
    connected = cluster.executor()
    yield connected
    connected.close()
