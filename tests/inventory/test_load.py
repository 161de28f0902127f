"""Loading: where values come from, what can't be read, and what the objects promise."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InventoryError
from harness.inventory import ini, keys, load, yamlvars
from harness.redaction import Secret
from harness.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from harness.source import Problem
    from tests.inventory.conftest import Loader


def test_every_value_knows_its_place_and_what_it_overrode(load_text: Loader) -> None:
    """A setting says its file and line, the kind of place, and the values that lost."""
    inventory = load_text(
        "[g]\nex1\nex1 ansible_port=4\n\n[g:vars]\nwinrm_port=2\n[all:vars]\nwinrm_port=1\n",
        {"group_vars/g.yml": "# comment\nwinrm_port: 3\n", "host_vars/ex1.yml": "winrm_port: 5\n"},
        extra={"winrm_port": "6"},
    )
    setting = inventory.hosts["ex1"].settings["winrm_port"]

    assert [(s.value, str(s.source), s.origin, s.written) for s in (setting, *setting.overridden)] == [
        (6, "-e winrm_port", "command line", ""),
        (5, "host_vars/ex1.yml:1", "host_vars/ex1.yml", ""),
        (4, "inventory.ini:3", "host line", "ansible_port"),
        (3, "group_vars/g.yml:2", "group_vars/g.yml", ""),
        (2, "inventory.ini:6", "group g", ""),
        (1, "inventory.ini:8", "group all", ""),
    ]


def test_host_answers_for_names_and_aliases(load_text: Loader) -> None:
    """Values are found under a key's name and its aliases; what isn't set has a default and a place."""
    host = load_text("\nex1.corp winrm_user=u colour=blue\n").hosts["ex1.corp"]

    assert host.get("winrm_user") == host.get("ansible_user") == "u"
    assert host.get("colour") == "blue"
    assert host.get("nothing") is None
    assert host.get("nothing", 7) == 7
    assert host.source("colour") == Source("inventory.ini", 2)
    assert host.source("nothing") == Source("inventory.ini", 2)
    assert host.secret("smb_password") is None
    assert host.variables["inventory_hostname_short"] == "ex1"


def test_exchange_and_smb_credentials_follow_winrm(load_text: Loader) -> None:
    """One account for all three needs one line; each can have its own."""
    host = load_text("ex1 winrm_user=a winrm_password=pass-a smb_password=pass-b\n").hosts["ex1"]

    assert host.get("exchange_user") == "a"
    assert host.settings["exchange_user"].origin == "default: winrm_user"
    assert host.secret("exchange_password") == Secret("pass-a")
    assert host.secret("smb_password") == Secret("pass-b")


def test_scheme_and_port_follow_each_other(load_text: Loader) -> None:
    """Port 5986 means HTTPS and HTTPS means port 5986; basic and certificate mean HTTPS."""
    hosts = load_text(
        "plain\nbyport winrm_port=5986\nbyscheme winrm_scheme=https\nbasic winrm_transport=basic\n"
        "cert winrm_transport=certificate\nodd winrm_port=8080\nboth winrm_port=5986 winrm_scheme=http\n"
    ).hosts

    assert {name: (host.get("winrm_scheme"), host.get("winrm_port")) for name, host in hosts.items()} == {
        "plain": ("http", 5985),
        "byport": ("https", 5986),
        "byscheme": ("https", 5986),
        "basic": ("https", 5986),
        "cert": ("https", 5986),
        "odd": ("http", 8080),
        "both": ("http", 5986),
    }


def test_hosts_stand_in_the_files_order(load_text: Loader) -> None:
    """Hosts come in the order in which the file first names them, ranges in theirs."""
    inventory = load_text("[b]\nz\ny[2:3]\n[a]\na\nz\n")

    assert list(inventory.hosts) == ["z", "y2", "y3", "a"]
    assert [host.name for host in inventory.select(None)] == ["z", "y2", "y3", "a"]
    assert [host.name for host in inventory.select("a:!z")] == ["a"]
    assert list(inventory.groups) == ["all", "ungrouped", "b", "a"]


def test_selection_error_carries_its_place(load_text: Loader) -> None:
    """A play's pattern that matches nothing is reported at the playbook's line."""
    inventory = load_text("ex1\n")

    with pytest.raises(InventoryError, match=r"^site.yml:3:5: 'ex2' matches no host and no group \(did you mean ex1"):
        inventory.select("ex2", source=Source("site.yml", 3, 5))


def test_objects_do_not_change(load_text: Loader) -> None:
    """Nobody who gets an inventory can change it for the others."""
    inventory = load_text("ex1 a=1\n")
    host: Any = inventory.hosts["ex1"]

    with pytest.raises(FrozenInstanceError):
        host.name = "other"
    with pytest.raises(TypeError):
        host.settings["a"] = None
    with pytest.raises(TypeError):
        host.variables["a"] = None


def test_empty_inventory_is_an_inventory(load_text: Loader) -> None:
    """A file without hosts is read; it selects nothing."""
    assert load_text("# nothing yet\n").select("all") == ()


def test_windows_line_ends_and_byte_order_mark(load_text: Loader) -> None:
    """A file saved by Windows' editors reads the same."""
    inventory = load_text("\ufeff[g]\r\nex1 a='b c'\r\n[g:vars]\r\nd=e\r\n", {"group_vars/g.yml": "\ufefff: g\r\n"})
    host = inventory.hosts["ex1"]

    assert [host.get(name) for name in ("a", "d", "f")] == ["b c", "e", "g"]
    assert host.source("d").line == 4


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing file, a folder and a file in another encoding are told apart."""
    (tmp_path / "latin").write_bytes(b"ex1\nex2 a=\xfc\n")
    messages = []
    for name in ("missing", "", "latin"):
        with pytest.raises(InventoryError) as caught:
            load(tmp_path / name)
        messages.append(str(caught.value).removeprefix(str(tmp_path)))

    assert messages == [
        "/missing: can't be read: No such file or directory",
        ": is a folder (give the inventory file in it)",
        "/latin:2: isn't UTF-8 text (save the inventory as UTF-8)",
    ]


def test_one_secret_under_two_names_is_not_followed(load_text: Loader) -> None:
    """Telling whether two names hold the same secret asks nobody for it."""
    load_text("ex1 winrm_password=env:NO_SUCH_VARIABLE ansible_password=env:NO_SUCH_VARIABLE\n")

    for other in ("env:NO_OTHER_VARIABLE", "clear"):
        with pytest.raises(InventoryError, match="are the same setting, with two values"):
            load_text(f"ex1 winrm_password=env:NO_SUCH_VARIABLE ansible_password={other}\n")
        with pytest.raises(InventoryError, match="are the same setting, with two values"):
            load_text(f"ex1 winrm_password=clear-1 ansible_password={other}\n")
    load_text("ex1 winrm_password=clear ansible_password=clear\n")


def test_folders_of_variables_skip_what_editors_leave(load_text: Loader) -> None:
    """In a folder of variables, subfolders are read; hidden files, backups and others are not."""
    inventory = load_text(
        "[g]\nex1\n",
        {
            "group_vars/g/a.yml": "v: a\n",
            "group_vars/g/b/deep": "v: b\n",
            "group_vars/g/.c.yml": "v: [",
            "group_vars/g/d.yml~": "v: [",
            "group_vars/g/e.txt": "v: [",
            "group_vars/g/f.d/x.yml": "v: [",
            "group_vars/all.yml": "",
            "group_vars/ungrouped.yml": "~\n",
        },
    )

    assert inventory.hosts["ex1"].get("v") == "b"
    assert inventory.hosts["ex1"].source("v") == Source("group_vars/g/b/deep", 1)


def test_yaml_that_cannot_be_used(load_text: Loader, tmp_path: Path) -> None:
    """Another encoding, several documents and YAML's own types are told with their places."""
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    (folder / "1.yml").write_bytes(b"a: \xfc\n")
    files = {
        "group_vars/all/2.yml": "a: 1\n---\nb: 1\n",
        "group_vars/all/3.yml": "a: 1\n<<: 1\n",
        "group_vars/all/4.yml": "a: !!set {x}\nb: !!binary aGVsbG8=\n",
        "group_vars/all/5.yml": "a: 1\nb: {c: 1, c: 2}\n",
        "group_vars/all/6.yml": "a: \x00\n",
        "group_vars/all/7.yml": "? [a]\n: 1\n",
    }
    with pytest.raises(InventoryError) as caught:
        load_text("ex1\n", files)

    places = [str(problem.source).rpartition("/")[2] for problem in caught.value.problems]
    assert places == [
        "1.yml",
        "2.yml:2:1",
        "3.yml:2:5",
        "4.yml:1",
        "4.yml:2",
        "5.yml:2:11",
        "6.yml",
        "7.yml:1",
    ]


