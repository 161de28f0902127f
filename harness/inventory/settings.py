"""Turns variables as they were written into settings: checks names, converts values, wraps secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.errors import SecretError
from harness.inventory import convert, keys
from harness.inventory.model import Setting
from harness.inventory.secrets import PLAIN, ReferredSecret, SecretResolver
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.inventory.ini import Raw
    from harness.redaction import Secret

Layer = dict[str, Setting]
"""Settings of one place, by name."""


@dataclass(slots=True)
class Maker:
    """Makes settings and collects what is wrong with them.

    Args:
        secrets: Follows references.
        folder: The inventory's folder, where relative paths begin.
        problems: Filled with what is wrong.
        notices: Filled with what is right, but likely not what was meant.
    """

    secrets: SecretResolver
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    def layer(self, raws: Iterable[Raw]) -> Layer:
        """Make the settings of one place: one host line, one group's sections, one file.

        Args:
            raws: The variables in the text's order; a later one overrides an earlier one of the same name.
        """
        layer: Layer = {}
        for raw in raws:
            setting = self._setting(raw)
            if not setting:
                continue
            before = layer.get(setting.name)
            if before and before.written != setting.written and not _agree(before.value, setting.value):
                first, second = before.written or before.name, raw.name
                message = f"{second} and {first} are the same setting, with two values"
                self.problems.append(Problem(raw.source, message, f"{first} stands at {before.source}"))
            layer[setting.name] = override(before, setting)
        return layer

    def _setting(self, raw: Raw) -> Setting | None:
        name = keys.canonical(raw.name)
        written = raw.name if raw.name != name else ""
        if not self._is_known(raw):
            return None
        try:
            value = self._value(raw)
        except convert.ConversionError as error:
            given = "" if keys.is_secret(raw.name) else f", not {raw.value!r}"
            self.problems.append(Problem(raw.source, f"{raw.name}: {error}{given}"))
        except SecretError as error:
            self.problems.extend(error.problems)
        else:
            return Setting(name, value, raw.source, raw.origin, written=written)
        return None

    def _is_known(self, raw: Raw) -> bool:
        """Tell whether the name may be used; report it where it may not, or isn't of use."""
        if raw.name in keys.BY_NAME:
            return True
        if not keys.is_reserved(raw.name):
            near = keys.suggestion(raw.name)
            if near:
                hint = f"did you mean {near}?"
                self.notices.append(Problem(raw.source, f"{raw.name} is a variable of your own", hint))
            return True
        if keys.is_unused(raw.name):
            self.notices.append(Problem(raw.source, f"{raw.name} isn't used by harness"))
            return True
        if raw.name == "ansible_group_priority":
            message = "ansible_group_priority isn't supported"
            hint = "groups of the same depth override each other in the order of their names"
        else:
            message = f"{raw.name} isn't a setting of harness"
            near = keys.suggestion(raw.name)
            space = next(space for space in keys.NAME_SPACES if raw.name.startswith(space))
            hint = f"did you mean {near}?" if near else f"variables of your own must not begin with {space}"
        self.problems.append(Problem(raw.source, message, hint))
        return False

    def _value(self, raw: Raw) -> object:
        key = keys.BY_NAME.get(raw.name)
        if key is None:
            return self._own(raw.name, raw.value, raw.source)
        if key.kind == "secret":
            return self._secret(raw.name, raw.value, raw.source)
        return convert.convert(key, raw.value)

    def _own(self, name: str, value: object, source: Source) -> object:
        """Wrap the secrets in a value of the user's own: in ``api_token``, in ``{user: x, password: y}``."""
        if isinstance(value, str) and value and keys.is_secret(name):
            return self._secret(name, value, source)
        if isinstance(value, list):
            return [self._own(name, item, source) for item in value]
        if isinstance(value, dict):
            return {key: self._own(str(key), item, source) for key, item in value.items()}
        return value

    def _secret(self, name: str, value: object, source: Source) -> Secret:
        text = convert.secret_text(value)
        secret = self.secrets.secret(text, key=name, source=source, folder=self.folder)
        if secret.reference.scheme == PLAIN:
            hint = "use env:NAME, file:PATH or prompt:"
            self.notices.append(Problem(source, f"{name} stands in clear", hint))
        return secret


def _agree(one: object, other: object) -> bool:
    """Compare values without following a reference, which might ask somebody."""
    if isinstance(one, ReferredSecret) and isinstance(other, ReferredSecret):
        if one.reference.scheme != PLAIN:
            return str(one.reference) == str(other.reference)
        return other.reference.scheme == PLAIN and one == other
    return one == other


def override(before: Setting | None, setting: Setting) -> Setting:
    """Put a setting over another one of the same name.

    Args:
        before: The one that loses; None where there is none.
        setting: The one that wins.
    """
    if before is None or before is setting:
        return setting
    return replace(setting, overridden=(*setting.overridden, replace(before, overridden=()), *before.overridden))


def stack(layers: Iterable[Mapping[str, Setting]]) -> Layer:
    """Put layers over each other.

    Args:
        layers: The one that loses against all others first.
    """
    result: Layer = {}
    for layer in layers:
        for name, setting in layer.items():
            result[name] = override(result.get(name), setting)
    return result


def with_defaults(layer: Layer, host: str, line: Source) -> Layer:
    """Add the declared keys' defaults.

    Args:
        layer: What is set for the host.
        host: Its name.
        line: Where it is first named.

    Returns:
        The same with the defaults, in the order of the declared keys, the user's own variables last.
    """
    nowhere = Source("harness")
    full: Layer = dict(layer)
    for key in keys.KEYS:
        if key.default is not None and key.name not in layer:
            full[key.name] = Setting(key.name, key.default, nowhere, "default")
        elif key.default_from in full and key.name not in layer:
            followed = full[key.default_from]
            full[key.name] = Setting(key.name, followed.value, followed.source, f"default: {key.default_from}")
    full.setdefault("address", Setting("address", host, line, "default: the host's name"))
    _connect_by(full)
    ordered = {key.name: full.pop(key.name) for key in keys.KEYS if key.name in full}
    return ordered | full


def _connect_by(full: Layer) -> None:
    """Add scheme and port, which follow from each other and from the transport."""
    transport, port = full["winrm_transport"], full.get("winrm_port")
    if "winrm_scheme" not in full:
        secure = transport.value in {"basic", "certificate"} or (port is not None and port.value == 5986)  # noqa: PLR2004 -- WinRM's HTTPS port
        cause = port if port is not None and transport.value not in {"basic", "certificate"} else transport
        scheme = "https" if secure else "http"
        full["winrm_scheme"] = Setting("winrm_scheme", scheme, cause.source, f"default: {cause.name}")
    if port is None:
        scheme_setting = full["winrm_scheme"]
        number = 5986 if scheme_setting.value == "https" else 5985
        full["winrm_port"] = Setting("winrm_port", number, scheme_setting.source, "default: winrm_scheme")
