"""Exchange's configuration objects as Active Directory keeps them: names, identities, and how a cmdlet shows them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell.objects import CaseDict, EnumValue, PSObject, Value
from harness.lab.state.kinds import GUID, LOCAL_TIME, STRINGS, UTC_TIME, Kind, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.store import Json

_SPECIAL = re.compile(r'([,+"\\<>;=])')
_AD = "Microsoft.Exchange.Data.Directory"
CONFIGURATION_BASES = (
    f"{_AD}.SystemConfiguration.ADConfigurationObject",
    f"{_AD}.ADObject",
    f"{_AD}.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    "System.Object",
)
"""What most configuration objects derive from, after their own types."""

OBJECT_ID = f"{_AD}.ADObjectId"


@dataclass(frozen=True, slots=True)
class Forest:
    """The directory that an Exchange organisation lives in.

    Args:
        domain: Its DNS name, for example ``corp.example``.
        organisation: The Exchange organisation's name.
        local: Whether it is an Edge server's own directory instead.
    """

    domain: str
    organisation: str
    local: bool = False

    @property
    def controller(self) -> str:
        """The domain controller that answers."""
        return "localhost" if self.local else f"dc01.{self.domain}"

    @property
    def configuration(self) -> str:
        """The configuration partition's distinguished name."""
        return "CN=Configuration," + ",".join(f"DC={part}" for part in self.domain.split("."))

    @property
    def administrative_group(self) -> str:
        """The distinguished name of the one administrative group that Exchange 2007 and later have."""
        return (
            "CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,"
            f"CN={escape(self.organisation)},CN=Microsoft Exchange,CN=Services,{self.configuration}"
        )

    @property
    def servers(self) -> str:
        """The distinguished name of the servers' container."""
        return f"CN=Servers,{self.administrative_group}"

    @property
    def routing_group(self) -> str:
        """The distinguished name of the one routing group that Exchange 2007 and later have."""
        return f"CN=Exchange Routing Group (DWBGZMFD01QNBJR),CN=Routing Groups,{self.administrative_group}"

    def object_id(self, dn: str, text: str, guid: str = "") -> PSObject:
        """Make the reference to a directory object.

        Args:
            dn: Distinguished name.
            text: What the reference's ``ToString()`` gives.
            guid: The object's own; zeros where it isn't known.
        """
        return PSObject(OBJECT_ID, _reference(self.domain, dn, guid), text=text)


@lru_cache(maxsize=1024)
def _reference(domain: str, dn: str, guid: str) -> CaseDict[Value]:
    """Give a reference's properties, to be copied; listings make the same ones again and again."""
    parts = split_dn(dn)
    return CaseDict(
        {
            "OrgHierarchyToIgnore": None,
            "IsDeleted": False,
            "Rdn": parts[0],
            "Parent": parts[1].partition("=")[2] if len(parts) > 1 else None,
            "Depth": sum(not part.upper().startswith("DC=") for part in parts),
            "DistinguishedName": dn,
            "IsRelativeDn": False,
            "DomainId": domain,
            "PartitionGuid": uuid.uuid5(uuid.NAMESPACE_DNS, domain),
            "PartitionFQDN": domain,
            "ObjectGuid": uuid.UUID(guid) if guid else uuid.UUID(int=0),
            "Name": _unescape(parts[0].partition("=")[2]),
        }
    )


def escape(name: str) -> str:
    """Write a name as the value of a distinguished name's part (RFC 4514)."""
    escaped = _SPECIAL.sub(r"\\\1", name)
    if escaped.startswith(("#", " ")):
        escaped = f"\\{escaped}"
    if escaped.endswith(" ") and len(escaped) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return escaped


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)


