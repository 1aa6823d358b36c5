"""The minimax adapter against MiniMax's simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.minimax import MiniMaxAdapter
from imagegate.domain.events import CompletedImage, Finished, ImageBytes
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Refusal
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.minimax import MiniMaxSimulator
from tests.support import pictures

H3, LIVE = "MiniMax-H3-Image", "image-01-live"


class MiniMaxBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {
        Failure.RATE_LIMIT: "[rate]",
        Failure.OVERLOADED: "[503]",
        Failure.NO_CREDIT: "[balance]",
        Failure.CONTENT: "[content]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[no_data]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply.raw(b'{"id":"1","data":{"image_urls":["', "application/json")

    def __init__(self, simulator: MiniMaxSimulator, model: str = "image-01", **options: Any) -> None:
        super().__init__(simulator, MiniMaxAdapter(catalog()), model, **options)


class TestMiniMax(LinkedContract):
    """The contract, and what is MiniMax's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[MiniMaxSimulator]:
        with MiniMaxSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=["url", "base64"])
    def bench(self, simulator: MiniMaxSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield MiniMaxBench(simulator, response_format=request.param)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            ("image-01", {}, {}),
            ("image-01", {"size": "1920x1080"}, {"width": 1920, "height": 1080}),
            ("image-01", {"size": "3840x2160"}, {"width": 2048, "height": 1152}),
            ("image-01", {"size": "auto"}, {}),
            ("image-01", {"size": "1024x1024", "extra": {"aspect_ratio": "16:9"}}, {"width": 1024, "height": 1024}),
            ("image-01", {"extra": {"aspect_ratio": "21:9"}}, {"aspect_ratio": "21:9"}),
            ("image-01", {"n": 3}, {"n": 3}),
            ("image-01", {"extra": {"seed": "7", "prompt_optimizer": "true"}}, {"seed": 7, "prompt_optimizer": True}),
            ("image-01", {"extra": {"watermark": True}}, {"aigc_watermark": True}),
            ("image-01", {"extra": {"watermark": True, "aigc_watermark": False}}, {"aigc_watermark": False}),
            ("image-01", {"style": "watercolour", "quality": "high", "output_format": "png"}, {}),
            (LIVE, {"size": "1536x1024"}, {"aspect_ratio": "3:2"}),
            (LIVE, {"size": "720x1280"}, {"aspect_ratio": "9:16"}),
            (LIVE, {"style": "水彩"}, {"style": {"style_type": "水彩"}}),
            (
                LIVE,
                {"style": "水彩", "extra": {"style_weight": "0.5"}},
                {"style": {"style_type": "水彩", "style_weight": 0.5}},
            ),
        ],
    )
    async def test_fields(
        self, simulator: MiniMaxSimulator, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = MiniMaxBench(simulator, model)
        seen = await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == {"model": model, "prompt": "a red house", "response_format": "url", **sent}
        assert bench.last.path == "/v1/image_generation"
        if size := {"width", "height"} & set(sent) and (sent["width"], sent["height"]):
            assert pictures.look(completed(seen)[0]).size == size

    async def test_a_reference_is_a_subject(self, simulator: MiniMaxSimulator, transport: Engine) -> None:
        bench = MiniMaxBench(simulator)
        image = reference()
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(image,)))
        url = pictures.data_url(await image.content.read())
        assert bench.last.json["subject_reference"] == [{"type": "character", "image_file": url}]
        with pytest.raises(InvalidRequest):
            self.request(bench, operation=Operation.EDIT, images=(image, image))

    @pytest.mark.parametrize("form", ["url", "base64"])
    async def test_pictures_that_were_kept_back(self, simulator: MiniMaxSimulator, transport: Engine, form: str) -> None:
        bench = MiniMaxBench(simulator, response_format=form)
        simulator.failed = 1
        seen = await self.run(bench, transport, self.request(bench, n=3))
        assert len(completed(seen)) == 2
        assert seen[-1].event == Finished(extra={"id": "05a1", "metadata": {"success_count": 2, "failed_count": 1}})
        simulator.failed = 3
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, n=3))

    async def test_base64_stays_base64(self, simulator: MiniMaxSimulator, transport: Engine) -> None:
        bench = MiniMaxBench(simulator, response_format="base64")
        seen = await self.run(bench, transport, self.request(bench))
        event = seen[0].event
        assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)

    @pytest.mark.parametrize(
        ("word", "kind"),
        [("[tokens]", RateLimited), ("[output]", ContentRefused), ("[timeout]", Ambiguous)],
    )
    async def test_more_refusals_with_http_200(
        self, simulator: MiniMaxSimulator, transport: Engine, word: str, kind: type[GatewayError]
    ) -> None:
        bench = MiniMaxBench(simulator)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=word))

    async def test_the_callers_mistake_is_told(self, simulator: MiniMaxSimulator, transport: Engine) -> None:
        bench = MiniMaxBench(simulator)
        with pytest.raises(InvalidRequest, match=r"^invalid params, seed\.$"):
            await self.run(bench, transport, self.request(bench, extra={"seed": "many"}))

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"null",
            b'{"data":{"image_urls":null}}',
            b'{"data":[],"base_resp":{"status_code":9999,"status_msg":"new"}}',
            b'{"data":{"image_urls":[null,""]},"metadata":{"success_count":"x"}}',
        ],
    )
    async def test_nonsense(self, simulator: MiniMaxSimulator, transport: Engine, body: bytes) -> None:
        bench = MiniMaxBench(simulator)
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


