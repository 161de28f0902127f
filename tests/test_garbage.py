"""Python looks for garbage seldom while harness works, and in others' processes as before afterwards."""

from __future__ import annotations

import gc

import pytest

from harness.garbage import collected_seldom


def test_a_worker_is_left_as_it_was() -> None:
    """Whatever ends a task, its process looks for garbage as often as before."""
    before = gc.get_threshold()

    def task() -> None:
        with collected_seldom():
            assert before[0] < gc.get_threshold()[0]
            raise KeyError

    with pytest.raises(KeyError):
        task()
    assert before == gc.get_threshold()


def test_the_last_of_several_leaves_it_as_it_was() -> None:
    """Tasks of one worker overlap: who began first may end first."""
    before = gc.get_threshold()
    first, second = collected_seldom(), collected_seldom()
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    between = gc.get_threshold()
    second.__exit__(None, None, None)

    assert before[0] < between[0]
    assert before == gc.get_threshold()
