"""The sandbox: real pictures drawn on this machine, so that everything works with no account.

The prompt and the parameters can be read in the pictures, equal requests give equal bytes, and words in the prompt
(``sandbox:429``, ``sandbox:slow=2.5``, see ``_sandbox.faults``) make it slow or fail, so that people can test their clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._sandbox import references, tokens
from imagegate.adapters._sandbox.faults import LONGEST_SECONDS, Directives, read_directives
from imagegate.adapters._sandbox.pacing import Pace
from imagegate.adapters._sandbox.plan import GENERATED_SIZE, Plan, make_plan, unwritten
from imagegate.adapters._sandbox.references import Canvas
from imagegate.adapters._sandbox.rendering import Base64, Rendered, render
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, SizePolicy, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent, PartialImage, Progress, Usage
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream

CAPABILITIES = Capabilities(
    operations=frozenset(Operation),
    max_n=10,
    max_prompt=32_000,
    sizes=SizeRule(min_edge=16, max_edge=4096, max_pixels=4096 * 4096, max_ratio=256, auto=True, policy=SizePolicy.NEAREST),
    qualities=("auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"),
    backgrounds=("auto", "opaque", "transparent"),
    formats=("png", "jpeg", "webp", "gif"),
    max_references=16,
    mask=True,
    markup=True,
    partial_images=3,
)
"""The same for every model of the sandbox."""

DELAYS: Mapping[str, float] = {"sandbox-slow": 3.0}
"""Seconds that a model takes in all; models that are not listed take none."""

P = ParamSpec("P")
T = TypeVar("T")


class SandboxOptions(base.Options):
    """Extras of a ``sandbox`` channel."""

    delay: float = Field(0.0, ge=0, le=LONGEST_SECONDS, description="seconds that every request takes longer")


class SandboxAdapter:
    """Draws. Everything that touches pixels runs in ``executor``, whose size bounds how many pictures are drawn at once.

    ``catalog``: where its row, with the price, stands; ``clock`` (seconds) and ``sleep`` serve the delays.
    """

    Options = SandboxOptions

    def __init__(
        self,
        executor: Executor,
        *,
        catalog: Catalog | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._executor = executor
        self._catalog = catalog
        self._clock = clock
        self._sleep = sleep

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The same row for every name."""
        return self._catalog.capabilities("sandbox", upstream_model) if self._catalog else CAPABILITIES

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """A picture has room for a few unknown fields."""
        row, left = self.capabilities(request.model), unwritten(request)
        return replace(row, vendor=VendorFields(never=left)) if left else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """None: nothing is called."""
        return {}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Draw the pictures. Raises InvalidRequest for unreadable references, and what the prompt's directives ask for."""
        options: SandboxOptions = channel.options
        plan = make_plan(request, channel.overrides, CAPABILITIES.sizes)
        directives = read_directives(request.prompt)
        pace = Pace(
            options.delay + _delay(request.model, directives),
            plan.n * (plan.previews + 1),
            clock=self._clock,
            sleep=self._sleep,
        )
        if directives.early:
            await pace.finish()
            raise directives.early()
        canvas = await self._canvas(request, plan)
        plan = plan.sized(canvas.picture.size if canvas else plan.size or GENERATED_SIZE)
        for index in range(plan.n):
            drawn = await self._off_loop(render, plan, index, canvas)
            picture = _Picture(plan, index, drawn, _usage(plan, index, canvas))
            async with aclosing(_events(picture, pace, directives)) as events:
                async for event in events:
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Never called: the sandbox has no provider."""
        return BadResponse("The sandbox has no provider that could refuse.")

    async def _canvas(self, request: ImageRequest, plan: Plan) -> Canvas | None:
        """The references of an edit, decoded one after the other so that one file at most is held besides its pixels."""
        if not request.images:
            return None
        first, *others = request.images
        canvas = await self._off_loop(references.first_reference, await first.content.read(), plan.size)
        size = canvas.picture.size
        for image in others:
            small, real = await self._off_loop(references.thumbnail, await image.content.read())
            canvas = replace(canvas, others=(*canvas.others, small), sizes=(*canvas.sizes, real))
        if request.mask is not None:
            hole = await self._off_loop(references.hole, await request.mask.content.read(), size)
            canvas = replace(canvas, hole=hole)
        if request.markup is not None:
            marks = await self._off_loop(references.markup, await request.markup.content.read(), size)
            canvas = replace(canvas, markup=marks)
        return canvas

    async def _off_loop(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args, **kwargs))


@dataclass(frozen=True, slots=True)
class _Picture:
    plan: Plan
    index: int
    drawn: Rendered
    usage: Usage

    def details(self, partial_index: int | None = None) -> ImageDetails:
        """What is said about the picture, or about one of its previews."""
        width, height = self.plan.size or GENERATED_SIZE
        return ImageDetails(
            size=f"{width}x{height}",
            quality=self.plan.quality,
            background="transparent" if self.drawn.transparent else "opaque",
            output_format=self.plan.output_format,
            partial_index=partial_index,
            usage=self.usage if partial_index is None else None,
        )

    @property
    def name(self) -> str:
        """For progress notes."""
        return f"picture {self.index + 1} of {self.plan.n}"


async def _events(picture: _Picture, pace: Pace, directives: Directives) -> AsyncGenerator[ImageEvent]:
    """One picture's events, each when it is due."""
    for number, preview in enumerate(picture.drawn.previews):
        if directives.progress:
            yield Progress(f"drawing {picture.name}, preview {number + 1} of {len(picture.drawn.previews)}")
        await pace.step()
        yield PartialImage(ImageBytes(_pieces(preview)), picture.details(number))
        if directives.midway:
            raise directives.midway()
    if directives.progress:
        yield Progress(f"finishing {picture.name}")
    await pace.step()
    text = picture.drawn.picture
    chunks = _torn(text, directives.midway) if directives.midway else _pieces(text)
    yield CompletedImage(ImageBytes(chunks), picture.details())


async def _pieces(text: Base64) -> AsyncIterator[bytes]:
    for piece in text:
        yield piece


async def _torn(text: Base64, error: Callable[[], GatewayError]) -> AsyncIterator[bytes]:
    """The first half of a picture, and then a failure."""
    for piece in text[: max(1, len(text) // 2)]:
        yield piece[: max(64, len(piece) // 2)] if len(text) == 1 else piece
    raise error()


def _delay(model: str, directives: Directives) -> float:
    return DELAYS.get(model, 0.0) if directives.delay is None else directives.delay


def _usage(plan: Plan, index: int, canvas: Canvas | None) -> Usage:
    return tokens.usage(
        plan.prompt,
        canvas.sizes if canvas else (),
        plan.size or GENERATED_SIZE,
        plan.detail,
        plan.previews,
        first=index == 0,
    )


ROW = base.AdapterRow(
    "sandbox",
    lambda tools: SandboxAdapter(tools.executor, catalog=tools.catalog),
    SandboxOptions,
    default_base_url="sandbox:",
    needs_key=False,
)
