"""Configured upstream accounts, and who could serve a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential that does not print itself. ``reveal()`` where it is put on the wire, nowhere else."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The credential in clear."""
        return self._value

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds. ``first_byte``: from sending to the first byte of the answer. ``idle``: between two reads."""

    connect: float = 5.0
    first_byte: float = 300.0
    idle: float = 120.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """How one public model is called on a channel. ``defaults`` fill what the caller left out, ``overrides`` win over him."""

    upstream: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """An upstream account. ``base_url`` has no trailing slash. ``options`` is the adapter's own ``Options`` model.

    ``models`` maps public names, also globs such as ``flux-*``, to routes. Lower ``priority`` is tried first; equal
    priorities share by ``weight``.
    """

    name: str
    adapter: str
    base_url: str
    keys: tuple[Secret, ...]
    models: Mapping[str, ModelRoute]
    priority: int = 0
    weight: int = 1
    timeouts: Timeouts = Timeouts()
    headers: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    options: Any = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to serve a request: a channel, one of its keys (None when it needs none) and the upstream model."""

    channel: Channel
    key: Secret | None
    route: ModelRoute
