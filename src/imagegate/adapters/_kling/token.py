"""The token that is signed from an access key and a secret key.

Source: app.klingai.com's API reference (authentication), RFC 7519.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

_SECONDS = 1800
_CLOCK_SKEW_SECONDS = 5


def token(access: str, secret: str, now: int) -> str:
    """A JWT as Kling wants it: HS256, issued by the access key, for half an hour from ``now`` in seconds since 1970."""
    claims = {"iss": access, "exp": now + _SECONDS, "nbf": now - _CLOCK_SKEW_SECONDS}
    signed = f"{_base64url(orjson.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64url(orjson.dumps(claims))}"
    return f"{signed}.{_base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
