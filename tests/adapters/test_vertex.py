"""The vertex adapter against Vertex AI's simulator: Gemini and Imagen."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from imagegate.adapters.vertex import VertexAdapter, region
from imagegate.domain.channels import Secret
from imagegate.domain.events import CompletedImage, Finished
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import AuthFailed, BadResponse, ContentRefused, InvalidRequest, ModelMissing, RateLimited
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, check_grammar, completed, mask, reference
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.vertex import PROJECT, VertexSimulator
from tests.support import pictures
from tests.support.service_account import service_account

PRO, IMAGEN, EDITOR = "gemini-3-pro-image", "imagen-4.0-generate-001", "imagen-3.0-capability-001"


class VertexBench(SimulatedBench):
    """A channel to the simulator; a bearer token unless told otherwise."""

    words: ClassVar = {
        Failure.RATE_LIMIT: "[rate_limit]",
        Failure.OVERLOADED: "[503]",
        Failure.NO_CREDIT: "[billing]",
        Failure.CONTENT: "[image_safety][rai_reason]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[no_image][no_bytes]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply.raw(b'{"predictions":[{"bytesBase64Encoded":"iVBO', "application/json")

    def __init__(self, simulator: VertexSimulator, executor: ThreadPoolExecutor, model: str = PRO, **options: Any) -> None:
        named = {**simulator.channel_options, **options}
        super().__init__(simulator, VertexAdapter(catalog(), executor), model, **named)
        self.vertex = simulator

    def with_key(self, key: str) -> VertexBench:
        """The same channel with another key."""
        self.channel = replace(self.channel, keys=(Secret(key),))
        return self

    def provoke(self, failure: Failure, request: ImageRequest) -> ImageRequest | None:
        if failure is Failure.BAD_KEY:
            self.vertex.token = "another-token"
            return request
        return super().provoke(failure, request)


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def simulator() -> Iterator[VertexSimulator]:
    with VertexSimulator(SECRET) as simulator:
        yield simulator


class TestVertex(AdapterContract):
    """The contract with a Gemini model, and what only Vertex AI has."""

    @pytest.fixture
    def bench(self, simulator: VertexSimulator, executor: ThreadPoolExecutor) -> Iterator[Bench]:
        yield VertexBench(simulator, executor)

    async def test_a_call_names_project_and_place(self, bench: Bench, simulator: VertexSimulator, transport: Engine) -> None:
        extra = {"person_generation": "ALLOW_ALL", "labels": {"team_a": "b"}}
        await self.run(
            bench, transport, self.request(bench, size="896x1200", output_format="jpeg", output_compression=40, extra=extra)
        )
        recorded = simulator.requests[-1]
        place = f"/v1/projects/{PROJECT}/locations/us-central1/publishers/google/models"
        assert recorded.path == f"{place}/gemini-3-pro-image:generateContent"
        assert recorded.headers["authorization"] == f"Bearer {SECRET}" and "x-goog-api-key" not in recorded.headers
        assert recorded.json == {
            "contents": [{"role": "user", "parts": [{"text": "a red house"}]}],
            "generationConfig": {
                "responseModalities": ["IMAGE"],
                "imageConfig": {
                    "personGeneration": "ALLOW_ALL",
                    "aspectRatio": "3:4",
                    "imageSize": "1K",
                    "imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 40},
                },
            },
            "labels": {"team_a": "b"},
        }

    @pytest.mark.parametrize("form", ["png", "jpeg"])
    async def test_the_format_can_be_chosen(self, bench: Bench, transport: Engine, form: str) -> None:
        seen = await self.run(bench, transport, self.request(bench, output_format=form))
        done = seen[0].event
        assert isinstance(done, CompletedImage) and done.details.output_format == form
        assert pictures.look(completed(seen)[0]).format == form

    @pytest.mark.parametrize("encoded", [False, True])
    async def test_a_service_account_signs_its_own_tokens(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor, encoded: bool
    ) -> None:
        account = service_account(PROJECT)
        simulator.accounts[account.email] = account.public
        key = base64.b64encode(account.key.encode()).decode() if encoded else account.key
        bench = VertexBench(simulator, executor, project=None).with_key(key)
        assert bench.adapter.headers(bench.channel, key) == {}
        for _ in range(2):
            await self.run(bench, transport, self.request(bench))
        first, second = (request.headers["authorization"] for request in simulator.requests)
        assert first == second and first.startswith("Bearer ey")
        assert f"/projects/{PROJECT}/" in simulator.requests[-1].path

    async def test_a_broken_service_account_is_never_sent(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        broken = json.dumps({**json.loads(service_account().key), "private_key": "x"})
        for key in (broken, '{"type": "service_account"'):
            bench = VertexBench(simulator, executor).with_key(key)
            with pytest.raises(AuthFailed):
                await self.run(bench, transport, self.request(bench))
        assert not simulator.requests

    async def test_an_api_key_needs_no_project(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        bench = VertexBench(simulator, executor, project=None).with_key(simulator.key)
        await self.run(bench, transport, self.request(bench))
        recorded = simulator.requests[-1]
        assert recorded.path == "/v1/publishers/google/models/gemini-3-pro-image:generateContent"
        assert recorded.headers["x-goog-api-key"] == simulator.key and "authorization" not in recorded.headers

    async def test_a_wrong_api_key_is_the_operators(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        bench = VertexBench(simulator, executor, project=None, credential="api_key").with_key("some-other-key")
        with pytest.raises(AuthFailed):
            await self.run(bench, transport, self.request(bench))

    async def test_a_bearer_token_without_a_project_is_not_sent(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        bench = VertexBench(simulator, executor, project=None)
        with pytest.raises(AuthFailed, match=r"options\.project"):
            await self.run(bench, transport, self.request(bench))
        assert not simulator.requests

    async def test_another_project_is_the_operators(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        bench = VertexBench(simulator, executor, project="not-mine")
        with pytest.raises(AuthFailed) as caught:
            await self.run(bench, transport, self.request(bench))
        assert "not-mine" not in caught.value.message

    async def test_a_model_that_is_not_here(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor
    ) -> None:
        for model, place in (("gemini-9-image", "us-central1"), (IMAGEN, "global")):
            bench = VertexBench(simulator, executor, model, location=place)
            with pytest.raises(ModelMissing):
                await self.run(bench, transport, self.request(bench))


class TestVertexImagen(AdapterContract):
    """The contract with Imagen, which has another protocol."""

    @pytest.fixture
    def bench(self, simulator: VertexSimulator, executor: ThreadPoolExecutor) -> Iterator[Bench]:
        yield VertexBench(simulator, executor, IMAGEN)

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, simulator: VertexSimulator, transport: Engine) -> None:
        extra = {
            "seed": 5,
            "negative_prompt": "42",
            "guidanceScale": 3,
            "person_generation": "allow_all",
            "safety_filter_level": "block_only_high",
            "enhance_prompt": True,
            "storage_uri": "gs://elsewhere",
            "sample_count": 9,
        }
        given = {"n": 2, "size": "1792x1024", "quality": "high", "output_format": "jpeg", "output_compression": 70}
        seen = await self.run(bench, transport, self.request(bench, extra=extra, **given))
        recorded = simulator.requests[-1]
        assert recorded.path.endswith(f"/locations/us-central1/publishers/google/models/{IMAGEN}:predict")
        assert recorded.json == {
            "instances": [{"prompt": "a red house"}],
            "parameters": {
                "includeRaiReason": True,
                "seed": 5,
                "addWatermark": False,
                "negativePrompt": "42",
                "guidanceScale": 3,
                "personGeneration": "allow_all",
                "safetySetting": "block_only_high",
                "enhancePrompt": True,
                "sampleCount": 2,
                "aspectRatio": "16:9",
                "sampleImageSize": "1K",
                "outputOptions": {"mimeType": "image/jpeg", "compressionQuality": 70},
            },
        }
        check_grammar(seen, n=2)
        for item in seen:
            assert isinstance(item.event, CompletedImage)
            assert pictures.look(item.picture)[:2] == ("jpeg", (1408, 768))
            assert item.event.details.revised_prompt == "A detailed picture: a red house"
            assert item.event.details.output_format == "jpeg"

    @pytest.mark.parametrize(("word", "told"), [("[rai_all]", "rephrase"), ("[rai_reason]", "58061214")])
    async def test_pictures_that_were_held_back(self, bench: Bench, transport: Engine, word: str, told: str) -> None:
        with pytest.raises(ContentRefused, match=told) as caught:
            await self.run(bench, transport, self.request(bench, prompt=word))
        assert caught.value.code == "moderation_blocked" and "https" not in caught.value.message

    async def test_one_of_several_held_back(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, prompt="[rai_one]", n=3))
        assert len(completed(seen)) == 2 and not any(isinstance(item.event, Finished) for item in seen)

    @pytest.mark.parametrize("quality", ["low", "high"])
    async def test_quality_is_resolution(self, bench: Bench, transport: Engine, quality: str) -> None:
        seen = await self.run(bench, transport, self.request(bench, quality=quality))
        assert pictures.look(completed(seen)[0]).size == {"low": (1024, 1024), "high": (2048, 2048)}[quality]

    @pytest.mark.parametrize("model", [name for name in catalog().models("vertex") if name.startswith("imagen")])
    async def test_the_picture_has_the_size_that_was_promised(
        self, simulator: VertexSimulator, transport: Engine, executor: ThreadPoolExecutor, model: str
    ) -> None:
        bench = VertexBench(simulator, executor, model)
        capabilities = self.capabilities(bench)
        edits = {"operation": Operation.EDIT, "images": (reference(),)} if model == EDITOR else {}
        for size in capabilities.sizes.fixed:
            wanted = "{}x{}".format(*size)
            seen = await self.run(bench, transport, self.request(bench, size=wanted, n=capabilities.max_n, **edits))
            assert len(completed(seen)) == capabilities.max_n
            assert "{}x{}".format(*pictures.look(completed(seen)[0]).size) == wanted

    async def test_a_rate_limit_tells_when(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(RateLimited) as caught:
            await self.run(bench, transport, self.request(bench, prompt="[rate_limit]"))
        assert caught.value.retry_after == 41

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"[]", BadResponse),
            (b'{"predictions": null}', ContentRefused),
            (b'{"predictions": [null]}', ContentRefused),
            (b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}', RateLimited),
            (b'{"predictions": [{"bytesBase64Encoded": "aaaa" oops', BadResponse),
        ],
    )
    async def test_odd_answers(
        self, bench: Bench, simulator: VertexSimulator, transport: Engine, body: bytes, error: type[Exception]
    ) -> None:
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(error):
            await self.run(bench, transport, self.request(bench))


class TestVertexImagenEdits(AdapterContract):
    """The contract with the Imagen that edits."""

    @pytest.fixture
    def bench(self, simulator: VertexSimulator, executor: ThreadPoolExecutor) -> Iterator[Bench]:
        yield VertexBench(simulator, executor, EDITOR)

    def request(self, bench: Bench, **given: Any) -> ImageRequest:
        """It makes nothing from words alone, so each case of the contract has a picture."""
        return super().request(bench, **{"operation": Operation.EDIT, "images": (reference(),), **given})

    async def test_a_mask_is_white_where_the_caller_made_it_transparent(
        self, bench: Bench, simulator: VertexSimulator, transport: Engine
    ) -> None:
        await self.run(bench, transport, self.request(bench, mask=mask(), extra={"mask_dilation": "0.02", "base_steps": 30}))
        sent = simulator.requests[-1].json
        raw, area = sent["instances"][0]["referenceImages"]
        assert (raw["referenceType"], raw["referenceId"]) == ("REFERENCE_TYPE_RAW", 1)
        assert area["maskImageConfig"] == {"maskMode": "MASK_MODE_USER_PROVIDED", "dilation": 0.02}
        drawn = base64.b64decode(area["referenceImage"]["bytesBase64Encoded"])
        assert pictures.pixel(drawn, (32, 32))[0] == 255 and pictures.pixel(drawn, (0, 0))[0] == 0
        assert sent["parameters"] == {
            "includeRaiReason": True,
            "editConfig": {"baseSteps": 30},
            "editMode": "EDIT_MODE_INPAINT_INSERTION",
            "sampleCount": 1,
        }

    async def test_without_a_mask_the_whole_picture_may_change(
        self, bench: Bench, simulator: VertexSimulator, transport: Engine
    ) -> None:
        await self.run(bench, transport, self.request(bench))
        sent = simulator.requests[-1].json
        assert len(sent["instances"][0]["referenceImages"]) == 1
        assert sent["parameters"]["editMode"] == "EDIT_MODE_DEFAULT"

    async def test_imagen_can_find_the_area_itself(self, bench: Bench, simulator: VertexSimulator, transport: Engine) -> None:
        extra = {"mask_mode": "MASK_MODE_BACKGROUND", "edit_mode": "EDIT_MODE_INPAINT_REMOVAL"}
        await self.run(bench, transport, self.request(bench, extra=extra))
        sent = simulator.requests[-1].json
        area = sent["instances"][0]["referenceImages"][1]
        assert area["maskImageConfig"] == {"maskMode": "MASK_MODE_BACKGROUND"} and "referenceImage" not in area
        assert sent["parameters"]["editMode"] == "EDIT_MODE_INPAINT_REMOVAL"

    async def test_a_mask_of_another_size_is_the_callers(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest, match="same dimensions"):
            await self.run(bench, transport, self.request(bench, mask=mask(32, 32)))


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        ("https://aiplatform.googleapis.com/v1", "global"),
        ("https://europe-west4-aiplatform.googleapis.com/v1", "europe-west4"),
        ("https://aiplatform.eu.rep.googleapis.com/v1", "eu"),
        ("http://127.0.0.1:8080/v1", "global"),
    ],
)
def test_the_place_is_in_the_base_url(base_url: str, place: str) -> None:
    assert region(base_url) == place
