"""Objects and what holds them: identifiers, versions, arrays, tables, lists, script blocks, credentials."""

from __future__ import annotations

import uuid

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.types.declaring import VALUE_TYPE, declare
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    DotNetError,
    Hashtable,
    PSList,
    PSObject,
    ScriptBlock,
    SecureString,
    Value,
    Version,
)
from harness.lab.powershell.parser import parse

OBJECTS = Registry()


declare(
    OBJECTS,
    "System.Guid",
    "guid",
    base=VALUE_TYPE,
    cast=conversions.guid,
    new=conversions.guid,
    statics={"Empty": uuid.UUID(int=0)},
    methods={"NewGuid": uuid.uuid4, "Parse": conversions.guid},
)


def _new_version(*parts: Value) -> Version:
    if len(parts) == 1:
        return conversions.version(parts[0])
    return Version(*(int(conversions.integer(int)(part)) for part in parts))


declare(
    OBJECTS,
    "System.Version",
    "version",
    cast=conversions.version,
    new=_new_version,
    methods={"Parse": conversions.version},
)
declare(OBJECTS, "System.Object", "object", new=lambda: PSObject("System.Object"))
declare(OBJECTS, "System.ValueType")
declare(OBJECTS, "System.Enum", base=VALUE_TYPE)
declare(OBJECTS, "System.Array", "array")
declare(OBJECTS, "System.Void", "void", base=VALUE_TYPE, cast=lambda _v: None)
declare(OBJECTS, "System.RuntimeType", "type", "System.Type")
declare(OBJECTS, "System.Object[]", "object[]", base="System.Array")
declare(OBJECTS, "System.Management.Automation.PSObject", "psobject", new=lambda *_base: PSObject())
declare(
    OBJECTS,
    "System.Management.Automation.PSCustomObject",
    "pscustomobject",
    base="System.Management.Automation.PSObject",
)
declare(OBJECTS, "System.Management.Automation.ErrorRecord")
declare(
    OBJECTS,
    "System.Collections.Hashtable",
    "hashtable",
    "Collections.Hashtable",
    cast=conversions.hashtable,
    new=lambda *_size: Hashtable(),
)
declare(
    OBJECTS,
    "System.Collections.Specialized.OrderedDictionary",
    "ordered",
    new=lambda *_size: Hashtable(ordered=True),
)


def _array_list(value: Value = None) -> PSList:
    return PSList(value if isinstance(value, list) else [], "System.Collections.ArrayList")


declare(OBJECTS, "System.Collections.ArrayList", "Collections.ArrayList", cast=_array_list, new=_array_list)
declare(
    OBJECTS,
    "System.Collections.Generic.List`1",
    new=lambda value=None: PSList(
        value if isinstance(value, list) else [], "System.Collections.Generic.List`1", fixed=False
    ),
)
declare(OBJECTS, "System.Collections.ObjectModel.Collection`1")
declare(OBJECTS, "System.Collections.IDictionary", "Collections.IDictionary")
declare(OBJECTS, "System.Collections.IEnumerable", "Collections.IEnumerable")


def _block(value: Value) -> ScriptBlock:
    return ScriptBlock(parse(text(value)))


declare(OBJECTS, "System.Management.Automation.ScriptBlock", "scriptblock", cast=_block, methods={"Create": _block})
declare(
    OBJECTS,
    "System.Management.Automation.SwitchParameter",
    "switch",
    "switchparameter",
    base=VALUE_TYPE,
    cast=conversions.boolean,
    statics={"Present": True},
)
declare(
    OBJECTS,
    "System.Security.SecureString",
    "securestring",
    "Security.SecureString",
    new=lambda *_characters: SecureString(),
)


def _credential(name: Value, password: Value) -> PSObject:
    if not isinstance(password, SecureString):
        raise DotNetError(
            f'Cannot convert argument "password", with value: "{text(password)}", for ".ctor" to type '
            '"System.Security.SecureString"',
            "System.ArgumentException",
        )
    if not text(name):
        raise DotNetError(
            'Cannot process argument because the value of argument "userName" is not valid.', "System.ArgumentException"
        )
    user = text(name)

    def network() -> PSObject:
        domain, _, account = user.rpartition("\\")
        return PSObject(
            "System.Net.NetworkCredential", {"UserName": account, "Domain": domain, "Password": password.text}
        )

    return PSObject(
        "System.Management.Automation.PSCredential",
        {"UserName": user, "Password": password},
        methods={"GetNetworkCredential": network},
    )


declare(
    OBJECTS,
    "System.Management.Automation.PSCredential",
    "pscredential",
    "Management.Automation.PSCredential",
    new=_credential,
)
