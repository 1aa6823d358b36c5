"""Tencent Cloud's signature, version 3 (TC3-HMAC-SHA256): cloud.tencent.com/document/api/213/30654."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imagegate.upstream.inline import JsonBody

CONTENT_TYPE = "application/json"
_SIGNED = "content-type;host;x-tc-action"


@dataclass(frozen=True, slots=True)
class Call:
    """What is called. ``host`` as in the Host header; ``path`` of the url, ``/`` at least."""

    service: str
    version: str
    action: str
    region: str
    host: str
    path: str = "/"


def signed_headers(call: Call, key: str, digest: str, now: int, content_type: str = CONTENT_TYPE) -> dict[str, str]:
    """Headers of one call. ``key``: ``SecretId:SecretKey``. ``digest``: hex SHA-256 of the body. ``now``: seconds since 1970."""
    identity, _, secret = key.partition(":")
    date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    scope = f"{date}/{call.service}/tc3_request"
    named = f"content-type:{content_type}\nhost:{call.host}\nx-tc-action:{call.action.lower()}\n"
    canonical = f"POST\n{call.path}\n\n{named}\n{_SIGNED}\n{digest}"
    text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing = f"TC3{secret}".encode()
    for part in (date, call.service, "tc3_request"):
        signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()
    return {
        "content-type": content_type,
        "authorization": f"TC3-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}",
        "x-tc-action": call.action,
        "x-tc-version": call.version,
        "x-tc-region": call.region,
        "x-tc-timestamp": str(now),
    }


async def digest_of(body: Mapping[str, Any]) -> str:
    """Hex SHA-256 of a JSON body; its pictures pass by in pieces and are read again when it is sent."""
    content = JsonBody(body).content
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    async for piece in content:
        digest.update(piece)
    return digest.hexdigest()
