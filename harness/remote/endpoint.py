"""From a host's settings to its endpoint, and what can be said of that before anything is sent."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InventoryError
from harness.remote.connection import ENCRYPTING, Endpoint
from harness.source import Problem

if TYPE_CHECKING:
    from harness.inventory.model import Host


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an endpoint can't be used.

    Args:
        setting: The inventory's key that is wrong.
        message: What is wrong, one sentence.
        hint: What to do.
    """

    setting: str
    message: str
    hint: str


def endpoint(host: Host, **instead: Any) -> Endpoint:  # noqa: ANN401  fields of Endpoint
    """Give what is needed to reach a host.

    Args:
        host: A host of the inventory; its password is looked up now.
        instead: Fields that are known better than the inventory does, for a simulated host.

    Raises:
        InventoryError: The settings don't fit together; it names the line of the one to change.
        SecretError: The password's reference leads nowhere.
    """
    made = Endpoint(
        host=host.name,
        address=host.get("address", host.name),
        port=host.get("winrm_port"),
        scheme=host.get("winrm_scheme"),
        transport=host.get("winrm_transport"),
        user=host.get("winrm_user", ""),
        password=host.secret("winrm_password"),
        ca_trust_path=host.get("winrm_ca_trust_path"),
        cert_pem=host.get("winrm_cert_pem"),
        cert_key_pem=host.get("winrm_cert_key_pem"),
        validate_certificate=host.get("winrm_server_cert_validation") != "ignore",
        allow_unencrypted=host.get("winrm_allow_unencrypted"),
        message_encryption=host.get("winrm_message_encryption"),
        kerberos_delegation=host.get("winrm_kerberos_delegation"),
        send_cbt=host.get("winrm_send_cbt"),
        connect_seconds=host.get("winrm_connect_timeout"),
        read_seconds=host.get("winrm_read_timeout"),
        task_seconds=host.get("winrm_task_timeout"),
        run_seconds=host.get("winrm_run_timeout"),
    )
    made = replace(made, **instead)
    wrong = objection(made)
    if wrong is not None:
        raise InventoryError([Problem(host.source(wrong.setting), f"{host.name}: {wrong.message}", wrong.hint)])
    return made


def objection(endpoint: Endpoint) -> Objection | None:
    """Find what is wrong with an endpoint; the first thing only.

    Args:
        endpoint: The host.

    Returns:
        None where nothing is.
    """
    return (
        _address(endpoint) or _clear_text(endpoint) or _credentials(endpoint) or _files(endpoint) or _package(endpoint)
    )


def _address(endpoint: Endpoint) -> Objection | None:
    """The address is one, and nothing that would turn into another part of the URL."""
    try:
        ip_address(endpoint.address)
    except ValueError:
        if not re.fullmatch(r"[\w.-]+", endpoint.address):
            return Objection(
                "address",
                f"{endpoint.address!r} isn't an address",
                "set address to a host name or an IP address; the port goes into winrm_port",
            )
    return None


def _clear_text(endpoint: Endpoint) -> Objection | None:
    """Nothing travels in clear, but to this machine itself where it is asked for."""
    if endpoint.message_encryption == "always" and endpoint.transport not in ENCRYPTING:
        return Objection(
            "winrm_message_encryption",
            f"the transport {endpoint.transport} can't encrypt messages itself",
            "set winrm_scheme=https and winrm_message_encryption=auto, or winrm_transport=ntlm",
        )
    if not endpoint.in_clear or (endpoint.allow_unencrypted and endpoint.is_loopback):
        return None
    if endpoint.transport in ENCRYPTING:
        return Objection(
            "winrm_message_encryption",
            "without message encryption scripts and secrets would travel in clear over plain HTTP",
            "set winrm_message_encryption=auto or winrm_scheme=https",
        )
    return Objection(
        "winrm_transport",
        f"the transport {endpoint.transport} sends everything in clear over plain HTTP",
        "set winrm_scheme=https or winrm_transport=ntlm; "
        "winrm_allow_unencrypted=true lifts this for loopback addresses only",
    )


def _credentials(endpoint: Endpoint) -> Objection | None:
    """Each transport has what it signs in with."""
    if endpoint.transport == "certificate":
        for setting, value in (
            ("winrm_cert_pem", endpoint.cert_pem),
            ("winrm_cert_key_pem", endpoint.cert_key_pem),
        ):
            if not value:
                return Objection(setting, f"the transport certificate needs {setting}", f"set {setting} to a PEM file")
        return None
    if endpoint.transport == "kerberos":
        return None
    if not endpoint.user:
        return Objection(
            "winrm_user",
            f"the transport {endpoint.transport} needs a user",
            r"set winrm_user to DOMAIN\user, user@domain or a user of the host's own",
        )
    if endpoint.password is None:
        return Objection(
            "winrm_password",
            f"the transport {endpoint.transport} needs a password",
            "set winrm_password to env:NAME, file:PATH or prompt:",
        )
    return None


def _files(endpoint: Endpoint) -> Objection | None:
    """The certificates' files are what they should be; TLS would complain of them in OpenSSL's words."""
    if endpoint.scheme != "https":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted = endpoint.ca_trust_path
    if trusted and endpoint.validate_certificate:
        try:
            if Path(trusted).is_dir():
                context.load_verify_locations(capath=trusted)
            else:
                context.load_verify_locations(cafile=trusted)
        except OSError as error:
            return Objection(
                "winrm_ca_trust_path",
                f"no certificates can be read from {trusted}: {error.strerror or error}",
                "set winrm_ca_trust_path to a PEM file, or to a folder of them prepared with: openssl rehash",
            )
    if endpoint.transport == "certificate" and endpoint.cert_pem and endpoint.cert_key_pem:
        try:
            # A password, though an empty one: without it OpenSSL would ask the terminal for that of the key.
            context.load_cert_chain(endpoint.cert_pem, endpoint.cert_key_pem, password="")
        except OSError as error:
            return Objection(
                "winrm_cert_pem",
                f"{endpoint.cert_pem} with the key {endpoint.cert_key_pem} can't be used: {error.strerror or error}",
                "set winrm_cert_pem and winrm_cert_key_pem to PEM files that belong together, the key without a "
                "password",
            )
    return None


def _package(endpoint: Endpoint) -> Objection | None:
    """The transport's package is installed."""
    # pywinrm takes long to import, and most commands never connect.
    from winrm.transport import HAVE_CREDSSP, HAVE_KERBEROS  # noqa: PLC0415 - slow, and rarely needed

    present = {"kerberos": HAVE_KERBEROS, "credssp": HAVE_CREDSSP}
    if present.get(endpoint.transport, True):
        return None
    return Objection(
        "winrm_transport",
        f"the transport {endpoint.transport} needs a package that isn't installed",
        f"run: pip install 'exchange-log-harness[{endpoint.transport}]'",
    )
