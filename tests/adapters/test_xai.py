"""The xai adapter against xAI's simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters.xai import XaiAdapter
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
from tests.adapters.contract import SECRET, AdapterContract, Bench, completed, reference
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.xai import XaiSimulator
from tests.support import pictures

CATALOG = Catalog.load()


class XaiBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"data":[{"b64_json":"', "application/json")

    def __init__(self, simulator: Any, **options: Any) -> None:
        super().__init__(simulator, XaiAdapter(catalog()), "grok-imagine-image-2.0", **options)


class TestXai(AdapterContract):
    """The contract, and xAI's own fields."""

    @pytest.fixture
    def simulator(self) -> Iterator[XaiSimulator]:
        with XaiSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: XaiSimulator) -> Iterator[Bench]:
        yield XaiBench(simulator)

    async def test_what_is_sent(self, bench: Bench, simulator: XaiSimulator, transport: Engine) -> None:
        asked = self.request(
            bench,
            n=2,
            size="2816x1536",
            quality="low",
            user="u1",
            style="vivid",
            extra={"seed": 1, "aspect_ratio": "1:1", "sync_mode": "true", "model": "other", "response_format": "url"},
        )
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0]).size == (2816, 1536)
        assert simulator.requests[-1].path == "/v1/images/generations"
        assert simulator.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
        assert simulator.requests[-1].json == {
            "model": "grok-imagine-image-2.0",
            "prompt": "a red house",
            "n": 2,
            "response_format": "b64_json",
            "aspect_ratio": "16:9",
            "resolution": "2k",
            "quality": "low",
            "user": "u1",
            "sync_mode": True,
        }

    async def test_words_of_the_provider_stand_where_nothing_is_mapped(
        self, bench: Bench, simulator: XaiSimulator, transport: Engine
    ) -> None:
        asked = self.request(bench, extra={"aspect_ratio": "9:19.5", "resolution": "1.5k"})
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0]).size == (864, 1872)

    async def test_overrides_win(self, bench: Bench, simulator: XaiSimulator, transport: Engine) -> None:
        bench.channel = replace(bench.channel, overrides={"resolution": "1k"}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, size="2048x2048"))
        assert simulator.requests[-1].json["resolution"] == "1k"
        assert simulator.requests[-1].headers["x-team"] == "a"

    @pytest.mark.parametrize("count", [1, 2, 5])
    async def test_references(self, bench: Bench, simulator: XaiSimulator, transport: Engine, count: int) -> None:
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        last = simulator.requests[-1]
        assert last.path == "/v1/images/edits" and last.headers["content-type"] == "application/json"
        sent = [last.json["image"]] if count == 1 else last.json["images"]
        assert ("images" in last.json) == (count > 1)
        for number, item in enumerate(sent):
            data = base64.b64decode(item["url"].removeprefix("data:image/png;base64,"))
            assert item["type"] == "image_url" and pictures.pixel(data, (0, 0))[0] == number

    async def test_its_price_is_kept_and_is_no_usage(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, n=2))
        finished, first = seen[-1].event, seen[0].event
        assert isinstance(finished, Finished) and isinstance(first, CompletedImage)
        assert (finished.usage, finished.extra) == (None, {"cost_in_usd_ticks": 800_000_000})
        assert first.details.extra == {"mime_type": "image/jpeg", "respect_moderation": True}

    async def test_moderation_may_take_some_pictures(self, bench: Bench, simulator: XaiSimulator, transport: Engine) -> None:
        simulator.moderated = frozenset({1})
        assert len(completed(await self.run(bench, transport, self.request(bench, n=3)))) == 2

    async def test_urls(self, simulator: XaiSimulator, transport: Engine) -> None:
        seen = await self.run(bench := XaiBench(simulator, response_format="url"), transport, self.request(bench, n=2))
        sources = [item.event.source for item in seen if isinstance(item.event, CompletedImage)]
        assert all(isinstance(source, ImageLink) and source.url.startswith(simulator.url) for source in sources)
        simulator.moderated = frozenset({0})
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("word", ["[guidelines]", "[rejected]"])
    async def test_refused_content_that_looks_like_something_else(self, bench: Bench, transport: Engine, word: str) -> None:
        with pytest.raises(ContentRefused) as caught:
            await self.run(bench, transport, self.request(bench, prompt=word))
        assert "0f9a" not in caught.value.message and "Team" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"code":"Client specified an invalid argument","error":"Argument not supported: size"}', InvalidRequest),
        (400, b'{"error":{"message":"n is too large","type":"invalid_request_error","param":"n","code":null}}', InvalidRequest),
        (422, b"Failed to deserialize the JSON body into the target type: unknown field `x`", InvalidRequest),
        (400, b'{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***1a."}', AuthFailed),
        (401, b'{"code":"Unauthenticated","error":"No API key provided."}', AuthFailed),
        (403, b'{"code":"The caller does not have permission","error":"No credits."}', AuthFailed),
        (403, b'{"error":"Content violates usage guidelines. Team: a"}', ContentRefused),
        (400, b'{"error":{"message":"no","code":"content_policy_violation"}}', ContentRefused),
        (404, b'{"code":"Some requested entity was not found","error":"The model x does not exist."}', ModelMissing),
        (429, b'{"error":"slow down"}', RateLimited),
        (500, b'{"error":"oops"}', Ambiguous),
        (503, b"", Unavailable),
        (302, b"[1]", BadResponse),
    ],
)
def test_failures(status: int, body: bytes, error: type[GatewayError]) -> None:
    assert type(XaiAdapter(CATALOG).failure(Refusal(status, {}, body))) is error
