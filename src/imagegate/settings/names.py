"""Public model names of a configuration: who serves them, and where aliases lead."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from imagegate.settings.model import ChannelSettings, Settings
from imagegate.settings.problems import Finding, KeyPath, did_you_mean


def is_glob(name: str) -> bool:
    """Whether a name stands for many."""
    return any(sign in name for sign in "*?[")


def served(settings: Settings, model: str) -> bool:
    """Whether a channel serves this public name, as itself, by a glob, or pinned to a channel (``model:channel``)."""
    if any(_covers(channel, model) for channel in settings.channels):
        return True
    name, _, pin = model.rpartition(":")
    return bool(name) and any(channel.name == pin and _covers(channel, name) for channel in settings.channels)


def check_names(settings: Settings) -> Iterator[Finding]:
    """Aliases that run in circles, and aliases and default models that no channel serves."""
    names = _Names(settings)
    yield from names.alias_findings()
    yield from names.unserved(("defaults", "model"), settings.defaults.model)
    for index, key in enumerate(settings.auth.keys):
        yield from names.unserved(("auth", "keys", index, "default_model"), key.default_model)


def _covers(channel: ChannelSettings, model: str) -> bool:
    return model in channel.models or any(fnmatchcase(model, glob) for glob in channel.models)


class _Names:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        names = {name for channel in settings.channels for name in channel.models} | set(settings.aliases)
        self._known = sorted(name for name in names if not is_glob(name))

    def unserved(self, path: KeyPath, model: str | None) -> Iterator[Finding]:
        """A finding when the name leads nowhere."""
        if model is not None and not served(self._settings, model) and self._step(model) is None:
            yield Finding(path, f'no channel serves model "{model}"{did_you_mean(model, self._known)}')

    def alias_findings(self) -> Iterator[Finding]:
        in_loops: set[str] = set()
        for alias, target in self._settings.aliases.items():
            if alias == target:
                yield Finding(("aliases", alias), "an alias may not point at itself")
                continue
            loop = self._loop_from(alias)
            if loop and in_loops.isdisjoint(loop):
                in_loops.update(loop)
                yield Finding(("aliases", alias), f"aliases run in a circle: {' → '.join(loop)}")
            elif not loop:
                yield from self.unserved(("aliases", alias), target)

    def _step(self, name: str) -> str | None:
        """Where an alias sends this name; None when nowhere else. As in routing, what a channel serves is no alias."""
        if served(self._settings, name):
            return None
        aliases = self._settings.aliases
        found = aliases.get(name) or next((target for glob, target in aliases.items() if fnmatchcase(name, glob)), None)
        return None if found == name else found

    def _loop_from(self, alias: str) -> list[str]:
        trail, name = [alias], self._settings.aliases[alias]
        while name not in trail:
            trail.append(name)
            following = self._step(name)
            if following is None:
                return []
            name = following
        return [*trail[trail.index(name) :], name]
