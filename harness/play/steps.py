"""A step: one task on one host, or one round of its loop, on its way from playbook to result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import NotConvergedError, ScriptError, TaskError
from harness.modules.base import Difference
from harness.modules.session import Answer
from harness.play.results import Status, TaskResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.modules.base import Module, Resource, Target, Value
    from harness.play.playbook import Task
    from harness.play.variables import Variables
    from harness.remote.powershell import Script


_NOTHING = Difference()

Key: TypeAlias = tuple[str, str, str]
"""Kind, id and setting of a resource."""

AnswerKey: TypeAlias = tuple[str, int]
"""A module's name and an answer's identity."""


@dataclass(slots=True)
class Step:
    """What is known so far of one task on one host.

    Args:
        host: The host's name.
        task: The task.
        module: Its module.
        variables: What its texts are rendered with.
        label: The task's name, with the loop's item.
        judged: Whether its conditions have been looked at.
        arguments: As rendered.
        misfit: Why the server has nothing that the task is about.
        script: Its read script.
        answer: What the host said to that.
        before: The state that was read.
        difference: What it would change.
        left: Kind and id of what the organisation shares and another host writes.
        result: How it ended.
    """

    host: str
    task: Task
    module: Module[Any]
    variables: Variables
    label: str
    judged: bool = False
    arguments: Any = None
    misfit: str = ""
    script: Script | None = None
    answer: Answer | None = None
    before: tuple[Resource, ...] = ()
    difference: Difference = _NOTHING
    left: frozenset[tuple[str, str]] = frozenset()
    result: TaskResult | None = None

    @property
    def open(self) -> bool:
        """Say whether it has no result yet."""
        return self.result is None

    def judge(self, variables: Variables) -> None:
        """Look at the conditions and skip it where one doesn't hold.

        Args:
            variables: As they are known now.
        """
        self.judged = True
        self.variables = variables
        try:
            unmet = self.task.unmet(variables)
        except TaskError as error:
            self.fail(error)
            return
        if unmet is not None:
            self.end(Status.SKIPPED, f"when: {unmet.text}")

    def prepare(self, target: Target) -> None:
        """Render the arguments and the read script.

        Before the conditions are known a failure means nothing: it is tried again once they hold. Prepared again for a
        host that turned out to be another than assumed, it keeps the answer to a script that is still the same.
        """
        before = self.script
        self.script = None
        try:
            self.arguments = self.task.arguments(self.variables)
            self.misfit = self.module.misfit(self.arguments, target.server)
            if not self.misfit:
                self.script = self.module.read(self.arguments, target)
        except TaskError as error:
            if self.judged:
                self.fail(error)
        if self.script != before or (self.answer and self.answer.error):
            self.answer = None

    def skip_misfit(self) -> None:
        """Skip it where the server has nothing that the task is about; only facts tell."""
        if self.open and self.misfit:
            self.end(Status.SKIPPED, self.misfit)

    def compare(self, projected: Mapping[Key, Value], known: dict[AnswerKey, tuple[Resource, ...]]) -> None:
        """Find the difference between the host's answer and what is wanted.

        Args:
            projected: What earlier steps of the play will have changed.
            known: What earlier steps read out of answers; steps that asked the same have the same answer.
        """
        answer = self.answer or Answer(error=ScriptError("the host was not asked"))
        if answer.error is not None:
            self.fail(answer.error)
            return
        try:
            key = (self.module.name, id(answer))
            if key not in known:
                known[key] = self.module.resources(answer.value)
            found = known[key]
            self.before = tuple(_project(resource, projected) for resource in found) if projected else found
            self.difference = self.module.compare(self.arguments, self.before)
        except TaskError as error:
            self.fail(error)

    def write(self, target: Target) -> Script:
        """Give the script that makes the difference."""
        return self.module.write(self.arguments, self.difference, target)

    def confirm(self, written: Answer, read: Answer) -> None:
        """Take what became of the write and what the host says now."""
        if written.error is not None:
            self.fail(written.error)
        elif read.error is not None:
            self.fail(read.error)
        else:
            self._converge(read)

    def holds(self) -> bool:
        """Say whether the host's last answer is what is wanted."""
        if self.answer is None or self.answer.error is not None:
            return False
        try:
            return not self._missing(self.answer)
        except TaskError:
            return False

    def _converge(self, read: Answer) -> None:
        try:
            missing = self._missing(read)
        except TaskError as error:
            self.fail(error)
            return
        if missing:
            self.fail(_not_converged(missing))
        else:
            self.end(Status.CHANGED)

    def _missing(self, read: Answer) -> Difference:
        """Give what is still different, but for what another host writes."""
        left = self.module.confirm(self.arguments, self.before, self.module.resources(read.value))
        own = [change for change in left.changes if (change.resource.kind, change.resource.id) not in self.left]
        return replace(left, changes=tuple(own))

    def end(self, status: Status, *notes: str, error: TaskError | None = None) -> None:
        """Give it its result."""
        changes = self.difference.changes if status is not Status.OK else ()
        self.result = TaskResult(
            host=self.host,
            task=self.label,
            module=self.module.name,
            source=self.task.source,
            status=status,
            changes=changes,
            notes=(*self.difference.notes, *notes),
            error=error,
            handler=self.task.handler,
        )

    def fail(self, error: TaskError) -> None:
        """Give it the result of a failure."""
        self.end(Status.IGNORED if self.task.ignore_errors else Status.FAILED, error=error)


def _project(resource: Resource, projected: Mapping[Key, Value]) -> Resource:
    later = {
        setting: projected[resource.kind, resource.id, setting]
        for setting in resource.properties
        if (resource.kind, resource.id, setting) in projected
    }
    return replace(resource, properties={**resource.properties, **later}) if later else resource


def _not_converged(left: Difference) -> NotConvergedError:
    still = "; ".join(
        f"{change.resource.name}: {change.setting} is still {change.before!r}, not {change.after!r}"
        for change in left.changes
    )
    hint = "another tool or a policy may set it back, or the directory has not replicated yet; run it again"
    return NotConvergedError(f"the host took the change without an error, but {still}", hint=left.hint or hint)
