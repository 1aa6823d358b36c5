"""A service account of Google Cloud that exists nowhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """``key``: the JSON file's text. ``public``: PEM, to check what it signs."""

    email: str
    key: str
    public: str


@cache
def service_account(project: str = "simulated-project") -> ServiceAccount:
    """One a process; making the key takes a moment."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    email = f"pictures@{project}.iam.gserviceaccount.com"
    info = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "0123456789abcdef",
        "private_key": pem,
        "client_email": email,
        "token_uri": "https://oauth2.example.com/token",
    }
    return ServiceAccount(email, json.dumps(info, indent=2), public.decode())
