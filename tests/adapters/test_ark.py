"""The ark adapter against Ark's simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.ark import ArkAdapter
from imagegate.domain.events import CompletedImage, Finished, ImageDetails
from imagegate.domain.images import InputImage, Operation
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
    UpstreamError,
)
from imagegate.upstream.client import Refusal
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Bytes, Failure, Seen, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.ark import ArkSimulator
from tests.simulators.ark_rules import MODELS, envelope
from tests.simulators.base import Reply
from tests.support import pictures

PRO, LITE, V45 = "doubao-seedream-5-0-pro-260628", "seedream-5-0-lite-260128", "doubao-seedream-4-5-251128"
WORDS = {
    Failure.RATE_LIMIT: "[rate]",
    Failure.OVERLOADED: "[overloaded]",
    Failure.NO_CREDIT: "[overdue]",
    Failure.CONTENT: "[content]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}


class ArkBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = WORDS
    cut = Reply.raw(b'{"created":1,"data":[{"b64_json":"', "application/json")

    def __init__(self, simulator: ArkSimulator, model: str = LITE, **options: Any) -> None:
        super().__init__(simulator, ArkAdapter(catalog()), model, **options)

    @property
    def body(self) -> Any:
        """Of the newest call."""
        return self.last.json


def refusal(code: str, status: int, message: str = "It failed.", param: str = "") -> Refusal:
    return Refusal(status, {"retry-after": "7"}, orjson.dumps(envelope(code, message, param=param)))


def details(seen: list[Seen]) -> list[ImageDetails]:
    return [item.event.details for item in seen if isinstance(item.event, CompletedImage)]


def finished(seen: list[Seen]) -> Finished:
    event = seen[-1].event
    assert isinstance(event, Finished)
    return event


class TestArk(LinkedContract):
    """The contract, and what is Ark's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[ArkSimulator]:
        with ArkSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[LITE, V45])
    def bench(self, simulator: ArkSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield ArkBench(simulator, request.param)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (PRO, {}, {}),
            (PRO, {"size": "1536x1024"}, {"size": "1536x1024"}),
            (PRO, {"size": "auto"}, {}),
            (PRO, {"size": "2K"}, {"size": "2048x2048"}),
            (PRO, {"extra": {"resolution": "2k"}}, {"size": "2K"}),
            (PRO, {"extra": {"resolution": "1K", "aspect_ratio": "16:9"}}, {"size": "1360x765"}),
            (PRO, {"extra": {"aspect_ratio": "1:1"}}, {"size": "2048x2048"}),
            (PRO, {"output_format": "png"}, {"output_format": "png"}),
            (PRO, {"extra": {"watermark": True}}, {"watermark": True}),
            (PRO, {"extra": {"watermark": "true"}}, {"watermark": True}),
            (PRO, {"extra": {"optimize_prompt_options": {"mode": "fast"}}}, {"optimize_prompt_options": {"mode": "fast"}}),
            (PRO, {"extra": {"model": "other", "stream": True, "n": 4, "response_format": "url"}}, {}),
            (PRO, {"quality": "high", "user": "u", "stream": True}, {}),
            (LITE, {"size": "1024x1024"}, {"size": "1920x1920"}),
            (LITE, {"stream": True}, {"stream": True}),
            (LITE, {"extra": {"tools": [{"type": "web_search"}]}}, {"tools": [{"type": "web_search"}]}),
            (
                LITE,
                {"extra": {"sequential_image_generation": "auto"}},
                {"sequential_image_generation": "auto", "stream": True},
            ),
            (V45, {"output_format": "jpeg"}, {}),
            ("doubao-seedream-3-0-t2i-250415", {"extra": {"seed": "7"}}, {"seed": 7}),
            ("doubao-seedream-3-0-t2i-250415", {"extra": {"guidance_scale": 2.5}}, {"guidance_scale": 2.5}),
            ("ep-20260601-abcde", {"size": "2K"}, {"size": "2K"}),
        ],
    )
    async def test_fields(
        self, simulator: ArkSimulator, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = ArkBench(simulator, model)
        await self.run(bench, transport, self.request(bench, **given))
        always = {"model": model, "prompt": "a red house", "response_format": "b64_json", "watermark": False}
        assert bench.body == {**always, **sent}

    @pytest.mark.parametrize("model", sorted(set(MODELS)))
    async def test_every_model_works_by_its_row(self, simulator: ArkSimulator, transport: Engine, model: str) -> None:
        bench = ArkBench(simulator, model)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) if operation is Operation.EDIT else ()
            seen = await self.run(bench, transport, self.request(bench, operation=operation, images=images, size="1536x1024"))
            look = pictures.look(completed(seen)[0])
            assert details(seen)[0].size == f"{look.size[0]}x{look.size[1]}"

    async def test_references_are_one_text_or_a_list(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator, PRO)
        for count in (1, 2, 10):
            images = tuple(reference(color=(number, 0, 0)) for number in range(count))
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
            urls = [pictures.data_url(await image.content.read()) for image in images]
            assert bench.body["image"] == (urls[0] if count == 1 else urls)
        with pytest.raises(InvalidRequest):
            self.request(bench, operation=Operation.EDIT, images=(reference(),) * 11)

    async def test_a_transparent_background(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator, PRO)
        see_through = InputImage(Bytes(pictures.png((64, 64), alpha=90)), "image/png", "image-0.png", 64, 64, True)
        given = {"operation": Operation.EDIT, "background": "transparent", "output_format": "png"}
        seen = await self.run(bench, transport, self.request(bench, **given, images=(see_through,)))
        assert pictures.look(completed(seen)[0]).mode == "RGBA"
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, **given, images=(reference(),)))
        assert caught.value.param == "background"

    async def test_usage_and_what_the_answer_says(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, size="2048x2048"))
        end = finished(seen)
        assert end.usage is not None
        assert (end.usage.output_tokens, end.usage.total_tokens) == (16384, 16384)
        assert end.usage.extra == {"generated_images": 1}
        assert end.created and end.extra == {"model": bench.model}

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("form", ["b64_json", "url"])
    async def test_a_group_comes_picture_by_picture(
        self, simulator: ArkSimulator, transport: Engine, stream: bool, form: str
    ) -> None:
        bench = ArkBench(simulator, stream=stream, response_format=form)
        group = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}}
        simulator.group = 9
        seen = await self.run(bench, transport, self.request(bench, extra=group))
        assert len(completed(seen)) == 4
        assert all(pictures.look(data).size == (2048, 2048) for data in completed(seen))
        assert ("stream" in bench.body) is stream
        end = finished(seen)
        assert end.usage is not None and end.usage.extra == {"generated_images": 4}

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("form", ["b64_json", "url"])
    async def test_a_blocked_picture_costs_only_itself(
        self, simulator: ArkSimulator, transport: Engine, stream: bool, form: str
    ) -> None:
        bench = ArkBench(simulator, stream=stream, response_format=form)
        group = self.request(bench, extra={"sequential_image_generation": "auto"})
        simulator.blocked = {1}
        seen = await self.run(bench, transport, group)
        assert len(completed(seen)) == 2
        (failed,) = finished(seen).extra["failed"]
        assert failed["code"] == "content_policy_violation"
        simulator.blocked = {0, 1, 2}
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, group)

    async def test_layers_keep_their_place(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator, PRO)
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), extra={"layer_decomposition": "true"})
        base, first, second = details(await self.run(bench, transport, asked))
        assert base.extra == {"z_index": 0}
        assert (first.extra["z_index"], second.extra["name"]) == (1, "layer 2")
        assert first.extra["bounding_box"]["normalized"] == [0, 0, 500, 500]

    async def test_a_stream_that_fails_before_its_first_picture(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator)
        simulator.error_after = 0
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench, stream=True))

    @pytest.mark.parametrize("mishap", ["error_after", "cut_after"])
    async def test_a_stream_that_fails_later_is_an_error_too(
        self, simulator: ArkSimulator, transport: Engine, mishap: str
    ) -> None:
        bench = ArkBench(simulator)
        setattr(simulator, mishap, 1)
        with pytest.raises(UpstreamError):
            await self.run(bench, transport, self.request(bench, extra={"sequential_image_generation": "auto"}))

    async def test_a_validation_error_is_json_also_for_a_stream(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator)
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, stream=True, extra={"layer_decomposition": True}))
        assert (caught.value.param, caught.value.code) == ("layer_decomposition", "InvalidParameter")
        assert caught.value.message == "The parameter `layer_decomposition` is not supported by the current model."

    async def test_an_error_inside_a_200(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench, prompt="[error_200]"))

    async def test_channel_overrides_win(self, simulator: ArkSimulator, transport: Engine) -> None:
        bench = ArkBench(simulator, watermark=True)
        bench.channel = replace(bench.channel, overrides={"size": "4K"}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, size="2048x2048"))
        assert (bench.body["size"], bench.body["watermark"]) == ("4K", True)
        assert simulator.requests[-1].headers["x-team"] == "a"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("MissingParameter", 400, InvalidRequest),
        ("MissingParameter.image", 400, InvalidRequest),
        ("InvalidParameter", 400, InvalidRequest),
        ("InvalidParameter.size", 400, InvalidRequest),
        ("InvalidImageURL.EmptyURL", 400, InvalidRequest),
        ("InvalidImageURL.InvalidFormat", 400, InvalidRequest),
        ("SomethingNew", 400, InvalidRequest),
        ("SensitiveContentDetected", 400, ContentRefused),
        ("InputTextSensitiveContentDetected", 400, ContentRefused),
        ("InputTextSensitiveContentDetected.PolicyViolation", 400, ContentRefused),
        ("InputImageSensitiveContentDetected.PrivacyInformation", 400, ContentRefused),
        ("OutputImageSensitiveContentDetected.DeepFake", 400, ContentRefused),
        ("InputImageRiskDetection", 400, ContentRefused),
        ("InvalidEndpoint.ClosedEndpoint", 400, ModelMissing),
        ("AuthenticationError", 401, AuthFailed),
        ("InvalidAccountStatus", 401, AuthFailed),
        ("AccountOverdueError", 403, AuthFailed),
        ("AccessDenied", 403, AuthFailed),
        ("OperationDenied.ServiceNotOpen", 403, AuthFailed),
        ("OperationDenied.ServiceOverdue", 403, AuthFailed),
        ("InvalidEndpointOrModel.NotFound", 404, ModelMissing),
        ("InvalidEndpointOrModel.ModelIDAccessDisabled", 404, ModelMissing),
        ("ModelNotOpen", 404, ModelMissing),
        ("UnsupportedModel", 404, ModelMissing),
        ("ModelAccountIpmRateLimitExceeded", 429, RateLimited),
        ("ModelAccountRpmRateLimitExceeded", 429, RateLimited),
        ("RateLimitExceeded.EndpointRPMExceeded", 429, RateLimited),
        ("AccountRateLimitExceeded", 429, RateLimited),
        ("RequestBurstTooFast", 429, RateLimited),
        ("SomethingNew", 429, RateLimited),
        ("ServerOverloaded", 429, Unavailable),
        ("QuotaExceeded", 429, AuthFailed),
        ("SetLimitExceeded", 429, AuthFailed),
        ("InternalServiceError", 500, Ambiguous),
        ("SomethingNew", 503, Unavailable),
        ("SomethingNew", 418, BadResponse),
    ],
)
def test_each_code_is_its_error(code: str, status: int, expected: type[GatewayError]) -> None:
    error = ArkAdapter(catalog()).failure(refusal(code, status))
    assert type(error) is expected
    assert "Request id" not in error.message and error.message.endswith(".")
    assert error.retry_after == (7.0 if expected is RateLimited or "Overloaded" in code or status == 503 else None)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("It is wrong.", "It is wrong."),
        ("It is wrong", "It is wrong."),
        ("", "The provider refused the request; check its parameters."),
        ("   ", "The provider refused the request; check its parameters."),
    ],
)
def test_the_request_id_is_left_out(message: str, told: str) -> None:
    error = ArkAdapter(catalog()).failure(refusal("InvalidParameter.size", 400, message, "size"))
    assert (error.message, error.param, error.code) == (told, "size", "InvalidParameter.size")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error":null}', b'{"error":{"code":7,"message":[]}}', b"<html>"])
def test_an_error_body_that_says_nothing(body: bytes) -> None:
    assert isinstance(ArkAdapter(catalog()).failure(Refusal(400, {}, body)), InvalidRequest)
