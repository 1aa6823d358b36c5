"""The configuration when there is no file: a channel per provider key in the environment, and the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from imagegate.settings.document import Document
from imagegate.settings.interpolation import InterpolationError, read_secret
from imagegate.settings.model import Settings
from imagegate.settings.names import is_glob, served
from imagegate.settings.problems import KeyPath, Place, Problem
from imagegate.settings.semantics import AdapterFacts
from imagegate.settings.validation import settle

KEY_VARIABLE = "IMAGEGATE_KEY"
DATA_VARIABLE = "IMAGEGATE_DATA"
SANDBOX_MODELS = ("sandbox", "sandbox-slow")
OWN_KEY_PREFIX = "sk-ig-"
"""Keys that a gateway made; never a provider's."""
_SANDBOX_PRIORITY = 100
_OLD_NAMES = ("dall-e-2", "dall-e-3", "gpt-image-1*")
"""Models that clients still ask for by default, and OpenAI has retired or will."""


@dataclass(frozen=True, slots=True)
class ProviderFromEnvironment:
    """A channel that appears when one of ``key_variables`` is set (or, without any, when ``base_url_variable`` is).

    The first variable that is set wins; ``NAME_FILE`` may hold the path of a file with the value instead.
    """

    adapter: str
    channel_name: str
    key_variables: tuple[str, ...]
    base_url_variable: str | None
    base_url: str
    models: tuple[str, ...]


def settings_from_environment(
    environ: Mapping[str, str],
    providers: Sequence[ProviderFromEnvironment],
    adapters: Mapping[str, AdapterFacts] | None = None,
) -> Settings:
    """Settings made from the environment alone, ``IMAGEGATE__…`` overrides included.

    ``IMAGEGATE_KEY`` becomes the static key ``default``; pictures are kept under ``IMAGEGATE_DATA`` (else ``data``). With
    ``adapters``, fields are checked against each other. Raises ConfigError.
    """
    document = Document("environment")
    _Writer(document, environ).write(providers)
    return settle(document, environ, adapters, complete=_with_default_names)


def put_data_folder(document: Document, environ: Mapping[str, str]) -> None:
    """Pictures go below ``IMAGEGATE_DATA``, unless the document says where."""
    folder = environ.get(DATA_VARIABLE)
    storage = document.data.get("storage")
    if folder and (storage is None or (isinstance(storage, dict) and "path" not in storage)):
        document.put(("storage", "path"), str(Path(folder) / "files"), Place(DATA_VARIABLE))


class _Writer:
    """Writes the document; each value remembers the variable that it came from."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ

    def write(self, providers: Iterable[ProviderFromEnvironment]) -> None:
        for provider in providers:
            self._provider(provider)
        self._add_channel({"name": "sandbox", "adapter": "sandbox", "models": SANDBOX_MODELS, "priority": _SANDBOX_PRIORITY})
        key = self._value(KEY_VARIABLE)
        if key:
            self._document.put(("auth", "keys", 0, "name"), "default", key.place)
            self._document.put(("auth", "keys", 0, "key"), key.text, key.place)
        put_data_folder(self._document, self._environ)

    def _provider(self, provider: ProviderFromEnvironment) -> None:
        key = next(filter(None, map(self._value, provider.key_variables)), None)
        base_url = self._value(provider.base_url_variable) if provider.base_url_variable else None
        if key is None and (provider.key_variables or base_url is None):
            return
        if key is not None and self._is_ours(key.text):
            return
        channel = {"name": provider.channel_name, "adapter": provider.adapter, "models": provider.models}
        path = self._add_channel({**channel, "base_url": provider.base_url})
        if key:
            self._document.put((*path, "keys", 0), key.text, key.place)
        if base_url:
            self._document.put((*path, "base_url"), base_url.text, base_url.place)

    def _is_ours(self, key: str) -> bool:
        """The owner of a gateway keeps its key under the name that SDKs read, maybe in the shell that starts it again."""
        return key.startswith(OWN_KEY_PREFIX) or key == self._environ.get(KEY_VARIABLE, "").strip()

    def _add_channel(self, channel: dict[str, Any]) -> KeyPath:
        channels = self._document.data.setdefault("channels", [])
        channels.append({**channel, "models": {model: {} for model in channel["models"]}})
        return ("channels", len(channels) - 1)

    def _value(self, variable: str) -> _Value | None:
        text = self._environ.get(variable, "").strip()
        if text:
            return _Value(text, Place(variable))
        pointer = f"{variable}_FILE"
        path = self._environ.get(pointer)
        if not path:
            return None
        try:
            return _Value(read_secret(Path(path)), Place(pointer))
        except InterpolationError as error:
            self._document.problems.append(Problem(pointer, None, None, (), str(error)))
            return None


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    place: Place


def _with_default_names(settings: Settings) -> Settings:
    """Adds the default model, and aliases to it for well-known names that nobody serves."""
    model = settings.defaults.model or next(_model_names(settings), None)
    if model is None or not served(settings, model):
        return settings
    taken = {name for channel in settings.channels for name in channel.models}
    free = {name: model for name in _OLD_NAMES if not any(_overlap(name, other) for other in taken)}
    defaults = settings.defaults.model_copy(update={"model": model})
    return settings.model_copy(update={"defaults": defaults, "aliases": {**free, **settings.aliases}})


def _overlap(one: str, other: str) -> bool:
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _model_names(settings: Settings) -> Iterator[str]:
    return (name for channel in settings.channels for name in channel.models if not is_glob(name))
