"""Bytes: encodings of text, Base64, and the conversions of ``[Convert]``."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.types.declaring import declare
from harness.lab.powershell.core.types.strings import characters
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import Byte, DotNetError, Int64, PSList, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = Registry()


def _bytes(value: Value) -> bytes:
    if isinstance(value, PSList) and set(map(type, value)) <= {Byte}:
        return bytes(value)
    convert = conversions.integer(Byte)
    return bytes(int(convert(item)) for item in (value if isinstance(value, list) else [value]))


_BYTES = tuple(Byte(number) for number in range(256))


def _byte_array(data: bytes) -> PSList:
    return PSList([_BYTES[number] for number in data], "System.Byte[]")


def _encoding(name: str, codec: str, web: str, page: int) -> PSObject:
    def get_string(value: Value, start: Value = 0, count: Value = None) -> str:
        data = _bytes(value)
        last = len(data) if count is None else int(start) + int(count)
        return data[int(start) : last].decode(codec, "replace")

    return PSObject(
        name,
        {"WebName": web, "CodePage": page, "EncodingName": web},
        methods={
            "GetBytes": lambda v: _byte_array(characters(v).encode(codec, "replace")),
            "GetString": get_string,
            "GetByteCount": lambda v: len(characters(v).encode(codec, "replace")),
        },
        partial=True,
    )


_ENCODINGS = {
    "UTF8": ("System.Text.UTF8Encoding", "utf-8", "utf-8", 65001),
    "Unicode": ("System.Text.UnicodeEncoding", "utf-16-le", "utf-16", 1200),
    "BigEndianUnicode": ("System.Text.UnicodeEncoding", "utf-16-be", "utf-16BE", 1201),
    "ASCII": ("System.Text.ASCIIEncoding", "ascii", "us-ascii", 20127),
    "UTF32": ("System.Text.UTF32Encoding", "utf-32-le", "utf-32", 12000),
    "Default": ("System.Text.SBCSCodePageEncoding", "cp1252", "Windows-1252", 1252),
}


def codec_of(encoding: Value) -> str:
    """Give the Python codec of an encoding."""
    page = encoding.get("CodePage") if isinstance(encoding, PSObject) else None
    for _name, codec, _web, number in _ENCODINGS.values():
        if number == page:
            return codec
    return f"cp{page}"


def _get_encoding(name: Value) -> PSObject:
    for row in _ENCODINGS.values():
        if name == row[3] or text(name).lower() == row[2].lower():
            return _encoding(*row)
    try:
        page = int(text(name))
        "".encode(f"cp{page}")
    except (ValueError, LookupError):
        raise DotNetError(
            f"'{text(name)}' is not a supported encoding name. For information on defining a custom encoding, see the "
            "documentation for the Encoding.RegisterProvider method.\nParameter name: name",
            "System.ArgumentException",
        ) from None
    return _encoding("System.Text.SBCSCodePageEncoding", f"cp{page}", f"ibm{page}", page)


def encoding_of_codec(codec: str) -> PSObject:
    """Give the encoding of a Python codec."""
    for row in _ENCODINGS.values():
        if row[1] == codec:
            return _encoding(*row)
    return _get_encoding(codec.removeprefix("cp"))


def _make_reader(row: tuple[str, str, str, int]) -> Callable[[], PSObject]:
    return lambda: _encoding(*row)


declare(
    BYTES,
    "System.Text.Encoding",
    "Text.Encoding",
    statics={name: _make_reader(row) for name, row in _ENCODINGS.items()},
    methods={"GetEncoding": _get_encoding},
)
for _name in ("UTF8", "Unicode", "ASCII"):
    _row = _ENCODINGS[_name]
    declare(
        BYTES,
        _row[0],
        _row[0].removeprefix("System."),
        base="System.Text.Encoding",
        new=lambda *_options, _row=_row: _encoding(*_row),
    )


def _from_base64(value: Value) -> PSList:
    given = "".join(text(value).split())
    try:
        return _byte_array(base64.b64decode(given, validate=True))
    except (binascii.Error, ValueError):
        raise DotNetError(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding "
            "characters, or an illegal character among the padding characters. ",
            "System.FormatException",
        ) from None


def _to_int(value: Value, base: Value = 10) -> Value:
    if base != 10:  # noqa: PLR2004 - the usual one
        return conversions.integer(int)(int(text(value), int(base)))
    return conversions.integer(int)(value)


def _to_text(value: Value, base: Value = None) -> str:
    if isinstance(base, int) and base in {2, 8, 16}:
        return format(int(value), {2: "b", 8: "o", 16: "x"}[base])
    return text(value)


declare(
    BYTES,
    "System.Convert",
    "convert",
    methods={
        "ToBase64String": lambda v: base64.b64encode(_bytes(v)).decode("ascii"),
        "FromBase64String": _from_base64,
        "ToInt32": _to_int,
        "ToInt64": conversions.integer(Int64),
        "ToString": _to_text,
        "ToBoolean": conversions.boolean,
        "ToByte": lambda v, base=10: conversions.integer(Byte)(int(text(v), base) if isinstance(v, str) else v),
        "ToDouble": conversions.double,
        "ToChar": conversions.character,
    },
)
declare(
    BYTES,
    "System.BitConverter",
    "bitconverter",
    methods={"ToString": lambda v: "-".join(f"{b:02X}" for b in _bytes(v))},
)
