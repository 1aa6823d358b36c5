"""The shape of a catalog row, and its way into the domain's frozen values. Unknown keys are errors.

A row says only what is known; keys that are left out keep the defaults of ``Capabilities``. ``notes`` holds what is
uncertain, for people.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from imagegate.domain.capabilities import Capabilities, Decider, Price, SizePolicy, SizeRule, VendorFields
from imagegate.domain.fitting import satisfiable
from imagegate.domain.images import Operation
from imagegate.domain.rules import MAX_PARTIAL_IMAGES, OPTIONAL_PARAMETERS
from imagegate.domain.sizes import MAX_EDGE, PixelSize, parse_size
from imagegate.errors import InvalidRequest

LOCAL_SOURCE = "local"
"""The one source of a price that may be zero: pictures made on this machine."""

Day = Annotated[datetime.date, Strict()]
Count = Annotated[StrictInt, Field(ge=1)]
Edge = Annotated[StrictInt, Field(ge=1, le=MAX_EDGE)]
Usd = Annotated[StrictFloat | StrictInt, Field(ge=0)]
Word = Annotated[StrictStr, Field(min_length=1)]
PriceKey = Annotated[str, Field(pattern=r"^(\*|[a-z]+)/(\*|[0-9]+x[0-9]+)$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SizesRow(_Section):
    """``fixed``: sizes as ``WxH``; without any, sizes are free within the other bounds.

    ``decided_by`` input or model: no size can be asked for, so nothing but ``policy`` may stand beside it.
    """

    fixed: tuple[Word, ...] = ()
    min_edge: Edge = 1
    max_edge: Edge = 16_384
    min_pixels: Count = 1
    max_pixels: Count = 16_384 * 16_384
    multiple: Edge = 1
    max_ratio: Annotated[StrictFloat | StrictInt, Field(ge=1)] = 16.0
    auto: StrictBool = True
    policy: SizePolicy = SizePolicy.NEAREST
    decided_by: Decider = Decider.CALLER

    @field_validator("fixed")
    @classmethod
    def _pixels(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            _edges(word)
        return words

    @model_validator(mode="after")
    def _has_sizes(self) -> Self:
        if not satisfiable(self.rule()):
            raise ValueError("no size obeys these bounds")
        if self.decided_by is not Decider.CALLER and (idle := sorted(self.model_fields_set - {"decided_by", "policy"})):
            raise ValueError(f"{', '.join(idle)}: means nothing when the {self.decided_by} decides")
        return self

    def rule(self) -> SizeRule:
        """The same as the domain has it."""
        values = self.model_dump(exclude={"fixed"})
        return SizeRule(fixed=tuple(_edges(word) for word in self.fixed), **values)


class PriceRow(_Section):
    """USD; null is unknown, and zero is refused unless the source is ``local``.

    ``date``: a day or a month. ``per_image`` keys: ``quality/WxH`` with ``*`` for any, such as ``low/1024x1024``.
    """

    date: Day | Annotated[StrictStr, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    source: Word
    text_input: Usd | None = None
    image_input: Usd | None = None
    cached_text_input: Usd | None = None
    cached_image_input: Usd | None = None
    image_output: Usd | None = None
    text_output: Usd | None = None
    per_image: dict[PriceKey, Usd] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _zero_is_not_unknown(self) -> Self:
        values = self.model_dump(exclude={"date", "source", "per_image"})
        zeros = [name for name, value in {**values, **self.per_image}.items() if value == 0]
        if zeros and self.source != LOCAL_SOURCE:
            raise ValueError(f"{', '.join(zeros)}: zero; write null when a price is unknown")
        return self

    def price(self) -> Price:
        """The same as the domain has it."""
        return Price(**{**self.model_dump(), "date": str(self.date)})


class Row(_Section):
    """One model, or a glob of models."""

    operations: Annotated[frozenset[Operation], Field(min_length=1)]
    max_n: Count = 1
    max_prompt: Count = 32_000
    sizes: SizesRow = SizesRow()
    edit_sizes: SizesRow | None = None
    mask_sizes: SizesRow | None = None
    qualities: tuple[Word, ...] = ()
    backgrounds: tuple[Literal["auto", "opaque", "transparent"], ...] = ()
    formats: tuple[Literal["png", "jpeg", "webp", "gif", "svg"], ...] = ()
    parameters: frozenset[Word] | None = None
    vendor_fields: frozenset[Word] | None = None
    max_references: Annotated[StrictInt, Field(ge=0)] = 16
    mask: StrictBool = True
    markup: StrictBool = False
    partial_images: Annotated[StrictInt, Field(ge=0, le=MAX_PARTIAL_IMAGES)] = 0
    retires: Day | None = None
    price: PriceRow | None = None
    default_response_format: Literal["b64_json", "url"] = "b64_json"
    extra: dict[str, Any] = Field(default_factory=dict)
    notes: str = ""

    @field_validator("parameters")
    @classmethod
    def _known(cls, names: frozenset[str] | None) -> frozenset[str] | None:
        if unknown := sorted((names or frozenset()) - set(OPTIONAL_PARAMETERS)):
            raise ValueError(f"unknown parameter {', '.join(unknown)}; known are {', '.join(OPTIONAL_PARAMETERS)}")
        return names

    def capabilities(self) -> Capabilities:
        """The same as the domain has it."""
        values = self.model_dump(exclude={"sizes", "edit_sizes", "mask_sizes", "vendor_fields", "price", "retires", "notes"})
        return Capabilities(
            **values,
            sizes=self.sizes.rule(),
            edit_sizes=self.edit_sizes.rule() if self.edit_sizes else None,
            mask_sizes=self.mask_sizes.rule() if self.mask_sizes else None,
            vendor=VendorFields(only=self.vendor_fields),
            retires=str(self.retires) if self.retires else None,
            price=self.price.price() if self.price else None,
        )


def _edges(word: str) -> tuple[int, int]:
    if not re.fullmatch(r"[0-9]+x[0-9]+", word):
        raise ValueError(f"'{word}' is not WxH")
    try:
        size = parse_size(word)
    except InvalidRequest as error:
        raise ValueError(error.message) from error
    if not isinstance(size, PixelSize):
        raise ValueError(f"'{word}' is not WxH")
    return size.width, size.height
