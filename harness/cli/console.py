"""What the commands that call the console have in common: their options, the console itself, the log sources."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import InputError, InventoryError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.inventory import Host, Inventory
    from harness.logsource.console.api import Console
    from harness.logsource.model import LogSource
    from harness.redaction import Secret


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """What the command line says; each field that is given beats the inventory's key.

    Args:
        inventory: The inventory.
        limit: Which hosts.
        extra: Extra variables.
        url: The console's address.
        token: The reference of its token.
        trust: Its authorities.
        api_version: The API's version.
        log: Where requests are written down.
    """

    inventory: Path
    limit: str | None
    extra: Mapping[str, str]
    url: str | None
    token: str | None
    trust: Path | None
    api_version: str | None
    log: Path | None

    def load(self) -> tuple[Inventory, tuple[Host, ...]]:
        """Read the inventory and choose the hosts.

        Raises:
            InventoryError: It is wrong, or no host is left.
        """
        from harness.inventory import load

        loaded = load(self.inventory, extra=self.extra)
        chosen = loaded.select(self.limit, source=Source("--limit"))
        if not chosen:
            raise InventoryError([Problem(Source("--limit" if self.limit else str(self.inventory)), "no host is left")])
        return loaded, chosen


def with_console(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the inventory and the options that say how the console is reached.

    Args:
        command: Called with ``options``, a `ConsoleOptions`, in their stead.
    """

    @functools.wraps(command)
    def called(*, inventory: Path, limit: str | None, extra_vars: tuple[str, ...], **given: Any) -> Any:  # noqa: ANN401 - a command's
        from harness.cli.apply import extra

        taken = {name: given.pop(name) for name in ("url", "token", "trust", "api_version", "log")}
        return command(options=ConsoleOptions(inventory, limit, extra(extra_vars), **taken), **given)

    wrapped: Callable[..., Any] = called
    for decorate in reversed(_OPTIONS):
        wrapped = decorate(wrapped)
    return wrapped


_OPTIONS = (
    click.argument("inventory", type=click.Path(path_type=Path)),
    click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards."),
    click.option("-e", "--extra-vars", multiple=True, metavar="KEY=VALUE", help="A variable; it beats all others."),
    click.option("--console", "url", metavar="URL", help="The console's address. [default: console_url]"),
    click.option(
        "--token",
        metavar="REFERENCE",
        help="Where its token is: env:NAME, file:PATH, prompt:. [default: console_token]",
    ),
    click.option(
        "--ca",
        "trust",
        type=click.Path(exists=True, path_type=Path),
        help="A PEM file of the authorities that the console's certificate is checked against.",
    ),
    click.option("--api-version", metavar="N", help="The API's version, as 17.0. [default: the newest that both know]"),
    click.option(
        "--log",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write down every request as a line of JSON, without secrets.",
    ),
)


@contextmanager
def open_console(options: ConsoleOptions, hosts: Sequence[Host]) -> Iterator[Console]:
    """Reach the console of some hosts.

    Args:
        options: What the command line says.
        hosts: The hosts; they have one console.

    Yields:
        The console, the API's version agreed upon.

    Raises:
        InputError: Nobody says how it is reached, or the hosts don't agree.
        HostError: It can't be reached.
    """
    from harness.logsource.console import version
    from harness.logsource.console.api import Console
    from harness.logsource.console.client import Client, RequestLog
    from harness.logsource.console.wire import HttpsWire

    address, token = _address(options, hosts), _token(options, hosts)
    trust = str(options.trust or _agreed(hosts, "console_ca_trust_path") or "")
    spoken = options.api_version or _agreed(hosts, "console_api_version") or ""
    source = Source("--api-version") if options.api_version else hosts[0].source("console_api_version")
    if spoken:
        spoken = version.given(spoken, source)
    try:
        log = RequestLog(options.log)
    except OSError as error:
        raise InputError([Problem(Source(str(options.log)), f"can't be written: {error.strerror}")]) from error
    client = Client(HttpsWire(address, token, trust=trust), address.host, version=spoken, log=log)
    try:
        console = Console(client)
        console.agree_on_version()
        yield console
    finally:
        client.close()


def _address(options: ConsoleOptions, hosts: Sequence[Host]) -> Any:  # noqa: ANN401 - an Address, imported late
    from harness.logsource.console.wire import Address

    if options.url:
        return Address.parse(options.url, Source("--console"))
    url = _agreed(hosts, "console_url")
    if not url:
        hint = "set console_url in the inventory, under [all:vars], or give --console URL"
        raise InputError([Problem(Source(str(options.inventory)), "nobody says where the console is", hint)])
    return Address.parse(url, hosts[0].source("console_url"))


