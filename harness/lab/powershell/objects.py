"""PowerShell's values as Python objects.

==========================  =====================================================================
PowerShell                  Python
==========================  =====================================================================
``$null``                   ``None``
``[bool]``                  ``bool``
``[int]``                   ``int``
``[long]``, ``[byte]`` …    `Int64`, `Byte`, … (subclasses of ``int``)
``[double]``, ``[decimal]``  ``float``, ``decimal.Decimal``
``[string]``, ``[char]``    ``str``, `Char`
``[datetime]``              ``datetime.datetime``: naive is kind Unspecified or Local, aware is UTC
``[timespan]``              ``datetime.timedelta``
``[guid]``                  ``uuid.UUID``
``[version]``               `Version`
``[object[]]``              ``list``
``[string[]]``, ArrayList   `PSList`, a ``list`` that knows its type
``@{}``, ``[ordered]@{}``   `Hashtable`
an enumeration's member     `EnumValue`
everything else             `PSObject`
==========================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, overload
from zlib import crc32

Value: TypeAlias = Any
"""A PowerShell value: any row of the table above. PowerShell is dynamically typed, and so is this."""
Out: TypeAlias = Callable[[Value], None]
"""Where a statement or a command sends its output, one object at a time."""

V = TypeVar("V")
D = TypeVar("D")


class Int16(int):
    """A ``[int16]``."""


class Int64(int):
    """A ``[long]``."""


class Byte(int):
    """A ``[byte]``."""


class SByte(int):
    """A ``[sbyte]``."""


class UInt16(int):
    """A ``[uint16]``."""


class UInt32(int):
    """A ``[uint32]``."""


class UInt64(int):
    """A ``[uint64]``."""


class Char(str):
    """A ``[char]``: one UTF-16 unit."""

    __slots__ = ()


class CaseDict(MutableMapping[str, V]):
    """A mapping whose keys ignore case, keep the first spelling and stay in the order they came."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        # Most are made of a dict or of another one of these; asking for any other mapping is slow.
        if isinstance(items, CaseDict):
            self._items: dict[str, tuple[str, V]] = items._items.copy()  # noqa: SLF001  its own kind
            return
        if isinstance(items, dict):
            self._items = {key.lower(): (key, value) for key, value in items.items()}
            if len(self._items) == len(items):
                return
        self._items = {}
        if items:
            self.update(items)

    def __getitem__(self, key: str) -> V:
        """Give the value, whatever the key's case."""
        return self._items[key.lower()][1]

    def __setitem__(self, key: str, value: V) -> None:
        """Set the value and keep the spelling of the first time."""
        folded = key.lower()
        held = self._items.get(folded)
        self._items[folded] = (held[0] if held else key, value)

    def __delitem__(self, key: str) -> None:
        """Remove the key, whatever its case."""
        del self._items[key.lower()]

    @overload
    def get(self, key: str, /) -> V | None: ...

    @overload
    def get(self, key: str, /, default: V | D) -> V | D: ...

    def get(self, key: str, /, default: object = None) -> object:
        """Give the value, or the default; the inherited one raises and catches, which is slow."""
        held = self._items.get(key.lower())
        return held[1] if held is not None else default

    def __contains__(self, key: object) -> bool:
        """Say whether the key is there in any case."""
        return isinstance(key, str) and key.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        """Give the keys as they were first spelt."""
        return iter([key for key, _ in self._items.values()])

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._items)

    def __repr__(self) -> str:
        """Show it as a dict."""
        return repr(dict(self.items()))

    def spelling(self, key: str) -> str:
        """Give the key as it was first spelt."""
        return self._items[key.lower()][0]


class PSList(list[Value]):
    """An array or a list with a type of its own; a plain ``list`` is an ``object[]``.

    Args:
        items: What it holds.
        type_name: For example ``System.Byte[]`` or ``System.Collections.ArrayList``.
        fixed: Arrays can't grow; lists and collections can.
    """

    __slots__ = ("fixed", "type_name")

    def __init__(
        self,
        items: Iterable[Value] = (),
        type_name: str = "System.Collections.ArrayList",
        *,
        fixed: bool | None = None,
    ) -> None:
        super().__init__(items)
        self.type_name = type_name
        self.fixed = type_name.endswith("[]") if fixed is None else fixed


