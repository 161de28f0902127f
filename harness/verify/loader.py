"""``verify:`` sections into expectations: every mistake is found and reported at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from harness.document import Value, parse
from harness.errors import InputError
from harness.events import Family, Format
from harness.problems import describe, explain
from harness.source import Problem, Source
from harness.verify.expectations import (
    Every,
    Expectation,
    Expectations,
    FieldsPresent,
    FreshWithin,
    GoldenCases,
    KnownEventIds,
    MaxUnparsed,
    MinEvents,
    Some,
)
from harness.verify.matchers import Equals, InNetwork, Matcher, Matches, OneOf
from harness.verify.probe import DEADLINE, PROBED, Kind, ProbeOptions
from harness.verify.probed import ConnectorsLogged, ProbeArrives
from harness.verify.schema import EventIdsModel, VerifyModel
from harness.verify.stated import ConnectorsVerbose, TrackingEnabled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.verify.expectations import Check
    from harness.verify.matchers import Condition
    from harness.verify.schema import ConditionModel, FamilyModel, MatcherModel

EXCHANGE = 99
"""The console's number for log sources of the type Microsoft Exchange Server."""


def load_file(path: Path) -> Expectations:
    """Read a file of expectations: what stands under ``verify:`` in a play.

    Raises:
        InputError: Anything is wrong with it; it holds all problems in the order of the text.
    """
    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError([Problem(Source(file), f"can't be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError:
        raise InputError([Problem(Source(file), "isn't UTF-8 text", "save the file as UTF-8")]) from None
    value, problems = parse(text, file)
    if problems:
        raise InputError(problems)
    if value is None:
        raise InputError([Problem(Source(file), "holds no expectations", "begin with OWA:, SMTP: or MSGTRK:")])
    inner = value.member("verify")
    return load(inner if inner is not None else value)


def load(value: Value) -> Expectations:
    """Read a section.

    Args:
        value: What stands under ``verify:``. Paths in it are relative to its file.

    Raises:
        InputError: Anything is wrong with it; it holds all problems in the order of the text.
    """
    if not isinstance(value.data, Mapping):
        message = f"verify: expected a mapping of OWA, SMTP and MSGTRK, found {describe(value.plain())}"
        raise InputError([Problem(value.source, message)])
    try:
        model = VerifyModel.model_validate(value.plain())
    except ValidationError as error:
        found = [each.problem for each in explain(error, value, VerifyModel, "verify")]
        raise InputError(sorted(found, key=lambda problem: problem.source)) from None
    reader = _Reader(value)
    expectations = reader.read(model)
    if not reader.problems and not expectations.items and not expectations.golden:
        reader.problems.append(Problem(value.source, "verify expects nothing", "name OWA, SMTP or MSGTRK"))
    if reader.problems:
        raise InputError(sorted(reader.problems, key=lambda problem: problem.source))
    return expectations


_NUMBERS: Mapping[str, Callable[[Any], Check]] = {
    "fresh_within": FreshWithin,
    "min_events": MinEvents,
    "max_unparsed": MaxUnparsed,
}


# What is about one family alone.
_PLACED: Mapping[str, tuple[Family, Callable[[], Check]]] = {
    "connectors_logged": (Family.SMTP, ConnectorsLogged),
    "connectors_verbose": (Family.SMTP, ConnectorsVerbose),
    "tracking_enabled": (Family.MSGTRK, TrackingEnabled),
}


class _Reader:
    """Makes expectations of a section that has the right form."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self.folder = Path(value.source.file).parent
        self.problems: list[Problem] = []

    def read(self, model: VerifyModel) -> Expectations:
        items: list[Expectation] = []
        golden: list[GoldenCases] = []
        deadlines: dict[Family, float] = {}
        for family in (Family(key) for key in self.value.keys if key in set(Family)):
            part: FamilyModel | None = getattr(model, family.value)
            if part is None:
                continue
            names: dict[str, int] = {}
            for check, source in self.checks(family, part):
                items.append(Expectation(family, _numbered(check, names), source))
            if part.golden is not None:
                golden.append(self.golden(family, part.golden))
            if part.deadline is not None:
                deadlines[family] = part.deadline
        smtp, owa = model.probes.smtp, model.probes.owa
        options = ProbeOptions(smtp.sender, smtp.recipient, smtp.port, smtp.starttls, owa.scheme, owa.port, owa.path)
        return Expectations(tuple(items), tuple(golden), options, deadlines)

    def checks(self, family: Family, part: FamilyModel) -> Iterator[tuple[Check, Source]]:
        """Give what a family's part expects, in the order of the text."""
        written, _ = self.value.find((family.value,))
        for key, at in written.keys.items():
            if key in {"every", "some"}:
                yield from self.matchers(key, written, part)
            elif getattr(part, key) is not None and (check := self.check(key, family, part, at)) is not None:
                yield check, at

    def check(self, key: str, family: Family, part: FamilyModel, at: Source) -> Check | None:
        """Give what one key expects; None for a key that expects nothing by itself."""
        value = getattr(part, key)
        match key:
            case "fresh_within" | "min_events" | "max_unparsed":
                return _NUMBERS[key](value)
            case "fields_present":
                return self.fields_present(value, family)
            case "event_ids":
                return self.event_ids(value, family)
            case "connectors_logged" | "connectors_verbose" | "tracking_enabled":
                self.check_place(key, family, at)
                return _PLACED[key][1]()
            case "probe":
                self.check_probe(family, value)
                return ProbeArrives(value, part.deadline or DEADLINE)
        return None

    @staticmethod
    def matchers(key: str, written: Value, part: FamilyModel) -> Iterator[tuple[Check, Source]]:
        """Give what the matchers under ``every`` or ``some`` expect."""
        models: list[MatcherModel] = getattr(part, key)
        for index, model in enumerate(models):
            place, _ = written.find((key, index))
            name = f"{key}[{'+'.join(_fields(model))}]"
            yield (Every if key == "every" else Some)(_matcher(model), name), place.source

    def check_place(self, key: str, family: Family, at: Source) -> None:
        probed = [self.value.find((name, "probe")) for name in ("SMTP", "MSGTRK")]
        right = _PLACED[key][0]
        if family is not right:
            self.problems.append(Problem(at, f"{key} belongs under {right}"))
        elif key == "connectors_logged" and any(len(path) < 2 for _, path in probed):  # noqa: PLR2004 - family and key
            message = "connectors_logged compares what the probe left in both logs"
            self.problems.append(Problem(at, message, "add probe: smtp under SMTP and under MSGTRK"))

    def fields_present(self, value: list[str] | dict[Format, list[str]], family: Family) -> FieldsPresent:
        if isinstance(value, list):
            return FieldsPresent(tuple(value))
        for form in value:
            if form.family is not family:
                source = self.value.find((family.value, "fields_present", form.value))[0].source
                own = ", ".join(each for each in Format if each.family is family)
                message = f"fields_present: {form} is no format of the {family} log"
                self.problems.append(Problem(source, message, f"these are: {own}"))
        return FieldsPresent({form: tuple(names) for form, names in value.items()})

    def check_probe(self, family: Family, kind: Kind) -> None:
        if family not in PROBED[kind]:
            right = next(name for name in get_args(Kind) if family in PROBED[name])
            source = self.value.find((family.value, "probe"))[0].source
            self.problems.append(
                Problem(source, f"the probe {kind} leaves nothing in the {family} log", f"did you mean {right!r}?")
            )

    def event_ids(self, model: list[str] | EventIdsModel, family: Family) -> KnownEventIds:
        if isinstance(model, list):
            return KnownEventIds(frozenset(model), "the list")
        path = self.folder / model.console_mappings
        source = self.value.find((family.value, "event_ids", "console_mappings"))[0].source
        try:
            return KnownEventIds(console_event_ids(path), f"the console's export {path}")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            hint = (
                "export it from the console: GET /api/data_classification/dsm_event_mappings"
                f"?filter=log_source_type_id={EXCHANGE}"
            )
            self.problems.append(Problem(source, f"{path}: {reason}", hint))
            return KnownEventIds(frozenset(), "")

    def golden(self, family: Family, folder: str) -> GoldenCases:
        path = self.folder / folder
        source = self.value.find((family.value, "golden"))[0].source
        if not path.is_dir():
            self.problems.append(Problem(source, f"there is no folder {path}"))
        elif not any(each.is_dir() for each in path.iterdir()):
            self.problems.append(Problem(source, f"{path} holds no cases", "a case is a folder with a sample log"))
        return GoldenCases(family, path, source)


def console_event_ids(path: Path) -> frozenset[str]:
    """Read the event IDs of Microsoft Exchange Server from the console's exported event mappings.

    Args:
        path: What ``GET /api/data_classification/dsm_event_mappings`` answered: a list of objects with
            ``log_source_type_id`` and ``log_source_event_id``.

    Raises:
        OSError: It can't be read.
        ValueError: It is something else, or holds none.
    """
    try:
        rows: Any = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"isn't JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("isn't a list of event mappings")
    own = [row for row in rows if row.get("log_source_type_id", EXCHANGE) == EXCHANGE]
    found = frozenset(str(row["log_source_event_id"]) for row in own if row.get("log_source_event_id"))
    if not found:
        raise ValueError(f"has no event mappings of the log source type {EXCHANGE}, Microsoft Exchange Server")
    return found


def _fields(model: MatcherModel) -> list[str]:
    return [name for name in type(model).model_fields if getattr(model, name) is not None]


def _matcher(model: MatcherModel) -> Matcher:
    return Matcher({name: tuple(_conditions(getattr(model, name))) for name in _fields(model)})


def _conditions(model: ConditionModel) -> Iterator[Condition]:
    if model.equals is not None:
        yield Equals(model.equals)
    if model.matches is not None:
        yield Matches(model.matches)
    if model.in_network is not None:
        yield InNetwork(tuple(model.in_network))
    if model.one_of is not None:
        yield OneOf(tuple(model.one_of))


def _numbered(check: Check, names: dict[str, int]) -> Check:
    """Tell checks of the same name apart by a number."""
    names[check.name] = names.get(check.name, 0) + 1
    number = names[check.name]
    if number == 1 or not isinstance(check, Every | Some):
        return check
    return type(check)(check.matcher, f"{check.name}-{number}")
