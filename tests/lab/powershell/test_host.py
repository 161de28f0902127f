"""``powershell.exe`` of a simulated host: options, streams, exit codes, ending."""

from __future__ import annotations

import base64
import threading
import time

import pytest

from harness.lab.powershell.cmdlet import Call, NativeCall, Parameter, Registry
from harness.lab.powershell.host import BAD_COMMAND_LINE, TERMINATED, run, split_command_line
from harness.lab.powershell.session import MemoryIO, Session

_LAB = Registry()
_MODULE = _LAB.source("WebAdministration", available=lambda machine: machine != "bare")
_SNAPIN = _LAB.source("Lab.SnapIn", kind="snapin", available=lambda machine: machine != "bare")


@_LAB.cmdlet(
    "Get-Widget",
    Parameter("Identity", "string", position=0, sets=("Identity",), pipeline=True),
    Parameter("Server", "string", sets=("Server",)),
    Parameter("Level", "string", choices=("None", "Verbose")),
    Parameter("Size", "int"),
    default_set="Identity",
    source=_SNAPIN,
)
def _get_widget(call: Call) -> list[str]:
    if call.get("Identity") == "missing":
        call.write_error(
            call.record("no such widget", error_id="NotFound", category="ObjectNotFound", target="missing")
        )
        return []
    return [f"{call.get('Identity') or ''}|{call.get('Server') or ''}|{call.parameter_set}"]


@_LAB.cmdlet(
    "Set-Widget", Parameter("Identity", "string", mandatory=True, position=0), should_process=True, source=_SNAPIN
)
def _set_widget(call: Call) -> list[str]:
    return ["set"] if call.should_process(call.get("Identity")) else []


@_LAB.cmdlet("Get-Website", Parameter("Name", "string", position=0), source=_MODULE)
def _get_website(call: Call) -> list[str]:
    return [f"site {call.get('Name')}"]


@_LAB.native("hostname")
def _hostname(call: NativeCall) -> int:
    if call.arguments:
        call.write_err("sethostname: use the Network Control Panel")
        return 1
    call.write_out("EX01")
    return 0


def _encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


def _run(
    arguments: list[str] | str, stdin: bytes = b"", *, version: str = "5.1", machine: str = "lab"
) -> tuple[int, str, str]:
    io = MemoryIO(stdin)
    session = Session([_LAB], io=io, version=version, machine=machine, known_absent={"get-queue"})
    code = run(arguments, io, session)
    return code, io.stdout.decode(), io.stderr.decode()


def _command(script: str, stdin: bytes = b"", **options: str) -> tuple[int, str, str]:
    arguments = ["-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand", _encoded(script)]
    return _run(arguments, stdin, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-NoProfile", "-NonInteractive", "-NoLogo", "-Command", "'hi'"],
        ["-nop", "-noni", "-nol", "-c", "'hi'"],
        ["-NOP", "-ep", "Bypass", "-COMMAND", "'hi'"],
        ["-ex", "RemoteSigned", "-InputFormat", "Text", "'hi'"],
        ["/nop", "/enc", _encoded("'hi'")],
        ["-e", _encoded("'hi'")],
        ["-ec", _encoded("'hi'")],
        "-NoProfile -Command \"'hi'\"",
    ],
)
def test_options_may_be_abbreviated(arguments: list[str] | str) -> None:
    """Every documented form of the command line runs the script."""
    assert (0, "hi\r\n", "") == _run(arguments)


@pytest.mark.parametrize("arguments", [["-Nonsense", "x"], ["-enc", "%%%"], ["-File", "x.ps1"], [], ["-Command", "-"]])
def test_a_command_line_that_cannot_be_read_is_refused(arguments: list[str]) -> None:
    """Nothing is run; the reason stands on standard error."""
    code, out, error = _run(arguments)

    assert (BAD_COMMAND_LINE, "") == (code, out)
    assert error


