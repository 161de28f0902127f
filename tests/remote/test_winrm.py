"""The WinRM connection against a real WS-Management service on loopback."""

from __future__ import annotations

import hashlib
import ssl
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import (
    AuthenticationError,
    CertificateError,
    ConnectionLostError,
    DeadlineError,
    HarnessError,
    ProtocolFaultError,
    StoppedError,
    UnreachableError,
)
from harness.lab.winrm import Mishap
from harness.redaction import Secret
from harness.remote.winrm import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Lab

    from harness.remote.connection import Endpoint
    from harness.remote.winrm import WinRMConnection

    Connect = Callable[[Endpoint], WinRMConnection]


def everything_said(error: BaseException) -> str:
    """Give all text that an error may ever show."""
    hint = error.hint if isinstance(error, HarnessError) else ""
    return "".join(traceback.format_exception(error)) + hint + repr(error.__dict__)


class TestExecute:
    """What a command gets and gives."""

    def test_output_and_exit_code(self, lab: Lab, connect: Connect) -> None:
        """Standard input reaches the command, non-ASCII included, and its output comes back."""
        output, finished = lab.run(connect(lab.endpoint()), "cat", "Grüße, 交换\r\n".encode())

        assert "Grüße, 交换\r\n" == output.decode()
        assert 0 == finished.exit_code

    def test_failure_gives_exit_code_and_stderr(self, lab: Lab, connect: Connect) -> None:
        """A command's failure is a result, not an exception."""
        _, finished = lab.run(connect(lab.endpoint()), "fail")

        assert (7, "it went wröng") == (finished.exit_code, finished.stderr)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_megabyte_each_way(self, lab: Lab, connect: Connect, scheme: str) -> None:
        """Input is cut into messages that the host takes, output comes whole, multi-byte characters cut anywhere."""
        text = ("0123456789ä€𝄞" * 64 * 1024).encode()[: 1024 * 1024 + 7]
        pieces: list[bytes] = []
        endpoint = lab.endpoint(scheme, validate_certificate=False)
        connect(endpoint).execute("cat", text, pieces.append, lab.clock(endpoint))

        assert text == b"".join(pieces)
        assert len(pieces) > 1
        assert -(-len(text) // CHUNK) == lab.actions.count("Send")

    def test_command_lines_that_cmd_refuses(self, lab: Lab, connect: Connect) -> None:
        """A command line beyond cmd.exe's limit is our own mistake, and nothing is sent."""
        with pytest.raises(ValueError, match="8192"):
            lab.run(connect(lab.endpoint()), "x" * 8192)

        assert 0 == lab.server.requests


class TestRequests:
    """How often the host is bothered."""

    def test_one_batch(self, lab: Lab, connect: Connect) -> None:
        """NTLM signs in with three requests; then one message for each step, and one to end."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat", b"x")
        connection.close()

        assert ["Create", "Command", "Send", "Receive", "Delete"] == lab.actions
        assert 3 + 5 == lab.server.requests

    def test_second_batch_uses_the_same_shell(self, lab: Lab, connect: Connect) -> None:
        """The first command is acknowledged only when a second one follows, as the protocol demands."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat", b"x")
        lab.run(connection, "cat", b"y")
        connection.close()

        batch = ["Command", "Send", "Receive"]

        assert ["Create", *batch, "Signal", *batch, "Delete"] == lab.actions

    def test_close_ends_the_shell(self, lab: Lab, connect: Connect) -> None:
        """Nothing stays on the host, and closing twice is fine."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat")

        assert 1 == len(lab.server.shells)

        connection.close()
        connection.close()

        assert 0 == len(lab.server.shells)

    def test_close_before_use_sends_nothing(self, lab: Lab, connect: Connect) -> None:
        """A connection that was never used never connects."""
        connect(lab.endpoint()).close()

        assert 0 == lab.server.requests

    def test_close_never_raises(self, lab: Lab, connect: Connect) -> None:
        """Not even when the host is gone."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat")
        lab.befall(Mishap(refuse_connections=True))
        connection.close()


