"""Secrets and the redactor."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import string
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.redaction import MASK, SHORTEST, Redactor, Secret

CANARY = 'Zürich\'s "canary" & <path\\7> +/='


def forms_of(value: str) -> dict[str, str]:
    """Every form that a secret is known to travel in."""
    forms = {
        "plain": value,
        "base64": base64.b64encode(value.encode()).decode(),
        "UTF-16 base64": base64.b64encode(value.encode("utf-16-le")).decode(),
        "URL": quote(value, safe=""),
        "URL path": quote(value),
        "URL form": quote_plus(value),
        "JSON": json.dumps(value)[1:-1],
        "JSON, not ASCII": json.dumps(value, ensure_ascii=False)[1:-1],
        "XML": html.escape(value),
        "PowerShell": value.replace("'", "''"),
        "Python": repr(value)[1:-1],
    }
    for number in (1, 2, 3):
        forms[f"HTTP basic {number}"] = base64.b64encode(f"{'u' * number}:{value}".encode()).decode()
    return forms


@pytest.mark.parametrize("form", forms_of(CANARY))
def test_every_form_is_redacted(form: str) -> None:
    """Whatever form a secret comes back in, it doesn't reach a sink."""
    redactor = Redactor()
    redactor.register(CANARY)

    actual = redactor.redact(f"before {forms_of(CANARY)[form]} after")

    assert actual.startswith("before ")
    assert actual.endswith(" after")
    assert MASK in actual
    assert "canary" not in actual
    # What may remain of an embedded base64 is what its neighbours decide as well: "uuu:" and a bit more.
    assert len(actual.replace(MASK, "")) <= len("before  after") + 10


@given(st.text(min_size=SHORTEST + 1, max_size=40), st.integers(0, 5))
def test_any_value_is_redacted(value: str, offset: int) -> None:
    """Any value is gone from plain text, and from base64 at any alignment."""
    redactor = Redactor()
    redactor.register(value)
    inside = "p" * offset + value + "q" * 5
    encoded = base64.b64encode(inside.encode(errors="surrogatepass")).decode()

    assert value not in redactor.redact(f"<{value}>").replace(MASK, "")
    assert encoded not in redactor.redact(encoded)


def test_longest_secret_goes_first() -> None:
    """A secret that begins like another one isn't left with its tail in clear."""
    redactor = Redactor()
    redactor.register("hunter")
    redactor.register("hunter-and-more")

    assert f"{MASK} {MASK}" == redactor.redact("hunter-and-more hunter")


def test_short_values_are_left_alone() -> None:
    """Values under four characters aren't redacted: they would blank any text."""
    redactor = Redactor()
    redactor.register("abc")
    redactor.register("")
    redactor.register("wxyz")

    assert f"abc {MASK}" == redactor.redact("abc wxyz")


def test_threads_register_and_redact_at_once() -> None:
    """Registering from many threads loses no value."""
    redactor = Redactor()
    values = [f"secret-{letter}{other}" for letter in string.ascii_letters[:8] for other in "wxyz"]
    threads = [threading.Thread(target=redactor.register, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert " ".join([MASK] * len(values)) == redactor.redact(" ".join(values))


def test_secret_shows_nothing() -> None:
    """However a secret is turned into text, only asterisks come out, of the same number always."""
    secret = Secret(CANARY)

    assert {MASK} == {str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret!r}"}
    assert repr({"password": secret}) == f"{{'password': {MASK}}}"
    assert secret.reveal() == CANARY


def test_secret_is_not_saved_by_accident() -> None:
    """A secret refuses to be pickled or to be turned into JSON."""
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(Secret(CANARY))
    assert not hasattr(Secret(CANARY), "__dict__")


def test_secrets_compare_by_value() -> None:
    """Two secrets are equal when their values are; a secret never equals a text."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert copy.deepcopy(Secret("a")) == copy.copy(Secret("a"))


def test_a_value_that_looks_like_another_ones_form_is_a_secret_of_its_own() -> None:
    """Its own forms are redacted, too, and so is what was registered after something was said."""
    first = "correct horse"
    second = base64.b64encode(first.encode()).decode()
    redactor = Redactor()
    redactor.register(first)
    assert redactor.redact(f"it is {second}") == f"it is {MASK}"

    redactor.register(second)
    redactor.register(second)

    assert redactor.redact(f"sent {base64.b64encode(second.encode()).decode()}") == f"sent {MASK}"
