"""The bedrock adapter against its simulator, which checks signatures."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from imagegate.adapters.base import Adapter
from imagegate.adapters.bedrock import DEFAULT_BASE_URL, BedrockAdapter, BedrockOptions, regional
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Channel, Secret
from imagegate.domain.events import CompletedImage, Finished
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
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, completed, mask, reference
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.bedrock import ACCESS, AMAZON, SECRET_KEY, SESSION, STABILITY, BedrockSimulator
from tests.support import pictures
from tests.upstream.accounts import account

NOVA = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-image-generator-v2:0"
SD35 = "stability.sd3-5-large-v1:0"
CORE = "stability.stable-image-core-v1:1"
INPAINT = "us.stability.stable-image-inpaint-v1:0"
PAIR = f"{ACCESS}:{SECRET_KEY}"
EDIT: dict[str, Any] = {"operation": Operation.EDIT, "images": (reference(),)}


@pytest.fixture(scope="module")
def adapter() -> Iterator[BedrockAdapter]:
    with ThreadPoolExecutor(1) as executor:
        yield BedrockAdapter(Catalog.load(), executor)


class BedrockBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"images":["iVBORw0KGgo', "application/json")

    def __init__(self, simulator: Any, adapter: Adapter, model: str = NOVA, **options: Any) -> None:
        super().__init__(simulator, adapter, model, **options)


class TestBedrock(AdapterContract):
    """The contract, and what is special to Bedrock. The contract's key is a Bedrock API key."""

    @pytest.fixture
    def simulator(self) -> Iterator[BedrockSimulator]:
        with BedrockSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[NOVA, SD35])
    def bench(self, simulator: BedrockSimulator, adapter: BedrockAdapter, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield BedrockBench(simulator, adapter, request.param)

    @pytest.fixture
    def nova(self, simulator: BedrockSimulator, adapter: BedrockAdapter) -> BedrockBench:
        return BedrockBench(simulator, adapter)

    def at(self, bench: Bench, model: str, **options: Any) -> BedrockBench:
        assert isinstance(bench, BedrockBench)
        return BedrockBench(bench.simulator, bench.adapter, model, **options)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (NOVA, {}, {}),
            (NOVA, {"n": 3, "size": "1280x720"}, {"numberOfImages": 3, "width": 1280, "height": 720}),
            (NOVA, {"quality": "high"}, {"quality": "premium"}),
            (NOVA, {"quality": "premium"}, {"quality": "premium"}),
            (NOVA, {"quality": "low"}, {"quality": "standard"}),
            (NOVA, {"quality": "auto", "size": "auto", "user": "u"}, {}),
            (TITAN, {"size": "1024x1024"}, {"width": 1024, "height": 1024}),
            (NOVA, {"extra": {"seed": "7", "cfg_scale": "3"}}, {"seed": 7, "cfgScale": 3}),
            (
                NOVA,
                {"size": "512x512", "extra": {"imageGenerationConfig": {"width": 9, "cfgScale": 2.5}}},
                {"width": 512, "height": 512, "cfgScale": 2.5},
            ),
        ],
    )
    async def test_amazons_config(
        self, nova: BedrockBench, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = self.at(nova, model)
        await self.run(bench, transport, self.request(bench, **given))
        body = bench.last.json
        assert body.pop("imageGenerationConfig", {}) == sent
        assert body == {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a red house"}}
        assert bench.last.path == f"/model/{model}/invoke"

    @pytest.mark.parametrize(
        ("extra", "images", "masked", "task", "params"),
        [
            ({"negative_prompt": "fog"}, 0, False, "TEXT_IMAGE", {"text", "negativeText"}),
            ({"textToImageParams": {"style": "COMIC", "text": "no"}}, 0, False, "TEXT_IMAGE", {"text", "style"}),
            (
                {"controlMode": "CANNY_EDIT", "controlStrength": "0.5"},
                1,
                False,
                "TEXT_IMAGE",
                {"text", "conditionImage", "controlMode", "controlStrength"},
            ),
            ({"colors": ["#FF9800"]}, 1, False, "COLOR_GUIDED_GENERATION", {"text", "colors", "referenceImage"}),
            ({"similarityStrength": 0.3}, 2, False, "IMAGE_VARIATION", {"text", "images", "similarityStrength"}),
            ({}, 1, True, "INPAINTING", {"text", "image", "maskImage"}),
            ({"maskPrompt": "the door"}, 1, False, "INPAINTING", {"text", "image", "maskPrompt"}),
            ({"outPaintingMode": "PRECISE"}, 1, True, "OUTPAINTING", {"text", "image", "maskImage", "outPaintingMode"}),
            ({"taskType": "BACKGROUND_REMOVAL", "seed": 1}, 1, False, "BACKGROUND_REMOVAL", {"image"}),
        ],
    )
    async def test_amazons_tasks(
        self, nova: BedrockBench, transport: Engine, extra: dict[str, Any], images: int, masked: bool, task: str, params: set[str]
    ) -> None:
        given: dict[str, Any] = {"extra": extra, "size": "640x640"}
        if images:
            given.update(operation=Operation.EDIT, images=(reference(),) * images, mask=mask() if masked else None)
        seen = await self.run(nova, transport, self.request(nova, **given))
        body = nova.last.json
        (name,) = body.keys() - {"taskType", "imageGenerationConfig"}
        assert (body["taskType"], body[name].keys()) == (task, params)
        assert body[name].get("text", "a red house") == "a red house"
        keeps = task in {"INPAINTING", "OUTPAINTING", "BACKGROUND_REMOVAL"}
        assert pictures.look(completed(seen)[0]).size == ((64, 64) if keeps else (640, 640))

    async def test_a_task_that_amazon_does_not_have(self, nova: BedrockBench) -> None:
        with pytest.raises(InvalidRequest) as caught:
            self.request(nova, extra={"taskType": "NOTHING"})
        assert caught.value.param == "taskType"

    @pytest.mark.parametrize(
        ("given", "dropped", "mapped"),
        [
            ({"size": "640x640", "extra": {"seed": 1, "colors": [], "foo": 1}}, ("foo",), {}),
            ({"extra": {"textToImageParams": {}, "inPaintingParams": {}}}, ("inPaintingParams",), {}),
            ({**EDIT, "size": "640x640"}, (), {}),
            ({**EDIT, "size": "640x640", "mask": mask()}, (), {"size": "640x640->input"}),
            ({**EDIT, "size": "640x640", "extra": {"maskPrompt": "x"}}, (), {"size": "640x640->input"}),
            (
                {**EDIT, "quality": "hd", "extra": {"taskType": "BACKGROUND_REMOVAL", "seed": 1, "imageGenerationConfig": {}}},
                ("quality", "seed", "imageGenerationConfig"),
                {},
            ),
        ],
    )
    async def test_what_a_task_does_not_take_is_told(
        self, nova: BedrockBench, given: dict[str, Any], dropped: tuple[str, ...], mapped: dict[str, str]
    ) -> None:
        adjusted = self.adjusted(nova, **given)
        assert (adjusted.dropped, adjusted.mapped) == (dropped, mapped)

    @pytest.mark.parametrize(("extra", "inside"), [({}, 0), ({"outPaintingMode": "DEFAULT"}, 255)])
    async def test_amazons_masks(self, nova: BedrockBench, transport: Engine, extra: dict[str, Any], inside: int) -> None:
        edit = self.request(nova, operation=Operation.EDIT, images=(reference(),), mask=mask(), extra=extra)
        await self.run(nova, transport, edit)
        (params,) = (value for name, value in nova.last.json.items() if name.endswith("Params"))
        drawn = base64.b64decode(params["maskImage"])
        assert pictures.pixel(drawn, (32, 32))[:3] == (inside,) * 3
        assert pictures.pixel(drawn, (1, 1))[:3] == (255 - inside,) * 3

    async def test_a_picture_that_has_no_place_is_refused(self, nova: BedrockBench, transport: Engine) -> None:
        edit = self.request(nova, operation=Operation.EDIT, images=(reference(), reference()), mask=mask())
        with pytest.raises(InvalidRequest) as caught:
            await self.run(nova, transport, edit)
        assert caught.value.code == "too_many_images" and nova.simulator.calls == 0

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (
                CORE,
                {"size": "1792x1024", "output_format": "jpeg"},
                {"prompt": "a red house", "aspect_ratio": "16:9", "output_format": "jpeg"},
            ),
            (
                CORE,
                {"extra": {"seed": "9", "negative_prompt": "fog", "n": 2}},
                {"prompt": "a red house", "seed": 9, "negative_prompt": "fog"},
            ),
            (CORE, {"extra": {"aspect_ratio": "21:9", "prompt": "no"}}, {"prompt": "a red house", "aspect_ratio": "21:9"}),
        ],
    )
    async def test_stabilitys_fields(
        self, nova: BedrockBench, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = self.at(nova, model)
        seen = await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == sent
        event = seen[0].event
        assert isinstance(event, CompletedImage) and event.details.extra == {"seed": sent.get("seed", 17)}

    @pytest.mark.parametrize(
        ("model", "extra", "names"),
        [
            (SD35, {"strength": "0.4"}, {"prompt", "image", "mode", "strength"}),
            (INPAINT, {"grow_mask": 5}, {"prompt", "image", "grow_mask"}),
            ("us.stability.stable-image-erase-object-v1:0", {}, {"image"}),
            ("stability.stable-image-search-replace-v1:0", {"search_prompt": "a"}, {"prompt", "image", "search_prompt"}),
            ("stability.stable-image-search-recolor-v1:0", {"select_prompt": "a"}, {"prompt", "image", "select_prompt"}),
            ("stability.stable-image-remove-background-v1:0", {}, {"image"}),
            ("stability.stable-outpaint-v1:0", {"left": "64"}, {"prompt", "image", "left"}),
            ("stability.stable-image-control-sketch-v1:0", {"control_strength": 1}, {"prompt", "image", "control_strength"}),
            ("stability.stable-image-control-structure-v1:0", {}, {"prompt", "image"}),
            ("stability.stable-style-transfer-v1:0", {}, {"prompt", "init_image", "style_image"}),
            ("stability.stable-fast-upscale-v1:0", {}, {"image"}),
            ("stability.stable-conservative-upscale-v1:0", {"creativity": 0.3}, {"prompt", "image", "creativity"}),
            ("stability.stable-creative-upscale-v1:0", {}, {"prompt", "image"}),
        ],
    )
    async def test_stabilitys_edits(
        self, nova: BedrockBench, transport: Engine, model: str, extra: dict[str, Any], names: set[str]
    ) -> None:
        bench = self.at(nova, model)
        images = (reference(),) * self.capabilities(bench).max_references
        size = {"size": "1024x1024"}
        seen = await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images, extra=extra, **size))
        assert bench.last.json.keys() == names
        others = {"outpaint": (128, 64), "guide": (1024, 1024), "fast": (256, 256), "ive-upscale": (2048, 2048)}
        expected = next((edges for word, edges in others.items() if word in model), (64, 64))
        assert pictures.look(completed(seen)[0]).size == expected

    async def test_a_style_guide_is_a_new_picture_with_a_ratio(self, nova: BedrockBench, transport: Engine) -> None:
        bench = self.at(nova, "stability.stable-image-style-guide-v1:0")
        await self.run(bench, transport, self.request(bench, **EDIT, size="1024x1024", extra={"fidelity": 0.1}))
        assert bench.last.json.keys() == {"prompt", "image", "fidelity", "aspect_ratio"}

    async def test_stabilitys_masks(self, nova: BedrockBench, transport: Engine) -> None:
        bench = self.at(nova, INPAINT)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask()))
        assert pictures.pixel(base64.b64decode(bench.last.json["mask"]), (32, 32))[:3] == (255,) * 3

    @pytest.mark.parametrize("key", [PAIR, f"{PAIR}:{SESSION}"])
    @pytest.mark.parametrize("model", [NOVA, INPAINT, "arn:aws:bedrock:us-west-2:1:inference-profile/us." + INPAINT[3:]])
    async def test_signed_calls(
        self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine, key: str, model: str
    ) -> None:
        bench = self.at(nova, model)
        bench.channel = replace(bench.channel, keys=(Secret(key),), headers={"x-team": "a"})
        simulator.key = key
        if model.startswith("arn:"):
            simulator.script(Reply.json({"images": [base64.b64encode(pictures.png()).decode()]}))
        edit = self.request(bench, operation=Operation.EDIT, images=(reference(),), prompt="一只 red\u2028house")
        assert completed(await self.run(bench, transport, edit))
        headers = bench.last.headers
        assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS}/")
        assert SECRET_KEY not in str(headers)

    @pytest.mark.parametrize(
        ("key", "region"),
        [(f"{ACCESS}:wrong", None), (f"stranger:{SECRET_KEY}", None), (PAIR, "eu-west-1"), (f"{PAIR}:wrong", None)],
    )
    async def test_wrong_signatures(
        self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine, key: str, region: str | None
    ) -> None:
        simulator.key = PAIR
        bench = self.at(nova, NOVA, region=region)
        bench.channel = replace(bench.channel, keys=(Secret(key),))
        with pytest.raises(AuthFailed) as caught:
            await self.run(bench, transport, self.request(bench))
        assert not {"wrong", ACCESS, SECRET_KEY} & set(caught.value.message.split())

    async def test_a_region_signs(self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine) -> None:
        simulator.key, simulator.region = PAIR, "ap-northeast-1"
        bench = self.at(nova, NOVA, region="ap-northeast-1")
        bench.channel = replace(bench.channel, keys=(Secret(PAIR),))
        assert completed(await self.run(bench, transport, self.request(bench)))

    @pytest.mark.parametrize("key", [":secret", "access:", "a:b:"])
    async def test_keys_that_are_none(self, nova: BedrockBench, transport: Engine, key: str) -> None:
        nova.channel = replace(nova.channel, keys=(Secret(key),))
        with pytest.raises(AuthFailed, match="ACCESS:SECRET"):
            await self.run(nova, transport, self.request(nova))
        assert nova.simulator.calls == 0

    async def test_what_a_filter_takes_away_is_told(
        self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine
    ) -> None:
        simulator.filtered = frozenset({1})
        seen = await self.run(nova, transport, self.request(nova, n=3))
        assert len(completed(seen)) == 2
        end = seen[-1].event
        assert isinstance(end, Finished) and [item["code"] for item in end.extra["failed"]] == ["content_policy_violation"]
        core = self.at(nova, CORE)
        with pytest.raises(ContentRefused):
            await self.run(core, transport, self.request(core))

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"[]", BadResponse),
            (b'{"images":[null,""]}', BadResponse),
            (b'{"images":[],"finish_reasons":["Filter reason: prompt"]}', ContentRefused),
            (b'{"images":["AA=="],"finish_reasons":["Inference error"]}', Ambiguous),
            (b'{"images":null,"error":"All images were blocked."}', ContentRefused),
        ],
    )
    async def test_answers_without_a_picture(
        self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine, body: bytes, error: type[GatewayError]
    ) -> None:
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(error):
            await self.run(nova, transport, self.request(nova))

    async def test_a_large_answer(self, nova: BedrockBench, simulator: BedrockSimulator, transport: Engine) -> None:
        simulator.picture = pictures.noise_png(9_000_000)
        assert completed(await self.run(nova, transport, self.request(nova, n=2))) == [simulator.picture] * 2

    async def test_channel_overrides_win(self, nova: BedrockBench, transport: Engine) -> None:
        overrides = {"imageGenerationConfig": {"quality": "standard"}}
        nova.channel = replace(nova.channel, overrides=overrides)
        await self.run(nova, transport, self.request(nova, quality="high", size="512x512"))
        assert nova.last.json["imageGenerationConfig"] == {"quality": "standard", "width": 512, "height": 512}

    def test_every_row_is_known_here(self, adapter: BedrockAdapter) -> None:
        assert set(Catalog.load().models("bedrock")) == {*AMAZON, *STABILITY}
        assert adapter.capabilities(INPAINT) == adapter.capabilities(INPAINT[3:])
        assert adapter.capabilities(f"arn:aws:bedrock:us-west-2:1:inference-profile/{INPAINT}").mask


