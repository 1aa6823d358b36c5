"""Kling's signed token."""

from __future__ import annotations

import base64

import orjson

from imagegate.adapters._kling.token import token


def test_the_token_is_a_jwt() -> None:
    head, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token("ak", "sk", 1_000_000).split("."))
    assert orjson.loads(head) == {"alg": "HS256", "typ": "JWT"}
    assert orjson.loads(claims) == {"iss": "ak", "exp": 1_001_800, "nbf": 999_995}
    assert token("ak", "sk", 0) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhayIsImV4cCI6MTgwMCwibmJmIjotNX0.MVvAnmiHtNThtg7mUzHuFRa2xrWBJQaV3MaK4g-DfqI"
    )
