"""Properties, methods, elements and conversions of values."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import NetType
from harness.lab.powershell.conversions import cannot, type_name
from harness.lab.powershell.errors import RUNTIME, method_failed, runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.methods import METHODS, PROPERTIES
from harness.lab.powershell.objects import (
    NOTHING,
    CaseDict,
    Char,
    DotNetError,
    EnumValue,
    ErrorRecord,
    Hashtable,
    NetException,
    NotSimulatedError,
    PSList,
    PSObject,
    ScriptBlock,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.lab.powershell.invocation import Invocation

_MISSING = object()
_IMPLEMENTED_BY = {
    "System.Collections.IDictionary": (Hashtable,),
    "System.Collections.IEnumerable": (Hashtable, list, str),
}
"""The interfaces that scripts ask about."""


@functools.lru_cache(maxsize=1024)
def _takes(function: Callable[..., Value], count: int) -> bool:
    """Say whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    return True


class Members:
    """Looks members up for one process.

    Args:
        owner: The evaluator.
    """

    def __init__(self, owner: Invocation) -> None:
        self.owner = owner

    # Properties

    def lookup(self, value: Value, name: str) -> tuple[bool, Value]:
        """Give whether a value has a property, and its value."""
        found = self._property(value, name)
        return (False, None) if found is _MISSING else (True, found)

    def get(self, value: Value, name: str) -> Value:
        """Read a property; of a list's elements where the list hasn't it, from PowerShell 3.0 on."""
        found = self._property(value, name)
        if found is not _MISSING:
            return found
        modern = self.owner.session.version >= (3, 0)
        if isinstance(value, list) and modern:
            each = [item for element in value for item in self._of_element(element, name)]
            if each:
                return each[0] if len(each) == 1 else each
            if not value and self.owner.scope.strictness() < 2:  # noqa: PLR2004 - strict mode 2.0
                return None
        if modern and name.lower() in {"count", "length"} and not isinstance(value, list):
            # From 3.0 on a single object, and nothing, has a count as well.
            return 0 if value is None else 1
        if isinstance(value, PSObject) and value.partial:
            raise NotSimulatedError(f"the property {name} of {value.type_name}")
        if self.owner.scope.strictness() >= 2:  # noqa: PLR2004 - strict mode 2.0
            raise runtime_error(
                f"The property '{name}' cannot be found on this object. Verify that the property exists.",
                "PropertyNotFoundStrict",
                "NotSpecified",
                exception="System.Management.Automation.PropertyNotFoundException",
            )
        if value is not None and not isinstance(value, PSObject | Hashtable | list):
            self._refuse_unknown(value, name)
        return None

    def _of_element(self, element: Value, name: str) -> list[Value]:
        found = self._property(element, name)
        if found is _MISSING:
            if isinstance(element, PSObject) and element.partial:
                raise NotSimulatedError(f"the property {name} of {element.type_name}")
            if isinstance(element, list):
                nested = self.get(element, name)
                return nested if isinstance(nested, list) else [nested]
            return []
        return list(found) if isinstance(found, list) else [found]

    @staticmethod
    def _refuse_unknown(value: Value, name: str) -> None:
        """Refuse a member that the .NET type may have: only its own members are simulated."""
        known = type_name(value)
        if known in {
            "System.String",
            "System.Int32",
            "System.Boolean",
            "System.Char",
            "System.Int64",
            "System.Double",
        }:
            return
        raise NotSimulatedError(f"the property {name} of {known}")

    def _property(self, value: Value, name: str) -> Value:  # noqa: PLR0911 - one row per kind of value
        lowered = name.lower()
        if isinstance(value, PSObject):
            if name in value.properties:
                return value.get(name)
            if lowered == "psobject":
                return self._psobject(value)
            return _MISSING
        if isinstance(value, Hashtable) and (name in value):
            return value[name]
        reader = PROPERTIES.get((_family(value), lowered))
        if reader is not None:
            return reader(value, self.owner)
        if isinstance(value, NetException) and name in CaseDict(value.properties):
            return CaseDict(value.properties)[name]
        if lowered == "pstypenames":
            return PSList(self.owner.session.bases(type_name(value)), "System.Collections.ObjectModel.Collection`1")
        return _MISSING

    def _psobject(self, value: PSObject) -> PSObject:
        properties = [
            PSObject(
                "System.Management.Automation.PSNoteProperty",
                {
                    "Name": name,
                    "Value": value.get(name),
                    "MemberType": "NoteProperty",
                    "TypeNameOfValue": type_name(value.get(name)),
                },
            )
            for name in value.properties
        ]
        return PSObject(
            "System.Management.Automation.PSObject",
            {
                "Properties": _PropertyBag(properties),
                "TypeNames": PSList(value.type_names),
                "BaseObject": value,
            },
            methods={"Copy": value.copy},
            partial=True,
        )

    def set(self, value: Value, name: str, new: Value, *, static: bool = False) -> None:
        """Write a property."""
        if static:
            setter = value.setters.get(name)
            if setter is None:
                raise NotSimulatedError(f"setting [{value.name}]::{name}")
            self.owner.session.call_type(setter, [new])
        elif isinstance(value, Hashtable):
            value[name] = new
        elif isinstance(value, PSObject) and (name in value.properties):
            try:
                value.set(name, new)
            except AttributeError:
                raise runtime_error(f"'{name}' is a ReadOnly property.", "PropertyAssignmentException") from None
            except DotNetError as error:
                raise runtime_error(
                    f'Exception setting "{name}": "{error}"',
                    "ExceptionWhenSetting",
                    "NotSpecified",
                    exception="System.Management.Automation.SetValueInvocationException",
                ) from None
        elif isinstance(value, PSObject) and value.partial:
            raise NotSimulatedError(f"setting the property {name} of {value.type_name}")
        else:
            raise runtime_error(
                f"The property '{name}' cannot be found on this object. "
                "Verify that the property exists and can be set.",
                "PropertyNotFound",
                exception=RUNTIME,
            )

    # Elements

    def index(self, value: Value, index: Value) -> Value:
        """Read an element, or several."""
        if value is None:
            raise runtime_error("Cannot index into a null array.", "NullArray")
        if isinstance(value, _PropertyBag):
            return value.named(index)
        if isinstance(value, Hashtable):
            if isinstance(index, list):
                return [value[key] for key in index]
            if value.ordered and isinstance(index, int):
                pairs = value.items()
                return pairs[index][1] if -len(pairs) <= index < len(pairs) else None
            return value[index]
        if isinstance(index, list):
            picked = [self._element(value, one) for one in index]
            return [item for item in picked if item is not _MISSING]
        found = self._element(value, index)
        return None if found is _MISSING else found

    def _element(self, value: Value, index: Value) -> Value:
        items = value if isinstance(value, list) else [Char(c) for c in value] if isinstance(value, str) else [value]
        if not isinstance(value, list | str):
            if isinstance(value, PSObject) and "Item" in value.methods:
                return self.call(value, "Item", [index])
            raise runtime_error(f"Unable to index into an object of type {type_name(value)}.", "CannotIndex")
        at = int(conversions.integer(int)(index))
        if -len(items) <= at < len(items):
            return items[at]
        if self.owner.scope.strictness() >= 3:  # noqa: PLR2004 - strict mode 3.0
            raise runtime_error(
                "Index was outside the bounds of the array.",
                "System.IndexOutOfRangeException",
                "OperationStopped",
                exception="System.IndexOutOfRangeException",
            )
        return _MISSING

    def set_index(self, value: Value, index: Value, new: Value) -> None:
        """Write an element."""
        if isinstance(value, Hashtable):
            if value.ordered and isinstance(index, int):
                index = value.items()[index][0]
            value[index] = new
        elif isinstance(value, list):
            at = int(conversions.integer(int)(index))
            if not -len(value) <= at < len(value):
                raise runtime_error(
                    "Index was outside the bounds of the array.",
                    "System.IndexOutOfRangeException",
                    "OperationStopped",
                    exception="System.IndexOutOfRangeException",
                )
            value[at] = new
        elif value is None:
            raise runtime_error("Cannot index into a null array.", "NullArray")
        else:
            raise runtime_error(f"Unable to index into an object of type {type_name(value)}.", "CannotIndex")

    # Methods

    def call(self, value: Value, name: str, arguments: Sequence[Value]) -> Value:
        """Call a method."""
        if value is None:
            raise runtime_error("You cannot call a method on a null-valued expression.", "InvokeMethodOnNull")
        arguments = [None if argument is NOTHING else argument for argument in arguments]
        if isinstance(value, PSObject) and name in value.methods:
            return self.run(value.methods.spelling(name), value.methods[name], arguments)
        if isinstance(value, PSObject) and isinstance(value.properties.get(name), ScriptBlock):
            return self._call_script(value.properties[name], arguments)
        method = METHODS.get((_family(value), name.lower())) or METHODS.get(("object", name.lower()))
        if method is not None:
            since, function = method
            if self.owner.session.has(since):
                return self.run(name, lambda *given: function(self.owner, value, *given), arguments, function, 2)
        return self._no_method(value, name, arguments)

    def _call_script(self, block: ScriptBlock, arguments: Sequence[Value]) -> Value:
        output = self.owner.invoke_block(block, list(arguments))
        return output[0] if len(output) == 1 else (output or None)

    def _no_method(self, value: Value, name: str, arguments: Sequence[Value]) -> Value:
        modern = self.owner.session.version >= (3, 0)
        if (
            isinstance(value, list)
            and not isinstance(value, PSList)
            and modern
            and value
            and METHODS.get(("list", name.lower())) is None
        ):
            # From 3.0 on a method that the array hasn't is called on each element.
            each = [self.call(item, name, arguments) for item in value]
            shown = [item for item in each if item is not None]
            return shown if len(shown) != 1 else shown[0]
        simulated = isinstance(value, PSObject) and not value.partial
        if simulated or isinstance(value, Hashtable) or type_name(value) == "System.String":
            raise runtime_error(
                f"Method invocation failed because [{type_name(value)}] does not contain a method named '{name}'.",
                "MethodNotFound",
            )
        raise NotSimulatedError(f"the method {name} of {type_name(value)}")

    def run(
        self,
        name: str,
        function: Callable[..., Value],
        arguments: Sequence[Value],
        signature: Callable[..., Value] | None = None,
        hidden: int = 0,
    ) -> Value:
        """Call a function as a .NET method; what it raises, and a wrong call, become PowerShell's errors."""
        if not _takes(signature or function, hidden + len(arguments)):
            raise runtime_error(
                f'Cannot find an overload for "{name}" and the argument count: "{len(arguments)}".',
                "MethodCountCouldNotFindBest",
                "NotSpecified",
                exception="System.Management.Automation.MethodException",
            )
        try:
            return function(*arguments)
        except DotNetError as error:
            raise method_failed(name, len(arguments), error) from None

    # Types

    def _as_type(self, target: Value) -> NetType:
        if isinstance(target, NetType):
            return target
        return self.owner.session.find_type(type_name(target))

    def static(self, target: Value, name: str) -> Value:
        """Read ``[type]::name``."""
        net = self._as_type(target)
        if name in net.members:
            return EnumValue(net.name, net.members.spelling(name), net.members[name])
        found = net.statics.get(name, _MISSING)
        if found is _MISSING:
            raise NotSimulatedError(f"[{net.name}]::{name}")
        return self.owner.session.call_type(found, []) if callable(found) else found

    def call_static(self, target: Value, name: str, arguments: Sequence[Value]) -> Value:
        """Call ``[type]::name(arguments)``."""
        net = self._as_type(target)
        if name.lower() == "new" and name not in net.methods:
            if self.owner.session.version < (5, 0):
                raise runtime_error(
                    f"Method invocation failed because [{net.name}] does not contain a method named 'new'.",
                    "MethodNotFound",
                )
            return self.create(net, arguments)
        function = net.methods.get(name)
        if function is None:
            raise NotSimulatedError(f"[{net.name}]::{name}()")
        session = self.owner.session
        given = [session, *arguments] if getattr(function, "with_session", False) else list(arguments)
        return self.run(name, lambda *_given: function(*given), arguments, function, len(given) - len(arguments))

    def create(self, net: NetType, arguments: Sequence[Value]) -> Value:
        """Call a constructor."""
        session = self.owner.session
        if net.new is None:
            if net.name.endswith("[]"):
                size = int(conversions.integer(int)(arguments[0])) if arguments else 0
                blank = None if net.name in {"System.Object[]", "System.String[]"} else self.convert(0, net.name[:-2])
                return PSList([blank] * size, net.name)
            if "System.Exception" in session.bases(net.name):
                return _exception(net, list(arguments))
            raise NotSimulatedError(f"the constructor of [{net.name}]")
        function = net.new
        given = [session, *arguments] if getattr(function, "with_session", False) else list(arguments)
        if not _takes(function, len(given)):
            short = net.name.rsplit(".", 1)[-1]
            raise runtime_error(
                f'Cannot find an overload for "{short}" and the argument count: "{len(arguments)}".',
                "MethodCountCouldNotFindBest",
                "NotSpecified",
                exception="System.Management.Automation.MethodException",
            )
        try:
            return function(*given)
        except DotNetError as error:
            raise method_failed(".ctor", len(arguments), error) from None

    def is_a(self, value: Value, net: NetType) -> bool:
        """Say whether a value is of a type or of one derived from it."""
        if value is None:
            return False
        if net.name in _IMPLEMENTED_BY:
            return isinstance(value, _IMPLEMENTED_BY[net.name])
        if net.name in {"System.Object", "System.Management.Automation.PSObject"}:
            return net.name == "System.Object" or isinstance(value, PSObject)
        wanted = net.name.lower()
        derived_from = self.owner.session.derived_from
        if isinstance(value, PSObject):
            return any(wanted in derived_from(own) for own in value.type_names)
        return wanted in derived_from(type_name(value))

    def convert(self, value: Value, name: str) -> Value:  # noqa: C901, PLR0911 - one row per kind of type
        """Convert a value to a type by name.

        Raises:
            DotNetError: It can't be one.
        """
        lowered = name.lower()
        if lowered in {"object", "psobject", "system.object"}:
            return value
        if lowered.startswith("nullable["):
            return None if value is None else self.convert(value, name[9:-1])
        net = self.owner.session.find_type(name)
        if net.name in {"System.Object", "System.Management.Automation.PSObject"}:
            return value
        if net.name.endswith("[]"):
            return self._array(value, net.name)
        if value is not None and net.name != "System.String" and self.is_a(value, net):
            return value
        if net.members:
            return conversions.enum_member(value, net)
        if net.name == "System.Management.Automation.PSCustomObject":
            return self.owner.custom_object(value) if isinstance(value, Hashtable) else value
        if net.cast is not None:
            if net.name == "System.String" and isinstance(value, list):
                return text(value, self.owner.separator())
            return self.owner.session.call_type(net.cast, [value])
        if "System.Exception" in self.owner.session.bases(net.name) and isinstance(value, str):
            return _exception(net, [value])
        if value is None and not net.name.startswith("System.Collections.Generic"):
            return None
        raise cannot(value, net.name)

    def _array(self, value: Value, name: str) -> Value:
        if value is None:
            return None
        element = name[:-2]
        if element == "System.Object":
            return list(value) if isinstance(value, list) else [value]
        if element == "System.Char" and isinstance(value, str):
            return PSList([Char(c) for c in value], name)
        if isinstance(value, PSList) and value.type_name == name:
            return value
        items = value if isinstance(value, list) else [value]
        return PSList([self.convert(item, element) for item in items], name)


