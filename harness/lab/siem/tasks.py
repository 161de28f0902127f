"""Bulk tasks: many log sources created, updated and deleted by one request, looked at while it goes on.

A task isn't worked on in the background: whatever should have been done by now is done when somebody asks. So it goes
on where it was after the console was stopped, and tests needn't wait for threads.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Final

from harness.lab.siem.refusal import BAD_PARAMETER, RefusedError, refusal

if TYPE_CHECKING:
    from harness.lab.siem.logsources import LogSources
    from harness.lab.siem.vault import Vault
    from harness.lab.store import Json

_SHOWN: Final = ("id", "operation_statuses", "status")
_DONE: Final = {"CREATE": 201, "UPDATE": 200, "DELETE": 204}


class BulkTasks:
    """The bulk tasks of one console.

    Args:
        document: The console's state.
        sources: Its log sources.
        vault: Keeps what is still to be done: it holds passwords.
    """

    def __init__(self, document: dict[str, Json], sources: LogSources, vault: Vault) -> None:
        self._document = document
        self._sources = sources
        self._vault = vault

    def start(self, body: Json, now: float, item_seconds: float) -> str:
        """Begin a task.

        Args:
            body: What was sent: a list of log sources.
            now: Seconds since 1970.
            item_seconds: How long it works on each.

        Returns:
            The task's id.

        Raises:
            RefusedError: It isn't a list of objects.
        """
        if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
            raise RefusedError(422, BAD_PARAMETER, message="log_source_data is not a list of log sources")
        task = {
            "id": str(uuid.uuid4()),
            "status": "IN_PROGRESS",
            "operation_statuses": [
                {
                    "http_status": None,
                    "log_source_id": each.get("id"),
                    "message": None,
                    "operation_type": _operation(each),
                    "unique_code": None,
                }
                for each in body
            ],
            "started": now,
            "item_seconds": item_seconds,
            "items": self._vault.seal(json.dumps(body)),
        }
        self._document["tasks"].append(task)
        return str(task["id"])

    def get(self, number: str, *, endpoint: str = "bulk_tasks get") -> Json:
        """Give a task as the API does.

        Raises:
            RefusedError: There is none of that id.
        """
        return {name: self._find(number, endpoint)[name] for name in _SHOWN}

    def cancel(self, number: str, body: Json) -> Json:
        """Ask a task to stop; one that has ended stays as it is.

        Raises:
            RefusedError: There is none of that id, or the request asks for something else.
        """
        task = self._find(number, "bulk_tasks update")
        if not isinstance(body, dict) or body.get("status") != "CANCELLED":
            raise RefusedError(422, BAD_PARAMETER, message="a task's status can only be set to CANCELLED")
        if task["status"] == "IN_PROGRESS":
            task["status"] = "CANCELLING"
        return self.get(number)

    def _find(self, number: str, endpoint: str) -> Json:
        found = next((each for each in self._document["tasks"] if each["id"] == number), None)
        if found is None:
            raise refusal(endpoint, 1001, f"there is no task {number}")
        return found

    def advance(self, now: float) -> None:
        """Do what should have been done by now."""
        for task in self._document["tasks"]:
            if task["status"] == "CANCELLING":
                task["status"] = "CANCELLED"
            elif task["status"] == "IN_PROGRESS":
                self._advance(task, now)

    def _advance(self, task: Json, now: float) -> None:
        statuses = task["operation_statuses"]
        seconds = task["item_seconds"]
        due = len(statuses) if seconds <= 0 else min(len(statuses), int((now - task["started"]) / seconds))
        done = sum(each["http_status"] is not None for each in statuses)
        if due > done:
            items = json.loads(self._vault.open(task["items"]))
            for number in range(done, due):
                self._do(items[number], statuses[number])
        if due == len(statuses):
            failed = any(each["unique_code"] is not None for each in statuses)
            task["status"] = "COMPLETED_WITH_ERRORS" if failed else "COMPLETED_SUCCESSFULLY"
            task["items"] = ""

    def _do(self, item: Json, status: Json) -> None:
        operation = status["operation_type"]
        try:
            if operation == "DELETE":
                self._sources.delete(item["id"])
            elif operation == "UPDATE":
                self._sources.update(item["id"], item)
            else:
                status["log_source_id"] = self._sources.create(item)["id"]
        except RefusedError as error:
            status.update(http_status=error.status, message=error.message, unique_code=error.code)
        else:
            status["http_status"] = _DONE[operation]


def _operation(item: Json) -> str:
    if item.get("id") is None:
        return "CREATE"
    return "DELETE" if item.get("deleted") else "UPDATE"
