"""The modules about access from the network, their scripts run on simulated servers of every kind of Windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ScriptError, TaskError
from harness.exchange import versions
from harness.lab import console
from harness.lab.powershell.session import MemoryIO
from harness.lab.state import principals
from harness.lab.state.network import CHANGE, EVERYONE, LANMAN, NTLM, READ, UAC
from harness.modules.base import Difference, Target
from harness.modules.registry import MODULES
from harness.remote import batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.machine import Machine
    from harness.remote.powershell import Script

TARGET = Target("ex01", versions.DEFAULT)
WINDOWS = ["5.2.3790", "6.0.6003", "6.1.7601", "6.2.9200", "10.0.14393"]
FROM_2008 = WINDOWS[1:]
COLLECTORS = ["10.0.0.7", "10.1.0.0/24"]
LOGS = "C:\\inetpub\\logs\\LogFiles"
ACCOUNT = "CORP\\svc-jsa"
ADMINISTRATORS_CHANGE = [0, "S-1-5-32-544", CHANGE]
QUOTES = "'\u2018\u2019\u201a\u201b"


def on_windows(machine: Machine, version: str) -> None:
    """Put the server on another Windows."""
    windows = replace(machine.product.windows, version=version)
    machine.product = replace(machine.product, windows=windows)


def run(machine: Machine, *scripts: Script) -> list[batch.Result]:
    """Run scripts as one batch."""
    sent = batch.Batch()
    sent.load(batch.prelude())
    for script in scripts:
        sent.run(script)
    io = MemoryIO(sent.stdin())
    code = console.run(machine, batch.command_line(), {}, io)

    assert (b"", 0) == (io.stderr, code)
    return list(sent.reader().feed(io.stdout))[1:]


def difference(machine: Machine, module_name: str, /, **wanted: object) -> Difference:
    """Read and compare."""
    module, arguments = MODULES[module_name], MODULES[module_name].Arguments.model_validate(wanted)
    (result,) = run(machine, module.read(arguments, TARGET))
    if result.error is not None:
        raise result.error
    return module.compare(arguments, module.resources(result.value))


def apply(machine: Machine, module_name: str, /, **wanted: object) -> Difference:
    """Read, compare, write and confirm; give what was changed."""
    module, arguments = MODULES[module_name], MODULES[module_name].Arguments.model_validate(wanted)
    read = module.read(arguments, TARGET)
    (result,) = run(machine, read)
    if result.error is not None:
        raise result.error
    before = module.resources(result.value)
    found = module.compare(arguments, before)
    if found:
        for each in run(machine, module.write(arguments, found, TARGET)):
            if each.error is not None:
                raise each.error
        (after,) = run(machine, read)
        if after.error is not None:
            raise after.error

        assert not module.confirm(arguments, before, module.resources(after.value))
    return found


def ours(machine: Machine) -> dict[str, Any]:
    """Give harness's rules as the firewall holds them, by name."""
    if machine.product.windows.version.startswith("5."):
        return dict(machine.network.part("openings")["StandardProfile"])
    return {held["name"]: held for held in machine.network.part("rules") if held["name"].startswith("harness-")}


