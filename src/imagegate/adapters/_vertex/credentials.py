"""A channel's key for Vertex AI: a service account's JSON, an API key, or a bearer token.

A service account signs its own tokens (https://google.aip.dev/auth/4111), so nobody is asked for one over the network.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import orjson
from google.auth import jwt
from google.auth.crypt import RSASigner
from google.auth.exceptions import GoogleAuthError

from imagegate.errors import AuthFailed

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFETIME = 3600
_SPARE = 300.0
"""Seconds before its end at which a token is made anew; a call may take that long to be looked at."""
_API_KEYS = ("AIza", "AQ.")
_UNREADABLE = "The channel's service account key cannot be read; the operator has to look at it."

_encode: Callable[[Any, Mapping[str, Any]], bytes] = jwt.encode
_signer_of: Callable[[Mapping[str, Any]], Any] = RSASigner.from_service_account_info


def is_api_key(key: str) -> bool:
    """Whether a key is an API key of Google Cloud (express mode), by the way it begins."""
    return key.startswith(_API_KEYS)


def service_account(key: str) -> Mapping[str, Any] | None:
    """The service account that a key is, as JSON or as base64 of it; None when it is something else, empty when it is broken."""
    text = key.strip()
    if not text.startswith("{"):
        try:
            text = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError):
            return None
    if not text.lstrip().startswith("{"):
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}  # never to be sent as if it were a token
    return document if isinstance(document, dict) else {}


@dataclass(slots=True)
class _Account:
    """``expires``: on the clock of the tokens."""

    claims: Mapping[str, Any]
    signer: Any
    token: str = ""
    expires: float = 0.0


class Tokens:
    """Self-signed bearer tokens of the last ``kept`` keys, until each is nearly over. Keys are read and used in ``executor``."""

    def __init__(self, executor: Executor, clock: Callable[[], float] = time.time, kept: int = 64) -> None:
        self._executor = executor
        self._clock = clock
        self._kept = kept
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    async def headers(self, key: str) -> Mapping[str, str]:
        """The credential of one call; empty when the key is no service account. Raises AuthFailed when it is a broken one."""
        known = self._accounts.get(key)
        if known is None and service_account(key) is None:
            return {}
        if known is None or known.expires - _SPARE < self._clock():
            known = await asyncio.get_running_loop().run_in_executor(self._executor, self._renewed, key, known)
            self._keep(key, known)
        return {"authorization": f"Bearer {known.token}"}

    def _keep(self, key: str, account: _Account) -> None:
        self._accounts[key] = account
        self._accounts.move_to_end(key)
        while len(self._accounts) > self._kept:
            self._accounts.popitem(last=False)

    def _renewed(self, key: str, known: _Account | None) -> _Account:
        account = known or _read(key)
        now = int(self._clock())
        claims = {**account.claims, "iat": now, "exp": now + _LIFETIME}
        token = _encode(account.signer, claims).decode()
        return _Account(account.claims, account.signer, token, now + _LIFETIME)


def _read(key: str) -> _Account:
    info = service_account(key)
    if info is None or info.get("type", "service_account") != "service_account":
        raise AuthFailed(_UNREADABLE)
    try:
        email = str(info["client_email"])
        return _Account({"iss": email, "sub": email, "scope": SCOPE}, _signer_of(info))
    except (GoogleAuthError, ValueError, TypeError, KeyError) as error:
        raise AuthFailed(_UNREADABLE) from error