class Hashtable:
    """A ``@{}`` or an ``[ordered]@{}``; string keys ignore case.

    The order of a plain hashtable isn't documented, so it is a mixed-up (but repeatable) one here: a script that relies
    on the order in which it wrote the keys fails in the lab as it may on a real host.

    Args:
        items: Keys and values.
        ordered: Keep the keys in the order in which they were added.
    """

    __slots__ = ("_items", "ordered")

    def __init__(
        self,
        items: Mapping[Value, Value] | Iterable[tuple[Value, Value]] = (),
        *,
        ordered: bool = False,
    ) -> None:
        self.ordered = ordered
        self._items: dict[Value, tuple[Value, Value]] = {}
        for key, value in items.items() if isinstance(items, Mapping) else items:
            self[key] = value

    @staticmethod
    def _fold(key: Value) -> Value:
        if isinstance(key, str):
            return key.lower()
        return key if key.__hash__ is not None else id(key)

    def __getitem__(self, key: Value) -> Value:
        """Give the value; ``None`` where there is no such key."""
        held = self._items.get(self._fold(key))
        return held[1] if held else None

    def __setitem__(self, key: Value, value: Value) -> None:
        """Set or add."""
        folded = self._fold(key)
        held = self._items.get(folded)
        self._items[folded] = (held[0] if held else key, value)

    def __contains__(self, key: object) -> bool:
        """Say whether the key is there."""
        return self._fold(key) in self._items

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._items)

    def __bool__(self) -> bool:
        """Be true even when empty, as every object is."""
        return True

    def remove(self, key: Value) -> None:
        """Remove the key, if it is there."""
        self._items.pop(self._fold(key), None)

    def clear(self) -> None:
        """Remove every key."""
        self._items.clear()

    def items(self) -> list[tuple[Value, Value]]:
        """Give keys and values in the table's own order."""
        pairs = list(self._items.values())
        if not self.ordered:
            pairs.sort(key=lambda pair: crc32(repr(self._fold(pair[0])).encode("utf-8", "replace")))
        return pairs

    def copy(self) -> Hashtable:
        """Give a shallow copy."""
        return Hashtable(list(self._items.values()), ordered=self.ordered)


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A member of an enumeration.

    Args:
        type_name: The enumeration's full name.
        name: The member, for example ``Verbose``; several flags as ``"Date, Time"``.
        value: The number behind it.
    """

    type_name: str
    name: str
    value: int

    def __str__(self) -> str:
        """Give the member's name."""
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A ``[version]``; parts that weren't given are -1, as in .NET."""

    major: int
    minor: int
    build: int = -1
    revision: int = -1

    def __str__(self) -> str:
        """Give the parts that are set, with dots."""
        return ".".join(str(part) for part in (self.major, self.minor, self.build, self.revision) if part >= 0)


@dataclass(frozen=True, slots=True)
class Property:
    """A property that is computed, or that does something when it is set.

    Args:
        get: Gives the value.
        set: Takes the new value; ``None`` where the property is read-only.
    """

    get: Callable[[], Value]
    set: Callable[[Value], None] | None = None


Method: TypeAlias = Callable[..., Value]
"""A method of an object: called with the script's arguments, unconverted. A number of arguments that its signature
can't take is PowerShell's "Cannot find an overload"; a `DotNetError` that it raises becomes a
MethodInvocationException."""

CUSTOM_OBJECT = "System.Management.Automation.PSCustomObject"


class PSObject:
    """An object with named properties and methods.

    Args:
        type_name: Full .NET name, or all type names, the most derived first.
        properties: Name to value, or to a `Property`.
        methods: Name to a function of the script's arguments.
        text: What ``ToString()`` gives; a function where it changes. Left out, the type's name (and
            ``@{Name=Value; …}`` for a custom object).
        columns: The properties that default formatting shows; all where empty.
        partial: The object has more members on a real host than are simulated: reading one that isn't here is "not
            simulated" instead of ``$null``.
    """

    __slots__ = ("columns", "methods", "partial", "properties", "text", "type_names")

    def __init__(
        self,
        type_name: str | Iterable[str] = CUSTOM_OBJECT,
        properties: Mapping[str, Value] | Iterable[tuple[str, Value]] = (),
        *,
        methods: Mapping[str, Method] | None = None,
        text: str | Callable[[], str] | None = None,
        columns: Iterable[str] = (),
        partial: bool = False,
    ) -> None:
        self.type_names = (type_name,) if isinstance(type_name, str) else tuple(type_name)
        self.properties: CaseDict[Value] = CaseDict(properties)
        self.methods: CaseDict[Method] = CaseDict(methods or {})
        self.text = text
        self.columns = tuple(columns)
        self.partial = partial

    @property
    def type_name(self) -> str:
        """The most derived type's name."""
        return self.type_names[0]

    def get(self, name: str) -> Value:
        """Give a property's value; ``None`` where there is none of that name."""
        held = self.properties.get(name)
        return held.get() if isinstance(held, Property) else held

    def set(self, name: str, value: Value) -> None:
        """Set or add a property.

        Raises:
            AttributeError: The property is read-only.
        """
        held = self.properties.get(name)
        if isinstance(held, Property):
            if held.set is None:
                raise AttributeError(name)
            held.set(value)
        else:
            self.properties[name] = value

    def copy(self) -> PSObject:
        """Give a shallow copy with the same members."""
        return PSObject(
            self.type_names,
            self.properties,
            methods=self.methods,
            text=self.text,
            columns=self.columns,
            partial=self.partial,
        )