class TestH3(LinkedContract):
    """The contract on the OpenAI-like routes."""

    @pytest.fixture
    def simulator(self) -> Iterator[MiniMaxSimulator]:
        with MiniMaxSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: MiniMaxSimulator) -> Iterator[Bench]:
        yield MiniMaxBench(simulator, H3)

    async def test_what_only_the_other_api_has_is_told(self, bench: Bench) -> None:
        adjusted = self.adjusted(bench, extra={"watermark": True, "style_weight": 0.5, "area": "2K"})
        assert (adjusted.dropped, adjusted.request.extra) == (("watermark", "style_weight"), {"area": "2K"})

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ({"size": "2720x1536", "n": 2}, {"size": "2720x1536", "n": 2}),
            ({"size": "512x512"}, {"size": "810x810"}),
            ({"output_format": "webp", "output_compression": 40}, {"output_format": "webp", "output_compression": 40}),
            ({"extra": {"area": "2K", "aspect_ratio": "16:9"}}, {"area": "2K", "aspect_ratio": "16:9"}),
            ({"extra": {"disable_prompt_enhanced": "true"}}, {"disable_prompt_enhanced": True}),
            ({"quality": "high", "user": "u"}, {}),
        ],
    )
    async def test_fields(
        self, bench: MiniMaxBench, transport: Engine, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.path == "/v1/images/generations"
        assert bench.last.json == {"model": H3, "prompt": "a red house", **sent}

    async def test_an_edit_is_json(self, bench: MiniMaxBench, transport: Engine) -> None:
        images = (reference(), reference(color=(1, 2, 3)))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        assert bench.last.path == "/v1/images/edits"
        urls = [pictures.data_url(await image.content.read()) for image in images]
        assert bench.last.json["images"] == [{"image_url": url} for url in urls]

    async def test_a_picture_that_was_kept_back(
        self, simulator: MiniMaxSimulator, bench: MiniMaxBench, transport: Engine
    ) -> None:
        simulator.failed = 1
        seen = await self.run(bench, transport, self.request(bench, n=2))
        end = seen[-1].event
        assert isinstance(end, Finished) and end.usage is not None and end.usage.total_tokens == 110
        assert [item["code"] for item in end.extra["failed"]] == ["content_policy_violation"]
        simulator.failed = 2
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, n=2))

    async def test_a_base_resp_on_this_route_too(
        self, simulator: MiniMaxSimulator, bench: MiniMaxBench, transport: Engine
    ) -> None:
        simulator.script(Reply.json({"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}))
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench))
        simulator.script(Reply.json({"data": [], "base_resp": {"status_code": 0, "status_msg": "success"}}))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (200, {"base_resp": {"status_code": 1000, "status_msg": "unknown"}}, Ambiguous),
        (200, {"base_resp": {"status_code": 1002, "status_msg": "rate"}}, RateLimited),
        (401, {"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, AuthFailed),
        (429, {"base_resp": {"status_code": 1008, "status_msg": "balance"}}, AuthFailed),
        (200, {"base_resp": {"status_code": 2049, "status_msg": "key"}}, AuthFailed),
        (200, {"base_resp": {"status_code": 2056, "status_msg": "plan"}}, AuthFailed),
        (400, {"base_resp": {"status_code": 2013, "status_msg": "params"}}, InvalidRequest),
        (400, {"error": {"code": 1026, "message": "sensitive"}}, ContentRefused),
        (400, {"error": {"code": "invalid_value", "message": "No.", "param": "size"}}, InvalidRequest),
        (401, {"error": {"message": "no"}}, AuthFailed),
        (404, {"error": {"code": "model_not_found"}}, ModelMissing),
        (429, {}, RateLimited),
        (500, None, Ambiguous),
        (503, None, Unavailable),
    ],
)
def test_each_code_is_its_error(status: int, document: Any, expected: type[GatewayError]) -> None:
    error = MiniMaxAdapter(catalog()).failure(Refusal(status, {}, orjson.dumps(document)))
    assert type(error) is expected
    assert error.message.endswith(".")
