"""Settings as plain data that may be shown to anybody: credentials are ``***``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from imagegate.settings.model import ChannelSettings, Settings
from imagegate.settings.semantics import AdapterFacts

MASK = "***"
_CREDENTIAL_NAME = re.compile(r"(^|[_-])(api_?key|key|token|secret|password|authorization|credentials?)$", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(settings: Settings, adapters: Mapping[str, AdapterFacts]) -> dict[str, Any]:
    """The effective settings as mappings, lists and scalars, ready for YAML.

    Masked are: secrets by type (adapter options too), all values of ``channels[].headers``, text under a credential's name in
    free mappings (``overrides``, ``defaults``, ``options``), and user names and passwords in URLs.
    """
    data: dict[str, Any] = _plain(settings)
    data["channels"] = [_channel(channel, adapters.get(channel.adapter)) for channel in settings.channels]
    return data


def _channel(channel: ChannelSettings, facts: AdapterFacts | None) -> dict[str, Any]:
    data: dict[str, Any] = _plain(channel)
    options = facts.options.model_validate(channel.options) if facts else channel.options
    return {**data, "headers": dict.fromkeys(channel.headers, MASK), "options": _plain(options)}


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, BaseModel):
        return {field: _plain(getattr(value, field)) for field in type(value).model_fields}
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict):
        return {str(key): _plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name) for item in value]
    if isinstance(value, str):
        return MASK if _CREDENTIAL_NAME.search(name) and value else _USER_INFO.sub(MASK, value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
