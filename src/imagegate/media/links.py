"""Picture links that anybody may open until they expire: signed, so that no key is needed and no link can be guessed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import math
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SECRET_BYTES = 32
_PURPOSE = "imagegate picture link 1"


class LinkSigner:
    """Signs and checks links of the form ``/i/<id>.<ext>?expires=<unix seconds>&signature=<base64url>``.

    ``secret``: at least 32 bytes, the same in every worker. ``ttl``: seconds that a link is good for. ``clock``: Unix seconds.
    The signature is HMAC-SHA-256 over a purpose, the name and the time, so it serves nothing else.
    """

    def __init__(self, secret: bytes, ttl: float, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"a link secret needs at least {SECRET_BYTES} bytes")
        self._secret = secret
        self._ttl = ttl
        self._clock = clock

    def sign(self, id: str, extension: str) -> str:
        """Path and query of a link that is good from now on; the caller puts the origin before it."""
        expires = int(self._clock() + self._ttl)
        return f"/i/{id}.{extension}?expires={expires}&signature={self._signature(id, extension, expires)}"

    def verify(self, id: str, extension: str, query: Mapping[str, str]) -> bool:
        """Whether we signed this link and it has not expired."""
        return self.remaining(id, extension, query) > 0

    def remaining(self, id: str, extension: str, query: Mapping[str, str]) -> int:
        """Seconds, rounded up, that the link is still good for; 0 when it is not ours or has expired."""
        expires = _unix_seconds(query.get("expires", ""))
        expected = self._signature(id, extension, expires)
        given = query.get("signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            return 0
        return max(0, math.ceil(expires - self._clock()))

    def _signature(self, id: str, extension: str, expires: int) -> str:
        canonical = "\n".join((_PURPOSE, id, extension, str(expires))).encode("utf-8", "replace")
        digest = hmac.digest(self._secret, canonical, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def load_or_create_secret(path: Path) -> bytes:
    """The 32 secret bytes in this file; made with mode 0600 when there is none.

    Blocking; for the start. Any number of processes may call it at once: all get the same secret, because the complete
    file is linked to its name and the first one wins. Raises ValueError when the file holds something else.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise ValueError(
            f"{path} is no link secret: it has {len(secret)} bytes instead of {SECRET_BYTES}; delete it to get a new one"
        )
    return secret


def _create(path: Path, secret: bytes) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _unix_seconds(text: str) -> int:
    """0, long ago, for anything that is no plain number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0
