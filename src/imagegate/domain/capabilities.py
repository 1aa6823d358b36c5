"""What a model can do, as data. The catalog holds the rows; ``rules`` applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imagegate.domain.images import Operation


class SizePolicy(StrEnum):
    """What to do with a size that the model does not have: take the nearest, refuse, or send it on as it is."""

    NEAREST = "nearest"
    STRICT = "strict"
    PASSTHROUGH = "passthrough"


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Which pixel sizes a model makes. Either a fixed list, or free within bounds.

    ``multiple``: both edges are multiples of it. ``max_ratio``: long edge over short edge. ``auto``: that word is allowed.
    """

    fixed: tuple[tuple[int, int], ...] = ()
    min_edge: int = 1
    max_edge: int = 16384
    min_pixels: int = 1
    max_pixels: int = 16384 * 16384
    multiple: int = 1
    max_ratio: float = 16.0
    auto: bool = True
    policy: SizePolicy = SizePolicy.NEAREST


@dataclass(frozen=True, slots=True)
class Price:
    """USD as published on ``date`` by ``source``; None is unknown, never zero. Token prices are per million tokens."""

    date: str
    source: str
    text_input: float | None = None
    image_input: float | None = None
    cached_text_input: float | None = None
    cached_image_input: float | None = None
    image_output: float | None = None
    text_output: float | None = None
    per_image: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One row of the catalog. An empty tuple of choices means: any value, the provider decides. ``None`` for a limit: none known.

    ``parameters``: optional fields that the model takes; None means all of them. ``formats``: what the provider can be asked for;
    a single one is what it always makes, unasked. With none, it can be asked for any when ``parameters`` has ``output_format``,
    else it makes what it likes. The gateway makes the other still formats itself.
    ``max_references``: reference pictures in one edit. ``partial_images``: the most previews it streams; 0 = cannot stream.
    """

    operations: frozenset[Operation]
    max_n: int = 1
    max_prompt: int = 32_000
    sizes: SizeRule = SizeRule()
    qualities: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    parameters: frozenset[str] | None = None
    max_references: int = 16
    mask: bool = True
    markup: bool = False
    partial_images: int = 0
    retires: str | None = None
    price: Price | None = None
    default_response_format: str = "b64_json"
    extra: Mapping[str, Any] = field(default_factory=dict)
