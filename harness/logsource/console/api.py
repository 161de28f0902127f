"""What harness calls of the console's API, by what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from harness.errors import ProtocolFaultError
from harness.logsource.console import version
from harness.logsource.console.call import Endpoint, meaning
from harness.logsource.console.client import Object, equal, one_of
from harness.logsource.resolve import protocol_named, type_named
from harness.logsource.schema import Schema, from_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.logsource.console.client import Client
    from harness.logsource.model import LogSource

_SOURCES = "/config/event_sources/log_source_management"
_WINCOLLECT = "/config/event_sources/wincollect"

VERSIONS = Endpoint("versions list", "GET", "/help/versions")
TYPES = Endpoint("log_source_types list", "GET", f"{_SOURCES}/log_source_types")
PROTOCOLS = Endpoint("protocol_types list", "GET", f"{_SOURCES}/protocol_types")
GROUPS = Endpoint("log_source_groups list", "GET", f"{_SOURCES}/log_source_groups")
LANGUAGES = Endpoint("log_source_languages list", "GET", f"{_SOURCES}/log_source_languages")
EXTENSIONS = Endpoint("log_source_extensions list", "GET", f"{_SOURCES}/log_source_extensions")
COLLECTORS = Endpoint("event_collectors list", "GET", "/config/event_sources/event_collectors")
LOG_SOURCES = Endpoint("log_sources list", "GET", f"{_SOURCES}/log_sources")
BULK = Endpoint("log_sources bulk", "PATCH", f"{_SOURCES}/log_sources")
TASK = Endpoint("bulk_tasks get", "GET", f"{_SOURCES}/log_source_bulk_tasks/{{id}}")
AGENTS = Endpoint("wincollect_agents list", "GET", f"{_WINCOLLECT}/wincollect_agents")
DESTINATIONS = Endpoint("wincollect_destinations list", "GET", f"{_WINCOLLECT}/wincollect_destinations")
MAPPINGS = Endpoint("dsm_event_mappings list", "GET", "/data_classification/dsm_event_mappings")
RECORDS = Endpoint("qid_records list", "GET", "/data_classification/qid_records")
DEPLOY_STATUS = Endpoint("deploy_status get", "GET", "/staged_config/deploy_status")
DEPLOY = Endpoint("deploy_status create", "POST", "/staged_config/deploy_status")

_AT_ONCE = 100
_NAMES = "id,name"


class Console:
    """A console.

    Args:
        client: Sends requests to it.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def agree_on_version(self) -> None:
        """Ask which versions of the API there are, unless one is settled, and speak the newest that both know.

        Raises:
            HostError: The console can't be asked, or there is none.
        """
        if not self.client.version:
            entries = self.client.list(VERSIONS, fields="version,deprecated,removed")
            self.client.version = version.choose(entries, self.client.host)

    def schema(self, sources: Sequence[LogSource]) -> Schema:
        """Ask for what is needed to look up the names of log sources.

        All names are asked for, so that a wrong one gets a suggestion; parameters only of the protocols that count.
        Types are asked for as a whole: who may not manage them is given id and name, and refused where naming more.

        Args:
            sources: The log sources.

        Raises:
            HostError: The console can't be asked.
        """
        client = self.client
        answers: dict[str, list[Object]] = {
            "log_source_types": client.list(TYPES),
            "protocol_types": client.list(PROTOCOLS, fields=_NAMES),
        }
        for key, endpoint, needed in (
            ("event_collectors", COLLECTORS, any(source.collector for source in sources)),
            ("log_source_groups", GROUPS, any(source.groups for source in sources)),
            ("log_source_languages", LANGUAGES, any(source.language for source in sources)),
            ("log_source_extensions", EXTENSIONS, any(source.extension for source in sources)),
        ):
            if needed:
                answers[key] = client.list(endpoint, fields=_NAMES)
        names = self._read(answers)
        for id_ in self._protocols(names, sources):
            answers["protocol_types"] = [each for each in answers["protocol_types"] if each.get("id") != id_]
            answers["protocol_types"] += client.list(PROTOCOLS, filter_=equal("id", id_))
        return self._read(answers)

    @staticmethod
    def _protocols(names: Schema, sources: Sequence[LogSource]) -> set[int]:
        wanted = {(source.type, source.protocol) for source in sources}
        found = (protocol_named(names, protocol, type_named(names, type_)) for type_, protocol in sorted(wanted))
        return {protocol.id for protocol in found if protocol is not None}

    def _read(self, answers: dict[str, list[Object]]) -> Schema:
        try:
            return from_answers(answers)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise ProtocolFaultError(
                f"{self.client.host} describes its log sources in a way that harness doesn't know: {place}: "
                f"{first['msg']}",
                host=self.client.host,
                code=200,
                hint="another --api-version may do",
            ) from error

    def pairs(self, names: Iterable[tuple[str, str]]) -> set[tuple[int, int]]:
        """Give the ids of types and protocols; those that the console doesn't have are left out.

        Args:
            names: Of types and their protocols.

        Raises:
            HostError: The console can't be asked.
        """
        types, protocols = self.client.list(TYPES), self.client.list(PROTOCOLS, fields=_NAMES)
        schema = self._read({"log_source_types": types, "protocol_types": protocols})
        found = set()
        for type_name, protocol_name in names:
            type_ = type_named(schema, type_name)
            protocol = protocol_named(schema, protocol_name, type_)
            if type_ is not None and protocol is not None:
                found.add((type_.id, protocol.id))
        return found

    def type_id(self, name: str) -> int | None:
        """Give the id of a log source type; None where there is none.

        Args:
            name: The type's name.

        Raises:
            HostError: The console can't be asked.
        """
        found = self.client.list(TYPES, filter_=equal("name", name), fields=_NAMES)
        return next((int(each["id"]) for each in found if each.get("name") == name), None)

    def log_sources(self, type_ids: Iterable[int]) -> list[Object]:
        """Give all log sources of some types.

        Args:
            type_ids: The types' ids.

        Raises:
            HostError: The console can't be asked.
        """
        found: list[Object] = []
        for type_id in sorted(set(type_ids)):
            found += self.client.list(LOG_SOURCES, filter_=equal("type_id", type_id))
        if not all(isinstance(each.get("id"), int) for each in found):
            raise ProtocolFaultError(
                f"{self.client.host} lists log sources without ids",
                host=self.client.host,
                code=200,
                hint="another --api-version may do",
            )
        return found

    def patch(self, items: Sequence[Object]) -> str:
        """Ask for many changes at once.

        Args:
            items: Without id to create, with it to update, with ``deleted`` to delete.

        Returns:
            The task's id; empty where the console didn't say.

        Raises:
            HostError: The request wasn't accepted, or nobody knows.
        """
        call = BULK.call(body=list(items))
        reply = self.client.send(call)
        meaning(reply, call, self.client.host)
        # The address may name the console otherwise than we do; the token goes nowhere else, so the id alone counts.
        return reply.headers.get("location", "").rstrip("/").rpartition("/")[2]

    def task(self, id_: str) -> Object:
        """Give how a bulk task stands.

        Args:
            id_: The task's id.

        Raises:
            HostError: The console can't be asked, or doesn't know the task any more.
        """
        return self._object(TASK, id=id_)

    def deploy(self) -> Object:
        """Ask for a deploy of what changed.

        Raises:
            HostError: It wasn't accepted.
        """
        return self._object(DEPLOY, body={"type": "INCREMENTAL"})

    def deploy_status(self) -> Object:
        """Give how the last deploy stands.

        Raises:
            HostError: The console can't be asked.
        """
        return self._object(DEPLOY_STATUS)

    def event_mappings(self, type_id: int) -> list[Object]:
        """Give which event ids of a type the console knows.

        Args:
            type_id: The type's id.

        Raises:
            HostError: The console can't be asked.
        """
        return self.client.list(MAPPINGS, filter_=equal("log_source_type_id", type_id))

    def qid_records(self, ids: Iterable[int]) -> dict[int, Object]:
        """Give the records that events are filed under.

        Args:
            ids: The records' ids.

        Raises:
            HostError: The console can't be asked.
        """
        found: dict[int, Object] = {}
        left = sorted(set(ids))
        while left:
            part, left = left[:_AT_ONCE], left[_AT_ONCE:]
            entries = self.client.list(RECORDS, filter_=one_of("id", part), fields="id,qid,name,severity")
            found |= {int(each["id"]): each for each in entries if "id" in each}
        return found

    def agents(self) -> list[Object]:
        """Give the WinCollect agents that are registered.

        Raises:
            HostError: The console can't be asked.
        """
        return self.client.list(AGENTS)

    def destinations(self) -> list[Object]:
        """Give the WinCollect destinations.

        Raises:
            HostError: The console can't be asked.
        """
        return self.client.list(DESTINATIONS)

    def _object(self, endpoint: Endpoint, **given: Any) -> Object:  # noqa: ANN401 - as Endpoint.call
        answer = self.client.ask(endpoint, **given)
        if isinstance(answer, dict):
            return answer
        raise ProtocolFaultError(
            f"{self.client.host} answered {endpoint.method} {endpoint.path} with something that isn't an object",
            host=self.client.host,
            code=200,
            hint="see console_url: another service may answer there",
        )
