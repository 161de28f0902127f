"""Results come in order, but nobody waits long for a slow one."""

from __future__ import annotations

from concurrent.futures import Future

from harness.play.runner import in_order


def _futures(count: int) -> list[Future[int]]:
    return [Future() for _ in range(count)]


def test_those_that_are_done_come_in_order() -> None:
    """Whatever order they were done in."""
    futures = _futures(3)
    for number in (2, 0, 1):
        futures[number].set_result(number)

    assert [0, 1, 2] == [future.result() for future in in_order(futures, patience=60)]


def test_a_slow_one_holds_no_other_up() -> None:
    """The others come after a moment's patience, and the slow one last."""
    futures = _futures(3)
    futures[1].set_result(1)
    futures[2].set_result(2)
    given = in_order(futures, patience=0.05)
    first = [next(given), next(given)]
    futures[0].set_result(0)

    assert futures[1:] == first
    assert [futures[0]] == list(given)


def test_one_that_failed_is_given_as_well() -> None:
    """Its error is for the caller to raise."""
    futures = _futures(2)
    futures[0].set_exception(ValueError("mine"))
    futures[1].set_result(1)

    assert futures == list(in_order(futures, patience=60))


def test_none_are_none() -> None:
    """A play without hosts has no results."""
    assert not list(in_order([], patience=60))
