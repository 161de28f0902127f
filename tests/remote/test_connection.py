"""Deadlines, time-outs and endpoints: what needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import DeadlineError, InventoryError
from harness.inventory import load
from harness.remote.connection import Clock, Endpoint
from harness.remote.endpoint import endpoint, objection
from harness.remote.winrm import limits

if TYPE_CHECKING:
    from pathlib import Path


class Hands:
    """A clock's hands, moved by the test."""

    now = 100.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


class TestClock:
    """The task's and the run's deadline."""

    def test_task_deadline_moves(self) -> None:
        """Each result gives the next task its whole time."""
        hands = Hands()
        clock = Clock("ex01", task_seconds=10, run_seconds=25, now=hands)
        hands.now += 9
        clock.task_done()
        hands.now += 9
        clock.check()

        assert 1 == clock.remaining()

        hands.now += 1
        with pytest.raises(DeadlineError) as caught:
            clock.check()

        assert ("task", 10, "ex01") == (caught.value.which, caught.value.seconds, caught.value.host)

    def test_run_deadline_stands(self) -> None:
        """Results don't give the run more time."""
        hands = Hands()
        clock = Clock("ex01", task_seconds=10, run_seconds=25, now=hands)
        for _ in range(3):
            clock.task_done()
            hands.now += 9
        with pytest.raises(DeadlineError) as caught:
            clock.check()

        assert ("run", 25) == (caught.value.which, caught.value.seconds)


class TestLimits:
    """A message's time-outs."""

    @pytest.mark.parametrize("read_seconds", [0.2, 1, 3, 30, 600])
    @pytest.mark.parametrize("remaining", [0.0, 0.4, 5, 100, 10_000])
    @pytest.mark.parametrize("polls", [True, False])
    def test_the_host_answers_before_we_give_up(self, read_seconds: float, remaining: float, polls: bool) -> None:
        """WinRM's own time-out comes before ours, or the deadline does; and none goes far beyond the deadline."""
        host = Endpoint("ex01", "192.0.2.1", read_seconds=read_seconds)
        found = limits(host, remaining, polls=polls, signed_in=True)

        assert found.operation >= 1
        assert found.read > found.operation or found.read >= remaining + 1
        assert found.operation <= remaining + 1
        assert found.total <= remaining + 1
        assert min(found.connect, found.read, found.total) > 0

    def test_polls_are_long(self) -> None:
        """Where there is time, the host is asked for output no oftener than the read time-out demands."""
        found = limits(Endpoint("ex01", "192.0.2.1", read_seconds=30), 500, polls=True, signed_in=True)

        assert (25, 30) == (found.operation, found.read)


class TestEndpoint:
    """From an inventory's settings."""

    @staticmethod
    def of(tmp_path: Path, line: str) -> Endpoint:
        """Give the endpoint of the one host of an inventory."""
        path = tmp_path / "inventory.ini"
        path.write_text(f"[exchange]\n{line}\n", "utf-8")
        (host,) = load(path).hosts.values()
        return endpoint(host)

    def test_settings_arrive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each key sets its field, under Ansible's name as well."""
        monkeypatch.setenv("HARNESS_TEST_PASSWORD", "canary-from-env")
        made = self.of(
            tmp_path,
            "ex01 ansible_host=192.0.2.7 winrm_user=CORP\\\\admin winrm_password=env:HARNESS_TEST_PASSWORD"
            " winrm_scheme=https winrm_server_cert_validation=ignore winrm_connect_timeout=3 winrm_read_timeout=4"
            " winrm_task_timeout=5 winrm_run_timeout=6 winrm_send_cbt=no",
        )

        assert made.password is not None
        assert "canary-from-env" == made.password.reveal()
        assert "canary-from-env" not in repr(made)
        assert ("ex01", "https://192.0.2.7:5986/wsman") == (made.host, made.url)
        assert (3, 4, 5, 6) == (made.connect_seconds, made.read_seconds, made.task_seconds, made.run_seconds)
        assert (False, False) == (made.validate_certificate, made.send_cbt)

    def test_clear_text_is_refused_with_its_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Basic over plain HTTP is an error of the inventory, at the line of the setting."""
        monkeypatch.setenv("HARNESS_TEST_PASSWORD", "canary-from-env")
        with pytest.raises(InventoryError, match=r"inventory\.ini:2.*in clear"):
            self.of(
                tmp_path,
                "ex01 winrm_user=admin winrm_password=env:HARNESS_TEST_PASSWORD winrm_transport=basic"
                " winrm_scheme=http winrm_allow_unencrypted=true",
            )

    @pytest.mark.parametrize(
        ("changes", "setting"),
        [
            ({"address": "ex01/evil@192.0.2.9"}, "address"),
            ({"user": ""}, "winrm_user"),
            ({}, "winrm_password"),
            ({"transport": "certificate", "scheme": "https"}, "winrm_cert_pem"),
            ({"transport": "basic", "message_encryption": "always"}, "winrm_message_encryption"),
            ({"transport": "basic", "allow_unencrypted": True, "address": "127.evil.example"}, "winrm_transport"),
        ],
    )
    def test_objections_name_the_setting(self, changes: dict[str, object], setting: str) -> None:
        """What is missing or wrong is called by its key."""
        usual: dict[str, object] = {"host": "ex01", "address": "192.0.2.1", "user": "admin"}
        found = objection(Endpoint(**(usual | changes)))  # type: ignore[arg-type]  # the cases name the fields

        assert found is not None
        assert setting == found.setting

    def test_ipv6(self) -> None:
        """An IPv6 address stands in brackets, and its loopback is one."""
        host = Endpoint("ex01", "::1")

        assert ("http://[::1]:5985/wsman", True) == (host.url, host.is_loopback)