def split_dn(dn: str) -> list[str]:
    """Give a distinguished name's parts, the object's own first."""
    return re.findall(r"(?:\\.|[^,\\])+", dn)


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A class of configuration objects.

    Args:
        type_names: The .NET class and what it derives from, the most derived first.
        properties: The properties of its own, in the order in which they are shown.
        category: The schema class, as in ``ObjectCategory``.
        object_classes: ``ObjectClass``.
        hidden: Whether the class lacks properties that most others show.
    """

    type_names: tuple[str, ...]
    properties: Mapping[str, Kind]
    category: str
    object_classes: tuple[str, ...]
    hidden: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Entry:
    """One configuration object: a view of its stored form, which is a dict within a host's or organisation's document.

    Args:
        kind: Its class.
        stored: ``name``, ``guid``, ``container`` (a distinguished name), ``scope`` (the server before the name in its
            identity, or empty), ``created``, ``changed`` (UTC, ISO 8601) and ``settings`` by property name.
        forest: Where it lives.
        computed: Properties that follow from something else than the stored form.
    """

    kind: ObjectClass
    stored: dict[str, Json]
    forest: Forest
    computed: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``Name``."""
        return str(self.stored["name"])

    @property
    def guid(self) -> str:
        """``Guid``, in lower case."""
        return str(self.stored["guid"])

    @property
    def identity(self) -> str:
        r"""``Identity`` as text: ``SERVER\Name`` for an object of one server, else the name."""
        scope = self.stored["scope"]
        return f"{scope}\\{self.name}" if scope else self.name

    @property
    def dn(self) -> str:
        """``DistinguishedName``."""
        return f"CN={escape(self.name)},{self.stored['container']}"

    @property
    def protocol_logging(self) -> str:
        """``ProtocolLoggingLevel`` of a connector."""
        return str(self.settings["ProtocolLoggingLevel"])

    @property
    def settings(self) -> dict[str, Json]:
        """The stored forms of the class's own properties."""
        held: dict[str, Json] = self.stored["settings"]
        return held

    def matches(self, identity: str) -> bool:
        r"""Say whether an ``-Identity`` names this object: by name, ``SERVER\Name``, GUID or distinguished name."""
        wanted = identity.strip().lower()
        return wanted in (
            self.name.lower(),
            self.identity.lower(),
            self.guid,
            f"{{{self.guid}}}",
            self.dn.lower(),
        )

    def set(self, name: str, value: Json) -> bool:
        """Store a property.

        Returns:
            Whether that changed anything.
        """
        held = self.stored if name == "Name" else self.settings
        key = "name" if name == "Name" else name
        if held.get(key) == value:
            return False
        held[key] = value
        self.stored["changed"] = now()
        return True

    def as_object(self, *, wire: bool = False) -> PSObject:
        """Make what a cmdlet gives.

        Args:
            wire: As it arrives through an implicit-remoting session: a copy without methods, its properties that
                aren't primitive as text.
        """
        shown = {
            name: self.computed[name] if name in self.computed else kind.show(self.settings.get(name))
            for name, kind in self.kind.properties.items()
        }
        shown |= self._directory_properties()
        if wire:
            shown = {name: flat(value) for name, value in shown.items()}
            names = tuple(f"Deserialized.{name}" for name in self.kind.type_names)
            return PSObject(names, shown, text=self.identity)
        return PSObject(self.kind.type_names, shown, text=self.identity)

    def _directory_properties(self) -> dict[str, Value]:
        own = self.forest.object_id(self.dn, self.identity, self.guid)
        category = f"CN={self.kind.category},CN=Schema,{self.forest.configuration}"
        category_text = f"{self.forest.domain}/Configuration/Schema/{self.kind.category}"
        times = {name: self.stored[name] for name in ("created", "changed")}
        shown: dict[str, Value] = {
            "AdminDisplayName": "",
            "ExchangeVersion": object_version(),
            "Name": self.name,
            "DistinguishedName": self.dn,
            "Identity": own,
            "Guid": GUID.show(self.guid),
            "ObjectCategory": self.forest.object_id(category, category_text),
            "ObjectClass": STRINGS.show(list(self.kind.object_classes)),
            "WhenChanged": LOCAL_TIME.show(times["changed"]),
            "WhenCreated": LOCAL_TIME.show(times["created"]),
            "WhenChangedUTC": UTC_TIME.show(times["changed"]),
            "WhenCreatedUTC": UTC_TIME.show(times["created"]),
            "OrganizationId": _organization_id(),
            "Id": own,
            "OriginatingServer": self.forest.controller,
            "IsValid": True,
            "ObjectState": EnumValue("Microsoft.Exchange.Data.ObjectState", "Unchanged", 1),
        }
        return {name: value for name, value in shown.items() if name not in self.kind.hidden}


def object_version() -> PSObject:
    """Make the version of a directory object's form (not the server's), which hasn't changed since Exchange 2007."""
    properties = {"ExchangeBuild": "8.0.535.0", "Major": 0, "Minor": 1}
    return PSObject("Microsoft.Exchange.Data.ExchangeObjectVersion", properties, text="0.1 (8.0.535.0)", partial=True)


def _organization_id() -> PSObject:
    properties = {"OrganizationalUnit": None, "ConfigurationUnit": None, "IsConsumerOrganization": False}
    return PSObject(f"{_AD}.OrganizationId", properties, text="", partial=True)


def now() -> str:
    """Give the time in UTC, to the second, as the directory keeps it."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0).isoformat()


def new_entry(name: str, container: str, settings: Mapping[str, Json], *, scope: str = "") -> dict[str, Json]:
    """Make the stored form of a new object; see `Entry`."""
    moment = now()
    return {
        "name": name,
        "guid": str(uuid.uuid4()),
        "container": container,
        "scope": scope,
        "created": moment,
        "changed": moment,
        "settings": dict(settings),
    }
