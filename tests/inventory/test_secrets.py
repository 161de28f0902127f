"""References to secrets."""

from __future__ import annotations

import getpass
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness.errors import InventoryError, SecretError
from harness.inventory import SecretResolver
from harness.redaction import MASK, Redactor, Secret, redactor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.inventory.conftest import Loader

LINE = "ex01 winrm_password={}\n"


class Vault:
    """A provider as a plugin would give it."""

    scheme = "vault"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, rest: str) -> str:
        """Give the secret, or fail with a text that holds one."""
        self.asked.append(rest)
        if rest == "broken":
            message = "the token hvs.canary was refused"
            raise RuntimeError(message)
        return f"secret of {rest}"


class Terminal:
    """A terminal at which somebody answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, present: bool = True) -> None:
        self.prompts: list[str] = []
        monkeypatch.setattr(sys.stdin, "isatty", lambda: present)
        monkeypatch.setattr(getpass, "getpass", self.answer)

    def answer(self, prompt: str) -> str:
        """Answer with a different password each time."""
        self.prompts.append(prompt)
        time.sleep(0.05)
        return f"typed-{len(self.prompts)}"


def test_environment(load_text: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """``env:`` gives the variable's value and registers it with the redactor, once somebody asks."""
    monkeypatch.setenv("EXCHANGE_PW", "from-the-environment")
    host = load_text(LINE.format("env:EXCHANGE_PW")).hosts["ex01"]

    assert redactor.redact("from-the-environment") == "from-the-environment"
    assert host.secret("ansible_password") == Secret("from-the-environment")
    assert redactor.redact("from-the-environment") == MASK


def test_references_are_followed_late(load_text: Loader) -> None:
    """A reference that leads nowhere hurts nobody who doesn't need it, and then says where it stands."""
    host = load_text(LINE.format("env:NO_SUCH_VARIABLE")).hosts["ex01"]

    assert isinstance(host.variables["winrm_password"], Secret)
    with pytest.raises(SecretError) as caught:
        host.secret("winrm_password")
    assert str(caught.value) == (
        "inventory.ini:1: winrm_password: the environment variable NO_SUCH_VARIABLE isn't set"
        " (set it before you start harness: export NO_SUCH_VARIABLE=...)"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [("pw\n", "pw"), ("pw\r\n", "pw"), (" pw \n\n", " pw \n"), ("\ufeffp\u00fc", "p\u00fc")],
)
def test_file(load_text: Loader, content: str, expected: str) -> None:
    """``file:`` gives the text beside the inventory, without the line end that editors add."""
    host = load_text(LINE.format("file:secrets/pw"), {"secrets/pw": content}).hosts["ex01"]

    assert host.secret("winrm_password") == Secret(expected)


def test_missing_and_empty_files_are_errors(load_text: Loader) -> None:
    """An empty password isn't sent to a host, and a missing file is named."""
    inventory = load_text("a winrm_password=file:none\nb winrm_password=file:empty\n", {"empty": "\n"})

    with pytest.raises(SecretError, match=r"inventory.ini:1: winrm_password: can't read none: No such file"):
        inventory.hosts["a"].secret("winrm_password")
    with pytest.raises(SecretError, match=r"inventory.ini:2: winrm_password: file:empty is empty"):
        inventory.hosts["b"].secret("winrm_password")


