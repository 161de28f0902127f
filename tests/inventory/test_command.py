"""``harness inventory``, and that no output of it holds a secret."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner, Result

from harness.cli.inventory import inventory_command
from harness.errors import InventoryError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.inventory.conftest import Loader

CANARY = "Kan\u00e4rie \"gelb\" & <b> 'c' \\7+/="

INVENTORY = """\
lone ansible_host=10.0.0.9
[exchange]
ex[1:2].corp winrm_password=env:CANARY_PW exchange_roles=mailbox
[exchange:vars]
smb_port=4450
[all:vars]
smb_port=445
site=paris
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write an inventory and stand beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.ini").write_text(INVENTORY, encoding="utf-8")
    return tmp_path / "inventory.ini"


def run(*args: str) -> Result:
    """Run the command on ``inventory.ini``."""
    return CliRunner().invoke(inventory_command, ["inventory.ini", *args], catch_exceptions=False)


@pytest.mark.usefixtures("inventory")
def test_tree() -> None:
    """Without options the tree of groups and hosts is shown."""
    result = run()

    assert result.output == ("all:\n  ungrouped:\n    lone\n  exchange:\n    ex1.corp\n    ex2.corp\n")


@pytest.mark.usefixtures("inventory")
def test_limit_and_list() -> None:
    """``--limit`` leaves hosts and the groups without hosts away; ``--list`` gives the names alone."""
    assert run("--limit", "exchange[0]").output == "all:\n  exchange:\n    ex1.corp\n"
    assert run("--limit", "exchange", "--list").output == "ex1.corp\nex2.corp\n"
    assert json.loads(run("--list", "--output", "json").output) == ["lone", "ex1.corp", "ex2.corp"]


@pytest.mark.usefixtures("inventory")
def test_explain() -> None:
    """``--explain`` shows each value with its file and line, its kind of place, its alias and what lost."""
    lines = [" ".join(line.split()) for line in run("--host", "ex1.corp", "--explain").output.splitlines()]
    alias = [" ".join(line.split()) for line in run("--host", "lone", "--explain").output.splitlines()]

    assert lines[0] == "ex1.corp (exchange)"
    assert "smb_port 4450 # inventory.ini:5: group exchange" in lines
    assert lines[lines.index("smb_port 4450 # inventory.ini:5: group exchange") + 1] == (
        "instead of 445 # inventory.ini:7: group all"
    )
    assert "winrm_password ******** (env:CANARY_PW) # inventory.ini:3: host line" in lines
    assert "winrm_transport ntlm # default" in lines
    assert "address 10.0.0.9 # inventory.ini:1: host line, written ansible_host" in alias


@pytest.mark.usefixtures("inventory")
def test_json_says_the_same() -> None:
    """JSON holds values with their types, and where they come from."""
    values = json.loads(run("--host", "ex1.corp", "--output", "json").stdout)["ex1.corp"]
    explained = json.loads(run("--host", "ex1.corp", "--explain", "--output", "json").stdout)["ex1.corp"]
    tree = json.loads(run("--output", "json").stdout)

    assert (values["smb_port"], values["exchange_roles"], values["site"]) == (4450, ["mailbox"], "paris")
    assert values["winrm_password"] == "******** (env:CANARY_PW)"
    assert explained["smb_port"] == {
        "value": 4450,
        "source": "inventory.ini:5",
        "origin": "group exchange",
        "written": "smb_port",
        "overridden": [
            {
                "value": 445,
                "source": "inventory.ini:7",
                "origin": "group all",
                "written": "smb_port",
                "overridden": [],
            }
        ],
    }
    assert explained["winrm_transport"]["source"] is None
    assert tree["groups"]["all"] == {"hosts": [], "children": ["ungrouped", "exchange"]}
    assert tree["hosts"]["lone"] == {"address": "10.0.0.9", "groups": ["ungrouped"]}


@pytest.mark.usefixtures("inventory")
def test_extra_variables_and_bad_ones() -> None:
    """``-e`` overrides; without an equals sign it is refused, and not repeated."""
    assert json.loads(run("-e", "site=rome=1", "--host", "lone", "--output", "json").stdout)["lone"]["site"] == "rome=1"
    refused = run("-e", "canary")
    assert refused.exit_code == 2
    assert "expected KEY=VALUE" in refused.output
    assert "canary" not in refused.output


