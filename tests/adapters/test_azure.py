"""The azure adapter against Azure's simulator: deployments, v1, FLUX.2 and MAI."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from imagegate.adapters.azure import AzureAdapter, AzureOptions
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, PartialImage, Usage
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
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, completed, mask, reference
from tests.adapters.simulated import WORDS, SimulatedBench, catalog
from tests.simulators.azure import TRIGGERS, AzureSimulator
from tests.simulators.base import Reply
from tests.support import pictures

CATALOG = Catalog.load()


class AzureBench(SimulatedBench):
    """A channel to the simulator. ``below``: what stands behind the origin in the base url."""

    words: ClassVar = {**WORDS, Failure.CONTENT: "[filter]"}
    cut = Reply.raw(b'{"created":1,"data":[{"b64_json":"', "application/json")

    def __init__(self, simulator: Any, model: str = "gpt-image-2.5-flare", below: str = "", **options: Any) -> None:
        super().__init__(simulator, AzureAdapter(catalog()), model, **options)
        self.channel = replace(self.channel, base_url=simulator.base_url + below)


@pytest.fixture
def simulator() -> Iterator[AzureSimulator]:
    with AzureSimulator(SECRET) as sim:
        yield sim


class TestAzure(AdapterContract):
    """A GPT image deployment on the dated API."""

    @pytest.fixture
    def bench(self, simulator: AzureSimulator) -> Iterator[Bench]:
        yield AzureBench(simulator)

    async def test_a_deployment_is_named_in_the_path(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        asked = self.request(
            bench,
            n=2,
            size="1536x1024",
            quality="xhigh",
            output_format="webp",
            output_compression=40,
            moderation="low",
            safety_identifier="u1",
            style="vivid",
            extra={"x_new": {"a": 1}, "model": "other"},
        )
        await self.run(bench, transport, asked)
        last = simulator.requests[-1]
        assert last.path == "/openai/deployments/gpt-image-2.5-flare/images/generations"
        assert last.query == {"api-version": "2025-04-01-preview"}
        assert last.headers["api-key"] == SECRET and "authorization" not in last.headers
        assert last.json == {
            "prompt": "a red house",
            "n": 2,
            "size": "1536x1024",
            "quality": "xhigh",
            "output_format": "webp",
            "output_compression": 40,
            "moderation": "low",
            "safety_identifier": "u1",
            "x_new": {"a": 1},
        }

    async def test_an_edit_is_multipart(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        images = (reference(), reference(name="image-1.png", color=(0, 9, 0)))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images, mask=mask(), quality="low"))
        last = simulator.requests[-1]
        assert last.path.endswith("/images/edits") and last.query["api-version"]
        assert [part.name for part in last.parts] == ["prompt", "quality", "image[]", "image[]", "mask"]

    async def test_a_stream(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=2))
        assert [type(item.event) for item in seen] == [PartialImage, PartialImage, CompletedImage]
        assert simulator.requests[-1].headers["accept"] == "text/event-stream"

    async def test_a_stream_that_is_switched_off(self, simulator: AzureSimulator, transport: Engine) -> None:
        bench = AzureBench(simulator, stream=False)
        assert len(completed(await self.run(bench, transport, self.request(bench, stream=True, partial_images=2)))) == 1
        assert not {"stream", "partial_images"} & simulator.requests[-1].json.keys()

    @pytest.mark.parametrize(
        ("options", "below", "query"),
        [
            ({"surface": "v1"}, "", {}),
            ({"surface": "v1", "api_version": "preview"}, "", {"api-version": "preview"}),
            ({}, "/openai/v1", {}),
        ],
    )
    async def test_v1_names_the_deployment_in_the_body(
        self, simulator: AzureSimulator, transport: Engine, options: dict[str, Any], below: str, query: dict[str, str]
    ) -> None:
        bench = AzureBench(simulator, below=below, **options)
        await self.run(bench, transport, self.request(bench))
        last = simulator.requests[-1]
        assert (last.path, last.query, last.json["model"]) == ("/openai/v1/images/generations", query, "gpt-image-2.5-flare")
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),)))
        assert simulator.requests[-1].path == "/openai/v1/images/edits"
        assert simulator.requests[-1].fields["model"] == "gpt-image-2.5-flare"

    async def test_a_deployment_with_a_name_of_its_own(self, simulator: AzureSimulator, transport: Engine) -> None:
        bench = AzureBench(simulator, "gpt-image-2/house", model_in_body=True, api_version="2025-02-01-preview")
        await self.run(bench, transport, self.request(bench, quality="max"))
        last = simulator.requests[-1]
        assert last.path == "/openai/deployments/house/images/generations"
        assert (last.query["api-version"], last.json["model"], last.json["quality"]) == ("2025-02-01-preview", "house", "high")

    async def test_an_entra_token(self, simulator: AzureSimulator, transport: Engine) -> None:
        await self.run(bench := AzureBench(simulator, auth="bearer"), transport, self.request(bench))
        headers = simulator.requests[-1].headers
        assert headers["authorization"] == f"Bearer {SECRET}" and "api-key" not in headers

    async def test_overrides_win(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        bench.channel = replace(bench.channel, overrides={"moderation": "low", "model": "gpt-image-2.5-flare"})
        await self.run(bench, transport, self.request(bench, moderation="auto"))
        assert simulator.requests[-1].json == {"prompt": "a red house", "moderation": "low", "model": "gpt-image-2.5-flare"}

    async def test_dalle_is_asked_for_base64_and_its_filter_results_survive(
        self, simulator: AzureSimulator, transport: Engine
    ) -> None:
        bench = AzureBench(simulator, "dall-e-3")
        simulator.extra_item = {"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}
        seen = await self.run(bench, transport, self.request(bench, quality="hd", style="natural"))
        assert simulator.requests[-1].json == {
            "prompt": "a red house",
            "quality": "hd",
            "style": "natural",
            "response_format": "b64_json",
        }
        done = seen[0].event
        assert isinstance(done, CompletedImage) and done.details.revised_prompt and done.details.extra == simulator.extra_item

    async def test_flux_1_speaks_openais_shape(self, simulator: AzureSimulator, transport: Engine) -> None:
        bench = AzureBench(simulator, "FLUX.1-Kontext-pro")
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), size="1024x768", quality="high", user="u")
        await self.run(bench, transport, asked)
        last = simulator.requests[-1]
        assert last.path == "/openai/deployments/FLUX.1-Kontext-pro/images/edits"
        assert last.fields == {"prompt": "a red house", "size": "1024x768"}

    @pytest.mark.parametrize("word", ["[policy]", "[inner]", "[moderation]", "[filter]"])
    async def test_every_shape_of_a_block(self, bench: Bench, transport: Engine, word: str) -> None:
        with pytest.raises(ContentRefused) as caught:
            await self.run(bench, transport, self.request(bench, prompt=word))
        assert caught.value.code == ("moderation_blocked" if word == "[moderation]" else "content_policy_violation")

    async def test_a_missing_deployment(self, simulator: AzureSimulator, transport: Engine) -> None:
        bench = AzureBench(simulator, "a b/../c")
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench))
        assert "/deployments/" in simulator.requests[-1].path


class TestAzureFlux2(AdapterContract):
    """FLUX.2 on the provider's route."""

    @pytest.fixture
    def bench(self, simulator: AzureSimulator) -> Iterator[Bench]:
        yield AzureBench(simulator, "FLUX.2-pro", below="/openai/v1")

    async def test_what_is_sent(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        extra = {"seed": "7", "guidance": 3.5, "steps": "20", "safety_tolerance": 2, "negative_prompt": "x", "webhook_url": "y"}
        images = tuple(reference(color=(number, 0, 0)) for number in range(3))
        asked = self.request(
            bench, operation=Operation.EDIT, images=images, size="1344x768", output_format="jpeg", extra=extra, quality="high"
        )
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0])[:2] == ("jpeg", (1344, 768))
        last = simulator.requests[-1]
        assert (last.path, last.query) == ("/providers/blackforestlabs/v1/flux-2-pro", {"api-version": "preview"})
        body = last.json
        sent = [body.pop(name) for name in ("input_image", "input_image_2", "input_image_3")]
        assert [pictures.pixel(base64.b64decode(text), (0, 0))[0] for text in sent] == [0, 1, 2]
        assert body == {
            "model": "FLUX.2-pro",
            "prompt": "a red house",
            "num_images": 1,
            "width": 1344,
            "height": 768,
            "output_format": "jpeg",
            "seed": 7,
            "guidance": 3.5,
            "steps": 20,
            "safety_tolerance": 2,
        }

    async def test_flex(self, simulator: AzureSimulator, transport: Engine) -> None:
        bench = AzureBench(simulator, "FLUX.2-flex", foundry_api_version="preview")
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),) * 10))
        assert simulator.requests[-1].path.endswith("/flux-2-flex") and "input_image_10" in simulator.requests[-1].json


