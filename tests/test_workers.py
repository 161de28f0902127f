"""Threads that work through a list."""

from __future__ import annotations

import threading
import time

from harness import workers


def test_never_more_than_forks_at_a_time() -> None:
    """Every item is done once, and no more threads than allowed are at work."""
    lock = threading.Lock()
    busy, most, done = 0, 0, []

    def run(item: int) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.01)
        with lock:
            busy -= 1
            done.append(item)

    threads = workers.start(run, range(12), forks=3, stop=threading.Event(), name="test")
    for thread in threads:
        thread.join(10)

    assert list(range(12)) == sorted(done)
    assert (3, 3) == (len(threads), most)


def test_a_slow_item_holds_no_other_up() -> None:
    """The other threads go on through the list."""
    release, done = threading.Event(), []

    def run(item: int) -> None:
        if item == 0:
            release.wait(10)
        done.append(item)

    threads = workers.start(run, range(5), forks=2, stop=threading.Event(), name="test")
    threads[1].join(10)

    assert [1, 2, 3, 4] == done
    release.set()
    threads[0].join(10)
    assert [1, 2, 3, 4, 0] == done


def test_nothing_is_begun_after_a_stop() -> None:
    """What is under way ends, the rest is left."""
    stop, done = threading.Event(), []

    def run(item: int) -> None:
        stop.set()
        done.append(item)

    for thread in workers.start(run, range(5), forks=1, stop=stop, name="test"):
        thread.join(10)

    assert [0] == done


def test_there_are_no_more_threads_than_items() -> None:
    """A run on two hosts starts two threads, whatever is allowed."""
    threads = workers.start(lambda _item: None, range(2), forks=20, stop=threading.Event(), name="test")
    for thread in threads:
        thread.join(10)

    assert 2 == len(threads)
