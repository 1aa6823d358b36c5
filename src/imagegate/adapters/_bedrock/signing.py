"""AWS Signature Version 4 over exactly the bytes that are sent, made by botocore; nothing here touches the network.

Source: docs.aws.amazon.com (Signature Version 4 signing process), botocore 1.44.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # botocore ships no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # as above
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # as above

from imagegate.errors import AuthFailed

_HOST = re.compile(r"//bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)")
SERVICE = "bedrock"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A pair of keys, with the token of a session for temporary ones."""

    id: str
    secret: str = field(repr=False)
    session: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> AccessKey:
        """Read ``ACCESS:SECRET`` or ``ACCESS:SECRET:SESSION``. Raises AuthFailed."""
        parts = text.split(":", 2)
        if len(parts) < 2 or not all(parts):
            raise AuthFailed("A key of this channel must be written ACCESS:SECRET or ACCESS:SECRET:SESSION.")
        return cls(parts[0], parts[1], parts[2] if len(parts) > 2 else None)


def is_pair(key: str) -> bool:
    """Whether a key signs; Bedrock API keys are sent as they are and have no colon."""
    return ":" in key


def region_of(base_url: str, otherwise: str) -> str:
    """The region that an endpoint's host names."""
    found = _HOST.search(base_url)
    return found[1] if found else otherwise


def signed(url: str, content: bytes, headers: Mapping[str, str], key: AccessKey, region: str) -> dict[str, str]:
    """``headers`` with a signature for a POST of ``content``. Hashes the content: not for the event loop when it is large."""
    request = AWSRequest("POST", url, dict(headers), content)
    SigV4Auth(Credentials(key.id, key.secret, key.session), SERVICE, region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
