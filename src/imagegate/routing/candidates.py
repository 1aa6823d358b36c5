"""From a public model name to the channels and keys that serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from imagegate.domain.channels import Candidate, Channel, ModelRoute
from imagegate.errors import InvalidRequest, ModelNotFound

_ALIAS_DEPTH = 5
_REMEMBERED = 4096
"""Names whose channels are remembered; a glob lets clients make names up."""
_LONGEST_NAME = 256
"""Characters. Names go into headers and log lines, and a glob such as ``*`` would let everything through."""


class ModelTable:
    """Channels, aliases and the default model of one configuration; immutable."""

    def __init__(self, channels: Sequence[Channel], aliases: Mapping[str, str], default_model: str | None) -> None:
        self._channels = sorted(channels, key=lambda channel: channel.priority)
        self._aliases = dict(aliases)
        self._default = default_model
        self._serving = lru_cache(maxsize=_REMEMBERED)(self._find_serving)
        self._candidates = lru_cache(maxsize=_REMEMBERED)(self._find_candidates)

    def resolve(self, model: str | None, default: str | None = None) -> str:
        """The public name after default and aliases; a name that a channel serves itself is not an alias.

        ``default``: the caller's own default model. Raises InvalidRequest when there is nothing to fall back on,
        ModelNotFound for what cannot be a name.
        """
        name = (model or "").strip() or default or self._default
        if not name:
            raise InvalidRequest("Name a model: `model` is missing.", param="model", code="missing_required_parameter")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise _unknown(name)
        for _ in range(_ALIAS_DEPTH):
            bare, separator, pin = name.partition(":")
            if self._serving(bare):
                return name
            target = self._alias(bare)
            if target is None:
                return name
            name = f"{target}{separator}{pin}"
        return name

    def candidates(self, model: str) -> Sequence[Candidate]:
        """Everybody who serves a resolved name, best priority first, one entry a key. ``model:channel`` pins a channel.

        Raises ModelNotFound when nobody does.
        """
        found = self._candidates(model)
        if not found:
            raise _unknown(model)
        return found

    def _find_candidates(self, model: str) -> tuple[Candidate, ...]:
        found = self._serving(model)
        if not found and ":" in model:
            bare, _, pin = model.rpartition(":")
            found = tuple((channel, route) for channel, route in self._serving(bare) if channel.name == pin)
        return tuple(Candidate(channel, key, route) for channel, route in found for key in channel.keys or (None,))

    def names(self) -> list[str]:
        """Every public name that can be listed: models that are no globs, then aliases that are none."""
        models = {name: None for channel in self._channels for name in channel.models if not _is_glob(name)}
        models.update({name: None for name in self._aliases if not _is_glob(name)})
        return list(models)

    def _find_serving(self, model: str) -> tuple[tuple[Channel, ModelRoute], ...]:
        routes = ((channel, _route(channel, model)) for channel in self._channels)
        return tuple((channel, route) for channel, route in routes if route is not None)

    def _alias(self, model: str) -> str | None:
        if model in self._aliases:
            return self._aliases[model]
        return next((target for glob, target in self._aliases.items() if fnmatchcase(model, glob)), None)


def _route(channel: Channel, model: str) -> ModelRoute | None:
    exact = channel.models.get(model)
    if exact is not None:
        return exact
    for glob, route in channel.models.items():
        if _is_glob(glob) and fnmatchcase(model, glob):
            upstream = model if route.upstream == glob else route.upstream
            return ModelRoute(upstream, route.defaults, route.overrides)
    return None


def _unknown(model: str) -> ModelNotFound:
    shown = "".join(character if character.isprintable() else "?" for character in model[:100])
    return ModelNotFound(f"The model `{shown}` is not served here; GET /v1/models lists what is.", param="model")


def _is_glob(name: str) -> bool:
    return any(sign in name for sign in "*?[")
