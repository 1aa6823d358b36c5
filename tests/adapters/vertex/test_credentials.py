"""Keys of Vertex AI channels, and the tokens that a service account signs for itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest
from google.auth import jwt

from imagegate.adapters._vertex.credentials import SCOPE, Tokens, is_api_key, service_account
from imagegate.errors import AuthFailed
from tests.support.service_account import service_account as made

PEM = "-----BEGIN ~-----\nnothing\n-----END ~-----\n"
_decode: Callable[..., Mapping[str, Any]] = jwt.decode


class Clock:
    """A time that only tests move."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def claims_of(headers: Mapping[str, str]) -> Mapping[str, Any]:
    return _decode(headers["authorization"].removeprefix("Bearer "), verify=False)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("AIzaSyA-0123", True), ("AQ.Ab8R0123", True), ("ya29.a0A", False), ("sk-0123", False), ("", False)],
)
def test_api_keys_are_known_by_their_beginning(key: str, expected: bool) -> None:
    assert is_api_key(key) is expected


def test_a_service_account_is_json_or_base64_of_it() -> None:
    text = made().key
    for key in (text, f"\n{text}\n", base64.b64encode(text.encode()).decode()):
        found = service_account(key)
        assert found is not None and found["client_email"] == made().email


@pytest.mark.parametrize("key", ["", "ya29.a0A", "AIzaSyA", "c2VjcmV0", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "not base64!"])
def test_other_keys_are_none(key: str) -> None:
    assert service_account(key) is None


@pytest.mark.parametrize("key", ['{"type": "service_acc', base64.b64encode(b'{"type": ').decode(), "{}"])
def test_broken_ones_are_never_taken_for_tokens(key: str) -> None:
    assert service_account(key) == {}


async def test_a_token_is_signed_for_an_hour(executor: Executor) -> None:
    clock = Clock()
    headers = await Tokens(executor, clock).headers(made().key)
    claims = claims_of(headers)
    assert claims == {"iss": made().email, "sub": made().email, "scope": SCOPE, "iat": clock.now, "exp": clock.now + 3600}
    verified: Callable[..., Any] = jwt.decode
    with pytest.raises(ValueError, match="used too early"):
        verified(headers["authorization"].removeprefix("Bearer "), certs=made().public)  # signed well, and of the future


async def test_a_token_is_kept_until_it_is_nearly_over(executor: Executor) -> None:
    clock = Clock()
    tokens = Tokens(executor, clock)
    first = await tokens.headers(made().key)
    clock.now += 3000
    assert await tokens.headers(made().key) == first
    clock.now += 400
    second = await tokens.headers(made().key)
    assert claims_of(second)["exp"] == claims_of(first)["exp"] + 3400


async def test_other_keys_bring_no_headers(executor: Executor) -> None:
    assert await Tokens(executor).headers("ya29.a0A") == {}
    assert await Tokens(executor).headers("") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "authorized_user"},
        {"private_key": PEM.replace("~", "PRIVATE KEY")},
        {"private_key": None},
        {"client_email": None},
    ],
)
async def test_a_key_that_cannot_sign_is_the_operators(executor: Executor, change: dict[str, Any]) -> None:
    info = {**json.loads(made().key), **change}
    key = json.dumps({name: value for name, value in info.items() if value is not None})
    with pytest.raises(AuthFailed) as caught:
        await Tokens(executor).headers(key)
    assert "PRIVATE" not in caught.value.message and made().email not in caught.value.message


async def test_keys_beyond_the_last_few_are_forgotten(executor: Executor) -> None:
    clock = Clock()
    tokens = Tokens(executor, clock, kept=1)
    first = await tokens.headers(made().key)
    await tokens.headers(f"{made().key} ")
    clock.now += 10
    assert await tokens.headers(made().key) != first
