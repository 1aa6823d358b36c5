"""The ideogram adapter against its simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from imagegate.adapters.ideogram import IdeogramAdapter
from imagegate.domain.events import CompletedImage, Finished, ImageLink, Progress
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import WORDS, SimulatedBench, catalog, classified, form_of, same_error
from tests.simulators.base import Reply
from tests.simulators.ideogram import CREATED_SECONDS, IdeogramSimulator
from tests.support import pictures


class IdeogramBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {**WORDS, Failure.CONTENT: "[safety]"}
    cut: ClassVar[Reply] = Reply.raw(b'{"created":"2026-11-20T09', "application/json")


class TestIdeogram(LinkedContract):
    """The contract, and what is special to Ideogram."""

    model = "ideogram-v3"

    @pytest.fixture
    def simulator(self) -> Iterator[IdeogramSimulator]:
        with IdeogramSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def adapter(self) -> Iterator[IdeogramAdapter]:
        with ThreadPoolExecutor(1) as executor:
            yield IdeogramAdapter(catalog(), executor)

    @pytest.fixture
    def bench(self, simulator: IdeogramSimulator, adapter: IdeogramAdapter) -> Iterator[Bench]:
        yield IdeogramBench(simulator, adapter, self.model)

    def at(self, bench: Bench, model: str, **options: Any) -> IdeogramBench:
        assert isinstance(bench, IdeogramBench)
        return IdeogramBench(bench.simulator, bench.adapter, model, **options)

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, transport: Engine) -> None:
        asked = self.request(
            bench,
            n=2,
            size="1792x1024",
            quality="hd",
            extra={
                "seed": 7,
                "style_codes": ["AAFF5733", "00112233"],
                "color_palette": {"name": "EMBER"},
                "magic_prompt": "OFF",
                "aspect_ratio": "1:1",
                "negative_prompt": None,
            },
        )
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, self.model).last
        assert (last.path, last.headers["api-key"]) == ("/v1/ideogram-v3/generate", SECRET)
        assert form_of(last) == [
            ("seed", b"7"),
            ("style_codes", b"AAFF5733"),
            ("style_codes", b"00112233"),
            ("color_palette", b'{"name":"EMBER"}'),
            ("magic_prompt", b"OFF"),
            ("prompt", b"a red house"),
            ("num_images", b"2"),
            ("resolution", b"1344x768"),
            ("rendering_speed", b"QUALITY"),
        ]
        assert [pictures.look(data).size for data in completed(seen)] == [(1344, 768)] * 2

    async def test_a_ratio_alone_is_spelt_as_ideogram_does(self, bench: Bench, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench, size="auto", extra={"aspect_ratio": "16:10"}))
        assert form_of(self.at(bench, self.model).last) == [("aspect_ratio", b"16x10"), ("prompt", b"a red house")]

    async def test_what_is_told_about_a_picture(self, bench: Bench, transport: Engine, simulator: IdeogramSimulator) -> None:
        simulator.magic = "A red house in the evening sun."
        seen = await self.run(bench, transport, self.request(bench))
        done, finished = seen[0].event, seen[-1].event
        assert isinstance(done, CompletedImage) and isinstance(done.source, ImageLink) and isinstance(finished, Finished)
        assert (done.details.size, done.details.revised_prompt) == ("1024x1024", simulator.magic)
        assert done.details.extra == {"seed": 12345, "style_type": "GENERAL"}
        assert finished.created == CREATED_SECONDS

    @pytest.mark.parametrize("quality", ["low", "medium", "high"])
    async def test_quality_is_rendering_speed(self, bench: Bench, transport: Engine, quality: str) -> None:
        speeds = {"low": b"TURBO", "medium": b"DEFAULT", "high": b"QUALITY"}
        await self.run(bench, transport, self.request(bench, quality=quality, extra={"rendering_speed": "FLASH"}))
        assert dict(form_of(self.at(bench, self.model).last))["rendering_speed"] == speeds[quality]

    async def test_an_edit_is_a_remix_or_with_a_mask_inpainting(self, bench: Bench, transport: Engine) -> None:
        edit: dict[str, Any] = {"operation": Operation.EDIT, "images": (reference(),), "size": "1024x1024"}
        await self.run(bench, transport, self.request(bench, **edit, extra={"image_weight": "30"}))
        last = self.at(bench, self.model).last
        assert last.path == "/v1/ideogram-v3/remix"
        assert [name for name, _ in form_of(last)] == ["image_weight", "prompt", "resolution", "image"]
        seen = await self.run(bench, transport, self.request(bench, **edit, mask=mask()))
        last = self.at(bench, self.model).last
        assert last.path == "/v1/ideogram-v3/inpaint"
        assert [name for name, _ in form_of(last)] == ["prompt", "image", "mask"]
        assert pictures.look(completed(seen)[0]).size == (64, 64)
        legacy = self.at(bench, self.model, masked_edit="edit")
        await self.run(legacy, transport, self.request(bench, **edit, mask=mask()))
        assert legacy.last.path == "/v1/ideogram-v3/edit"

    async def test_a_mask_is_black_where_it_was_transparent(self, bench: Bench, transport: Engine) -> None:
        edit = self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask())
        await self.run(bench, transport, edit)
        data = dict(form_of(self.at(bench, self.model).last))["mask"]
        assert pictures.pixel(data, (32, 32))[:3] == (0, 0, 0)
        assert pictures.pixel(data, (1, 1))[:3] == (255, 255, 255)

    async def test_version_4_has_its_own_words(self, bench: Bench, transport: Engine) -> None:
        four = self.at(bench, "ideogram-v4")
        seen = await self.run(four, transport, self.request(four, size="16:9", quality="low"))
        assert form_of(four.last) == [
            ("text_prompt", b"a red house"),
            ("resolution", b"2560x1440"),
            ("rendering_speed", b"TURBO"),
        ]
        assert pictures.look(completed(seen)[0]).size == (2560, 1440)
        await self.run(four, transport, self.request(four, operation=Operation.EDIT, images=(reference(),)))
        assert four.last.path == "/v1/ideogram-v4/remix"

    async def test_editing_by_words_takes_several_pictures(self, bench: Bench, transport: Engine) -> None:
        words = self.at(bench, "ideogram-edit")
        images = tuple(reference(name=f"image-{number}.png") for number in range(10))
        edit = {"operation": Operation.EDIT, "images": images, "background": "transparent", "n": 2}
        await self.run(words, transport, self.request(words, **edit))
        assert words.last.path == "/v1/edit"
        assert [name for name, _ in form_of(words.last)] == ["prompt", "num_images", "transparent_background", *["images"] * 10]
        with pytest.raises(InvalidRequest, match="at most 10"):
            self.request(words, **{**edit, "images": (*images, reference())})

    async def test_a_name_stays_one_part_of_the_path(self, bench: Bench, transport: Engine) -> None:
        other = self.at(bench, "../admin?x=")
        with pytest.raises(Unavailable):
            await self.run(other, transport, self.request(other))
        assert other.last.path == "/v1/../admin?x=/generate"  # as one quoted segment

    async def test_pictures_that_are_withheld(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, n=3, prompt="[one_unsafe]"))
        assert len(completed(seen)) == 2
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["1 of 3 pictures were withheld by the provider's safety system"]
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, n=2, prompt="[unsafe]"))

    @pytest.mark.parametrize(
        "body",
        [
            {"created": None, "data": None},
            {"data": {}},
            {"data": [None, 3, {}]},
            {"data": [{"url": "", "is_image_safe": True}]},
            [],
            None,
            "text",
        ],
    )
    async def test_answers_without_a_picture(
        self, bench: Bench, transport: Engine, simulator: IdeogramSimulator, body: Any
    ) -> None:
        simulator.script(Reply.json(body))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("created", [None, 1_700_000_000, "yesterday", {}])
    async def test_odd_answers(self, bench: Bench, transport: Engine, simulator: IdeogramSimulator, created: Any) -> None:
        url = "https://cdn.test/a.png"
        simulator.script(Reply.json({"created": created, "data": [{"url": url, "seed": None, "prompt": 3, "resolution": None}]}))
        events = [event async for event in self.start(bench, transport, self.request(bench))]
        done, finished = events
        assert isinstance(done, CompletedImage) and isinstance(finished, Finished)
        assert (done.source, done.details.size, done.details.extra) == (ImageLink(url), None, {})
        assert finished.created is None

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (400, b'{"error":"resolution is not supported"}', InvalidRequest),
            (400, b'{"detail":[{"loc":["body"]}]}', InvalidRequest),
            (401, b'{"error":"Invalid API key"}', AuthFailed),
            (402, b'{"error":"x","reject_reason":"daily_limit"}', AuthFailed),
            (403, b"", AuthFailed),
            (404, b"", Unavailable),
            (422, b'{"error":"Prompt or provided image failed the safety checks"}', ContentRefused),
            (422, b"", ContentRefused),
            (429, b"[]", RateLimited),
            (500, b"", Ambiguous),
            (503, b"", Unavailable),
        ],
    )
    def test_refusals(self, adapter: IdeogramAdapter, status: int, body: bytes, kind: type[GatewayError]) -> None:
        same_error(classified(adapter, status, body), kind)
