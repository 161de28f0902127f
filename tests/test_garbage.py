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
