"""`harness verify` and `harness collect` on a Dask cluster, against the hosts of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from dask_cluster import Cluster
    from running_lab import Ended, RunningLab

NAME = "ex01.lab.example"


def outcomes(ended: Ended) -> list[tuple[Any, ...]]:
    """Give what each expectation came to, with why where it failed."""
    keys = ("id", "source", "status", "failure", "reason")
    return [tuple(each.get(key) for key in keys) for each in ended.json["expectations"]]


def test_the_same_as_from_one_process(make_lab: Callable[..., RunningLab], cluster: Cluster) -> None:
    """Probes arrive, the same expectations hold, and one that doesn't fails in the same words; the same exit codes."""
    lab = make_lab(NAME)
    assert 0 == lab.run("apply").code
    elsewhere = ("--executor", cluster.address)
    here, there = (lab.run("verify", "--output", "json", *more) for more in ((), elsewhere))
    wrong = lab.inventory.with_name("wrong.yml")
    wrong.write_text("OWA: {fields_present: [cs-method, x-no-such]}\n")
    arguments = ("verify", "--expectations", wrong, "--timeout", "30")
    wrong_here, wrong_there = (lab.run(*arguments, *more) for more in ((), elsewhere))

    assert (0, 0) == (here.code, there.code), there.err
    assert outcomes(here) == outcomes(there)
    assert (1, 1) == (wrong_here.code, wrong_there.code), wrong_there.err
    assert "lacks x-no-such" in wrong_here.out
    assert _failure(wrong_here.out) == _failure(wrong_there.out)
    assert f"{NAME}: folders read from the host" in there.err


def _failure(out: str) -> list[str]:
    """Give the lines that say why."""
    return [line for line in out.splitlines() if "expected" in line or "seen:" in line or "failed: " in line]
