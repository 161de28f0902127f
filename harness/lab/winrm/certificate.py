"""The HTTPS certificate of a simulated host, and the client certificates it knows."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_VALID: Final = dt.timedelta(days=365)
_CLOCK_SKEW: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files.

    Args:
        certificate: PEM; a client that is to trust the host pins this file.
        key: PEM, not encrypted, readable by the owner alone.
    """

    certificate: Path
    key: Path

    @property
    def sha256(self) -> bytes:
        """The hash that identifies the certificate, 32 bytes; also what channel bindings are made of."""
        return _file_sha256(self.certificate)


def sha256(der: bytes | None) -> bytes | None:
    """Give the hash of a certificate, 32 bytes; ``None`` for none."""
    return hashlib.sha256(der).digest() if der else None


def _file_sha256(path: Path) -> bytes:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).digest()


def make(folder: Path, name: str, *, alternatives: Iterable[str] = (), client: bool = False) -> Certificate:
    """Make a self-signed certificate.

    Args:
        folder: Where ``NAME.pem`` and ``NAME.key`` go; made where it is missing.
        name: The common name.
        alternatives: Subject alternative names: addresses or DNS names.
        client: Whether it is for a client to sign in with, not for a server.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(each) for each in (name, *alternatives)]), False)
    )
    return _write(folder, name, builder.sign(key, hashes.SHA256()), key)


def _key_usage() -> x509.KeyUsage:
    # It signs itself, so it needs key_cert_sign: strict verifiers ask for it.
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return made


def keep(folder: Path, name: str, alternatives: Iterable[str]) -> Certificate:
    """Give the certificate kept in a folder; make it where there is none, or it is for other names or runs out.

    Args:
        folder: Where it is kept.
        name: The common name.
        alternatives: The names and addresses it must be good for.
    """
    wanted = tuple(alternatives)
    kept = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    if kept.certificate.exists() and kept.key.exists():
        certificate = x509.load_pem_x509_certificate(kept.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        fresh = certificate.not_valid_after_utc > dt.datetime.now(dt.UTC) + _CLOCK_SKEW
        if fresh and all(_general_name(each) in names for each in wanted):
            return kept
    return make(folder, name, alternatives=wanted)


def server_context(certificate: Certificate, client_certificates: Mapping[str, Path]) -> ssl.SSLContext:
    """Make the TLS settings of the HTTPS listener.

    Args:
        certificate: The host's own.
        client_certificates: User names and the self-signed certificates each may sign in with; a client that shows
            any other certificate fails in the TLS handshake, one that shows none goes on without.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.certificate, certificate.key)
    if client_certificates:
        context.verify_mode = ssl.CERT_OPTIONAL
        for path in client_certificates.values():
            context.load_verify_locations(path)
    return context


def users_by_certificate(client_certificates: Mapping[str, Path]) -> dict[bytes, str]:
    """Give user names by SHA-256 of the certificate each may sign in with."""
    return {_file_sha256(path): user for user, path in client_certificates.items()}