@dataclass(slots=True, eq=False)
class NetException:
    """A .NET exception as a script sees it in ``$_.Exception``.

    Args:
        message: ``Message``.
        type_name: Full name, for example ``System.InvalidOperationException``; which types derive from which stands in
            `harness.lab.powershell.types`.
        inner: ``InnerException``.
        properties: Members beyond ``Message``, ``InnerException``, ``HResult`` and ``StackTrace``.
    """

    message: str
    type_name: str = "System.Exception"
    inner: NetException | None = None
    properties: dict[str, Value] = field(default_factory=dict)
    record: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a script something happened.

    Args:
        line: 1 for the first line.
        column: 1 for the first character.
        text: The whole line.
        command: The command that ran there; empty where none did.
        file: The script's file; empty for a command line.
    """

    line: int = 0
    column: int = 0
    text: str = ""
    command: str = ""
    file: str = ""


@dataclass(slots=True, eq=False)
class ErrorRecord:
    """What a script sees as ``$_`` in ``catch`` and in ``$Error``.

    Args:
        exception: What went wrong.
        error_id: The first part of ``FullyQualifiedErrorId``; the cmdlet's class is appended by the cmdlet's context.
        category: A name of ``System.Management.Automation.ErrorCategory``, for example ``ObjectNotFound``.
        target: ``TargetObject``.
        position: Where it happened; filled in by the evaluator where it is empty.
        activity: ``CategoryInfo.Activity``: the command's name.
    """

    exception: NetException
    error_id: str = ""
    category: str = "NotSpecified"
    target: Value = None
    position: Position = field(default_factory=Position)
    activity: str = ""

    @property
    def message(self) -> str:
        """The exception's message."""
        return self.exception.message


class TerminatingError(Exception):
    """A terminating error on its way to a ``catch``.

    Args:
        record: What the ``catch`` sees.
    """

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.message)
        self.record = record


class DotNetError(Exception):
    """A .NET method, constructor or conversion threw.

    Args:
        message: ``Exception.Message``.
        type_name: The exception's full name.
        error_id: The error's id; left out, PowerShell's own for that kind of call.
    """

    def __init__(self, message: str, type_name: str = "System.Exception", *, error_id: str = "") -> None:
        super().__init__(message)
        self.exception = NetException(message, type_name)
        self.error_id = error_id


class NotSimulatedError(Exception):
    """The script uses something that a real host may well have and the lab doesn't.

    Scripts see it as a terminating error with the identifier ``NotSimulated``; position is added by the evaluator.

    Args:
        construct: What, for example ``parameter -AsJob of Get-Service``.
    """

    def __init__(self, construct: str, line: int = 0, column: int = 0) -> None:
        super().__init__(construct)
        self.construct = construct
        self.line = line
        self.column = column

    def __str__(self) -> str:
        """Name the construct and its place."""
        place = f" (line {self.line}, column {self.column})" if self.line else ""
        return f"not simulated: {self.construct}{place}"


class ScriptBlock:
    """A ``[scriptblock]``.

    Args:
        body: Its `harness.lab.powershell.syntax.ScriptBlockNode`.
    """

    __slots__ = ("body",)

    def __init__(self, body: Value) -> None:
        self.body = body


class SecureString:
    """A ``[securestring]``; its text is never shown."""

    __slots__ = ("read_only", "text")

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.read_only = False


class StringBuilder:
    """A ``System.Text.StringBuilder``."""

    __slots__ = ("parts",)

    def __init__(self, text: str = "") -> None:
        self.parts = [text] if text else []

    def text(self) -> str:
        """Give what was appended so far."""
        whole = "".join(self.parts)
        self.parts = [whole]
        return whole


class Nothing:
    """The output of a command that wrote nothing: ``$null``, except that a pipeline doesn't see even that."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """Be false, as ``$null`` is."""
        return False


NOTHING = Nothing()


class InputLines:
    """``$input`` of a process: the lines of standard input, as they arrive.

    Args:
        read: Gives the next line, ``None`` at the end.
    """

    __slots__ = ("current", "read")

    def __init__(self, read: Callable[[], str | None]) -> None:
        self.read = read
        self.current: str | None = None

    def __iter__(self) -> Iterator[str]:
        """Give the lines that are left."""
        while (line := self.read()) is not None:
            self.current = line
            yield line

    def move_next(self) -> bool:
        """Go to the next line; say whether there is one."""
        self.current = self.read()
        return self.current is not None
