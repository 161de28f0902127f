"""The host's side of NTLM, against pyspnego's client side and against tampering."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import spnego
import spnego._context
import spnego._negotiate
import spnego._ntlm
from hypothesis import given
from hypothesis import strategies as st
from spnego._ntlm_raw import crypto, messages
from spnego.channel_bindings import GssChannelBindings

from harness.lab.winrm import encryption
from harness.lab.winrm.accounts import Accounts, nt_hash
from harness.lab.winrm.ntlm import SecurityContext, SignInError
from harness.lab.winrm.settings import HostSettings

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD = "with:colon, ü and €"
SETTINGS = HostSettings(name="EX01", fqdn="ex01.corp.example", domain="CORP", users={"admin": PASSWORD})
CERTIFICATE = hashlib.sha256(b"certificate").digest()


def sign_in(
    *,
    user: str = "CORP\\admin",
    password: str = PASSWORD,
    protocol: str = "negotiate",
    settings: HostSettings = SETTINGS,
    server_hash: bytes | None = None,
    client_hash: bytes | None = None,
    tamper: Callable[[bytes], bytes] = lambda token: token,
) -> tuple[spnego.ContextProxy, SecurityContext]:
    """Let a client sign in; ``tamper`` changes the server's tokens on their way."""
    bindings = None
    if client_hash is not None:
        bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + client_hash)
    options = spnego.NegotiateOptions.use_negotiate if protocol == "negotiate" else spnego.NegotiateOptions.use_ntlm
    client = spnego.client(user, password, protocol=protocol, channel_bindings=bindings, options=options)
    server = SecurityContext(settings, Accounts(settings), server_hash)
    token = client.step()
    while token is not None:
        reply = server.step(token)
        token = client.step(tamper(reply)) if reply is not None else None
    return client, server


def test_private_names_of_pyspnego_are_there() -> None:
    """The acceptor builds on these; when this fails, look at pyspnego's changes before widening the version range."""
    proxy = spnego._ntlm.NTLMProxy("user", "password", usage="initiate")
    names = ["_complete", "_session_key", "_context_attr", "_is_wrapped", "_step_accept", "_step_initiate", "usage"]

    assert [] == [name for name in names if not hasattr(proxy, name)]
    assert {"ntlm"} <= set(spnego._context.GSSMech.__members__)
    context = spnego._negotiate.NegotiateProxy(usage="accept", _negotiate_contexts={"here": proxy})
    assert {"here": proxy} == context._available_contexts
    assert [] == [name for name in ("hmac_md5", "md5", "ntowfv1", "ntowfv2", "rc4k") if not hasattr(crypto, name)]
    wanted = ["Authenticate", "AvFlags", "AvId", "Challenge", "FileTime", "Negotiate", "NegotiateFlags"]
    wanted += ["NTClientChallengeV2", "TargetInfo", "Version"]
    assert [] == [name for name in wanted if not hasattr(messages, name)]


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_messages_pass_both_ways_in_order(protocol: str) -> None:
    """After the sign-in both sides read what the other wrote, message after message."""
    client, server = sign_in(protocol=protocol)

    assert "admin" == server.account.name
    for number in range(3):
        text = f"message {number} ü".encode()
        signature, data = server.wrap(text)
        assert text == client.unwrap_winrm(signature, data)
        sealed = client.wrap_winrm(text)
        assert text == server.unwrap(sealed.header, sealed.data)
        assert text not in sealed.data


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"password": ""}, {"user": "CORP\\nobody"}, {"user": "ELSEWHERE\\admin"}],
)
def test_wrong_credentials_are_refused(protocol: str, wrong: dict[str, str]) -> None:
    """Wrong password, user and domain all end in the same refusal."""
    with pytest.raises(SignInError):
        sign_in(protocol=protocol, **wrong)


def test_user_may_be_given_by_hash() -> None:
    """Whoever sets up a host needn't write the password down."""
    _, server = sign_in(settings=replace(SETTINGS, users={"admin": nt_hash(PASSWORD)}))

    assert "admin" == server.account.name


def test_hash_of_the_wrong_length_is_refused() -> None:
    """A mistake in the settings is noticed at once, not at the first sign-in."""
    with pytest.raises(ValueError, match="admin"):
        Accounts(replace(SETTINGS, users={"admin": b"short"}))


def test_secrets_are_in_no_repr() -> None:
    """Neither the settings nor an account show a password or its hash."""
    account = Accounts(SETTINGS).find("admin")

    assert PASSWORD not in repr(SETTINGS)
    assert repr(account.nt_hash)[2:-1] not in repr(account)