@pytest.fixture(params=WINDOWS)
def server(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """A server of each kind of Windows."""
    on_windows(machine, request.param)
    return machine


# The firewall


def test_ports_are_opened_once(server: Machine) -> None:
    """After the first run the ports of the DSM are open to the collectors alone; the second one changes nothing."""
    first = apply(server, "firewall", collectors=COLLECTORS)
    state = dict(ours(server))
    second = apply(server, "firewall", collectors=COLLECTORS)

    assert (10, 0) == (len(first.changes), len(second.changes))
    assert state == ours(server)
    if server.product.windows.version.startswith("5."):
        scope = "10.0.0.7/255.255.255.255,10.1.0.0/255.255.255.0"
        assert {f"445:TCP:{scope}:Enabled:harness-TCP-445"} == {
            line for port, line in state.items() if port == "445:TCP"
        }
        assert {"135:TCP", "137:UDP", "138:UDP", "139:TCP", "445:TCP"} == set(state)
    else:
        assert {
            ("harness-TCP-135", "TCP", "135"),
            ("harness-UDP-137", "UDP", "137"),
            ("harness-UDP-138", "UDP", "138"),
            ("harness-TCP-139", "TCP", "139"),
            ("harness-TCP-445", "TCP", "445"),
        } == {(name, held["protocol"], *held["ports"]) for name, held in state.items()}
        assert {("Inbound", "Allow", True, "Any", ("10.0.0.7", "10.1.0.0/255.255.255.0"))} == {
            (held["direction"], held["action"], held["enabled"], held["profile"], tuple(held["addresses"]))
            for held in state.values()
        }


def test_the_task_describes_all_rules(server: Machine) -> None:
    """Another profile and other collectors change and remove what an earlier run made; absent removes the rest."""
    apply(server, "firewall", collectors=COLLECTORS, winrm=True)
    apply(server, "firewall", collectors=["10.0.0.9"], profile="smb2")
    kept = {name.lower() for name in ours(server)}
    apply(server, "firewall", state="absent", winrm=True)

    old = server.product.windows.version.startswith("5.")
    assert ({"445:tcp", "5985:tcp", "5986:tcp"} if old else {f"harness-tcp-{n}" for n in (445, 5985, 5986)}) == kept
    assert {} == ours(server)


def test_everybody_has_to_be_said(server: Machine) -> None:
    """``any`` opens a port to all; nothing else does."""
    apply(server, "firewall", collectors=["any"], profile="smb2")
    (held,) = ours(server).values()

    assert (["Any"] if isinstance(held, dict) else "*") == (
        held["addresses"] if isinstance(held, dict) else held.split(":")[2]
    )
    assert not difference(server, "firewall", collectors=["any"], profile="smb2")


@pytest.mark.parametrize("windows", FROM_2008)
def test_a_rule_that_was_tampered_with_is_put_right(machine: Machine, windows: str) -> None:
    """Whatever somebody changed of a rule is seen and put back."""
    on_windows(machine, windows)
    apply(machine, "firewall", collectors=COLLECTORS, profile="smb2")
    right = {name: dict(held) for name, held in ours(machine).items()}
    wrong = {"enabled": False, "direction": "Outbound", "action": "Block", "profile": "Domain", "addresses": ["Any"]}
    machine.network.change_rules([right["harness-TCP-445"]["id"]], {**wrong, "ports": ["1", "2"], "protocol": "UDP"})
    changed = {change.setting for change in apply(machine, "firewall", collectors=COLLECTORS, profile="smb2").changes}

    assert {"enabled", "direction", "action", "profile", "protocol", "ports", "addresses"} == changed
    assert right == ours(machine)


@pytest.mark.parametrize("windows", FROM_2008)
@pytest.mark.parametrize("quote", QUOTES)
def test_rules_of_others_are_left_alone(machine: Machine, windows: str, quote: str) -> None:
    """A rule of another name is neither taken for ours nor changed, much as its name looks like ours or like code."""
    on_windows(machine, windows)
    names = (
        f"x{quote}; Remove-Item C:\\ -Recurse; {quote}",
        "harness-TCP-4451",
        "my harness-TCP-445",
        "harness-TCP-445 Name=x",
    )
    for name in names:
        machine.network.add_rule(name, "TCP", "445", ["Any"])
    before = [dict(held) for held in machine.network.part("rules")]
    apply(machine, "firewall", collectors=COLLECTORS)
    apply(machine, "firewall", state="absent")

    assert before == machine.network.part("rules")


def test_a_port_of_a_strangers_is_not_taken_over(machine: Machine) -> None:
    """Windows Server 2003 keeps one entry for a port: one that isn't ours stays, and the task says why it fails."""
    on_windows(machine, "5.2.3790")
    line = "139:TCP:LocalSubNet:Enabled:@xpsp2res.dll,-22004"
    machine.network.open_port("TCP", "139", line)
    with pytest.raises(TaskError, match="port 139 is already open"):
        apply(machine, "firewall", collectors=COLLECTORS)
    apply(machine, "firewall", collectors=COLLECTORS, profile="smb2")
    apply(machine, "firewall", state="absent")

    assert {"139:TCP": line} == ours(machine)


def test_a_write_that_does_nothing_is_noticed(server: Machine) -> None:
    """A firewall that says Ok and changes nothing doesn't count as changed."""
    server.faults.ignored |= {"netsh", "New-NetFirewallRule"}
    with pytest.raises(AssertionError):
        apply(server, "firewall", collectors=COLLECTORS)


@pytest.mark.parametrize(
    "wrong", ["10.0.0.0/0", "::/0", "jsa.example", "10.0.0.7/24", "10.0.0.7 ", "", "10.0.0.7\nany"]
)
def test_collectors_are_addresses(wrong: str) -> None:
    """Neither names nor everybody in disguise nor anything that could be more than an address."""
    with pytest.raises(ValueError, match="address"):
        MODULES["firewall"].Arguments.model_validate({"collectors": [wrong]})


def test_collectors_have_to_be_named() -> None:
    """Leaving them out never means everybody."""
    for wrong in ({}, {"collectors": []}, {"collectors": ["any", "10.0.0.7"]}):
        with pytest.raises(ValueError, match=r"collectors|any stands alone"):
            MODULES["firewall"].Arguments.model_validate(wrong)


# Shares


def test_a_folder_is_shared_once(server: Machine) -> None:
    """The account may read, through the share and in the folder, and nobody else gets anything."""
    sid = principals.sid(server, ACCOUNT)
    others = [dict(held) for held in server.network.part("shares")]
    rights = list(server.network.folder(LOGS) or [])
    first = apply(server, "log_share", name="logs", path=LOGS, account=ACCOUNT)
    second = apply(server, "log_share", name="LOGS", path=LOGS.lower(), account=ACCOUNT)

    assert (3, 0) == (len(first.changes), len(second.changes))
    assert [*others, {"name": "logs", "path": LOGS, "type": 0, "entries": [[0, sid, READ]]}] == server.network.part(
        "shares"
    )
    assert [*rights, [0, sid, READ, 3, 0]] == server.network.folder(LOGS)


@pytest.mark.parametrize("server", ["6.1.7601", "10.0.14393"], indirect=True)
@pytest.mark.parametrize("quote", QUOTES)
def test_hostile_names_are_only_names(server: Machine, quote: str) -> None:
    """A share and a folder whose names look like code are shared under exactly these names."""
    name, path = f"x{quote} $(throw) `& $env", f"C:\\Logs {quote}; exit; {quote}\\%PATH% & $x"
    server.network.add_folder(path)
    apply(server, "log_share", name=name, path=path + "\\", account=ACCOUNT)

    share = server.network.share(name)
    assert share is not None
    assert (name, path) == (share["name"], share["path"])
    assert not difference(server, "log_share", name=name, path=path, account=ACCOUNT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 'x"y'},
        {"name": "x/y"},
        {"name": "a,b"},
        {"name": "C$"},
        {"name": "admin$"},
        {"name": " x"},
        {"name": "x\ny"},
        {"name": "x" * 81},
        {"path": "\\\\other\\share"},
        {"path": "logs"},
        {"path": "C:logs"},
        {"path": "C:\\"},
        {"path": 'C:\\x" /GRANT:Everyone,FULL "'},
        {"path": "C:\\a\\..\\b"},
        {"path": "C:\\a "},
        {"path": "C:\\[ab]"},
        {"path": "C:\\*"},
        {"account": 'x" /GRANT:Everyone,FULL'},
        {"account": "x,FULL"},
        {"account": "a\\b\\c"},
        {"account": "x:y"},
        {"account": ""},
    ],
    ids=str,
)
def test_what_could_be_more_than_a_name_is_refused(wrong: dict[str, str]) -> None:
    """Before anything is sent, since native programs read some characters as their own syntax."""
    right = {"name": "logs", "path": LOGS, "account": ACCOUNT}
    MODULES["log_share"].Arguments.model_validate(right)
    with pytest.raises(ValueError, match="validation error"):
        MODULES["log_share"].Arguments.model_validate(right | wrong)