def test_prompt_is_asked_once_per_reference(load_text: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line asks once for all its hosts; another line asks for itself; equal labels mean one secret."""
    terminal = Terminal(monkeypatch)
    hosts = load_text(
        "ex[1:3] winrm_password=prompt:\nedge winrm_password=prompt:\n"
        "a winrm_password='prompt:Service account'\nb smb_password='prompt:Service account'\n"
    ).hosts

    assert {"typed-1"} == {hosts[name].secret("winrm_password").reveal() for name in ("ex1", "ex2", "ex3")}  # type: ignore[union-attr]
    assert hosts["edge"].secret("winrm_password") == Secret("typed-2")
    assert hosts["a"].secret("winrm_password") == hosts["b"].secret("smb_password") == Secret("typed-3")
    assert terminal.prompts == [
        "winrm_password (inventory.ini:1): ",
        "winrm_password (inventory.ini:2): ",
        "Service account: ",
    ]


def test_threads_ask_once(load_text: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that are handled at once don't ask at once."""
    terminal = Terminal(monkeypatch)
    hosts = load_text("ex[1:8] winrm_password=prompt:\n").hosts.values()
    threads = [threading.Thread(target=host.secret, args=("winrm_password",)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(terminal.prompts) == 1


def test_prompt_needs_a_terminal(load_text: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing waits for an answer: the error names what works there."""
    terminal = Terminal(monkeypatch, present=False)
    host = load_text(LINE.format("prompt:")).hosts["ex01"]

    with pytest.raises(SecretError, match=r"there is no terminal \(run harness from a terminal, or use env:NAME"):
        host.secret("winrm_password")
    assert terminal.prompts == []


def test_terminal_that_would_show_the_password(load_text: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terminal can't hide what is typed, nothing is asked."""

    def shows(prompt: str) -> str:
        import warnings  # noqa: PLC0415 -- as getpass does it

        warnings.warn(f"{prompt}Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return "visible"

    Terminal(monkeypatch)
    monkeypatch.setattr(getpass, "getpass", shows)
    host = load_text(LINE.format("prompt:")).hosts["ex01"]

    with pytest.raises(SecretError, match="would have shown it"):
        host.secret("winrm_password")


def test_provider_of_a_plugin(load_text: Loader) -> None:
    """A plugin's scheme is followed once, and its failure doesn't show what the plugin said."""
    vault = Vault()
    resolver = SecretResolver(providers=[vault], redactor=redactor)
    inventory = load_text(
        "ex[1:2] winrm_password=vault:exchange/svc\nex3 winrm_password=vault:broken\n", secrets=resolver
    )

    assert inventory.notices == ()
    assert vault.asked == []
    assert inventory.hosts["ex1"].secret("winrm_password") == Secret("secret of exchange/svc")
    assert inventory.hosts["ex2"].secret("winrm_password") == Secret("secret of exchange/svc")
    assert vault.asked == ["exchange/svc"]
    with pytest.raises(SecretError) as caught:
        inventory.hosts["ex3"].secret("winrm_password")
    assert str(caught.value) == "inventory.ini:2: winrm_password: the plugin for vault: failed with RuntimeError"
    assert caught.value.__cause__ is None


def test_installed_plugin_is_found(load_text: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with an entry point in the group ``harness`` brings its schemes along."""
    site = tmp_path / "site"
    info = site / "harness_keepass-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harness-keepass\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[harness]\nkeepass = harness_keepass\n", encoding="utf-8")
    (site / "harness_keepass.py").write_text(
        "from harness.inventory import hookimpl\n"
        "class KeePass:\n"
        "    scheme = 'keepass'\n"
        "    def get(self, rest):\n"
        "        return 'kept ' + rest\n"
        "@hookimpl\n"
        "def harness_secret_providers():\n"
        "    return [KeePass()]\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(site)
    host = load_text(LINE.format("keepass:entry")).hosts["ex01"]

    assert host.secret("winrm_password") == Secret("kept entry")


@pytest.mark.parametrize("written", ["plain:env:HOME", "'p w:#='", "http://x", "'a:b'"])
def test_password_in_clear_is_allowed_and_told(load_text: Loader, written: str) -> None:
    """A password may stand in the file: it is redacted at once, and a notice is given."""
    inventory = load_text(LINE.format(written))
    password = written.strip("'").removeprefix("plain:")

    assert inventory.hosts["ex01"].secret("winrm_password") == Secret(password)
    assert [str(notice) for notice in inventory.notices] == [
        "inventory.ini:1: winrm_password stands in clear (use env:NAME, file:PATH or prompt:)"
    ]
    assert redactor.redact("p w:#=") in {MASK, "p w:#="}
    assert password not in redactor.redact(f"<{password}>") or len(password) < 4


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "evn:PW",
            (
                "winrm_password: the value looks like a misspelt reference (did you mean env:?"
                " A password that begins like that is written plain:PASSWORD)"
            ),
        ),
        ("env:", "winrm_password: env: needs something after the colon"),
        ("file:", "winrm_password: file: needs something after the colon"),
        ("''", "winrm_password: the secret is empty"),
    ],
)
def test_reference_that_cannot_be_one(load_text: Loader, written: str, expected: str) -> None:
    """A slip in a reference is an error of the inventory, not a password that a host gets to see."""
    with pytest.raises(InventoryError) as caught:
        load_text(LINE.format(written))

    assert [f"inventory.ini:1: {expected}"] == [str(problem) for problem in caught.value.problems]


def test_secrets_of_the_users_own(load_text: Loader) -> None:
    """A variable whose name says that it is a secret is one, inside a YAML value as well."""
    inventory = load_text(
        "ex01 ansible_become_password=canary-1 console_token=canary-2\n",
        {
            "group_vars/all.yml": "smtp: {user: me, password: canary-3, keys: [{api_secret: canary-4}]}\n"
            "tokens: {token: [canary-5]}\nmax_pass: 3\n"
        },
    )
    variables = inventory.hosts["ex01"].variables

    assert "canary" not in repr(dict(variables))
    assert "canary" not in redactor.redact("canary-1 canary-2 canary-3 canary-4 canary-5")
    assert variables["max_pass"] == 3
    assert variables["console_token"] == Secret("canary-2")


def test_resolver_uses_its_own_redactor(tmp_path: Path, load_text: Loader) -> None:
    """A resolver with a redactor and a folder of its own leaves the global ones alone."""
    own = Redactor()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "pw").write_text("deep-secret", encoding="utf-8")
    resolver = SecretResolver(folder=tmp_path / "elsewhere", providers=(), redactor=own)
    host = load_text(LINE.format("file:pw"), secrets=resolver).hosts["ex01"]

    assert host.secret("winrm_password") == Secret("deep-secret")
    assert own.redact("deep-secret") == MASK
    assert redactor.redact("deep-secret") == "deep-secret"
