"""The same inventory means the same to ``ansible-inventory`` and to harness."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from harness.inventory import load
from harness.redaction import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from harness.inventory import Inventory

ANSIBLE = shutil.which("ansible-inventory")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(ANSIBLE is None, reason="ansible-inventory isn't on the path"),
]

LINES = r"""
# comments, and hosts without a group
; another comment
lone marker=1
second:5986 marker='with # and = inside'   # a comment

[exchange]   # a comment
ex[01:04].corp.example marker=range
ex[1:10:4] ansible_user="CORP\svc" marker='"double"'
[a:c]-[x:y] marker="it's"
10.1.2.[3:4]:5985 marker=address
[2001:db8::1]:5986 marker=six
two_groups first=1

[exchange:vars]
from_exchange = with spaces, # and = signs
quoted='a # b'
number=8080 # a comment
backslash=C:\logs\new
listed=['a', 1, True]
level=exchange

[paris]
two_groups first=2 second="'03#pa33w0rd'"
lone_too winrm_password='plain:it"s # a = secret'

[paris:vars]
level=paris
same_depth=paris

[athens]
two_groups
[athens:vars]
same_depth=athens

[europe:children]
paris   # a comment
athens
deep

[europe:vars]
level=europe
same_depth=europe
from_europe=yes

[world:children]
europe
exchange

[deep]
under

[all:vars]
level=all
from_all=1e3
shadowed=section

[ungrouped]
listed_as_ungrouped marker=2

[all]
listed_in_all marker=3

[empty]
"""

FILES = {
    "group_vars/all.yml": "shadowed: all file\nnested: {list: [1, two, null, 2.5], text: 'a: b # c'}\n",
    "group_vars/paris.yaml": "from_file: paris\ndeep_file: paris\n",
    "group_vars/athens/10-first.yml": "from_file: athens\nfolder: first\n",
    "group_vars/athens/20-second.yml": "folder: second\n",
    "group_vars/world": "extensionless: true\ndeep_file: world\n",
    "group_vars/exchange.json": '{"from_json": [1, {"a": "b"}]}\n',
    "host_vars/two_groups.yml": "first: host file\ntext: |\n  two\n  lines\n",
    "host_vars/ex01.corp.example/x.yml": "marker: host file\n",
}


@pytest.fixture
def inventory_file(tmp_path: Path) -> Path:
    """Write the inventory and the files beside it."""
    path = tmp_path / "inventory.ini"
    path.write_text(LINES, encoding="utf-8")
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return path


def ansible(path: Path, *args: str) -> dict[str, Any]:
    """Give what ``ansible-inventory --list`` says."""
    environment = os.environ | {
        "ANSIBLE_INVENTORY_ENABLED": "ini",
        "ANSIBLE_HOME": str(path.parent / ".ansible"),
        "ANSIBLE_CONFIG": str(path.parent / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "LC_ALL": "C.UTF-8",
    }
    (path.parent / "ansible.cfg").touch()
    command = [str(ANSIBLE), "-i", str(path), "--list", *args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "Unable to parse" not in done.stderr
    listed: dict[str, Any] = json.loads(done.stdout)
    return listed


def guessed(ours: object, theirs: object) -> object:
    """Read a text of ours as Ansible reads INI values: harness leaves them text, Ansible guesses."""
    return ast.literal_eval(ours) if isinstance(ours, str) and not isinstance(theirs, str) else ours


def written(inventory: Inventory, host: str) -> dict[str, object]:
    """Give a host's variables without defaults, under the names that were written."""
    settings = inventory.hosts[host].settings.values()
    return {
        setting.written or setting.name: setting.value
        for setting in settings
        if not setting.origin.startswith("default")
    }


def test_groups_are_the_same(inventory_file: Path) -> None:
    """Every group has the same hosts and the same children, in the same order."""
    theirs = ansible(inventory_file)
    del theirs["_meta"]
    ours = load(inventory_file).groups
    expected = {name: (group.get("hosts", []), group.get("children", [])) for name, group in theirs.items() if group}
    # Ansible's listing has neither empty groups nor the hosts directly in all.
    actual = {name: (list(group.hosts) if name != "all" else [], list(group.children)) for name, group in ours.items()}

    assert actual.pop("empty") == ([], [])
    assert expected == actual


def test_variables_are_the_same(inventory_file: Path) -> None:
    """Every host has the same variables, with the same values but for the types that Ansible guesses."""
    theirs = ansible(inventory_file)["_meta"]["hostvars"]
    ours = load(inventory_file)
    password = theirs["lone_too"].pop("winrm_password")
    mine = ours.hosts["lone_too"].secret("winrm_password")

    assert mine == Secret(password.removeprefix("plain:"))
    assert list(theirs) == sorted(ours.hosts)
    for host, variables in theirs.items():
        actual = written(ours, host)
        actual.pop("winrm_password", None)

        assert variables == {key: guessed(value, variables.get(key)) for key, value in actual.items()}


@pytest.mark.parametrize(
    "pattern",
    [
        "exchange:&ex0*",
        "world:!paris",
        "all:!europe:!exchange",
        "~(ex|lone).*",
        "exchange[1:3]",
        "europe[0],lone",
        "*.corp.example:two_groups",
        "ungrouped",
    ],
)
def test_patterns_select_the_same(inventory_file: Path, pattern: str) -> None:
    """A pattern means the same hosts as ``--limit`` does."""
    theirs = ansible(inventory_file, "--limit", pattern)["_meta"]["hostvars"]

    assert sorted(theirs) == sorted(host.name for host in load(inventory_file).select(pattern))