def test_a_command_line_is_split_as_windows_does() -> None:
    """Quotes and backslashes follow the rules of the C runtime."""
    assert ["a b", "c\\", 'd"e', "\\\\f", ""] == split_command_line('"a b" c\\ d\\"e \\\\f ""')


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("1", 0),
        ("exit 7", 7),
        ("throw 'x'", 1),
        ("Write-Error x", 1),
        ("Write-Error x; 1", 0),
        ("$ErrorActionPreference = 'Stop'; Write-Error x; 1", 1),
        ("1/0", 1),
        ("if (", 1),
        ("hostname x", 1),
        ("try { throw 1 } catch { exit 5 }", 5),
        ("[Environment]::Exit(9)", 9),
        ("& { exit 4 }; 1", 4),
    ],
)
def test_exit_codes(script: str, code: int) -> None:
    """The exit code says what became of the last statement, or is what ``exit`` says."""
    assert code == _command(script)[0]


def test_input_is_the_lines_of_standard_input() -> None:
    """``$input`` gives standard input line by line, without line ends."""
    assert (0, "<a>\r\n<b>\r\n<c>\r\n", "") == _command('$input | ForEach-Object { "<$_>" }', b"a\r\nb\nc")
    assert (0, "3\r\n", "") == _command("@($input).Count", b"a\r\nb\nc")
    assert (0, "a\r\nbc\r\n", "") == _command(
        "[void]$input.MoveNext(); $input.Current; foreach ($l in $input) { $s += $l }; $s", b"a\r\nb\nc"
    )


def test_the_console_reads_standard_input() -> None:
    """``[Console]::In`` reads lines and the rest."""
    assert (0, "a|b\nc\r\n", "") == _command(
        '$l = [Console]::In.ReadLine(); "$l|$([Console]::In.ReadToEnd())"', b"a\r\nb\nc"
    )


def test_input_streams() -> None:
    """A line is worked on before the next one has come."""

    class Slow(MemoryIO):
        seen: list[bytes]

        def read_line(self) -> bytes | None:
            self.seen.append(self.stdout)
            return super().read_line()

    io = Slow(b"1\n2\n")
    io.seen = []
    run(["-c", "$input | ForEach-Object { $_ }"], io, Session(io=io))

    assert [b"", b"1\r\n", b"1\r\n2\r\n"] == io.seen


def test_errors_are_clixml_when_a_command_is_encoded() -> None:
    """Unless text is asked for, errors of an encoded command are CLIXML, as pywinrm and others expect."""
    code, out, error = _run(["-EncodedCommand", _encoded("'a'; Write-Error 'b<c'; Write-Progress -Activity p")])

    assert (0, "a\r\n") == (code, out)
    assert error.startswith("#< CLIXML\r\n<Objs Version=")
    assert '<S S="Error">Write-Error : b&lt;c_x000D__x000A_</S>' in error
    assert 'S="progress"' in error


def test_errors_are_text_otherwise() -> None:
    """An error shows its message, place, category and identifier."""
    error = _command("1\n  Write-Error 'bad'\n1")[2]

    assert "Write-Error : bad\r\nAt line:2 char:3\r\n+ Write-Error 'bad'\r\n+ ~~~~~~~~~~~~~~~~~\r\n" in error
    assert "+ CategoryInfo          : NotSpecified: (:) [Write-Error], WriteErrorException\r\n" in error


def test_a_command_appears_with_its_snap_in() -> None:
    """Before ``Add-PSSnapin`` the name isn't recognized; afterwards it works."""
    code, out, error = _command("Get-Widget; Add-PSSnapin lab.snapin; Get-Widget a; (Get-Command Get-Widget).Name")

    assert (0, "a||Identity\r\nGet-Widget\r\n") == (code, out)
    assert "The term 'Get-Widget' is not recognized as the name of a cmdlet" in error


