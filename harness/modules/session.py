"""One host's PowerShell during a run: batches over one connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import ConnectionLostError, ScriptError, UnreachableError
from harness.modules import shells
from harness.remote import batch as batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.modules.base import Target
    from harness.remote.batch import Batch, Result
    from harness.remote.connection import Clock, Connection, Finished
    from harness.remote.powershell import Script


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one script: its value, or why there is none."""

    value: object = None
    error: ScriptError | None = None


class Session:
    """Runs scripts on one host.

    Args:
        connect: Opens a connection; called again when one was lost.
        target: The host.
        clock: How long one script, and all of them together, may take.
        progress: Called as each script ends.
    """

    def __init__(
        self, connect: Callable[[], Connection], target: Target, clock: Clock, progress: Callable[[], None]
    ) -> None:
        self.target = target
        """The host; replaced once its facts say more than the inventory."""
        self._connect = connect
        self._clock = clock
        self._progress = progress
        self._connection: Connection | None = None
        self._interrupted = False

    def read(self, scripts: Sequence[Script]) -> list[Answer]:
        """Run scripts that change nothing, all in one process; equal ones once.

        They are sent again, once and over a fresh connection, when the first one breaks off.

        Args:
            scripts: What to run.

        Returns:
            An answer for each script, in order.
        """
        unique = list({script.text: script for script in scripts}.values())
        try:
            answers = self._run(unique)
        except ConnectionLostError as lost:
            self.close()
            answers = self._run_again(unique, lost)
        by_text = {script.text: answer for script, answer in zip(unique, answers, strict=True)}
        return [by_text[script.text] for script in scripts]

    def _run_again(self, scripts: Sequence[Script], lost: ConnectionLostError) -> list[Answer]:
        try:
            return self._run(scripts)
        except UnreachableError as again:
            raise ConnectionLostError(
                f"the connection broke off ({lost.message}), and again over a fresh one ({again.message})",
                host=self.target.host,
                tried=again.tried,
                hint="something on the host or on the way cuts it: see the WinRM service and its event log",
            ) from again

    def write(self, scripts: Sequence[Script]) -> list[Answer]:
        """Run scripts that change something, all in one process, in order, and never twice.

        Raises:
            ConnectionLostError: It broke off; which scripts ran must be read back from the host.
        """
        return self._run(scripts)

    def _run(self, scripts: Sequence[Script]) -> list[Answer]:
        batch = batches.Batch()
        batch.load(batches.prelude())
        loads = shells.loads(scripts, self.target)
        numbers = {need: batch.load(script) for need, script in loads.items()}
        first = len(batch)
        for script in scripts:
            batch.run(script)
        results, finished = self._execute(batch)
        failed_loads = {need: results[number].error for need, number in numbers.items() if number in results}
        broken = results[0].error if 0 in results else None
        answers = []
        for number, script in enumerate(scripts, first):
            blame = next((failed_loads.get(need) for need in shells.needs(script) if failed_loads.get(need)), broken)
            if blame is not None:
                answers.append(Answer(error=shells.explain(blame, script, self.target)))
            elif number not in results:
                answers.append(Answer(error=_unanswered(finished)))
            elif (error := results[number].error) is not None:
                answers.append(Answer(error=shells.explain(error, script, self.target)))
            else:
                answers.append(Answer(results[number].value))
        return answers

    def _execute(self, batch: Batch) -> tuple[dict[int, Result], Finished]:
        reader = batch.reader()
        results: dict[int, Result] = {}

        def take(data: bytes) -> None:
            for result in reader.feed(data):
                results[result.number] = result
                self._clock.task_done()
                self._progress()

        if self._connection is None:
            self._connection = self._connect()
        if self._interrupted:
            self._connection.interrupt()
        self._clock.task_done()
        finished = self._connection.execute(batches.command_line(), batch.stdin(), take, self._clock)
        return results, finished

    def interrupt(self) -> None:
        """End what is running, from another thread, and let nothing more run."""
        self._interrupted = True
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """End the shell on the host."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _unanswered(finished: Finished) -> ScriptError:
    said = finished.stderr.strip()
    return ScriptError(
        f"PowerShell ended before this script did (exit code {finished.exit_code})"
        + (f": {said:.500}" if said else ""),
        hint="a script that calls exit, or a policy that ends PowerShell, would do that",
    )
