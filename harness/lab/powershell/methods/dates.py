"""Properties and methods of dates and spans of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.methods.tables import as_index
from harness.lab.powershell.objects import EnumValue, Int64, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.methods.tables import Methods, Properties

_TICKS = 10_000_000


def _moved(unit: str) -> Callable[..., datetime]:
    def move(_owner: Invocation, value: datetime, count: Value) -> datetime:
        return value + timedelta(**{unit: float(conversions.double(count))})

    return move


def _months(_owner: Invocation, value: datetime, count: Value) -> datetime:
    month = value.month - 1 + as_index(count)
    year, month = value.year + month // 12, month % 12 + 1
    for day in range(value.day, 27, -1):
        try:
            return value.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return value.replace(year=year, month=month)


def _utc(_owner: Invocation, value: datetime) -> datetime:
    # The simulated host's time zone is UTC.
    return value.replace(tzinfo=UTC)


def _local(_owner: Invocation, value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def _ticks(value: datetime) -> int:
    span = value.replace(tzinfo=None) - datetime.min  # noqa: DTZ901 - a .NET tick counts from the year 1
    return (span.days * 86400 + span.seconds) * _TICKS + span.microseconds * 10


PROPERTIES: Properties = {
    ("datetime", "ticks"): lambda v, _o: conversions.integer(Int64)(_ticks(v)),
    ("datetime", "date"): lambda v, _o: v.replace(hour=0, minute=0, second=0, microsecond=0),
    ("datetime", "millisecond"): lambda v, _o: v.microsecond // 1000,
    ("datetime", "dayofyear"): lambda v, _o: v.timetuple().tm_yday,
    ("datetime", "kind"): lambda v, _o: EnumValue(
        "System.DateTimeKind", "Utc" if v.tzinfo else "Local", 1 if v.tzinfo else 2
    ),
    ("datetime", "dayofweek"): lambda v, _o: EnumValue("System.DayOfWeek", v.strftime("%A"), (v.weekday() + 1) % 7),
    ("timedelta", "days"): lambda v, _o: int(v / timedelta(days=1)),
    ("timedelta", "hours"): lambda v, _o: abs(v).seconds // 3600 * (-1 if v < timedelta() else 1),
    ("timedelta", "minutes"): lambda v, _o: abs(v).seconds // 60 % 60 * (-1 if v < timedelta() else 1),
    ("timedelta", "seconds"): lambda v, _o: abs(v).seconds % 60 * (-1 if v < timedelta() else 1),
    ("timedelta", "milliseconds"): lambda v, _o: abs(v).microseconds // 1000 * (-1 if v < timedelta() else 1),
    ("timedelta", "ticks"): lambda v, _o: conversions.integer(Int64)(round(v / timedelta(microseconds=1)) * 10),
    ("timedelta", "totaldays"): lambda v, _o: v / timedelta(days=1),
    ("timedelta", "totalhours"): lambda v, _o: v / timedelta(hours=1),
    ("timedelta", "totalminutes"): lambda v, _o: v / timedelta(minutes=1),
    ("timedelta", "totalseconds"): lambda v, _o: v / timedelta(seconds=1),
    ("timedelta", "totalmilliseconds"): lambda v, _o: v / timedelta(milliseconds=1),
}
for _part in ("year", "month", "day", "hour", "minute", "second"):
    PROPERTIES["datetime", _part] = lambda v, _o, _part=_part: getattr(v, _part)  # type: ignore[misc] # bound early
METHODS: Methods = {
    ("datetime", "adddays"): ("2.0", _moved("days")),
    ("datetime", "addhours"): ("2.0", _moved("hours")),
    ("datetime", "addminutes"): ("2.0", _moved("minutes")),
    ("datetime", "addseconds"): ("2.0", _moved("seconds")),
    ("datetime", "addmilliseconds"): ("2.0", _moved("milliseconds")),
    ("datetime", "addmonths"): ("2.0", _months),
    ("datetime", "addyears"): ("2.0", lambda o, v, n: _months(o, v, as_index(n) * 12)),
    ("datetime", "touniversaltime"): ("2.0", _utc),
    ("datetime", "tolocaltime"): ("2.0", _local),
    ("timedelta", "add"): ("2.0", lambda _o, v, other: v + other),
    ("timedelta", "negate"): ("2.0", lambda _o, v: -v),
}