def test_a_snap_in_that_is_not_installed() -> None:
    """A machine without it gives PowerShell's own error."""
    assert (
        "snap-in 'Lab.SnapIn' is not installed on this computer"
        in _command("Add-PSSnapin Lab.SnapIn", machine="bare")[2]
    )


def test_a_module_is_loaded_on_first_use_from_version_3() -> None:
    """PowerShell 2.0 wants ``Import-Module``."""
    assert (0, "site a\r\n", "") == _command("Get-Website a")
    assert "not recognized" in _command("Get-Website a", version="2.0")[2]
    assert (0, "site a\r\n", "") == _command("Import-Module WebAdministration; Get-Website a", version="2.0")


def test_unknown_names_are_not_guessed() -> None:
    """What nobody declared is "not simulated"; what is known to be absent isn't recognized."""
    unknown = _command("try { Get-Foo } catch [System.Management.Automation.CommandNotFoundException] { 'no' }")
    absent = _command("try { Get-Queue } catch [System.Management.Automation.CommandNotFoundException] { 'absent' }")

    assert "not simulated: the command Get-Foo (line 1, column" in unknown[2]
    assert (0, "absent\r\n", "") == absent


@pytest.mark.parametrize(
    "script",
    [
        "[Foo.Bar]::Baz()",
        "Get-Date -Format FileDateTime",
        "(Get-Host).UI",
        "'x' -match '\\p{L}'",
        "New-Object -ComObject x",
    ],
)
def test_what_is_not_simulated_is_never_swallowed(script: str) -> None:
    """Not even an ``ErrorAction`` hides it, and the session keeps a list for whoever runs the lab."""
    io = MemoryIO()
    session = Session([_LAB], io=io)
    code = run(["-c", "$ErrorActionPreference = 'SilentlyContinue'; " + script], io, session)

    assert b"not simulated: " in io.stderr
    assert b"(line 1, column " in io.stderr
    assert 1 == len(session.not_simulated)
    assert 1 == code


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("Get-Widget -Nope 1", "A parameter cannot be found that matches parameter name 'Nope'."),
        ("Get-Widget -S x", "Parameter cannot be processed because the parameter name 'S' is ambiguous."),
        ("Get-Widget a b", "A positional parameter cannot be found that accepts argument 'b'."),
        ("Get-Widget -Identity a -Server b", "Parameter set cannot be resolved using the specified named parameters."),
        ("Get-Widget -Size abc", 'Cannot bind parameter \'Size\'. Cannot convert value "abc" to type "System.Int32".'),
        ("Get-Widget -Identity a,b", "Cannot convert 'System.Object[]' to the type"),
        ("Get-Widget -Level Loud", 'The argument "Loud" does not belong to the set "None,Verbose"'),
        ("Get-Widget -Identity", "Missing an argument for parameter 'Identity'."),
        ("Get-Widget -Size 1 -Size 2", "parameter 'Size' is specified more than once"),
        ("Set-Widget", "Cannot process command because of one or more missing mandatory parameters: Identity."),
        ("Set-Widget ''", "Cannot bind argument to parameter 'Identity' because it is an empty string."),
        ("Set-Widget $null", "Cannot bind argument to parameter 'Identity' because it is null."),
        ("Get-Widget -WhatIf", "A parameter cannot be found that matches parameter name 'WhatIf'."),
        ("Set-Widget a -Confirm", "Read and Prompt functionality is not available."),
    ],
)
def test_binding_fails_as_in_powershell(script: str, error: str) -> None:
    """A wrong call of a cmdlet fails with PowerShell's own words."""
    code, out, stderr = _command(f"Add-PSSnapin Lab.SnapIn; {script}")

    assert (1, "") == (code, out)
    assert error in stderr


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("Get-Widget -Id a", "a||Identity"),
        ("Get-Widget -Server:x", "|x|Server"),
        ("'a','b' | Get-Widget", "a||Identity\r\nb||Identity"),
        ("Get-Widget -Level verbose", "||Identity"),
        ("Set-Widget a -Confirm:$false", "set"),
        ("Set-Widget a -WhatIf", 'What if: Performing the operation "Set-Widget" on target "a".'),
        ("$WhatIfPreference = $true; Set-Widget a", 'What if: Performing the operation "Set-Widget" on target "a".'),
    ],
)
def test_binding_works_as_in_powershell(script: str, out: str) -> None:
    """Abbreviations, positions, the pipeline and the common parameters work."""
    assert (0, out.strip("\n"), "") == tuple(
        part.strip() if isinstance(part, str) else part for part in _command(f"Add-PSSnapin Lab.SnapIn; {script}")
    )


