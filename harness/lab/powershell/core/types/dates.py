"""Dates and spans of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.types.declaring import VALUE_TYPE, declare
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import DotNetError, NotSimulatedError, Value

DATES = Registry()


def _new_date(*parts: Value) -> datetime:
    numbers = [int(conversions.integer(int)(part)) for part in parts]
    if len(numbers) < 3:  # noqa: PLR2004 - year, month, day
        raise NotSimulatedError("the constructor of [System.DateTime] with ticks")
    if len(numbers) == 7:  # noqa: PLR2004 - with milliseconds
        numbers[6] *= 1000
    try:
        return datetime(*numbers)  # type: ignore[arg-type] # noqa: DTZ001 - kind Unspecified
    except ValueError:
        raise DotNetError(
            "Year, Month, and Day parameters describe an un-representable DateTime.",
            "System.ArgumentOutOfRangeException",
        ) from None


def _parse_exact(value: Value, pattern: Value, _provider: Value = None, *_styles: Value) -> datetime:
    order = text(pattern)
    if len(order) == 1:
        raise NotSimulatedError(f"ParseExact with the format {order}")
    translated = order
    for part, into in (
        ("yyyy", "%Y"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("fff", "%f"),
    ):
        translated = translated.replace(part, into)
    try:
        return datetime.strptime(text(value), translated.replace("'", ""))  # noqa: DTZ007 - kind Unspecified
    except ValueError:
        raise DotNetError("String was not recognized as a valid DateTime.", "System.FormatException") from None


def _parse_date(value: Value, *_providers: Value) -> datetime:
    try:
        return conversions.date(text(value))
    except DotNetError:
        raise DotNetError("String was not recognized as a valid DateTime.", "System.FormatException") from None


declare(
    DATES,
    "System.DateTime",
    "datetime",
    base=VALUE_TYPE,
    cast=conversions.date,
    new=_new_date,
    statics={
        "Now": lambda: datetime.now(UTC).replace(tzinfo=None),
        "UtcNow": lambda: datetime.now(UTC),
        "Today": lambda: datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None),
        "MinValue": datetime.min,  # noqa: DTZ901 - kind Unspecified
        "MaxValue": datetime.max,  # noqa: DTZ901 - kind Unspecified
    },
    methods={"Parse": _parse_date, "ParseExact": _parse_exact},
)


def _new_span(*parts: Value) -> timedelta:
    numbers = [int(conversions.integer(int)(part)) for part in parts]
    if len(numbers) == 1:
        return timedelta(microseconds=numbers[0] / 10)
    if len(numbers) == 3:  # noqa: PLR2004 - hours, minutes, seconds
        numbers = [0, *numbers]
    names = ("days", "hours", "minutes", "seconds", "milliseconds")
    return timedelta(**dict(zip(names, numbers, strict=False)))


declare(
    DATES,
    "System.TimeSpan",
    "timespan",
    base=VALUE_TYPE,
    cast=conversions.timespan,
    new=_new_span,
    statics={"Zero": timedelta()},
    methods={
        f"From{unit.capitalize()}": (lambda v, unit=unit: timedelta(**{unit: conversions.double(v)}))
        for unit in ("days", "hours", "minutes", "seconds", "milliseconds")
    }
    | {"Parse": conversions.timespan},
)