def test_challenge_has_the_hosts_own_names() -> None:
    """A client that takes its domain from the challenge gets the host's, not that of the machine it is simulated on."""
    server = SecurityContext(SETTINGS, Accounts(SETTINGS), None)
    client = spnego.client("admin", PASSWORD, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    challenge = messages.Challenge.unpack(server.step(client.step()))
    info = challenge.target_info

    assert "CORP" == challenge.target_name
    assert ("EX01", "CORP") == (info[messages.AvId.nb_computer_name], info[messages.AvId.nb_domain_name])
    assert "ex01.corp.example" == info[messages.AvId.dns_computer_name]
    assert "corp.example" == info[messages.AvId.dns_domain_name]


@pytest.mark.parametrize(
    ("level", "none", "right", "wrong"),
    [("relaxed", True, True, False), ("strict", False, True, False), ("none", True, True, True)],
)
def test_channel_bindings(level: str, none: bool, right: bool, wrong: bool) -> None:
    """Each level accepts what Windows' CbtHardeningLevel of that name accepts."""
    settings = replace(SETTINGS, channel_bindings=level)

    def accepted(client_hash: bytes | None) -> bool:
        try:
            sign_in(settings=settings, server_hash=CERTIFICATE, client_hash=client_hash)
        except SignInError:
            return False
        return True

    assert (none, right, wrong) == (accepted(None), accepted(CERTIFICATE), accepted(bytes(32)))


def test_changed_challenge_is_noticed() -> None:
    """A challenge that was weakened on its way (no sealing) breaks the client's integrity code."""

    def weaken(token: bytes) -> bytes:
        if not token.startswith(b"NTLMSSP\x00\x02"):
            return token
        flags = int.from_bytes(token[20:24], "little") & ~messages.NegotiateFlags.seal
        return token[:20] + flags.to_bytes(4, "little") + token[24:]

    with pytest.raises(SignInError):
        sign_in(protocol="ntlm", tamper=weaken)


def test_ntlm_version_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only NTLMv2 signs anyone in."""
    monkeypatch.setenv("LM_COMPAT_LEVEL", "2")
    with pytest.raises(SignInError):
        sign_in(protocol="ntlm")


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3))
def test_no_token_breaks_the_acceptor(tokens: list[bytes]) -> None:
    """Any bytes are a refusal or a next step, never another exception."""
    server = SecurityContext(SETTINGS, Accounts(SETTINGS), None)
    for token in tokens:
        try:
            server.step(token)
        except SignInError:
            break

    assert server.account is None


@given(st.binary(max_size=120), st.integers(0, 400))
def test_no_damage_to_the_last_token_signs_anyone_in(damage: bytes, where: int) -> None:
    """A damaged AUTHENTICATE message is refused, and only refused."""
    client = spnego.client("CORP\\admin", "wrong", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    server = SecurityContext(SETTINGS, Accounts(SETTINGS), None)
    token = client.step(server.step(client.step()))
    with pytest.raises(SignInError):
        server.step(token[:where] + damage + token[where + len(damage) :])


def test_encrypted_body_is_what_it_says() -> None:
    """Wrapping a message and unwrapping it on the other side gives it back; the frame tells its length."""
    client, server = sign_in()
    body = encryption.encrypt(b"<answer/>", server)

    assert b"Length=9\r\n" in body
    payload = body.split(b"application/octet-stream\r\n")[1].removesuffix(b"--Encrypted Boundary--\r\n")
    assert b"<answer/>" == client.unwrap_winrm(payload[4:20], payload[20:])


def seal(client: spnego.ContextProxy, message: bytes, length: int | None = None) -> bytes:
    """An encrypted body as a client writes it."""
    sealed = client.wrap_winrm(message)
    kind = b"application/HTTP-SPNEGO-session-encrypted"
    announced = len(message) if length is None else length
    return (
        b"--Encrypted Boundary\r\n\tContent-Type: " + kind + b"\r\n"
        b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
        % announced
        + b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        + len(sealed.header).to_bytes(4, "little")
        + sealed.header
        + sealed.data
        + b"--Encrypted Boundary--\r\n"
    )


def test_encrypted_bodies_are_read_in_their_order() -> None:
    """Several in a row are read; one that is skipped, repeated or damaged isn't."""
    client, server = sign_in()
    first, second, third = (seal(client, b"%d" % number) for number in range(3))

    assert b"0" == encryption.decrypt(first, server)
    with pytest.raises(encryption.EncryptionError):
        encryption.decrypt(third, server)
    with pytest.raises(encryption.EncryptionError):
        encryption.decrypt(second.replace(b"Length=1", b"Length=2"), server)


@pytest.mark.parametrize("length", [0, 5])
def test_wrong_length_is_refused(length: int) -> None:
    """The announced length must be the message's."""
    client, server = sign_in()
    with pytest.raises(encryption.EncryptionError, match="length"):
        encryption.decrypt(seal(client, b"four", length), server)


@given(st.binary(max_size=300))
def test_no_body_breaks_the_framing(body: bytes) -> None:
    """Anything that isn't framed right is one kind of error."""
    server = SecurityContext(SETTINGS, Accounts(SETTINGS), None)
    with pytest.raises(encryption.EncryptionError):
        encryption.decrypt(body, server)