def _token(options: ConsoleOptions, hosts: Sequence[Host]) -> Secret:
    from harness.inventory.secrets import PLAIN, SecretResolver

    if options.token:
        source = Source("--token")
        given = SecretResolver().secret(options.token, key="--token", source=source, folder=Path())
        if given.reference.scheme == PLAIN:
            hint = "give env:NAME, file:PATH or prompt:"
            message = "a token on the command line can be read by everybody on this machine"
            raise InputError([Problem(source, message, hint)])
        secret: Secret = given
    else:
        source = hosts[0].source("console_token")
        agreed: Secret | None = _agreed(hosts, "console_token")
        if agreed is None:
            hint = "set console_token in the inventory, as env:NAME or file:PATH, or give --token"
            raise InputError([Problem(Source(str(options.inventory)), "nobody says what the console's token is", hint)])
        secret = agreed
    text = secret.reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        hint = "copy it again from the console's list of authorized services"
        raise InputError([Problem(source, "the console's token has a character that no token has", hint)])
    return secret


def _agreed(hosts: Sequence[Host], key: str) -> Any:  # noqa: ANN401 - its type is the key's kind
    """Give the one value that hosts have; None where none has one.

    Raises:
        InputError: They have several.
    """
    values = {str(getattr(host.get(key), "reference", host.get(key))): host for host in hosts}
    if len(values) > 1:
        message = f"{key} differs between {' and '.join(host.name for host in list(values.values())[:2])}"
        hint = "choose the hosts of one console with --limit"
        raise InputError([Problem(list(values.values())[1].source(key), message, hint)])
    return hosts[0].get(key)


@dataclass(frozen=True, slots=True)
class Defined:
    """The log sources of a run's hosts.

    Args:
        sources: All of them.
        hosts: The inventory's hosts by name.
        ours: Identifiers of the log sources of all hosts that were asked.
        bases: The first identifiers of the other hosts.
        unasked: Why a host was left out, by host.
        accounts: The passwords of simulated hosts' own accounts, by host.
    """

    sources: tuple[LogSource, ...]
    hosts: Mapping[str, Host]
    ours: frozenset[str]
    bases: tuple[str, ...]
    unasked: Mapping[str, str]
    accounts: Mapping[str, Secret]


def define(
    options: ConsoleOptions, loaded: Inventory, chosen: Sequence[Host], *, ask: bool, say: Callable[[str], None]
) -> Defined:
    """Derive the log sources of hosts.

    A host that is to be asked and can't say where its logs are is left out: its defaults could replace the right
    folders on the console.

    Args:
        options: What the command line says.
        loaded: The inventory.
        chosen: The hosts of this run.
        ask: Read the folders off the hosts; else their versions' defaults count.
        say: Told where folders come from.

    Raises:
        InputError: Hosts can't be reached as they are described, or have log sources that can't stand together.
    """
    from harness.cli.lab import lab_of
    from harness.cli.polled import host_sources
    from harness.logsource.derive import check_distinct

    unasked: dict[str, str] = {}
    accounts: dict[str, Secret] = {}
    sources: list[LogSource] = []
    with lab_of(chosen if ask else (), options.inventory) as lab:
        for host in host_sources(chosen, loaded, lab, ask=ask):
            if ask and host.stated is None:
                unasked[host.name] = host.note.partition(", because ")[2] or host.note
                continue
            say(f"{host.name}: {host.note}")
            sources += host.sources
            if host.name in lab:
                accounts[host.name] = lab[host.name].password
    check_distinct(sources, loaded.hosts)
    defined = {source.host for source in sources}
    others = [host for name, host in loaded.hosts.items() if name not in defined]
    bases = tuple(base_of(host) for host in others)
    ours = frozenset(source.identifier for source in sources)
    return Defined(tuple(sources), loaded.hosts, ours, bases, unasked, accounts)


def base_of(host: Host) -> str:
    """Give the identifier of a host's first log source."""
    return str(host.get("logsource_identifier") or host.name)


def passwords(hosts: Sequence[Host]) -> dict[str, Secret]:
    """Follow the references of the accounts' passwords.

    Args:
        hosts: The hosts.

    Raises:
        InputError: References lead nowhere; all of them.
    """
    problems: list[Problem] = []
    found: dict[str, Secret] = {}
    for host in hosts:
        try:
            secret = host.secret("logsource_password")
        except InputError as error:
            problems += error.problems
            continue
        if secret is not None:
            found[host.name] = secret
    if problems:
        raise InputError(dict.fromkeys(problems))
    return found