class TestAzureMai(AdapterContract):
    """MAI on its own route."""

    @pytest.fixture
    def bench(self, simulator: AzureSimulator) -> Iterator[Bench]:
        yield AzureBench(simulator, "MAI-Image-2.5/painter")

    async def test_what_is_sent(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench, size="1792x1024", quality="high", extra={"seed": 1}))
        last = simulator.requests[-1]
        assert (last.path, last.query) == ("/mai/v1/images/generations", {"api-version": "preview"})
        sent = last.json
        assert sent.pop("width") * sent.pop("height") <= 1024 * 1024
        assert sent == {"model": "painter", "prompt": "a red house"}

    async def test_without_a_size(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench))
        assert pictures.look(completed(seen)[0]).size == (1024, 1024)

    async def test_an_edit_takes_no_size(self, bench: Bench, simulator: AzureSimulator, transport: Engine) -> None:
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), size="1024x1024")
        await self.run(bench, transport, asked)
        last = simulator.requests[-1]
        assert last.path == "/mai/v1/images/edits"
        assert [part.name for part in last.parts] == ["model", "prompt", "image"]

    async def test_its_counters_get_their_usual_names(self, bench: Bench, transport: Engine) -> None:
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),))
        finished = (await self.run(bench, transport, asked))[-1].event
        assert isinstance(finished, Finished)
        assert finished.usage == Usage(709, 1024, 1733, 9, 700, None, 1024)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": {"code": "BadRequest", "message": "'width' must be at least 768 pixels."}}, InvalidRequest),
        (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}, AuthFailed),
        (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid or expired."}, AuthFailed),
        (403, {"error": {"code": "AuthorizationFailed", "message": "no"}}, AuthFailed),
        (404, {"error": {"code": "DeploymentNotFound", "message": "no"}}, ModelMissing),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, ModelMissing),
        (429, {"error": {"code": "429", "message": "exceeded call rate limit"}}, RateLimited),
        (429, {"error": {"code": "insufficient_quota", "message": "no"}}, AuthFailed),
        (408, {"error": {"code": "Timeout", "message": "late"}}, Ambiguous),
        (500, {"error": {"code": "InternalServerError", "message": "oops"}}, Ambiguous),
        (503, {}, Unavailable),
        (302, {}, BadResponse),
    ],
)
def test_failures(status: int, body: Any, error: type[GatewayError]) -> None:
    assert type(AzureAdapter(CATALOG).failure(Refusal(status, {}, json.dumps(body).encode()))) is error


def test_how_long_to_wait() -> None:
    error = AzureAdapter(CATALOG).failure(Refusal(429, TRIGGERS["[rate_limit]"].headers, b"{}"))
    assert error.retry_after == 6.9


def test_a_version_is_no_query() -> None:
    with pytest.raises(ValidationError):
        AzureOptions(api_version="x&y=z")


@pytest.mark.parametrize("model", [name for name in CATALOG.models("azure") if "MAI" in name or "FLUX" in name])
def test_models_that_make_one_picture(model: str) -> None:
    assert CATALOG.capabilities("azure", model).max_n == 1


@pytest.mark.parametrize(
    ("deployment", "route"),
    [
        ("prod-gpt-image-2-eu", None),
        ("FLUX.2-flex-1", "flux2"),
        ("MAI-Image-2.5-x", "mai"),
        ("whatever", None),
        ("MAI-Image-2/p", "mai"),
    ],
)
def test_routes_of_names(deployment: str, route: str | None) -> None:
    assert AzureAdapter(CATALOG).capabilities(deployment).extra.get("route") == route
