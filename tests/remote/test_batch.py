"""Batches: what travels to the host, and how its answers are read."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from harness.redaction import Secret
from harness.remote import batch as batches
from harness.remote.powershell import Script
from harness.source import Source

SOURCE = Source("templates/powershell/a.ps1", 1)


def test_standard_input_is_ascii_and_says_where_it_ends() -> None:
    """Values of any kind travel as base64, and the host can tell a batch that was cut off."""
    batch = batches.Batch()
    batch.load(Script("function F {}", SOURCE))
    batch.run(Script("'ü'", SOURCE, secrets={"token": Secret("s€cret")}))

    lines = batch.stdin().decode("ascii").splitlines()

    assert ["secret token", "load 0", "run 1", "end"] == [" ".join(line.split(" ")[:2]) for line in lines]
    assert "s€cret" == base64.b64decode(lines[0].split(" ")[2]).decode()
    assert "'ü'" == base64.b64decode(lines[2].split(" ")[2]).decode()


def test_the_command_line_is_short_and_holds_no_batch() -> None:
    """cmd.exe takes 8,191 characters; the batch travels over standard input."""
    assert len(batches.command_line()) < 8191


@given(st.data())
def test_results_are_read_in_any_pieces(data: st.DataObject) -> None:
    """However standard output is cut, the same results and the same chatter come out."""
    batch = batches.Batch()
    for number in range(3):
        batch.run(Script(f"script {number}", SOURCE))
    output = b"".join(
        [
            _line(0, "ok", ["a"]),
            b"WARNING: a cmdlet talks\r\n",
            _line(2, "failed", {"message": "no", "category": "InvalidData", "identifier": "X,Y", "line": 1}),
            _line(1, "ok", []),
        ]
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(output)), max_size=5)))
    reader = batch.reader()

    results = [
        result
        for start, end in zip([0, *cuts], [*cuts, len(output)], strict=True)
        for result in reader.feed(output[start:end])
    ]

    assert [0, 2, 1] == [result.number for result in results]
    assert ["a"] == results[0].value
    assert results[1].error is not None
    assert ("no", "InvalidData", "X,Y") == (
        results[1].error.message,
        results[1].error.category,
        results[1].error.identifier,
    )
    assert ["WARNING: a cmdlet talks"] == reader.chatter


def test_a_failure_names_the_templates_line() -> None:
    """The host's script line is the template's line, counted from where the script begins."""
    batch = batches.Batch()
    batch.run(Script("a\nb\nc", Source("playbook.yml", 40)))

    (result,) = batch.reader().feed(_line(0, "failed", {"message": "x", "line": 3}))

    assert result.error is not None
    assert Source("playbook.yml", 42) == result.error.source


def test_an_answer_that_cannot_be_read_is_an_error_of_that_script() -> None:
    """A damaged line fails its own script and no other."""
    batch = batches.Batch()
    batch.run(Script("a", SOURCE))

    (result,) = batch.reader().feed(b"harness-result 0 ok bm8gSlNPTg==\n")

    assert result.error is not None
    assert "can't be read" in result.error.message


def _line(number: int, status: str, value: object) -> bytes:
    return f"harness-result {number} {status} {base64.b64encode(json.dumps(value).encode()).decode()}\r\n".encode()
