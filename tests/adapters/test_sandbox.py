"""The sandbox adapter: the contract, and what only it does."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from PIL import Image, ImageChops
from pydantic import ValidationError

from imagegate.adapters.base import Adapter
from imagegate.adapters.sandbox import CAPABILITIES, SandboxAdapter, SandboxOptions
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Channel, ModelRoute
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, PartialImage, Progress
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, InvalidRequest
from imagegate.upstream.client import Account, Refusal, Upstream
from tests.adapters.absent import ABSENT
from tests.adapters.contract import AdapterContract, Bench, Failure, NoOutside, Seen, completed, drain, reference
from tests.adapters.sandbox.samples import checkered, file_of, opened, request, round_hole
from tests.support import pictures
from tests.support.held import held_image

WORDS = {
    Failure.RATE_LIMIT: "429",
    Failure.OVERLOADED: "503",
    Failure.BAD_KEY: "401",
    Failure.CONTENT: "refuse",
    Failure.SERVER: "500",
    Failure.CUT: "cut",
}


def _refuse(call: httpx2.Request) -> httpx2.Response:
    raise AssertionError(f"the sandbox called {call.url}")


def nowhere() -> Upstream:
    """An upstream that must not be used."""
    account = Account("http://nowhere.invalid", {}, lambda refusal: BadResponse("refused"))
    return Upstream(httpx2.MockTransport(_refuse), account, NoOutside(), deadline=0)


def details_of(seen: list[Seen]) -> list[ImageDetails]:
    """Of the finished pictures."""
    return [item.event.details for item in seen if isinstance(item.event, CompletedImage)]


async def first_event(adapter: Adapter, asked: ImageRequest, channel: Channel) -> None:
    """Wait for one event, and close."""
    async with aclosing(adapter.run(asked, channel, nowhere())) as events:
        await anext(events)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.slept.append(round(seconds, 6))
        self.now += seconds


class SandboxBench(Bench):
    """A channel to nowhere."""

    unheard_of = frozenset(ABSENT["sandbox"])
    model = "sandbox"

    def __init__(self, executor: ThreadPoolExecutor, clock: Clock, **options: Any) -> None:
        self.adapter = SandboxAdapter(executor, clock=clock, sleep=clock.sleep)
        routes = {self.model: ModelRoute(self.model)}
        self.channel = Channel("sandbox", "sandbox", "http://nowhere.invalid", (), routes, options=SandboxOptions(**options))

    def left_behind(self, events: list[Seen]) -> Any:
        return completed(events)

    def provoke(self, failure: Failure, request: ImageRequest) -> ImageRequest | None:
        word = WORDS.get(failure)
        return replace(request, prompt=f"{request.prompt} sandbox:{word}") if word else None


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2, thread_name_prefix="drawing") as executor:
        yield executor


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestContract(AdapterContract):
    """What every adapter does."""

    @pytest.fixture
    def bench(self, executor: ThreadPoolExecutor, clock: Clock) -> Iterator[Bench]:
        yield SandboxBench(executor, clock)

    def kinds(self, bench: Bench) -> list[dict[str, Any]]:
        """Pictures that are large enough to write on."""
        return [{**kind, "images": (reference(640, 640),)} if kind else {} for kind in super().kinds(bench)]


class TestSandbox:
    """What only the sandbox does."""

    @pytest.fixture(autouse=True)
    def prepare(self, executor: ThreadPoolExecutor, clock: Clock) -> None:
        self.executor = executor
        self.clock = clock

    async def run(self, asked: ImageRequest, overrides: dict[str, Any] | None = None, **options: Any) -> list[Seen]:
        bench = SandboxBench(self.executor, self.clock, **options)
        channel = replace(bench.channel, overrides=overrides or {})
        async with aclosing(bench.adapter.run(asked, channel, nowhere())) as events:
            return [await drain(event) async for event in events]

    async def edit(self, *references: bytes, **changes: Any) -> list[Seen]:
        images = tuple(map(held_image, references))
        return await self.run(request(operation=Operation.EDIT, images=images, **{"size": "auto", **changes}))

    async def test_equal_requests_give_equal_bytes(self) -> None:
        asked = request(n=3)
        first = completed(await self.run(asked))
        assert first == completed(await self.run(asked))
        assert len(set(first)) == 3

    async def test_details_say_what_was_made(self) -> None:
        seen = await self.run(request(quality="high", background="transparent", output_format="webp"))
        details = details_of(seen)[0]
        assert (details.size, details.quality) == ("96x64", "high")
        assert (details.background, details.output_format) == ("transparent", "webp")
        assert pictures.look(completed(seen)[0]).format == "webp"

    async def test_defaults_are_filled_in(self) -> None:
        seen = await self.run(request(size=None))
        details = details_of(seen)[0]
        assert (details.size, details.quality) == ("1024x1024", "medium")
        assert (details.background, details.output_format) == ("opaque", "png")
        assert pictures.look(completed(seen)[0]).size == (1024, 1024)

    async def test_usage_adds_up_over_the_pictures(self) -> None:
        one = details_of(await self.run(request()))[0].usage
        several = [details.usage for details in details_of(await self.run(request(n=3)))]
        assert one is not None and all(several)
        assert [usage.input_tokens for usage in several if usage] == [one.input_tokens, 0, 0]
        assert sum(usage.output_tokens for usage in several if usage) == 3 * one.output_tokens

    async def test_previews_are_numbered_for_each_picture(self) -> None:
        seen = await self.run(request(n=2, stream=True, partial_images=2))
        kinds = [type(item.event) for item in seen]
        assert kinds == [PartialImage, PartialImage, CompletedImage] * 2
        numbers = [item.event.details.partial_index for item in seen if isinstance(item.event, PartialImage)]
        assert numbers == [0, 1, 0, 1]
        assert len({item.picture for item in seen}) == 6

    async def test_the_operators_overrides_are_honoured(self) -> None:
        seen = await self.run(request(quality="max"), overrides={"quality": "low", "output_format": "jpeg"})
        assert (details_of(seen)[0].quality, details_of(seen)[0].output_format) == ("low", "jpeg")

    async def test_an_edit_has_the_size_of_its_first_reference(self) -> None:
        seen = await self.edit(file_of(checkered((50, 40))), file_of(checkered((99, 99))))
        assert pictures.look(completed(seen)[0]).size == (50, 40)
        assert details_of(seen)[0].size == "50x40"

    async def test_a_masked_edit_keeps_the_rest_to_the_pixel(self) -> None:
        mask = round_hole()
        seen = await self.edit(file_of(checkered()), mask=held_image(file_of(mask)), n=2)
        for result in map(opened, completed(seen)):
            untouched = ImageChops.difference(result, checkered())
            untouched.paste(0, mask=mask.getchannel("A").point([255] + [0] * 255))
            assert untouched.getbbox() is None
            assert result.tobytes() != checkered().tobytes()

    async def test_sixteen_references_and_a_markup(self) -> None:
        files = [file_of(Image.new("RGB", (40 + number, 40), (number * 9, 90, 90))) for number in range(16)]
        seen = await self.edit(*files, size="512x512", markup=held_image(pictures.png(alpha=90)))
        usage = details_of(seen)[0].usage
        assert usage is not None
        assert usage.input_image_tokens == 16 * 4

    @pytest.mark.parametrize("field", ["image", "mask", "markup"])
    async def test_what_is_no_picture_is_refused(self, field: str) -> None:
        given = {} if field == "image" else {field: held_image(b"Example data")}
        with pytest.raises(InvalidRequest) as caught:
            await self.edit(b"Example data" if field == "image" else pictures.png(), **given)
        assert (caught.value.param, caught.value.code) == (field, "invalid_image_file")

    async def test_transparent_jpeg_is_refused(self) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(request(background="transparent", output_format="jpeg"))
        assert caught.value.param == "background"

    async def test_an_animation_bigger_than_the_first_reference_allows_is_refused(self) -> None:
        reference = file_of(Image.new("L", (4096, 4096)))
        with pytest.raises(InvalidRequest) as caught:
            await self.edit(reference, output_format="gif", frame_count=8)
        assert caught.value.param == "frame_count"

    async def test_models_and_directives_take_their_time(self) -> None:
        await self.run(request())
        assert self.clock.slept == []
        await self.run(request(model="sandbox-slow"))
        assert self.clock.slept == [3.0]
        await self.run(request(model="sandbox-slow", stream=True, partial_images=3))
        assert self.clock.slept[1:] == [0.75] * 4
        await self.run(request(prompt="sandbox:slow=2.5", n=2), delay=1)
        assert self.clock.slept[5:] == [1.75, 1.75]

    async def test_failures_take_their_time_too(self) -> None:
        with pytest.raises(Ambiguous) as caught:
            await self.run(request(prompt="sandbox:slow=4 sandbox:timeout"))
        assert caught.value.timed_out
        assert self.clock.slept == [4.0]

    async def test_refusals_have_openais_code(self) -> None:
        with pytest.raises(ContentRefused) as caught:
            await self.run(request(prompt="sandbox:refuse"))
        assert caught.value.code == "moderation_blocked"

    async def test_cut_leaves_half_a_picture(self) -> None:
        bench = SandboxBench(self.executor, self.clock)
        for size in ("16x16", "1536x1536"):
            asked = request(prompt="sandbox:cut", size=size, quality="max", extra={"seed": 8})
            whole = completed(await self.run(replace(asked, prompt="sandbox:cat")))[0]
            async with aclosing(bench.adapter.run(asked, bench.channel, nowhere())) as events:
                event = await anext(events)
                assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
                received = b""
                with pytest.raises(BadResponse):
                    async for chunk in event.source.chunks:
                        received += chunk
            assert received.startswith(base64.b64encode(b"\x89PNG\r\n"))
            assert 60 <= len(received) < len(whole) * 4 / 3 * 0.8

    async def test_cut_strikes_after_the_first_preview(self) -> None:
        bench = SandboxBench(self.executor, self.clock)
        asked = request(prompt="sandbox:cut", stream=True, partial_images=2)
        async with aclosing(bench.adapter.run(asked, bench.channel, nowhere())) as events:
            seen = await drain(await anext(events))
            assert isinstance(seen.event, PartialImage)
            assert pictures.look(seen.picture).size == (96, 64)
            with pytest.raises(BadResponse):
                await anext(events)

    async def test_progress_on_request(self) -> None:
        seen = await self.run(request(prompt="sandbox:progress", n=2, stream=True, partial_images=1))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert len(notes) == 4
        assert "picture 2 of 2" in notes[-1]
        assert isinstance(seen[-1].event, CompletedImage)

    @pytest.mark.parametrize("prompt", ["\ud83d", "", "\x00\x01", "中文 🦊", "w" * 32_000])
    async def test_any_prompt_is_drawn(self, prompt: str) -> None:
        assert completed(await self.run(request(prompt=prompt, size="256x256")))

    @pytest.mark.parametrize("size", ["16x16", "16x4096", "4096x16", "4096x4096"])
    async def test_any_size_is_drawn(self, size: str) -> None:
        width, height = map(int, size.split("x"))
        (data,) = completed(await self.run(request(size=size)))
        assert Image.open(io.BytesIO(data)).size == (width, height)

    async def test_the_event_loop_stays_free(self) -> None:
        """While big pictures are drawn, short sleeps stay short; drawing on the loop would hold them up for its whole length."""
        drawing = asyncio.create_task(self.run(request(size="3000x3000", quality="max", n=2)))
        loop = asyncio.get_running_loop()
        turns = 0
        started = loop.time()
        while not drawing.done():
            await asyncio.sleep(0.005)
            turns += 1
        took = loop.time() - started
        assert len(completed(await drawing)) == 2
        assert turns > took / 0.005 * 0.1

    async def test_a_slow_request_can_be_cancelled_and_leaves_nothing(self) -> None:
        adapter = SandboxAdapter(self.executor)
        bench = SandboxBench(self.executor, self.clock)
        before = asyncio.all_tasks()
        task = asyncio.create_task(first_event(adapter, request(model="sandbox-slow"), bench.channel))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before

    async def test_waiting_for_the_executor_can_be_cancelled(self) -> None:
        release = threading.Event()
        bench = SandboxBench(self.executor, self.clock)
        blockers = [self.executor.submit(release.wait, 5) for _ in range(2)]
        task = asyncio.create_task(first_event(bench.adapter, request(), bench.channel))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        assert all(blocker.result(5) for blocker in blockers)

    def test_the_catalog_says_the_same(self) -> None:
        catalog = Catalog.load()
        for model in ("sandbox", "sandbox-slow", "anything"):
            assert replace(catalog.capabilities("sandbox", model), price=None) == CAPABILITIES

    def test_no_provider_no_headers(self) -> None:
        bench = SandboxBench(self.executor, self.clock)
        assert bench.adapter.headers(bench.channel, "key") == {}
        assert isinstance(bench.adapter.failure(Refusal(500, {}, b"")), BadResponse)
        assert bench.adapter.capabilities("sandbox") is CAPABILITIES

    def test_options_are_checked(self) -> None:
        assert SandboxOptions().delay == 0
        for wrong in ({"delay": -1}, {"delay": 61}, {"pause": 1}):
            with pytest.raises(ValidationError):
                SandboxOptions.model_validate(wrong)