class _PropertyBag(list[Value]):
    """``$object.PSObject.Properties``: a list that is also read by name."""

    def named(self, name: Value) -> Value:
        wanted = text(name).lower()
        return next((one for one in self if one.get("Name").lower() == wanted), None)


def _exception(net: NetType, arguments: list[Value]) -> NetException:
    if len(arguments) > 2:  # noqa: PLR2004 - message and inner exception
        raise NotSimulatedError(f"the constructor of [{net.name}] with {len(arguments)} arguments")
    message = text(arguments[0]) if arguments else f"Exception of type '{net.name}' was thrown."
    inner = arguments[1] if len(arguments) > 1 else None
    return NetException(message, net.name, inner if isinstance(inner, NetException) else None)


def _family(value: Value) -> str:  # noqa: PLR0911 - one row per kind of value
    if isinstance(value, Char):
        return "char"
    if isinstance(value, str):
        return "string"
    if isinstance(value, PSList) and value.type_name == "System.Collections.ArrayList":
        return "arraylist"
    if isinstance(value, PSList) and not value.fixed:
        return "collection"
    if isinstance(value, list):
        return "list"
    if isinstance(value, Hashtable):
        return "hashtable"
    if isinstance(value, ErrorRecord):
        return "error"
    if isinstance(value, NetException):
        return "exception"
    if isinstance(value, NetType):
        return "type"
    return type(value).__name__.lower()
