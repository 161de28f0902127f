"""One play on one host: read, compare, write, confirm."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.errors import ConnectionLostError, HostError, ScriptError, StoppedError, TaskError
from harness.modules import facts as host_facts
from harness.modules.session import Answer
from harness.play.results import HostResult, Status
from harness.play.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.modules.base import Module, Resource, Target, Value
    from harness.modules.session import Session
    from harness.play.claims import Claims
    from harness.play.playbook import Task
    from harness.play.steps import AnswerKey, Key
    from harness.play.variables import Variables
    from harness.remote.powershell import Script


_READ_BACK_AFTER = (0.0, 1.0, 3.0)
"""Seconds before each look at what became of a write that broke off."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a host has to do in a play.

    Args:
        target: The host.
        tasks: Those of the play's tasks that are selected.
        handlers: The play's handlers.
        variables: The host's variables; facts are added once they are read.
        modules: The modules by name.
        check: Whether nothing is to be changed.
    """

    target: Target
    tasks: tuple[Task, ...]
    handlers: tuple[Task, ...]
    variables: Variables
    modules: Mapping[str, Module[Any]]
    check: bool


class HostRun:
    """Runs a job.

    A failing task leaves the others alone: each is a state of its own, and what is right should become right. The host
    counts as failed all the same, and its later plays are left out.

    Args:
        job: What to do.
        session: The host's PowerShell.
        claims: Who writes what the organisation shares.
        progress: Called with a word for the stage, as it goes on.
        go_on: Asked before anything is written; False where another host's failure ends the play.
    """

    def __init__(
        self,
        job: Job,
        session: Session,
        claims: Claims,
        progress: Callable[[str], None],
        go_on: Callable[[], bool],
    ) -> None:
        self._job = job
        self._session = session
        self._claims = claims
        self._progress = progress
        self._go_on = go_on
        self._target = job.target
        self._variables = job.variables
        self._notes: tuple[str, ...] = ()
        self._steps: list[Step] = []

    @property
    def _host(self) -> str:
        return self._job.target.host

    def run(self) -> HostResult:
        """Do it, and give what came of it; what goes wrong on the host is part of the result."""
        error: HostError | None = None
        stopped = ""
        try:
            self._read_and_compare()
            self._claims.planned(self._host)
            if self._go_on():
                self._write(self._steps)
                self._handle()
            else:
                stopped = "another host's failure ended the play before anything was written here"
        except StoppedError:
            stopped = "interrupted"
        except HostError as raised:
            error = raised
        finally:
            self._claims.planned(self._host)
            self._session.close()
        results = tuple(step.result for step in self._steps if step.result is not None)
        return HostResult(self._host, results, error, stopped, self._notes)

    def _read_and_compare(self) -> None:
        """Read the facts and the states, and compare.

        What doesn't depend on facts is read in the same process as the facts; only the rest takes a second one. The
        server's version and roles are facts as well: where the inventory doesn't say them, the usual ones are assumed,
        and what was read on a wrong assumption is read once more.
        """
        tasks = self._job.tasks
        expanded = [[] if task.needs_facts_for_arguments else self._expand(task) for task in tasks]
        # A module's own read is free of side effects, so it may go ahead of a condition that needs the facts.
        early = [step for steps in expanded for step in steps if step.judged or step.module.pure_read]
        (answer,) = self._ask(early, host_facts.script())
        if answer.error is not None:
            raise HostError(
                f"the host's facts can't be read: {answer.error.message}", host=self._host, hint=answer.error.hint
            )
        facts = host_facts.parse(answer.value, self._target)
        self._variables = self._variables.with_reserved(facts=facts)
        self._notes = host_facts.notes(facts)
        self._settle_target(host_facts.settled(self._target, facts), early)
        for index, task in enumerate(tasks):
            if task.needs_facts_for_arguments:
                expanded[index] = self._expand(task)
            for step in expanded[index]:
                self._settle(step)
        self._steps = [step for steps in expanded for step in steps]
        self._ask(self._steps)
        self._compare(self._steps)

    def _settle_target(self, target: Target, early: Sequence[Step]) -> None:
        """Go on with the host as its facts describe it."""
        if (target.server, target.shell) != (self._target.server, self._target.shell):
            for step in early:
                if step.open:
                    step.prepare(target)
        self._target = target
        self._session.target = target

    def _expand(self, task: Task) -> list[Step]:
        """Give a task's steps: one, or one for each round of its loop."""
        module = self._job.modules[task.module]
        try:
            items = task.items(self._variables)
        except TaskError as error:
            step = Step(self._host, task, module, self._variables, task.name, judged=True)
            step.fail(error)
            return [step]
        if items is None:
            rounds = [(task.name, self._variables)]
        else:
            rounds = [(f"{task.name} (item={item})", self._variables.with_item(item)) for item in items]
        steps = [Step(self._host, task, module, variables, label) for label, variables in rounds]
        for step in steps:
            if not task.needs_facts_for_when or "facts" in self._variables:
                step.judge(step.variables)
            if step.open:
                step.prepare(self._target)
        return steps

    def _settle(self, step: Step) -> None:
        """Judge, now that the facts are known, a step that had to wait for them."""
        if not step.judged and step.open:
            step.judge(step.variables.with_reserved(facts=self._variables["facts"]))
            if step.open and step.script is None:
                step.prepare(self._target)
        step.skip_misfit()

    def _ask(self, steps: Sequence[Step], *others: Script) -> list[Answer]:
        """Read the state for those steps that still need it, and run other scripts with them.

        Returns:
            The answers to the other scripts.
        """
        asking = [
            (step, step.script) for step in steps if step.open and step.answer is None and step.script is not None
        ]
        scripts = [*others, *(script for _, script in asking)]
        if not scripts:
            return []
        self._progress("reading")
        answers = self._session.read(scripts)
        for (step, _), answer in zip(asking, answers[len(others) :], strict=True):
            step.answer = answer
        return answers[: len(others)]

    def _compare(self, steps: Sequence[Step]) -> None:
        """Find each step's difference, as if the steps before it were done."""
        projected: dict[Key, Value] = {}
        known: dict[AnswerKey, tuple[Resource, ...]] = {}
        for step in steps:
            if step.open:
                step.compare(projected, known)
            if not step.open:
                continue
            notes = self._leave_to_owners(step)
            for change in step.difference.changes:
                projected[change.resource.kind, change.resource.id, change.setting] = change.after
            if not step.difference:
                step.end(Status.OK, *notes)
            elif self._job.check:
                step.end(Status.CHANGED if step.difference.known else Status.UNKNOWN, *notes)
            elif notes:
                step.difference = replace(step.difference, notes=(*step.difference.notes, *notes))

    def _leave_to_owners(self, step: Step) -> list[str]:
        """Take out the changes to what another host of the play writes for the organisation."""
        changes = step.difference.changes
        keys = {
            (change.resource.kind, change.resource.id)
            for change in changes
            if change.resource.kind in step.module.shared
        }
        if not keys:
            return []
        owner = self._claims.claim(self._host, keys)
        kept, notes = [], []
        for change in changes:
            writer = owner.get((change.resource.kind, change.resource.id), self._host)
            if writer == self._host:
                kept.append(change)
            else:
                notes.append(
                    f"{change.resource.kind} {change.resource.name!r} belongs to the organisation: {writer} writes it"
                )
        step.difference = replace(step.difference, changes=tuple(kept))
        step.left = frozenset(key for key, writer in owner.items() if writer != self._host)
        return list(dict.fromkeys(notes))

    def _write(self, steps: Sequence[Step]) -> None:
        """Write what differs, and read it again in the same process."""
        todo = [(step, step.script) for step in steps if step.open and step.script is not None]
        if not todo:
            return
        self._progress("writing")
        writes = [step.write(self._target) for step, _ in todo]
        reads = list({script.text: script for _, script in todo}.values())
        try:
            answers = self._session.write([*writes, *reads])
        except ConnectionLostError as lost:
            self._read_back([step for step, _ in todo], lost)
            return
        now = {script.text: answer for script, answer in zip(reads, answers[len(writes) :], strict=True)}
        for (step, script), written in zip(todo, answers, strict=False):
            step.confirm(written, now[script.text])

    def _read_back(self, steps: Sequence[Step], lost: ConnectionLostError) -> None:
        """Find out over a fresh connection what a write did that broke off; it is never sent again.

        The process that lost its client may be at work for a moment yet, so what doesn't hold is looked at again.
        """
        self._session.close()
        for wait in _READ_BACK_AFTER:
            time.sleep(wait)
            for step in steps:
                step.answer = None
            self._ask(steps)
            if all(step.holds() for step in steps):
                break
        for step in steps:
            note = f"the connection broke off while writing ({lost.message}); the host was read back"
            step.difference = replace(step.difference, notes=(*step.difference.notes, note))
            step.confirm(Answer(), step.answer or Answer(error=ScriptError(lost.message)))

    def _handle(self) -> None:
        """Run the handlers that a change notified, each once, in the order of the playbook."""
        notified = {
            name
            for step in self._steps
            if step.result is not None and step.result.status is Status.CHANGED
            for name in step.task.notify
        }
        steps = [step for handler in self._job.handlers if handler.name in notified for step in self._expand(handler)]
        self._steps += steps
        for step in steps:
            step.skip_misfit()
        self._ask(steps)
        self._compare(steps)
        self._write(steps)
