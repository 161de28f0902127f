"""Deploying: what was changed reaches the collectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.lab.siem.refusal import RefusedError, refusal

if TYPE_CHECKING:
    from harness.lab.store import Json

_ENDPOINT: Final = "deploy_status create"
_RUNNING: Final = 1002
_NOTHING: Final = 1004
_BAD_TYPE: Final = 1005
_HOST: Final = "192.0.2.100"
_ALL: Final = 100


class Deploy:
    """The one deploy of a console that is under way or was last.

    Args:
        document: The console's state.
    """

    def __init__(self, document: dict[str, Json]) -> None:
        self._document = document

    def start(self, body: Json, user: str, address: str, now: float, seconds: float) -> Json:
        """Begin one.

        Args:
            body: What was sent.
            user: Who asks.
            address: From where.
            now: Seconds since 1970.
            seconds: How long it takes.

        Raises:
            RefusedError: One is running, there is nothing to deploy, or the request isn't understood.
        """
        kind = body.get("type") if isinstance(body, dict) else None
        if kind not in {"INCREMENTAL", "FULL"}:
            raise RefusedError(422, _BAD_TYPE, message="type is neither INCREMENTAL nor FULL")
        running = self._document["deploy"]
        if running and running["percent_complete"] < _ALL:
            raise refusal(_ENDPOINT, _RUNNING, "A deploy is in action.")
        pending = [each["id"] for each in self._document["log_sources"] if each["requires_deploy"]]
        if not pending and not self._document["undeployed"]:
            raise refusal(_ENDPOINT, _NOTHING, "There are no changes to deploy.")
        self._document["undeployed"] = False
        self._document["deploy"] = {
            "initiated_by": user,
            "initiated_from": address,
            "percent_complete": 0,
            "type": kind,
            "started": now,
            "seconds": seconds,
            "sources": pending,
        }
        return self.status

    @property
    def status(self) -> Json:
        """The deploy as the API gives it. What a console answers that never deployed isn't documented."""
        deploy = self._document["deploy"]
        if not deploy:
            done: dict[str, Json] = {
                "hosts": [],
                "initiated_by": None,
                "initiated_from": None,
                "percent_complete": _ALL,
            }
            return done | {"status": "COMPLETE", "type": "INCREMENTAL"}
        percent = deploy["percent_complete"]
        status = "COMPLETE" if percent == _ALL else "IN_PROGRESS" if percent else "INITIALIZING"
        host = {"COMPLETE": "SUCCESS", "INITIALIZING": "INITIATING"}.get(status, status)
        shown = {name: deploy[name] for name in ("initiated_by", "initiated_from", "percent_complete", "type")}
        return shown | {"hosts": [{"host_status": host, "ip": _HOST, "status": host}], "status": status}

    def advance(self, now: float) -> None:
        """Do what should have been done by now."""
        deploy = self._document["deploy"]
        if not deploy or deploy["percent_complete"] == _ALL:
            return
        part = 1.0 if deploy["seconds"] <= 0 else (now - deploy["started"]) / deploy["seconds"]
        deploy["percent_complete"] = min(_ALL, int(part * _ALL))
        if deploy["percent_complete"] == _ALL:
            for each in self._document["log_sources"]:
                if each["id"] in deploy["sources"]:
                    each["requires_deploy"] = False