def test_a_share_of_another_folder_stays(server: Machine) -> None:
    """A share that exists is never pointed elsewhere."""
    server.network.add_share("logs", "D:\\finance", [[0, EVERYONE, READ]])
    before = [dict(held) for held in server.network.part("shares")]
    with pytest.raises(TaskError, match="there is a share 'logs' already, of D:"):
        apply(server, "log_share", name="logs", path=LOGS, account=ACCOUNT)

    assert before == server.network.part("shares")


@pytest.mark.parametrize("windows", WINDOWS[3:])
def test_an_existing_share_is_opened_to_the_account(machine: Machine, windows: str) -> None:
    """From Windows Server 2012 on the account is added beside the others."""
    on_windows(machine, windows)
    machine.network.add_share("logs", LOGS, [ADMINISTRATORS_CHANGE])
    apply(machine, "log_share", name="logs", path=LOGS, account=ACCOUNT)

    share = machine.network.share("logs")
    assert share is not None
    assert [ADMINISTRATORS_CHANGE, [0, principals.sid(machine, ACCOUNT), READ]] == share["entries"]


@pytest.mark.parametrize("windows", WINDOWS[:3])
def test_before_2012_an_existing_share_stays_as_it_is(machine: Machine, windows: str) -> None:
    """No program there adds to a share's permissions, so the task says what to do by hand."""
    on_windows(machine, windows)
    machine.network.add_share("logs", LOGS, [ADMINISTRATORS_CHANGE])
    with pytest.raises(TaskError) as caught:
        apply(machine, "log_share", name="logs", path=LOGS, account=ACCOUNT)

    share = machine.network.share("logs")
    assert share is not None
    assert [ADMINISTRATORS_CHANGE] == share["entries"]
    assert "add it by hand" in caught.value.hint


