"""What a model can do, as data. The catalog holds the rows; ``rules`` applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from imagegate.domain.images import ImageRequest, Operation


class SizePolicy(StrEnum):
    """What to do with a size that the model does not have: take the nearest, refuse, or send it on as it is."""

    NEAREST = "nearest"
    STRICT = "strict"
    PASSTHROUGH = "passthrough"


class Decider(StrEnum):
    """Who decides how large a picture becomes: the caller, the (first) picture of an edit, or the model alone.

    ``input``: the size follows from that picture, as the same, a multiple of it, or it and a margin. Neither of the last two has
    a parameter for it.
    """

    CALLER = "caller"
    INPUT = "input"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Which pixel sizes a model makes. Either a fixed list, or free within bounds.

    ``multiple``: both edges are multiples of it. ``max_ratio``: long edge over short edge. ``auto``: that word is allowed.
    Unless the caller decides, a size that is asked for cannot reach the model, and only ``policy`` (strict or not) counts.
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
    decided_by: Decider = Decider.CALLER


@dataclass(frozen=True, slots=True)
class VendorFields:
    """Which of the fields that OpenAI's protocol does not have (a request's ``extra``) are taken, by name.

    ``only``: those that go to the provider or that the adapter reads, also globs; None: all. ``never``: not these, whatever
    ``only`` says. ``sizes``: those (taken too) that say a size in the provider's words; they give way to ``size``.
    """

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Whether a field is taken; ``loras[0]`` of a form is the field ``loras``."""
        plain = name.partition("[")[0]
        if plain in self.never:
            return False
        if self.only is None or plain in self.only or plain in self.sizes:
            return True
        return any(fnmatchcase(plain, glob) for glob in self.only)


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

    ``edit_sizes``: where an edit's differ from ``sizes``; ``mask_sizes``: where those of an edit with a mask differ from these.
    ``parameters``: optional fields that the model takes; None means all of them. ``vendor``: unknown fields that it takes.
    ``formats``: what the provider can be asked for; a single one is what it always makes, unasked. With none, it can be asked for
    any when ``parameters`` has ``output_format``, else it makes what it likes. The gateway makes the other still formats itself.
    ``max_references``: reference pictures in one edit. ``partial_images``: the most previews it streams; 0 = cannot stream.
    """

    operations: frozenset[Operation]
    max_n: int = 1
    max_prompt: int = 32_000
    sizes: SizeRule = SizeRule()
    edit_sizes: SizeRule | None = None
    mask_sizes: SizeRule | None = None
    qualities: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    parameters: frozenset[str] | None = None
    vendor: VendorFields = VendorFields()
    max_references: int = 16
    mask: bool = True
    markup: bool = False
    partial_images: int = 0
    retires: str | None = None
    price: Price | None = None
    default_response_format: str = "b64_json"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def sizes_for(self, request: ImageRequest) -> SizeRule:
        """The rule for this kind of request."""
        if request.operation is Operation.EDIT:
            masked = self.mask_sizes if request.mask is not None else None
            return masked or self.edit_sizes or self.sizes
        return self.sizes