def test_problems_leave_the_command_as_they_are(inventory: Path) -> None:
    """What is wrong with the inventory reaches the program's one place for errors, all of it."""
    inventory.write_text("ex1 winrm_port=x\nex2 winrm_prot=1\n", encoding="utf-8")

    with pytest.raises(InventoryError) as caught:
        run()
    assert [problem.source.line for problem in caught.value.problems] == [1, 2]
    inventory.write_text("ex1\n", encoding="utf-8")
    with pytest.raises(InventoryError, match="--host: 'ex3' matches no host"):
        run("--host", "ex3")


def forms_of(value: str) -> list[str]:
    """Every form in which the canary would be a leak."""
    utf16 = value.encode("utf-16-le")
    return [
        value,
        base64.b64encode(value.encode()).decode(),
        base64.b64encode(utf16).decode(),
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
    ]


PLACES = {
    "host line": ("ex1 winrm_password={shell}\n", {}),
    "section": ("ex1\n[all:vars]\nwinrm_password={python}\n", {}),
    "overridden": ("ex1 winrm_password=env:X\n[all:vars]\nwinrm_password={python}\n", {}),
    "file": ("ex1\n", {"group_vars/all.yml": "winrm_password: {json}\n"}),
    "alias": ("ex1\n", {"host_vars/ex1.yml": "ansible_password: {json}\n"}),
    "own": ("ex1\n", {"group_vars/all.yml": "api_token: {json}\nsmtp: {{password: {json}, host: h}}\n"}),
    "ansible's": ("ex1 ansible_become_password={shell}\n", {}),
    "copied": ("ex1 winrm_password={shell} note={shell}\n", {}),
    "plain": ("ex1 winrm_password={plain}\n", {}),
}
OPTIONS = [
    [],
    ["--host", "ex1"],
    ["--host", "ex1", "--explain"],
    ["--explain", "--output", "json"],
    ["--host", "ex1", "--output", "json"],
    ["--output", "json"],
    ["--list"],
]


@pytest.mark.parametrize("place", PLACES)
def test_no_output_holds_the_canary(load_text: Loader, place: str) -> None:
    """Wherever a secret stands, and whichever way the inventory is shown, the secret isn't in it."""
    text, files = PLACES[place]
    written = {
        "shell": "'" + CANARY.replace("'", "'\"'\"'") + "'",
        "plain": "'plain:" + CANARY.replace("'", "'\"'\"'") + "'",
        "python": repr(CANARY),
        "json": json.dumps(CANARY),
    }
    load_text(text.format(**written), {name: content.format(**written) for name, content in files.items()})

    for options in OPTIONS:
        result = run(*options)

        assert result.exit_code == 0
        assert [form for form in forms_of(CANARY) if form in result.output] == []
        if "json" in options:
            json.loads(result.stdout)


def test_json_stays_json_whatever_the_secret(load_text: Loader) -> None:
    """A secret that looks like JSON's own punctuation doesn't break the output."""
    load_text("ex1\n", {"host_vars/ex1.yml": "winrm_password: '\": \"'\nnote: 'a\": \"b'\n"})

    values = json.loads(run("--host", "ex1", "--output", "json").stdout)["ex1"]

    assert values["note"] == "a********b"
    assert values["winrm_password"] == "******** (in clear)"


def test_no_error_holds_the_canary(load_text: Loader) -> None:
    """An error beside a secret says what is wrong without the secret."""
    with pytest.raises(InventoryError) as caught:
        load_text(
            "ex1 winrm_password=env:canary-1 winrm_port=no\nex2 winrm_password=canary-2#x\n"
            "ex3 winrm_password='canary-3\nex4 winrm_password=canary 4canary\nwinrm_password=canary-5\n"
            "ex5 winrm_password=prmpt:canary-6\n[all:vars]\nwinrm_password canary-7\n",
            {"group_vars/all.yml": "winrm_password: [canary-8]\nsmb_password: !vault canary-9\n"},
        )

    assert len(caught.value.problems) == 9
    assert "canary" not in str(caught.value).replace("env:canary-1", "")