@pytest.mark.parametrize(
    ("region", "base_url", "called"),
    [
        (None, DEFAULT_BASE_URL, DEFAULT_BASE_URL),
        ("eu-west-1", DEFAULT_BASE_URL, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("cn-north-1", DEFAULT_BASE_URL, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("eu-west-1", "https://proxy.test/aws", "https://proxy.test/aws"),
    ],
)
async def test_the_region_chooses_the_endpoint(region: str | None, base_url: str, called: str) -> None:
    channel = Channel("b", "bedrock", base_url, (), {}, options=BedrockOptions(region=region))
    async with account(base_url) as upstream:
        assert regional(channel, upstream).base_url == called


@pytest.mark.parametrize("region", ["", "us", "US-WEST-2", "a.evil.test/", "us-west-2/../x"])
def test_a_region_is_a_word(region: str) -> None:
    with pytest.raises(ValidationError):
        BedrockOptions(region=region)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", InvalidRequest),
        (400, "ServiceQuotaExceededException", RateLimited),
        (403, "AccessDeniedException", AuthFailed),
        (403, "InvalidSignatureException", AuthFailed),
        (403, "ExpiredTokenException", AuthFailed),
        (403, "SomethingNew", AuthFailed),
        (404, "ResourceNotFoundException", ModelMissing),
        (408, "ModelTimeoutException", Ambiguous),
        (424, "ModelErrorException", Ambiguous),
        (429, "ThrottlingException", RateLimited),
        (429, "ModelNotReadyException", Unavailable),
        (500, "InternalServerException", Ambiguous),
        (503, "ServiceUnavailableException", Unavailable),
        (302, "SomethingNew", BadResponse),
    ],
)
def test_refusals_by_type(adapter: BedrockAdapter, status: int, name: str, kind: type[GatewayError]) -> None:
    body = orjson.dumps({"message": "It went wrong"})
    same_error(classified(adapter, status, body, {"x-amzn-errortype": f"{name}:http://internal/"}), kind)
    same_error(classified(adapter, status, orjson.dumps({"__type": f"com.amazon.coral#{name}", "Message": "a"})), kind)


@pytest.mark.parametrize("body", [b"", b"[]", b'"no"', b"{}", b'{"message":7}'])
def test_odd_refusals(adapter: BedrockAdapter, body: bytes) -> None:
    same_error(classified(adapter, 400, body), InvalidRequest)
    same_error(classified(adapter, 400, body, {"x-amzn-errortype": "ValidationException"}), InvalidRequest)