def test_diamond_of_groups(load_text: Loader) -> None:
    """A group below two others is as deep as its longest way, and overrides all of them."""
    inventory = load_text(
        "[bottom]\nex1\n[left:children]\nbottom\n[right:children]\nmiddle\n[middle:children]\nbottom\n"
        "[bottom:vars]\nv=bottom\n[middle:vars]\nv=middle\n[left:vars]\nv=left\n[right:vars]\nv=right\n"
    )

    assert inventory.groups["bottom"].depth == 3
    assert inventory.hosts["ex1"].groups == ("left", "right", "middle", "bottom")
    assert inventory.hosts["ex1"].get("v") == "bottom"
    assert [lost.value for lost in inventory.hosts["ex1"].settings["v"].overridden] == [
        "middle",
        "right",
        "left",
    ]


def test_each_name_means_one_key() -> None:
    """No alias stands for two keys, and each key has a description, and choices where it needs them."""
    names = [name for key in keys.KEYS for name in (key.name, *key.aliases)]

    assert len(names) == len(set(names))
    assert all(key.description.endswith(".") for key in keys.KEYS)
    assert all(bool(key.choices) == (key.kind in {"choice", "choices"}) for key in keys.KEYS)
    assert not keys.UNUSED_BY_HARNESS.intersection(names)


LINES = st.lists(
    st.one_of(
        st.text(max_size=25),
        st.sampled_from(["[a]", "[b:children]", "[a:vars]", "[b]", "a", "b", "x=1", "h[1:3] p=q", "h1", "all"]),
    ),
    max_size=12,
)


@given(LINES)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """Whatever the file holds: an inventory, or an error of ours whose problems all name a line."""
    path = tmp_path_factory.getbasetemp() / "any.ini"
    path.write_text("\n".join(lines), encoding="utf-8", newline="", errors="replace")
    problems: tuple[Problem, ...] = ()
    try:
        members = load(path).groups["all"].members
    except InventoryError as error:
        members, problems = (), error.problems

    assert all(problem.source.line for problem in problems)
    assert len(set(members)) == len(members)


@given(st.text())
def test_any_ini_and_yaml_text_is_parsed(text: str) -> None:
    """The two parsers return problems, and raise nothing."""
    ini.parse(text, "any.ini")
    yamlvars.parse(text, "any.yml", "group_vars/any.yml")
