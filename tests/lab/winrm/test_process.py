"""A process's streams behave like pipes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from harness.lab.winrm.process import CONTROL_C_EXIT, CodePage, ShellProcess, start

if TYPE_CHECKING:
    from collections.abc import Callable


def new(code_page: int = 65001, **options: int) -> ShellProcess:
    """A process with nobody waiting for it."""
    return ShellProcess(lambda: None, CodePage(code_page), **options)


def test_lines_are_cut_from_pieces_of_any_size() -> None:
    """Lines come whole, whatever pieces they were sent in; the last needs no line end."""
    process = new()
    for piece in (b"on", b"e\ntwo\nth", b"ree"):
        process.feed(piece, end=False)
    process.feed(b"", end=True)

    assert [b"one\n", b"two\n", b"three", None, None] == [process.read_line() for _ in range(5)]


def test_read_all_gives_what_no_read_line_took() -> None:
    """Both ways of reading share one stream."""
    process = new()
    process.feed(b"first\nrest\nof it", end=True)

    assert (b"first\n", b"rest\nof it", b"") == (process.read_line(), process.read_all(), process.read_all())


@pytest.mark.parametrize("read", [ShellProcess.read_line, ShellProcess.read_all])
def test_termination_wakes_a_waiting_reader(read: Callable[[ShellProcess], bytes | None]) -> None:
    """A program that waits for input ends when its shell is deleted."""
    process = new()
    results = []
    reader = threading.Thread(target=lambda: results.append(read(process)))
    reader.start()
    process.terminate()
    reader.join(5)

    assert not reader.is_alive()
    assert results in ([None], [b""])
    assert process.terminated.is_set()


def test_output_keeps_its_order_and_joins_neighbours() -> None:
    """What was written first is taken first, across both streams."""
    process = new()
    process.write_out(b"a")
    process.write_out(b"b")
    process.write_err(b"c")
    process.write_out(b"d")

    assert [("stdout", b"ab"), ("stderr", b"c"), ("stdout", b"d")] == process.take(100)
    assert not process.has_output


def test_take_counts_pieces_and_bytes() -> None:
    """No more is taken than fits, the cost of each piece included; the rest stays."""
    process = new()
    process.write_out(b"x" * 10)
    process.write_err(b"y" * 10)

    assert [("stdout", b"x" * 10), ("stderr", b"y" * 3)] == process.take(23, 5)
    assert [("stderr", b"y" * 7)] == process.take(23, 5)


def test_full_output_makes_the_program_wait() -> None:
    """A program can't fill the memory: past the buffer it waits until somebody takes output."""
    process = new(output_buffer=10)
    process.write_out(b"x" * 10)
    writer = threading.Thread(target=process.write_out, args=[b"more"])
    writer.start()
    writer.join(0.05)

    assert writer.is_alive()
    assert [("stdout", b"x" * 10)] == process.take(100)
    writer.join(5)
    assert [("stdout", b"more")] == process.take(100)


def test_terminated_program_that_goes_on_writing_neither_waits_nor_fills_the_memory() -> None:
    """After termination what doesn't fit is lost."""
    process = new(output_buffer=10)
    process.write_out(b"x" * 10)
    process.terminate()
    process.write_out(b"more")

    assert [("stdout", b"x" * 10)] == process.take(100)


def test_character_split_between_writes_is_converted_whole() -> None:
    """A conversion to another code page doesn't break a character that two writes share."""
    process = new(437)
    first, second = "é".encode()[:1], "é".encode()[1:]
    process.write_out(first)
    process.write_out(second)

    assert [("stdout", "é".encode("cp437"))] == process.take(10)


def test_exception_of_a_program_is_its_own() -> None:
    """It ends with exit code 1 and the error's text on standard error."""
    process = new()

    def fail(_: object) -> int:
        raise RuntimeError("no such thing")

    start(process, "fail", fail).join(5)

    assert (1, [("stderr", b"RuntimeError: no such thing\r\n")]) == (process.exit_code, process.take(100))


def test_exit_code_of_a_terminated_program_is_that_of_control_c() -> None:
    """Whatever it returns, it was ended from outside."""
    process = new()
    process.terminate()
    start(process, "gone", lambda _: 0).join(5)

    assert CONTROL_C_EXIT == process.exit_code


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="how frames are kept is CPython's own affair")
def test_calls_of_a_program_need_no_memory_of_the_system() -> None:
    """At whatever depth a program's loop is, its calls find room for their frames where others were before."""
    resource = pytest.importorskip("resource")
    process = new()
    worst = []

    def call(a: int, b: int, c: int) -> int:
        return a + b + c

    def loop(depth: int) -> int:
        if depth:
            return loop(depth - 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for number in range(2000):
            call(number, number, number)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

    def program(_: object) -> int:
        worst.append(max(loop(depth) for depth in range(300)))
        return 0

    start(process, "calls", program).join(30)

    assert 1 == len(worst)
    assert 1000 > worst[0]


def test_unknown_code_page() -> None:
    """A code page that doesn't exist is an error when the shell is made, not later."""
    with pytest.raises(LookupError):
        CodePage(4711)
