"""The together adapter against Together's simulator."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from imagegate.adapters.together import TogetherAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, ImageLink
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
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, completed, reference
from tests.adapters.simulated import WORDS, SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.together import TogetherSimulator
from tests.support import pictures

CATALOG = Catalog.load()


class TogetherBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {**WORDS, Failure.CONTENT: "[nsfw]"}
    cut = Reply.raw(b'{"id":"a","data":[{"b64_json":"', "application/json")

    def __init__(self, simulator: Any, model: str = "black-forest-labs/FLUX.2-pro", **options: Any) -> None:
        super().__init__(simulator, TogetherAdapter(catalog()), model, **options)


class TestTogether(AdapterContract):
    """The contract, and Together's own fields."""

    @pytest.fixture
    def simulator(self) -> Iterator[TogetherSimulator]:
        with TogetherSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: TogetherSimulator) -> Iterator[Bench]:
        yield TogetherBench(simulator)

    async def test_what_is_sent(self, bench: Bench, simulator: TogetherSimulator, transport: Engine) -> None:
        wanted = {"seed": "7", "steps": 20, "guidance_scale": "3.5", "negative_prompt": "42", "disable_safety_checker": "true"}
        unwanted = {"watermark": False, "response_format": "url", "image_url": "https://x.test/a.png", "webhook_url": "x"}
        asked = self.request(
            bench, n=2, size="1344x768", quality="high", output_format="png", user="u", extra={**wanted, **unwanted}
        )
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[1]) == ("png", (1344, 768), "P")
        assert simulator.requests[-1].path == "/v1/images/generations"
        assert simulator.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
        assert simulator.requests[-1].json == {
            "model": "black-forest-labs/FLUX.2-pro",
            "prompt": "a red house",
            "n": 2,
            "width": 1344,
            "height": 768,
            "response_format": "base64",
            "output_format": "png",
            "seed": 7,
            "steps": 20,
            "guidance_scale": 3.5,
            "negative_prompt": "42",
            "disable_safety_checker": True,
        }

    @pytest.mark.parametrize("size", [None, "auto"])
    async def test_no_size(self, bench: Bench, simulator: TogetherSimulator, transport: Engine, size: str | None) -> None:
        await self.run(bench, transport, self.request(bench, size=size))
        assert set(simulator.requests[-1].json) == {"model", "prompt", "response_format"}

    async def test_a_size_as_ratio(self, simulator: TogetherSimulator, transport: Engine) -> None:
        bench = TogetherBench(simulator, "black-forest-labs/FLUX.1-schnell", size_as="aspect_ratio")
        seen = await self.run(bench, transport, self.request(bench, size="1792x1008"))
        assert simulator.requests[-1].json["aspect_ratio"] == "16:9" and "width" not in simulator.requests[-1].json
        assert pictures.look(completed(seen)[0]).size == (1344, 768)
        assert self.adjusted(bench, size="1792x1008").mapped == {"size": "1792x1008->1280x720"}

    @pytest.mark.parametrize(
        ("model", "count", "field"),
        [
            ("black-forest-labs/FLUX.1-kontext-pro", 1, "image_url"),
            ("black-forest-labs/FLUX.2-dev", 1, "reference_images"),
            ("black-forest-labs/FLUX.2-pro", 8, "reference_images"),
            ("google/flash-image-2.5", 2, "reference_images"),
        ],
    )
    async def test_references(self, simulator: TogetherSimulator, transport: Engine, model: str, count: int, field: str) -> None:
        bench = TogetherBench(simulator, model)
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        sent = simulator.requests[-1].json
        assert {"image_url", "reference_images"} & sent.keys() == {field}
        urls = [sent[field]] if field == "image_url" else sent[field]
        data = [base64.b64decode(url.removeprefix("data:image/png;base64,")) for url in urls]
        assert [pictures.pixel(each, (0, 0))[0] for each in data] == list(range(count))

    @pytest.mark.parametrize(("count", "field"), [(1, "image_url"), (2, "reference_images")])
    async def test_references_of_a_model_that_nobody_knows(
        self, simulator: TogetherSimulator, transport: Engine, count: int, field: str
    ) -> None:
        bench = TogetherBench(simulator, "acme/model")
        with pytest.raises(ModelMissing):
            images = (reference(),) * count
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        assert field in simulator.requests[-1].json

    async def test_urls_and_what_else_is_told(self, simulator: TogetherSimulator, transport: Engine) -> None:
        bench = TogetherBench(simulator, response_format="url")
        seen = await self.run(bench, transport, self.request(bench, n=2))
        events = [item.event for item in seen if isinstance(item.event, CompletedImage)]
        assert all(isinstance(event.source, ImageLink) and event.source.url.startswith(simulator.url) for event in events)
        finished = seen[-1].event
        assert isinstance(finished, Finished) and finished.extra["id"] == "oFakeId-2" and finished.usage is None

    async def test_overrides_win(self, bench: Bench, simulator: TogetherSimulator, transport: Engine) -> None:
        bench.channel = replace(bench.channel, overrides={"seed": 1}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, extra={"seed": 2}))
        assert (simulator.requests[-1].json["seed"], simulator.requests[-1].headers["x-team"]) == (1, "a")


@pytest.mark.parametrize(
    ("status", "message", "code", "error"),
    [
        (400, "width: must be a multiple of 8", "invalid_parameter", InvalidRequest),
        (422, "n: too many", None, InvalidRequest),
        (400, "NSFW content detected in the image.", None, ContentRefused),
        (422, "NSFW content detected in the prompt.", "x", ContentRefused),
        (401, "Invalid API key provided", "invalid_api_key", AuthFailed),
        (402, "Credit limit exceeded", None, AuthFailed),
        (403, "Input too long", None, AuthFailed),
        (404, "Unable to access model", "model_not_available", ModelMissing),
        (429, "rate", "rate_limit", RateLimited),
        (500, "oops", None, Ambiguous),
        (503, "overloaded", None, Unavailable),
        (504, "late", None, Ambiguous),
        (302, "", None, BadResponse),
    ],
)
def test_failures(status: int, message: str, code: str | None, error: type[GatewayError]) -> None:
    document = {"id": "a", "error": {"message": message, "type": "x", "param": None, "code": code}}
    reply = Refusal(status, {}, b"" if status == 302 else json.dumps(document).encode())
    assert type(TogetherAdapter(CATALOG).failure(reply)) is error


def test_the_field_at_fault_is_told() -> None:
    body = b'{"error":{"message":"width: must be a multiple of 8","param":"width","code":"invalid_parameter"}}'
    error = TogetherAdapter(CATALOG).failure(Refusal(400, {}, body))
    assert (error.param, error.code) == ("width", "invalid_parameter")


@pytest.mark.parametrize("model", CATALOG.models("together"))
def test_the_catalog_names_the_field_of_every_model_that_edits(model: str) -> None:
    row = CATALOG.capabilities("together", model)
    assert (Operation.EDIT in row.operations) == ("references" in row.extra) == (row.max_references > 0)
