"""Who is calling: a key from one of four headers, looked up by its digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from typing import Protocol

from starlette.datastructures import Headers

from imagegate.domain.keys import Caller
from imagegate.errors import PermissionDenied, Unauthenticated

_OTHER_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
_LONGEST = 512
_NOBODYS = "\0"
"""A key that nobody has."""
_AROUND = string.whitespace + "\"'"
_BEARER = re.compile(r"[\s\"']*bearer(?=[\s\"']|$)", re.IGNORECASE | re.ASCII)


_PLAIN = re.compile(r"Bearer (?!(?i:bearer))([A-Za-z0-9._~+/=-]{1,512})", re.ASCII)
"""What nearly everybody sends."""


class KeyStore(Protocol):
    """Knows keys by their secret."""

    def find(self, key: str) -> Caller | None:
        """The caller of a key in clear, or None. Takes the same time whichever byte differs."""
        ...


class StaticKeys:
    """Keys of the configuration, kept only as keyed digests (BLAKE2b, RFC 7693, with a random pepper of this process)."""

    def __init__(self, keys: Iterable[tuple[str, Caller]]) -> None:
        self._pepper = secrets.token_bytes(32)
        self._callers = {self._digest(key): caller for key, caller in keys}

    def find(self, key: str) -> Caller | None:
        """The caller of a key in clear, or None."""
        digest = self._digest(key)
        found: Caller | None = None
        for known, caller in self._callers.items():
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), key=self._pepper, digest_size=32).digest()


class HashedKeys:
    """Keys known only by their plain SHA-256, as the first-key file keeps them."""

    def __init__(self, keys: Iterable[tuple[str, Caller]]) -> None:
        self._callers = list(keys)

    def find(self, key: str) -> Caller | None:
        """The caller of a key in clear, or None."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        return next((caller for known, caller in self._callers if hmac.compare_digest(known, digest)), None)


class Authenticator:
    """Turns request headers into a caller. Without ``required``, a missing key is the anonymous caller."""

    def __init__(self, stores: Iterable[KeyStore], *, required: bool = True) -> None:
        self._stores = tuple(stores)
        self._required = required

    def caller(self, headers: Headers) -> Caller:
        """Raises Unauthenticated, with one and the same body for every wrong key."""
        key = presented_key(headers)
        if not key:
            if not self._required:
                return Caller("anonymous")
            raise Unauthenticated("Send your key as `Authorization: Bearer <key>`.", code="missing_api_key")
        for store in self._stores:
            caller = store.find(key)
            if caller is not None:
                return caller
        if not self._required:
            return Caller("anonymous")
        raise Unauthenticated("The API key is not known here; check the key that your client sends.")


def check_model(caller: Caller, model: str, requested: str) -> None:
    """Raises PermissionDenied unless the key may use the model, under the name it asked for or the one behind it."""
    if caller.may_use(model):
        return
    names = {name for full in (model, requested) for name in (full, full.rpartition(":")[0] or full)}
    if not any(caller.may_use(name) for name in names):
        raise PermissionDenied(f"This key may not use the model `{requested[:100]}`.")


def presented_key(headers: Headers) -> str:
    """The key that a request carries, without quotes, spaces and doubled ``Bearer``; empty when there is none.

    Takes time in proportion to the length of the headers: they come from strangers.
    """
    authorization = headers.get("authorization", "")
    if plain := _PLAIN.fullmatch(authorization):
        return plain[1]
    values = [authorization] if _BEARER.match(authorization) else []
    values.extend(headers.get(name, "") for name in _OTHER_HEADERS)
    return next((key for key in map(_unwrapped, values) if key), "")


def _unwrapped(value: str) -> str:
    start = 0
    while found := _BEARER.match(value, start):
        start = found.end()
    key = value[start:].strip(_AROUND)
    if len(key) > _LONGEST:
        return _NOBODYS
    return key.encode("latin-1").decode("utf-8", "surrogateescape")  # the server decodes headers as Latin-1
