"""A YAML file that remembers where everything was written, so that each complaint can point at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from imagegate.settings.problems import ConfigError, Finding, KeyPath, Place, Problem


@dataclass(slots=True)
class Document:
    """A configuration while it is being read: the tree, the places of its keys and values, and what was found wrong so far.

    ``veiled``: paths whose values came from a variable or a secret file, and are never quoted in a message.
    ``folder``: what relative ``file:`` references start from. ``covered``: paths with a complaint. ``misspelt``: paths that
    stand under another name.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    veiled: set[KeyPath] = field(default_factory=set)
    folder: Path = Path()
    covered: set[KeyPath] = field(default_factory=set)
    misspelt: set[KeyPath] = field(default_factory=set)

    def report(self, findings: Iterable[Finding]) -> None:
        """Adds complaints, except about values that an earlier step has complained about, and misspelt ones."""
        found, covered = list(findings), frozenset(self.covered)
        self.misspelt.update(finding.instead for finding in found if finding.instead)
        for finding in found:
            excused = finding.missing and finding.path in self.misspelt
            if not excused and covered.isdisjoint(_ancestry(finding.path)):
                self.problems.append(self._placed(finding))
                self.covered.add(finding.path)

    def stop_if_wrong(self) -> None:
        """Raises ConfigError when anything was found wrong."""
        if self.problems:
            raise ConfigError(self.problems)

    def is_veiled(self, path: KeyPath) -> bool:
        """Whether the value at ``path`` must not be quoted."""
        return not self.veiled.isdisjoint(_ancestry(path))

    def put(self, path: KeyPath, value: Any, place: Place) -> None:
        """Writes a veiled value over what stands at ``path``, making the mappings and list items on the way."""
        for marks in (self.keys, self.values):
            for below in [known for known in marks if known[: len(path)] == path]:
                del marks[below]
        self.values[path] = place
        self.veiled.add(path)
        parent: Any = self.data
        for step, following in pairwise(path):
            parent = _enter(parent, step, [] if isinstance(following, int) else {})
        _assign(parent, path[-1], value)

    def rename(self, old: KeyPath, new: KeyPath) -> None:
        """Moves the place of one entry, when its list was short for a mapping."""
        place = self.values.pop(old, None)
        if place is not None:
            self.keys[new] = self.values[new] = place

    def _placed(self, finding: Finding) -> Problem:
        place = self.keys.get(finding.path) if finding.at_key else None
        for path in _ancestry(finding.path):
            place = place or self.values.get(path)
        place = place or self.values.get(()) or Place(self.name)
        return Problem(place.file, place.line, place.column, finding.path, finding.message)


def _ancestry(path: KeyPath) -> Iterator[KeyPath]:
    return (path[:length] for length in range(len(path), 0, -1))


def _enter(parent: Any, step: str | int, empty: list[Any] | dict[str, Any]) -> Any:
    held = parent[step] if isinstance(step, int) and step < len(parent) else None
    if isinstance(step, str):
        held = parent.get(step)
    if not isinstance(held, type(empty)):
        held = empty
        _assign(parent, step, held)
    return held


def _assign(parent: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and step >= len(parent):
        parent.append(value)
    else:
        parent[step] = value
