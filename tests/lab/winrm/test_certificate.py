"""The certificate is good for the host's names, kept between starts, and its key is private."""

from __future__ import annotations

import ssl
import stat
from typing import TYPE_CHECKING

from cryptography import x509

from harness.lab.winrm import certificate

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("ex01.corp.example", "EX01", "127.0.0.1")


def test_certificate_names_host_and_address(tmp_path: Path) -> None:
    """A client that checks names accepts the DNS name, the NetBIOS name and the address."""
    made = certificate.keep(tmp_path, NAMES[0], NAMES)
    parsed = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert ["ex01.corp.example", "EX01"] == list(dict.fromkeys(names.get_values_for_type(x509.DNSName)))
    assert ["127.0.0.1"] == [str(each) for each in names.get_values_for_type(x509.IPAddress)]


def test_certificate_is_kept_while_it_fits(tmp_path: Path) -> None:
    """A restarted host is the same host; one with another address is not."""
    first = certificate.keep(tmp_path, NAMES[0], NAMES).sha256
    again = certificate.keep(tmp_path, NAMES[0], NAMES).sha256
    moved = certificate.keep(tmp_path, NAMES[0], (*NAMES, "127.0.0.2")).sha256

    assert first == again
    assert first != moved


def test_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else on the machine can play the host."""
    made = certificate.keep(tmp_path, NAMES[0], NAMES)

    assert 0o600 == stat.S_IMODE(made.key.stat().st_mode)


def test_certificate_passes_strict_verification(tmp_path: Path) -> None:
    """A strict client (the default from Python 3.13 on) finds nothing wrong with it."""
    made = certificate.keep(tmp_path, NAMES[0], NAMES)
    client = ssl.create_default_context(cafile=made.certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = certificate.server_context(made, {}).wrap_bio(outgoing, incoming, server_side=True)
    client_side = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    for _ in range(4):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    assert client_side.version() is not None
    assert certificate.sha256(client_side.getpeercert(binary_form=True)) == made.sha256
