"""The address of an executor, as a user writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputError
from harness.executor.address import Address

NOTHING = {"ca": None, "cert": None, "key": None}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("dask://scheduler:8786", "tcp://scheduler:8786"),
        ("dask://10.0.0.7", "tcp://10.0.0.7:8786"),
        ("dask+tls://[fd00::7]:9000/", "tls://[fd00::7]:9000"),
    ],
)
def test_what_dask_is_told(text: str, url: str) -> None:
    """Scheme and port as Dask writes them."""
    address = Address.parse(text, **NOTHING)

    assert address is not None
    assert url == address.url


def test_this_process() -> None:
    """Needs no address."""
    assert Address.parse("local", **NOTHING) is None


@pytest.mark.parametrize("text", ["", "dask", "dask://", "tcp://scheduler:8786", "dask://scheduler:port", "dask://s/x"])
def test_what_is_no_address(text: str) -> None:
    """Is told with what an address looks like."""
    with pytest.raises(InputError) as wrong:
        Address.parse(text, **NOTHING)

    assert f"{text!r} is no address of an executor (write local, dask://scheduler:8786" in str(wrong.value)


def test_certificates_are_for_tls(tmp_path: Path) -> None:
    """Given for a connection in clear, or not there: every problem at once."""
    with pytest.raises(InputError) as clear:
        Address.parse("dask://scheduler", ca=Path(__file__), cert=Path(__file__), key=None)
    with pytest.raises(InputError) as missing:
        Address.parse("dask+tls://scheduler", ca=tmp_path / "ca.pem", cert=None, key=None)

    assert ["--executor-tls-ca", "--executor-tls-cert"] == [each.source.file for each in clear.value.problems]
    assert f"--executor-tls-ca: there is no file {tmp_path}/ca.pem" == str(missing.value)