def test_a_cmdlets_error_names_its_class() -> None:
    """``FullyQualifiedErrorId`` has the usual two parts, and ``ErrorAction`` is obeyed."""
    script = (
        "Add-PSSnapin Lab.SnapIn; Get-Widget missing -ea SilentlyContinue -ev e; $e[0].FullyQualifiedErrorId\n"
        "try { Get-Widget missing -ea Stop } catch "
        '{ "$($_.CategoryInfo.Category) $($_.InvocationInfo.MyCommand.Name)" }'
    )

    assert (0, "NotFound,GetWidgetCommand\r\nObjectNotFound Get-Widget\r\n", "") == _command(script)


def test_native_programs() -> None:
    """A program's output is text, its exit code is in ``$LASTEXITCODE``, its errors can be redirected."""
    assert (0, "EX01\r\n0\r\n", "") == _command("$h = hostname; $h; $LASTEXITCODE")
    assert (0, "1\r\nFalse\r\n", "") == _command("hostname.exe x 2>$null; $ok = $?; $LASTEXITCODE; $ok")
    assert (0, "ErrorRecord\r\n", "") == _command("(hostname x 2>&1).GetType().Name; [void]1")


@pytest.mark.parametrize(
    "script",
    [
        "while ($true) { }",
        "Start-Sleep 60",
        "1..1000000 | ForEach-Object { }",
        "$x = [Console]::In.ReadLine(); 'never'",
        "try { while ($true) {} } catch { } finally { }",
        "function f { f }; while (1) { try { f } catch { } }",
    ],
)
def test_terminating_ends_any_script(script: str) -> None:
    """The terminate signal ends loops, sleeping and waiting for input, whatever the script catches."""

    class Waiting(MemoryIO):
        def read_line(self) -> bytes | None:
            self.terminated.wait(30)
            return None

    io = Waiting()
    timer = threading.Timer(0.3, io.terminated.set)
    timer.start()
    began = time.monotonic()
    code = run(["-c", script], io, Session(io=io))

    assert TERMINATED == code
    assert time.monotonic() - began < 10
    assert b"" == io.stdout


def test_endless_recursion_is_powershells_error() -> None:
    """A function that calls itself without end gives PowerShell's call depth error, and the script goes on."""
    assert (0, "CallDepthOverflow\r\nnext\r\n", "") == _command(
        "function f { f }; try { f } catch { $_.FullyQualifiedErrorId }; 'next'"
    )


def test_the_console_encoding_can_be_set() -> None:
    """Output follows ``[Console]::OutputEncoding``."""
    io = MemoryIO()
    run(
        ["-c", "'\u00e9'; [Console]::OutputEncoding = [Text.Encoding]::UTF8; '\u00e9'"],
        io,
        Session(io=io, encoding="cp437"),
    )

    assert b"\x82\r\n\xc3\xa9\r\n" == io.stdout


def test_processes_do_not_share_anything() -> None:
    """Many processes run side by side in threads, each with its own variables."""
    results: list[tuple[int, str, str]] = []
    script = "$s = 0; foreach ($i in 1..200) { $s += $i * %d }; function f { $s }; f"

    def one(number: int) -> None:
        results.append(_command(script % number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted((0, f"{20100 * n}\r\n", "") for n in range(16)) == sorted(results)
