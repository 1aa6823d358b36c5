"""Checks that look at more than one value: channels against their adapters, keys, and who may reach the server."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from imagegate.settings.explain import explain
from imagegate.settings.model import Auth, ChannelSettings, Settings
from imagegate.settings.names import check_names
from imagegate.settings.problems import Finding, KeyPath, did_you_mean

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What the settings must know of an adapter, which they may not import. ``options``: the model of ``channels[].options``."""

    name: str
    needs_base_url: bool
    default_base_url: str | None
    needs_key: bool
    options: type[BaseModel]


def check_semantics(settings: Settings, adapters: Mapping[str, AdapterFacts]) -> tuple[Finding, ...]:
    """Everything that is wrong across fields of settings that are valid by themselves; empty when all is well."""
    return (*check_parts(settings, adapters), *check_names(settings))


def check_parts(settings: Settings, adapters: Mapping[str, AdapterFacts]) -> Iterator[Finding]:
    """The checks that hold even when other parts of the file are broken: all but those of model names."""
    yield from _check_reach(settings)
    yield from _check_keys(settings.auth)
    if not settings.channels:
        message = "needs at least one channel; config.example.yaml has one that works without an account"
        yield Finding(("channels",), message, missing=True)
    for index in _repeated(channel.name for channel in settings.channels):
        name = settings.channels[index].name
        yield Finding(("channels", index, "name"), f'another channel is called "{name}" already')
    for index, channel in enumerate(settings.channels):
        yield from _check_channel(channel, ("channels", index), adapters)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_reach(settings: Settings) -> Iterator[Finding]:
    host, public_url = settings.server.host, settings.server.public_url
    if not settings.auth.required and not is_loopback(host):
        message = f'false lets everybody in, and server.host "{host}" is not a loopback address'
        yield Finding(("auth", "required"), f"{message}; require keys, or listen on 127.0.0.1")
    if public_url is not None and not _is_web_url(public_url):
        yield Finding(("server", "public_url"), 'must be an http or https URL, such as "https://images.example.com"')
    for index, entry in enumerate(settings.fetch.allow):
        if not _HOST_PORT.fullmatch(entry):
            yield Finding(("fetch", "allow", index), 'must be host:port, such as "media.internal:9000"')


def _check_keys(auth: Auth) -> Iterator[Finding]:
    for index in _repeated(key.name for key in auth.keys):
        yield Finding(("auth", "keys", index, "name"), f'another key is called "{auth.keys[index].name}" already')
    yield from _check_credentials([key.key for key in auth.keys], [("auth", "keys", i, "key") for i in range(len(auth.keys))])


def _check_credentials(secrets: Iterable[SecretStr], paths: Iterable[KeyPath]) -> Iterator[Finding]:
    first_seen: dict[str, KeyPath] = {}
    for secret, path in zip(secrets, paths, strict=True):
        value = secret.get_secret_value()
        if not value:
            yield Finding(path, "is empty")
        elif not _CREDENTIAL.fullmatch(value) and not value.lstrip().startswith("{"):  # a service account is a JSON text
            yield Finding(path, "holds a space, a line break or a character that is not ASCII")
        elif value in first_seen:
            yield Finding(path, "the same key stands here twice")
        first_seen.setdefault(value, path)


def _check_channel(channel: ChannelSettings, path: KeyPath, adapters: Mapping[str, AdapterFacts]) -> Iterator[Finding]:
    if not channel.models:
        yield Finding((*path, "models"), "needs at least one model")
    if channel.base_url is not None and not _is_web_url(channel.base_url):
        yield Finding((*path, "base_url"), 'must be an http or https URL without a query, such as "https://api.example.com/v1"')
    yield from _check_credentials(channel.keys, [(*path, "keys", index) for index in range(len(channel.keys))])
    for name, value in channel.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            yield Finding((*path, "headers", name), "is no HTTP header: a name without spaces, and a value of printable ASCII")
    facts = adapters.get(channel.adapter)
    if facts is None:
        hint = did_you_mean(channel.adapter, adapters) or f"; there are: {', '.join(adapters)}"
        yield Finding((*path, "adapter"), f'unknown adapter "{channel.adapter}"{hint}')
    else:
        yield from _check_against(facts, channel, path)


def _check_against(facts: AdapterFacts, channel: ChannelSettings, path: KeyPath) -> Iterator[Finding]:
    if facts.needs_base_url and not facts.default_base_url and channel.base_url is None:
        yield Finding((*path, "base_url"), f'is required by adapter "{facts.name}", but missing', missing=True)
    if facts.needs_key and not channel.keys:
        yield Finding((*path, "keys"), f'adapter "{facts.name}" needs at least one key', missing=True)
    try:
        facts.options.model_validate(channel.options)
    except ValidationError as error:
        yield from explain(error, facts.options, (*path, "options"))


def _is_web_url(url: str) -> bool:
    """An absolute URL with a host, a port from 1 to 65535 if any, and nothing behind the path."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.scheme in ("http", "https") and not re.search(r"[\s?#]", url)


def _repeated(values: Iterable[str]) -> list[int]:
    """The indexes of values that were there before."""
    seen: set[str] = set()
    repeated: list[int] = []
    for index, value in enumerate(values):
        if value in seen:
            repeated.append(index)
        seen.add(value)
    return repeated
