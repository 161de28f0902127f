"""From a host's settings to where its logs are read over SMB."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import InventoryError
from harness.remote.smb import SmbEndpoint
from harness.source import Problem

if TYPE_CHECKING:
    from harness.inventory.model import Host


def smb_endpoint(host: Host, **instead: Any) -> SmbEndpoint:  # noqa: ANN401  fields of SmbEndpoint
    """Give what is needed to read a host's shares.

    Args:
        host: A host of the inventory; its password is looked up now.
        instead: Fields that are known better than the inventory does, for a simulated host.

    Raises:
        InventoryError: Nobody is named who could sign in; it names the line to change.
        SecretError: The password's reference leads nowhere.
    """
    domain, user = _account(host.get("smb_user") or "")
    made = SmbEndpoint(
        host=host.name,
        user=user,
        password=host.secret("smb_password"),
        address=host.get("address", host.name),
        port=host.get("smb_port"),
        domain=host.get("smb_domain") or domain,
        timeout=host.get("smb_timeout"),
    )
    made = replace(made, **instead)
    if made.password is None:
        if host.get("winrm_transport") != "kerberos":
            raise _missing(host, "smb_password", "a password", "env:NAME, file:PATH or prompt:")
        # A ticket that is there already.
        made = replace(made, auth="kerberos")
    if not made.user and made.auth != "kerberos":
        raise _missing(host, "smb_user", "a user", r"DOMAIN\user, user@domain or a user of the host's own")
    return made


def _account(name: str) -> tuple[str, str]:
    r"""Split ``DOMAIN\user``; a name like ``user@domain`` is whole as it is."""
    domain, backslash, user = name.partition("\\")
    return (domain, user) if backslash else ("", name)


def _missing(host: Host, key: str, what: str, how: str) -> InventoryError:
    problem = Problem(
        host.source(key), f"{host.name}: reading logs over SMB needs {what}", f"set {key}, or {_other(key)}, to {how}"
    )
    return InventoryError([problem])


def _other(key: str) -> str:
    return key.replace("smb_", "winrm_")