def test_what_is_missing_is_said(server: Machine) -> None:
    """An account, a folder or a drive that isn't there fails with its name, and nothing is changed."""
    for words, wrong in (
        ("doesn't know the account", {"account": "CORP\\nobody"}),
        ("has no folder", {"path": "C:\\nowhere"}),
        ("isn't on a local drive", {"path": "Z:\\logs"}),
    ):
        with pytest.raises(TaskError, match=words):
            apply(server, "log_share", **({"name": "logs", "path": LOGS, "account": ACCOUNT} | wrong))
    assert server.network.share("logs") is None


def test_a_programs_own_failure_is_told(machine: Machine) -> None:
    """What a native program wrote comes back as the task's error, with its exit code."""
    on_windows(machine, "6.1.7601")
    module = MODULES["log_share"]
    arguments = module.Arguments.model_validate({"name": "logs", "path": LOGS, "account": ACCOUNT})
    (read,) = run(machine, module.read(arguments, TARGET))
    write = module.write(arguments, module.compare(arguments, module.resources(read.value)), TARGET)
    machine.network.add_share("logs", LOGS, None)
    (result,) = run(machine, write)

    assert isinstance(result.error, ScriptError)
    assert "net share ended with exit code 2: The name has already been shared." in result.error.message


# The collector's sign-in


def test_a_stock_server_lets_the_collector_in(server: Machine) -> None:
    """Nothing stops it, except on Windows Server 2003, which has nothing that the console speaks."""
    if server.product.windows.version.startswith("5."):
        with pytest.raises(TaskError, match="SMB 1 only"):
            difference(server, "collector_access")
    else:
        assert not difference(server, "collector_access")