class TestSignIn:
    """Who is let in, and how."""

    @pytest.mark.parametrize("password", ["wrong-Canary-value", ""])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_wrong_password(self, lab: Lab, connect: Connect, scheme: str, password: str) -> None:
        """The error names user and place, and never the password."""
        endpoint = lab.endpoint(scheme, password=Secret(password), validate_certificate=False)
        with pytest.raises(AuthenticationError) as caught:
            lab.run(connect(endpoint), "cat")

        assert r"CORP\admin" in caught.value.message
        assert (f"{endpoint.url} (ntlm)",) == caught.value.tried
        assert "winrm_user" in caught.value.hint
        assert not password or password not in everything_said(caught.value)

    def test_failed_sign_in_never_falls_back_to_clear_text(self, lab: Lab, connect: Connect) -> None:
        """After a refused sign-in a second try signs in again; pywinrm alone would go on without encryption."""
        lab.befall(Mishap(reject_passwords=True))
        connection = connect(lab.endpoint())
        with pytest.raises(AuthenticationError):
            lab.run(connection, "cat", b"x")
        lab.befall(Mishap())
        output, _ = lab.run(connection, "cat", b"x")

        assert b"x" == output
        assert {200, 401} == {each.status for each in lab.server.exchanges}

    def test_basic_over_https(self, lab_open: Lab, connect: Connect) -> None:
        """Basic works over TLS, with a password outside Latin-1 as well."""
        endpoint = lab_open.endpoint("https", transport="basic", validate_certificate=False, user="admin")
        output, _ = lab_open.run(connect(endpoint), "cat", b"x")

        assert b"x" == output

    def test_basic_where_only_ntlm_is_offered(self, lab: Lab, connect: Connect) -> None:
        """The error says what the host does offer."""
        endpoint = lab.endpoint("https", transport="basic", validate_certificate=False)
        with pytest.raises(AuthenticationError, match=r"doesn't take basic; it offers Negotiate, NTLM|NTLM, Negotiate"):
            lab.run(connect(endpoint), "cat")

    @pytest.mark.parametrize(
        "changes",
        [
            {"transport": "basic"},
            {"transport": "basic", "allow_unencrypted": True, "address": "192.0.2.1"},
            {"message_encryption": "never"},
            {"transport": "certificate"},
        ],
    )
    def test_nothing_travels_in_clear(self, lab_open: Lab, connect: Connect, changes: dict[str, object]) -> None:
        """Plain HTTP without encryption is refused before anything is sent, but to loopback where allowed."""
        with pytest.raises(UnreachableError, match="in clear") as caught:
            lab_open.run(connect(lab_open.endpoint(**changes)), "cat")

        assert "winrm_scheme=https" in caught.value.hint
        assert 0 == lab_open.server.requests

    def test_basic_in_clear_to_loopback(self, lab_open: Lab, connect: Connect) -> None:
        """Where the user asks for it and the address is this machine's, it's done."""
        endpoint = lab_open.endpoint(transport="basic", allow_unencrypted=True, user="admin")
        output, _ = lab_open.run(connect(endpoint), "cat", b"x")

        assert b"x" == output

    def test_host_that_refuses_clear_text(self, lab: Lab, connect: Connect) -> None:
        """A host answers messages in clear with HTTP 500 and no word; we say what that means."""
        endpoint = lab.endpoint(message_encryption="never", allow_unencrypted=True)
        with pytest.raises(ProtocolFaultError) as caught:
            lab.run(connect(endpoint), "cat")

        assert 500 == caught.value.code
        assert "winrm_message_encryption=auto" in caught.value.hint

    @pytest.mark.parametrize("transport", ["kerberos", "credssp"])
    def test_missing_extra(self, lab: Lab, connect: Connect, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A transport whose package isn't there names the extra to install."""
        monkeypatch.setattr(f"winrm.transport.HAVE_{transport.upper()}", False)
        with pytest.raises(UnreachableError) as caught:
            lab.run(connect(lab.endpoint(transport=transport)), "cat")

        assert f"pip install 'exchange-log-harness[{transport}]'" in caught.value.hint

    def test_environment_is_ignored(self, lab: Lab, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither proxies nor certificate bundles nor .netrc of the environment change whom we talk to."""
        for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
        for scheme in ("http", "https"):
            ca_trust_path = str(lab.server.certificate)
            output, _ = lab.run(connect(lab.endpoint(scheme, ca_trust_path=ca_trust_path)), "cat", b"x")

            assert b"x" == output

    def test_password_is_nowhere(self, lab: Lab, connect: Connect) -> None:
        """Whatever goes wrong, no error shows the password, nor does the endpoint."""
        endpoint = lab.endpoint(read_seconds=1, connect_seconds=1)
        said = [repr(endpoint)]
        for mishap in (
            Mishap(reject_passwords=True),
            Mishap(answer_status=503),
            Mishap(hang=True),
            Mishap(drop_after_requests=2),
            Mishap(refuse_connections=True),
        ):
            lab.befall(mishap)
            with pytest.raises(HarnessError) as caught:
                lab.run(connect(endpoint), "cat")
            said.append(everything_said(caught.value))

        assert lab.password not in "".join(said)
        assert 6 == len(said)


class TestCertificates:
    """HTTPS hosts are who they say they are."""

    def test_untrusted(self, lab: Lab, connect: Connect) -> None:
        """The error carries the fingerprint of what the host showed, and the cure."""
        pem = Path(str(lab.server.certificate)).read_text("ascii")
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        expected = ":".join(digest[start : start + 2] for start in range(0, 64, 2))
        with pytest.raises(CertificateError) as caught:
            lab.run(connect(lab.endpoint("https")), "cat")

        assert expected == caught.value.fingerprint
        assert expected in caught.value.message
        assert "winrm_ca_trust_path" in caught.value.hint
        assert "winrm_server_cert_validation=ignore" in caught.value.hint
        assert 0 == lab.server.requests

    def test_trusted_by_path(self, lab: Lab, connect: Connect) -> None:
        """The host's certificate as the trusted one lets us in."""
        output, _ = lab.run(connect(lab.endpoint("https", ca_trust_path=str(lab.server.certificate))), "cat", b"x")

        assert b"x" == output

    def test_other_name(self, lab: Lab, connect: Connect) -> None:
        """A trusted certificate for another name isn't this host's."""
        endpoint = lab.endpoint("https", ca_trust_path=str(lab.server.certificate), address="localhost")
        with pytest.raises(CertificateError, match="localhost"):
            lab.run(connect(endpoint), "cat")

    def test_file_that_is_no_certificate(self, lab: Lab, connect: Connect, tmp_path: Path) -> None:
        """A trust path with something else in it says so, by the setting's name."""
        path = tmp_path / "ca.pem"
        path.write_text("not a certificate", "ascii")
        with pytest.raises(UnreachableError) as caught:
            lab.run(connect(lab.endpoint("https", ca_trust_path=str(path))), "cat")

        assert "winrm_ca_trust_path" in caught.value.hint


class TestFailures:
    """Hosts that break, hang or aren't there."""

    def test_refused_port(self, lab: Lab, connect: Connect) -> None:
        """Nobody listens: the error names what was tried."""
        endpoint = lab.endpoint()
        lab.befall(Mishap(refuse_connections=True))
        with pytest.raises(UnreachableError, match="refuses the connection") as caught:
            lab.run(connect(endpoint), "cat")

        assert (f"{endpoint.url} (ntlm)",) == caught.value.tried
        assert UnreachableError is type(caught.value)

    def test_hang_before_the_answer(self, lab: Lab, connect: Connect) -> None:
        """A host that takes a request and says nothing is a read time-out."""
        lab.befall(Mishap(hang=True))
        began = time.monotonic()
        with pytest.raises(DeadlineError) as caught:
            lab.run(connect(lab.endpoint(read_seconds=1)), "cat")

        assert "read" == caught.value.which
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(("task", "whole", "which"), [(1, 20, "task"), (20, 1, "run")])
    def test_hang_in_mid_command(self, lab: Lab, connect: Connect, task: int, whole: int, which: str) -> None:
        """A command that never ends is ended, and the error says which deadline it was and how long."""
        endpoint = lab.endpoint(task_seconds=task, run_seconds=whole)
        output = bytearray()
        began = time.monotonic()
        with pytest.raises(DeadlineError) as caught:
            connect(endpoint).execute("hang", b"", output.extend, lab.clock(endpoint))

        assert (which, 1) == (caught.value.which, caught.value.seconds)
        assert time.monotonic() - began < 4
        assert b"started\r\n" == output
        assert "Signal" == lab.actions[-1]

    def test_results_move_the_task_deadline(self, lab: Lab, connect: Connect) -> None:
        """Many tasks may take longer together than one may."""
        endpoint = lab.endpoint(task_seconds=1)
        clock = lab.clock(endpoint)
        output = bytearray()

        def on_output(data: bytes) -> None:
            output.extend(data)
            clock.task_done()

        connect(endpoint).execute("drip 8", b"", on_output, clock)

        assert 8 == output.count(b"\n")

    def test_host_that_hangs_while_the_command_runs(self, lab: Lab, connect: Connect) -> None:
        """A deadline holds although the host doesn't keep WinRM's own time-out."""
        endpoint = lab.endpoint(task_seconds=2)
        with lab.later(0.7, lambda: lab.befall(Mishap(delay_seconds=30))), pytest.raises(DeadlineError) as caught:
            connect(endpoint).execute("drip 100", b"", lambda _: None, lab.clock(endpoint))

        assert "task" == caught.value.which

    def test_broken_off_in_mid_batch(self, lab: Lab, connect: Connect) -> None:
        """The error says that the command may have started, and the connection can be used again in a new shell."""
        connection = connect(lab.endpoint())
        lab.befall(Mishap(drop_in_receive=True, times=1))
        with pytest.raises(ConnectionLostError) as caught:
            lab.run(connection, "cat", b"x")

        assert caught.value.sent

        output, _ = lab.run(connection, "cat", b"again")

        assert b"again" == output
        assert 2 == lab.actions.count("Create")
        assert 1 == len(lab.server.shells)

    def test_broken_off_before_the_command(self, lab: Lab, connect: Connect) -> None:
        """When only the shell was asked for, nothing can have started; once the command is sent, it may have."""
        for answered, started in ((3, False), (4, True), (5, True)):
            lab.befall(Mishap(drop_after_requests=answered))
            with pytest.raises(ConnectionLostError) as caught:
                lab.run(connect(lab.endpoint()), "cat", b"x")

            assert (answered, started) == (answered, caught.value.sent)

    def test_connection_lost_between_batches(self, lab: Lab, connect: Connect) -> None:
        """A connection that ended while idle costs a new sign-in, and the shell goes on."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat", b"x")
        connection._wire.cut()
        output, _ = lab.run(connection, "cat", b"y")

        assert b"y" == output
        assert 1 == lab.actions.count("Create")
        assert 3 + 4 + 3 + 4 == lab.server.requests

    def test_http_error(self, lab: Lab, connect: Connect) -> None:
        """An HTTP error without a fault carries the status."""
        lab.befall(Mishap(answer_status=503))
        with pytest.raises(ProtocolFaultError) as caught:
            lab.run(connect(lab.endpoint()), "cat")

        assert 503 == caught.value.code

    def test_fault(self, lab: Lab, connect: Connect) -> None:
        """A WS-Management fault carries its number, and a known one a hint; the next batch gets a new shell."""
        connection = connect(lab.endpoint())
        lab.run(connection, "cat")
        lab.server.shells.close()
        with pytest.raises(ProtocolFaultError) as caught:
            lab.run(connection, "cat")

        assert 2150858843 == caught.value.code
        assert "shell is gone" in caught.value.hint

        output, _ = lab.run(connection, "cat", b"x")

        assert b"x" == output

    def test_a_callers_own_error_ends_the_command(self, lab: Lab, connect: Connect) -> None:
        """What the caller's function raises comes through untouched, and the command is ended."""

        def on_output(_: bytes) -> None:
            raise ZeroDivisionError

        endpoint = lab.endpoint()
        with pytest.raises(ZeroDivisionError):
            connect(endpoint).execute("hang", b"", on_output, lab.clock(endpoint))

        assert "Signal" == lab.actions[-1]


class TestInterrupt:
    """Ctrl-C."""

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_while_a_command_runs(self, lab: Lab, connect: Connect, scheme: str) -> None:
        """The command is ended on the host and execute raises, both within two seconds."""
        endpoint = lab.endpoint(scheme, validate_certificate=False)
        connection = connect(endpoint)
        interrupted = []

        def interrupt() -> None:
            interrupted.append(time.monotonic())
            connection.interrupt()

        with lab.later(0.5, interrupt), pytest.raises(StoppedError):
            lab.run(connection, "hang")

        assert time.monotonic() - interrupted[0] < 2
        assert "Signal" == lab.actions[-1]

        connection.close()

        assert 0 == len(lab.server.shells)

    def test_while_the_host_hangs(self, lab: Lab, connect: Connect) -> None:
        """A host that doesn't answer can't hold Ctrl-C up."""
        lab.befall(Mishap(hang=True))
        connection = connect(lab.endpoint())
        began = time.monotonic()
        with lab.later(0.3, connection.interrupt), pytest.raises(StoppedError):
            lab.run(connection, "cat")

        assert time.monotonic() - began < 2

    def test_for_good(self, lab: Lab, connect: Connect) -> None:
        """After an interrupt nothing starts any more."""
        connection = connect(lab.endpoint())
        connection.interrupt()
        with pytest.raises(StoppedError):
            lab.run(connection, "cat")

        assert 0 == lab.server.requests
