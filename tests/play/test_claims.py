"""Shared resources: one owner each, the same in every run."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from harness.play.claims import Claims

KEY = ("send connector", "1")


def test_the_first_host_in_order_owns_whoever_answers_first() -> None:
    """A later host that is ready sooner waits for the earlier one's plan."""
    claims = Claims(("a", "b"))
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(claims.claim, "b", {KEY})
        assert {KEY: "a"} == claims.claim("a", {KEY})
        assert not later.done()
        claims.planned("a")

        assert {KEY: "a"} == later.result(5)


def test_a_host_that_fails_owns_nothing() -> None:
    """The next host takes over when the first never claims."""
    claims = Claims(("a", "b"))
    claims.planned("a")

    assert {KEY: "b"} == claims.claim("b", {KEY})


def test_a_host_waits_for_every_host_before_it() -> None:
    """Not only for its neighbour."""
    claims = Claims(("a", "b", "c"))
    claims.planned("b")
    owned = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (claims.claim("c", {KEY}), owned.set()))

        assert not owned.wait(0.1)
        claims.planned("a")
        assert owned.wait(5)


def test_what_is_owned_stays_owned() -> None:
    """A second task of the owner's still owns it."""
    claims = Claims(("a",))
    claims.claim("a", {KEY})

    assert {KEY: "a"} == claims.claim("a", {KEY})


def test_a_host_that_never_answers_holds_nobody_up() -> None:
    """The next one takes over after a while, and keeps what it took when the slow host comes at last."""
    claims = Claims(("slow", "b"), patience=0.05)

    assert {KEY: "b"} == claims.claim("b", {KEY})
    assert {KEY: "b"} == claims.claim("slow", {KEY})
