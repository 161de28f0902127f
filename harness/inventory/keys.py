"""The declared keys: every inventory variable that harness itself reads, as data.

A value may be written under the key's own name or under one of its aliases, which are Ansible's names for the
same thing. All other names are the user's own variables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

Kind = Literal["text", "texts", "choice", "choices", "port", "number", "seconds", "flag", "secret"]

VERSIONS = ("2003", "2007", "2010", "2013", "2016", "2019", "SE")
ROLES = ("mailbox", "client_access", "hub_transport", "edge_transport", "unified_messaging")
NAME_SPACES = ("exchange_", "smb_", "winrm_", "probe_", "logsource_", "lab_", "harness_", "ansible_")

_SECRET_NAME = re.compile(r"(?:.*_)?(?:password|passwd|pass|passphrase|secret|token)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """A declared key.

    Args:
        name: Its name.
        kind: What its values are converted to: ``text`` str, ``texts`` a tuple of str, ``choice`` one of `choices`,
            ``choices`` a tuple of them, ``port`` and ``number`` int, ``seconds`` float, ``flag`` bool, ``secret``
            `Secret`.
        description: One line, for the documentation.
        default: The value where nothing is given; None where there is none.
        default_from: The key whose value is the default, or a description of a computed default.
        aliases: Other names for it.
        choices: The allowed values of ``choice`` and ``choices``.
    """

    name: str
    kind: Kind
    description: str
    default: object = None
    default_from: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = field(default=())


KEYS: tuple[Key, ...] = (
    Key(
        "connection",
        "choice",
        "How the host is reached: over WinRM, or simulated on this machine.",
        default="winrm",
        aliases=("ansible_connection",),
        choices=("winrm", "lab"),
    ),
    Key(
        "address",
        "text",
        "The name or address to connect to.",
        default_from="the host's name",
        aliases=("ansible_host", "ansible_winrm_host"),
    ),
    Key(
        "winrm_user",
        "text",
        "The account for WinRM: CORP\\name, name@corp.example, or a local name.",
        aliases=("ansible_user", "ansible_winrm_user"),
    ),
    Key(
        "winrm_password",
        "secret",
        "Its password.",
        aliases=("ansible_password", "ansible_winrm_password", "ansible_winrm_pass"),
    ),
    Key(
        "winrm_port",
        "port",
        "The port of the WinRM service.",
        default_from="5986 for https, 5985 for http",
        aliases=("ansible_port", "ansible_winrm_port"),
    ),
    Key(
        "winrm_scheme",
        "choice",
        "Whether WinRM is spoken over HTTP or HTTPS.",
        default_from="https for port 5986 and for the transports basic and certificate, else http",
        aliases=("ansible_winrm_scheme",),
        choices=("http", "https"),
    ),
    Key(
        "winrm_transport",
        "choice",
        "How to sign in.",
        default="ntlm",
        aliases=("ansible_winrm_transport",),
        choices=("ntlm", "basic", "kerberos", "credssp", "certificate"),
    ),
    Key(
        "winrm_server_cert_validation",
        "choice",
        "Whether the host's certificate is checked.",
        default="validate",
        aliases=("ansible_winrm_server_cert_validation",),
        choices=("validate", "ignore"),
    ),
    Key(
        "winrm_ca_trust_path",
        "text",
        "A file or folder of CA certificates (PEM) to trust instead of the bundled ones.",
        aliases=("ansible_winrm_ca_trust_path",),
    ),
    Key(
        "winrm_cert_pem",
        "text",
        "The client certificate (PEM file) for the transport certificate.",
        aliases=("ansible_winrm_cert_pem",),
    ),
    Key(
        "winrm_cert_key_pem",
        "text",
        "The client certificate's private key (PEM file).",
        aliases=("ansible_winrm_cert_key_pem",),
    ),
    Key(
        "winrm_allow_unencrypted",
        "flag",
        "Whether basic may be used over plain HTTP; for loopback addresses only.",
        default=False,
    ),
    Key(
        "winrm_message_encryption",
        "choice",
        "Whether messages over HTTP are encrypted.",
        default="auto",
        aliases=("ansible_winrm_message_encryption",),
        choices=("auto", "always", "never"),
    ),
    Key("winrm_connect_timeout", "seconds", "The longest wait for TCP and TLS.", default=15.0),
    Key(
        "winrm_read_timeout",
        "seconds",
        "The longest wait for one HTTP answer.",
        default=30.0,
        aliases=("ansible_winrm_read_timeout_sec",),
    ),
    Key("winrm_task_timeout", "seconds", "The longest time for one script.", default=120.0),
    Key(
        "winrm_run_timeout",
        "seconds",
        "The longest time for all scripts of a run on the host.",
        default=900.0,
    ),
    Key(
        "winrm_kerberos_delegation",
        "flag",
        "Whether the Kerberos ticket is delegated to the host.",
        default=False,
        aliases=("ansible_winrm_kerberos_delegation",),
    ),
    Key(
        "winrm_send_cbt",
        "flag",
        "Whether channel binding tokens are sent over HTTPS.",
        default=True,
        aliases=("ansible_winrm_send_cbt",),
    ),
    Key("exchange_version", "choice", "The Exchange version on the host.", choices=VERSIONS),
    Key("exchange_roles", "choices", "The Exchange server roles on the host.", choices=ROLES),
    Key(
        "exchange_access",
        "choice",
        "How scripts reach the Exchange cmdlets on the host.",
        default="auto",
        choices=("auto", "remoting", "snapin"),
    ),
    Key("exchange_user", "text", "The account for the Exchange cmdlets.", default_from="winrm_user"),
    Key("exchange_password", "secret", "Its password.", default_from="winrm_password"),
    Key("exchange_fqdn", "text", "The full name of the server whose Exchange cmdlets are used."),
    Key(
        "exchange_smtp_layout",
        "choice",
        "Whether each transport service's SMTP logs are a log source, or all were moved below one root and are one.",
        default_from="per_service",
        choices=("per_service", "relocated"),
    ),
    Key(
        "exchange_smtp_root",
        "text",
        "That root: a folder on a local drive of the host's that holds nothing else.",
        default="C:\\ExchangeLogs\\Smtp",
    ),
    Key("smb_user", "text", "The account for reading logs over SMB.", default_from="winrm_user"),
    Key("smb_password", "secret", "Its password.", default_from="winrm_password"),
    Key("smb_domain", "text", "The domain of smb_user, where the name doesn't hold it."),
    Key("smb_port", "port", "The port of the SMB service.", default=445),
    Key(
        "smb_shares",
        "texts",
        "Shares to read logs through instead of the drives' own (`C$`): NAME=FOLDER, with commas between several.",
    ),
    Key("smb_timeout", "seconds", "The longest wait for an SMB answer.", default=30.0),
    Key(
        "probe_sender",
        "text",
        "The sender of the message that verify sends.",
        default_from="harness@ the host's domain",
    ),
    Key("probe_recipient", "text", "Its recipient.", default_from="postmaster@ the host's domain"),
    Key("probe_smtp_port", "port", "The port of the receive connector that verify sends it through.", default=25),
    Key(
        "probe_smtp_starttls",
        "flag",
        "Whether that conversation is encrypted, with the certificate checked.",
        default=False,
    ),
    Key("probe_smtp_user", "text", "The account to sign in with; needs probe_smtp_starttls."),
    Key("probe_smtp_password", "secret", "Its password."),
    Key(
        "probe_owa_scheme",
        "choice",
        "How verify requests /owa/.",
        default="https",
        choices=("http", "https"),
    ),
    Key("probe_owa_port", "port", "The port of the web site.", default_from="443 for https, 80 for http"),
    Key(
        "probe_ca_trust_path",
        "text",
        "A PEM file of the authorities that verify's probes trust.",
        default_from="the system's",
    ),
    Key(
        "logsource_name",
        "text",
        "What the console lists a log source under; {identifier}, {host} and {version} stand for what differs.",
        default="Exchange @ {identifier}",
    ),
    Key(
        "logsource_identifier",
        "text",
        "What events are filed under. Further log sources of the host add -frontend, -mailbox or -send to it.",
        default_from="the host's name",
    ),
    Key("logsource_server_address", "text", "What the console connects to.", default_from="address"),
    Key("logsource_description", "text", "The log source's description; placeholders as in logsource_name."),
    Key("logsource_type", "text", "The console's name of the log source type.", default="Microsoft Exchange Server"),
    Key(
        "logsource_protocol",
        "text",
        "The console's name of the protocol; WinCollect's for Exchange 2003, which the other doesn't read.",
        default_from="Microsoft Exchange",
    ),
    Key("logsource_user", "text", "The account that the console reads the logs with.", default_from="smb_user"),
    Key(
        "logsource_password",
        "secret",
        "Its password, which no export holds: a reference is written instead.",
        default_from="smb_password",
    ),
    Key("logsource_domain", "text", "The domain of logsource_user.", default_from="smb_domain"),
    Key("logsource_smb_version", "choice", "What SMB the console speaks.", choices=("AUTO", "SMB2", "SMB3")),
    Key("logsource_polling_interval", "seconds", "Seconds between two of the console's polls.", default=10.0),
    Key("logsource_throttle", "number", "At most so many events a second; 0 for no limit.", default=100),
    Key("logsource_encoding", "text", "The encoding of the log files.", default="UTF-8"),
    Key("logsource_recursive", "flag", "Whether the console polls the folders below as well.", default=True),
    Key(
        "logsource_force_file_read",
        "flag",
        "Whether the console opens every file at every poll, whatever the folder lists of its size and time.",
        default=False,
    ),
    Key("logsource_enabled", "flag", "Whether the console polls the log source.", default=True),
    Key("logsource_credibility", "number", "The log source's credibility, 0 to 10.", default_from="the console's"),
    Key("logsource_coalescing", "flag", "Whether like events are counted as one.", default_from="the console's"),
    Key("logsource_store_payload", "flag", "Whether payloads are kept.", default_from="the console's"),
    Key("logsource_collector", "text", "The name of the event collector that polls.", default_from="the console's"),
    Key("logsource_groups", "texts", "The names of log source groups, with commas between them."),
    Key("logsource_language", "text", "The name of the log source language.", default_from="the console's"),
    Key("logsource_extension", "text", "The name of the log source extension."),
    Key(
        "logsource_wincollect_agent",
        "text",
        "The WinCollect agent that collects an Exchange 2003 server's logs, as the console names it.",
        default_from="the host's short name",
    ),
    Key(
        "logsource_wincollect_destinations",
        "texts",
        "The names of the WinCollect destinations that it sends events to, with commas between them.",
        default_from="the console's internal one",
    ),
    Key("console_url", "text", "The console's address: https://console.corp.example."),
    Key("console_token", "secret", "The token of an authorized service on the console."),
    Key(
        "console_ca_trust_path",
        "text",
        "A file or folder of CA certificates (PEM) that the console's is checked against.",
        default_from="the bundled ones",
    ),
    Key(
        "console_api_version",
        "text",
        "The version of the console's API, such as 17.0.",
        default_from="the newest that both know",
    ),
    Key("lab_address", "text", "The loopback address of a simulated host."),
    Key(
        "lab_anonymous_mail",
        "flag",
        "Whether a new simulated server's Default receive connector takes mail from anybody, as its administrator may "
        "let it.",
        default=False,
    ),
    Key(
        "lab_delegation",
        "flag",
        "Whether sign-ins to a simulated host are played as ones that can go on to the domain controller.",
        default=False,
    ),
    Key(
        "lab_edge_subscribed",
        "flag",
        "Whether a simulated Edge server is subscribed to the organisation of its domain.",
        default=False,
    ),
    Key("lab_flush_delay", "seconds", "How long a simulated host holds back log lines."),
    Key("lab_probe_interval", "seconds", "How often a simulated host's monitoring sends mail; never by default."),
)

BY_NAME: dict[str, Key] = {name: key for key in KEYS for name in (key.name, *key.aliases)}
"""Every key under its own name and its aliases."""

UNUSED_BY_HARNESS = frozenset(
    f"ansible_{name}"
    for name in (
        *(
            "become",
            "become_exe",
            "become_flags",
            "become_method",
            "become_pass",
            "become_password",
            "become_user",
        ),
        *("async_dir", "check_mode", "diff_mode", "module_compression", "network_os", "remote_tmp"),
        *(
            "pipelining",
            "private_key_file",
            "timeout",
            "shell_type",
            "shell_executable",
            "python_interpreter",
        ),
        *("local_tmp", "host_key_checking", "scp_executable", "sftp_executable", "ssh_executable"),
        *("scp_extra_args", "sftp_extra_args", "sftp_batch_mode", "runas_flags", "runas_pass", "runas_user"),
        *("su_exe", "su_flags", "su_pass", "su_user", "sudo_exe", "sudo_flags", "sudo_pass", "sudo_user"),
        *("winrm_connection_timeout", "winrm_kinit_args", "winrm_kinit_cmd", "winrm_kinit_env_vars"),
        *(
            "winrm_kinit_mode",
            "winrm_path",
            "winrm_operation_timeout_sec",
            "winrm_kerberos_hostname_override",
        ),
        *("winrm_credssp_auth_mechanism", "winrm_credssp_disable_tlsv1_2", "winrm_credssp_minimum_version"),
        *("winrm_keytab", "winrm_proxy", "winrm_realm", "winrm_service"),
    )
)
"""Names that mean something to Ansible and nothing to harness."""

_UNUSED_FAMILIES = re.compile(r"ansible_(?:psrp|ssh|paramiko|docker|local)_\w+|ansible_\w+_interpreter")


def canonical(name: str) -> str:
    """Give the declared key's own name for a name or alias; any other name stays as it is."""
    key = BY_NAME.get(name)
    return key.name if key else name


def is_secret(name: str) -> bool:
    """Tell whether a variable holds a secret: a declared one, or one whose name says so.

    Args:
        name: A key, an alias, or a name of the user's own such as ``console_token``.
    """
    key = BY_NAME.get(name)
    return key.kind == "secret" if key else bool(_SECRET_NAME.fullmatch(name))


def is_reserved(name: str) -> bool:
    """Tell whether the name lies in a name space where only declared keys are allowed."""
    return name.startswith(NAME_SPACES)


def is_unused(name: str) -> bool:
    """Tell whether the name is one of Ansible's that harness has no use for."""
    return name in UNUSED_BY_HARNESS or bool(_UNUSED_FAMILIES.fullmatch(name))


def suggestion(name: str) -> str:
    """Give the declared name nearest to an unknown one; empty where none is near."""
    space = next((space for space in NAME_SPACES if name.startswith(space)), "")
    rests = [candidate.removeprefix(space) for candidate in BY_NAME if candidate.startswith(space)]
    near = get_close_matches(name.removeprefix(space), rests, n=1, cutoff=0.6 if space else 0.88)
    return space + near[0] if near else ""
