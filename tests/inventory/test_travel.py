"""Hosts that travel to another process: secrets as references, or sealed, or not at all."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError, HostError, InputError, InventoryError
from harness.inventory import load
from harness.inventory.travel import pack, unpack
from harness.redaction import redactor

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-4711-Passw0rd"


def write(folder: Path, password: str) -> Path:
    """Write an inventory of one host."""
    path = folder / "inventory.ini"
    path.write_text(f"[exchange]\nex01 exchange_version=2016\n[exchange:vars]\nwinrm_password={password}\n")
    return path


@pytest.mark.parametrize("reference", ["env:CANARY", "file:secret"])
def test_a_reference_is_followed_where_it_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    """What travels holds no secret, and all else of the host; the value is that of the place of arrival."""
    (tmp_path / "secret").write_text(CANARY)
    host = load(write(tmp_path, reference)).hosts["ex01"]
    travelled = pickle.dumps(pack([host], confidential=False)["ex01"])
    monkeypatch.setenv("CANARY", CANARY)
    monkeypatch.chdir("/")
    arrived = unpack(pickle.loads(travelled))  # noqa: S301 - our own
    secret = arrived.secret("smb_password")

    assert CANARY.encode() not in travelled
    assert secret is not None
    assert CANARY == secret.reveal()
    assert ("ex01", host.groups, "2016", host.line) == (
        arrived.name,
        arrived.groups,
        arrived.get("exchange_version"),
        arrived.line,
    )
    assert host.source("winrm_password") == arrived.source("winrm_password")


def test_a_value_travels_sealed_or_not_at_all(tmp_path: Path) -> None:
    """In clear it is refused, told once with its line; otherwise it arrives, and shows itself nowhere on the way."""
    host = load(write(tmp_path, f"plain:{CANARY}")).hosts["ex01"]
    with pytest.raises(InventoryError) as refused:
        pack([host], confidential=False)
    packed = pack([host], confidential=True)["ex01"]
    secret = unpack(packed).secret("winrm_password")

    (problem,) = refused.value.problems
    assert f"{tmp_path}/inventory.ini:4" == str(problem.source)
    assert "winrm_password would travel to the workers in clear" in problem.message
    assert "dask+tls://" in problem.hint
    assert secret is not None
    assert CANARY == secret.reveal()
    assert CANARY not in repr(packed) + repr(packed.settings) + str(refused.value)


def test_an_error_travels_without_what_only_this_process_may_know() -> None:
    """Message and hint are redacted, attributes stay."""
    redactor.register(CANARY)
    arrived = pickle.loads(pickle.dumps(HostError(f"it said {CANARY}", host="ex01", hint=CANARY)))  # noqa: S301
    wrong = pickle.loads(pickle.dumps(InputError([])))  # noqa: S301

    assert ("it said ********", "********", "ex01") == (arrived.message, arrived.hint, arrived.host)
    assert str(arrived) == arrived.message
    assert isinstance(wrong, HarnessError)
    assert () == wrong.problems
