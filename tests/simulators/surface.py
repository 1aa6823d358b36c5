"""A provider with several protocols: a channel has one of them, so each is a channel of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Surface:
    """``models``: patterns of the names that are served there. ``options``: of the channel."""

    simulator: Any
    models: tuple[str, ...] = ("*",)
    options: Mapping[str, Any] = field(default_factory=dict)