@pytest.mark.parametrize("server", FROM_2008, indirect=True)
@pytest.mark.parametrize(
    ("value", "wrong", "right", "fix"),
    [
        ((UAC, "LocalAccountTokenFilterPolicy"), 0, 1, "local_account_filter"),
        ((LANMAN, "AutoShareServer"), 0, 1, "admin_share"),
        ((LANMAN, "SMB2"), 0, 1, "smb2"),
        ((NTLM, "NtlmMinServerSec"), 0x20080000, 0x20000000, "ntlm_session_security"),
        ((NTLM, "RestrictReceivingNTLMTraffic"), 2, 0, "ntlm_incoming"),
    ],
)
def test_a_blocker_fails_until_its_remedy_is_named(
    server: Machine, value: tuple[str, str], wrong: int, right: int, fix: str
) -> None:
    """The check changes nothing; with the remedy's name exactly that one value is set."""
    key, name = value
    server.network.set_value(UAC, "LocalAccountTokenFilterPolicy", 1)
    server.network.set_value(key, name, wrong)
    before = {each: dict(values) for each, values in server.network.part("registry").items()}
    with pytest.raises(TaskError) as caught:
        apply(server, "collector_access", account="local")

    assert f"or name {fix} in fix" in caught.value.hint
    assert before == server.network.part("registry")
    assert 1 == len(apply(server, "collector_access", account="local", fix=[fix]).changes)
    before[key][name] = right
    assert before == server.network.part("registry")
    assert not difference(server, "collector_access", account="local")


def test_a_missing_drive_share_is_seen(machine: Machine) -> None:
    """C$ that isn't there is a blocker for paths below it, and none for a share of its own."""
    machine.network.remove_share("C$")
    with pytest.raises(TaskError, match=r"there is no C\$"):
        difference(machine, "collector_access")

    assert not difference(machine, "collector_access", through="log_share")


# The lab itself


def script(text: str) -> Script:
    """Make a script of a test's own."""
    from harness.remote.powershell import Script  # noqa: PLC0415
    from harness.source import Source  # noqa: PLC0415

    return Script(text, Source("test", 1))


@pytest.mark.parametrize(
    "text",
    [
        "netsh advfirewall set allprofiles state off",
        "netsh advfirewall firewall add rule name=x dir=in action=allow program=C:\\x.exe",
        "netsh advfirewall firewall delete rule name=x dir=in",
        "net user x y /add",
        "net share x=C:\\inetpub",
        "icacls C:\\inetpub\\logs\\LogFiles /reset",
        "icacls C:\\inetpub\\logs\\LogFiles /grant Everyone:F",
        "New-SmbShare -Name x -Path C:\\x -FullAccess Everyone",
        "New-NetFirewallRule -DisplayName x -Program C:\\x.exe",
        "Get-NetFirewallRule -Name 'x*'",
        "Set-ItemProperty HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa -Name x -Value y",
        "[System.IO.Directory]::GetFiles('C:\\')",
    ],
)
def test_other_forms_are_not_simulated(machine: Machine, text: str) -> None:
    """The lab never guesses."""
    (result,) = run(machine, script(text))

    assert result.error is not None
    assert "not simulated" in str(result.error)


@pytest.mark.parametrize("cmdlet", ["Get-NetFirewallRule", "New-SmbShare", "Get-SmbServerConfiguration"])
def test_cmdlets_of_2012_are_not_there_before(machine: Machine, cmdlet: str) -> None:
    """A script that calls them on an older Windows fails as it does there."""
    on_windows(machine, "6.1.7601")
    (result,) = run(machine, script(f"{cmdlet} -Name x"))

    assert result.error is not None
    assert "CommandNotFoundException" in result.error.identifier


def test_state_survives_a_restart(start: Callable[..., tuple[Machine, ...]]) -> None:
    """Rules, shares and registry values are found again."""
    (machine,) = start("EX01")
    apply(machine, "firewall", collectors=COLLECTORS)
    apply(machine, "log_share", name="logs", path=LOGS, account=ACCOUNT)
    (again,) = start("EX01")

    assert not difference(again, "firewall", collectors=COLLECTORS)
    assert not difference(again, "log_share", name="logs", path=LOGS, account=ACCOUNT)
