"""The fireworks adapter against Fireworks' simulator: pictures as bytes, and Kontext's jobs."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar

import httpx2
import pytest

from imagegate.adapters.fireworks import RATIOS, ROUTES, FireworksAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, ImageLink, Progress
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, aspect_ratio
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
from imagegate.upstream.client import Account, Refusal, Upstream
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, NoOutside, Seen, completed, reference
from tests.adapters.simulated import WORDS, SimulatedBench, catalog
from tests.simulators.base import Ending, Reply
from tests.simulators.fireworks import FireworksSimulator
from tests.support import pictures

CATALOG = Catalog.load()


class FireworksBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {**WORDS, Failure.CONTENT: "[filtered]"}
    cut = Reply.raw(pictures.png()[:40], "image/png", length=400, ending=Ending.CLOSE)

    def __init__(self, simulator: Any, model: str = "flux-1-schnell-fp8") -> None:
        super().__init__(simulator, FireworksAdapter(catalog()), model, poll_seconds=0.01)

    def left_behind(self, events: list[Seen]) -> Any:
        last = [request for request in self.simulator.requests if request.body and not request.path.endswith("/get_result")][-1]
        return last.path, last.headers.get("accept"), last.json


@pytest.fixture
def simulator() -> Iterator[FireworksSimulator]:
    with FireworksSimulator(SECRET) as sim:
        yield sim


class TestFireworks(AdapterContract):
    """FLUX.1, whose pictures come as bytes."""

    @pytest.fixture
    def bench(self, simulator: FireworksSimulator) -> Iterator[Bench]:
        yield FireworksBench(simulator)

    @pytest.mark.parametrize("name", ["flux-1-schnell-fp8", "accounts/fireworks/models/flux-1-schnell-fp8"])
    async def test_what_is_sent(self, simulator: FireworksSimulator, transport: Engine, name: str) -> None:
        bench = FireworksBench(simulator, name)
        wanted = {"seed": "7", "guidance_scale": "3.5", "num_inference_steps": 8, "safety_check": "true"}
        unwanted = {"negative_prompt": "x", "samples": 4, "webhook_url": "https://x.test", "model": "y", "input_image": "z"}
        asked = self.request(bench, size="1920x1080", output_format="jpeg", quality="low", extra={**wanted, **unwanted})
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0])[:2] == ("jpeg", (1376, 768))
        sent = simulator.requests[-1]
        assert sent.path == "/inference/v1/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image"
        assert (sent.headers["accept"], sent.headers["authorization"]) == ("image/jpeg", f"Bearer {SECRET}")
        assert sent.json == {
            "prompt": "a red house",
            "aspect_ratio": "16:9",
            "seed": 7,
            "guidance_scale": 3.5,
            "num_inference_steps": 8,
            "safety_check": True,
        }
        done = seen[0].event
        assert isinstance(done, CompletedImage)
        assert (done.details.output_format, done.details.extra) == ("jpeg", {"seed": 7})

    async def test_sdxl_takes_pixels(self, simulator: FireworksSimulator, transport: Engine) -> None:
        bench = FireworksBench(simulator, "stable-diffusion-xl-1024-v1-0")
        asked = self.request(bench, size="1152x896", extra={"negative_prompt": "fog", "cfg_scale": 7, "aspect_ratio": "1:1"})
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0]).size == (1152, 896)
        assert "/image_generation/" in simulator.requests[-1].path
        expected = {"prompt": "a red house", "width": 1152, "height": 896, "negative_prompt": "fog", "cfg_scale": 7}
        assert simulator.requests[-1].json == expected

    async def test_json_where_bytes_were_asked_for(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        simulator.as_json = True
        seen = await self.run(bench, transport, self.request(bench, extra={"seed": 3}))
        done = seen[0].event
        assert isinstance(done, CompletedImage) and done.details.extra == {"seed": 3}
        assert pictures.look(completed(seen)[0]).format == "png"

    async def test_a_filtered_picture_in_json(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, prompt="[filtered_json]"))

    async def test_overrides_win(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        bench.channel = replace(bench.channel, overrides={"safety_check": True}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, extra={"safety_check": False}))
        sent = simulator.requests[-1]
        assert (sent.json["safety_check"], sent.headers["x-team"]) == (True, "a")

    async def test_models_of_other_accounts_keep_their_name(self, simulator: FireworksSimulator, transport: Engine) -> None:
        bench = FireworksBench(simulator, "accounts/acme/models/own")
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench))
        assert simulator.requests[-1].path == "/inference/v1/workflows/accounts/acme/models/own/text_to_image"


class TestFireworksKontext(AdapterContract):
    """Kontext, which edits, and whose pictures are left at a url."""

    @pytest.fixture
    def bench(self, simulator: FireworksSimulator) -> Iterator[Bench]:
        yield FireworksBench(simulator, "flux-kontext-pro")

    async def run(self, bench: Bench, transport: Engine, request: ImageRequest) -> list[Seen]:
        """With the results fetched, as the relay does."""
        return [fetched(item) for item in await super().run(bench, transport, request)]

    async def test_what_is_sent(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        extra = {"seed": 1, "safety_tolerance": "2", "prompt_upsampling": "false", "webhook_url": "https://x.test", "steps": 4}
        asked = self.request(
            bench, operation=Operation.EDIT, images=(reference(),), size="1568x672", output_format="png", extra=extra
        )
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0])[:2] == ("png", (1568, 672))
        submit, look, *_ = simulator.requests
        assert submit.path == "/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro"
        body = submit.json
        data = base64.b64decode(body.pop("input_image").removeprefix("data:image/png;base64,"))
        assert pictures.look(data).size == (64, 64)
        assert body == {
            "prompt": "a red house",
            "aspect_ratio": "21:9",
            "output_format": "png",
            "seed": 1,
            "safety_tolerance": 2,
            "prompt_upsampling": False,
        }
        assert (look.method, look.path, look.json) == ("POST", f"{submit.path}/get_result", {"id": "job-0"})

    async def test_progress_is_told_and_looks_that_fail_are_repeated(
        self, bench: Bench, simulator: FireworksSimulator, transport: Engine
    ) -> None:
        simulator.statuses = ("Task not found", "Pending", "Pending", "Ready")
        path = "/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro/get_result"
        simulator.fail_next(503, times=3, path=path)
        seen = await self.run(bench, transport, self.request(bench))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["queued", "pending", "pending", "pending"]
        done = seen[-1].event
        assert isinstance(done, CompletedImage) and done.details.extra == {"seed": 7}

    async def test_a_result_that_is_no_link(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        simulator.inline = True
        assert pictures.look(completed(await self.run(bench, transport, self.request(bench)))[0])

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            ("Error", Ambiguous),
            ("Content Moderated", ContentRefused),
            ("Request Moderated", ContentRefused),
            ("Task not found", Ambiguous),
        ],
    )
    async def test_how_jobs_end(
        self, bench: Bench, simulator: FireworksSimulator, transport: Engine, status: str, error: type[GatewayError]
    ) -> None:
        simulator.statuses = ("Pending", status)
        with pytest.raises(error):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("result", [None, {}, {"sample": ""}, "x"])
    async def test_ready_without_a_picture(
        self, bench: Bench, simulator: FireworksSimulator, transport: Engine, result: Any
    ) -> None:
        simulator.script(
            Reply.json({"id": "job-0", "status": "Ready", "result": result}),
            path="/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro/get_result",
        )
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("status", [401, 429, 503])
    async def test_after_the_submit_nothing_is_ordered_again(
        self, bench: Bench, simulator: FireworksSimulator, transport: Engine, status: int
    ) -> None:
        path = "/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro/get_result"
        simulator.fail_next(status, times=10, path=path)
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench))
        assert len(simulator.jobs) == 1

    async def test_a_job_without_a_name(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        simulator.script(Reply.json([]))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    async def test_the_deadline_ends_the_waiting(self, bench: Bench, simulator: FireworksSimulator, transport: Engine) -> None:
        simulator.statuses = ("Pending",)
        adapter, channel = bench.adapter, bench.channel
        account = Account(channel.base_url, adapter.headers(channel, SECRET), adapter.failure, channel.timeouts, SECRET)
        upstream = Upstream(transport, account, NoOutside(), asyncio.get_running_loop().time() + 0.2)
        with pytest.raises(Ambiguous) as caught:
            async with aclosing(adapter.run(self.request(bench), channel, upstream)) as events:
                async for _ in events:
                    pass
        assert caught.value.timed_out


def fetched(item: Seen) -> Seen:
    """A picture that was left at a url, with its bytes."""
    source = getattr(item.event, "source", None)
    return Seen(item.event, httpx2.get(source.url).content) if isinstance(source, ImageLink) else item


@pytest.mark.parametrize(
    ("status", "error_body", "error"),
    [
        (400, {"error": {"message": "seed: wrong", "type": "invalid_request_error", "code": None}}, InvalidRequest),
        (422, {"detail": [{"msg": "x"}]}, InvalidRequest),
        (401, {"error": "unauthorized"}, AuthFailed),
        (402, {}, AuthFailed),
        (403, {"error": {"message": "no"}}, AuthFailed),
        (404, {"error": {"message": "Model not found", "code": "NOT_FOUND"}}, ModelMissing),
        (412, {"error": {"message": "Account is suspended", "code": "PRECONDITION_FAILED"}}, AuthFailed),
        (413, {}, GatewayError),
        (429, {"error": "slow"}, RateLimited),
        (500, {}, Ambiguous),
        (503, {}, Unavailable),
    ],
)
def test_failures(status: int, error_body: Any, error: type[GatewayError]) -> None:
    found = FireworksAdapter(CATALOG).failure(Refusal(status, {}, json.dumps(error_body).encode()))
    assert isinstance(found, error) and "suspended" not in found.message


@pytest.mark.parametrize("model", CATALOG.models("fireworks"))
def test_every_size_of_the_catalog_stands_for_a_ratio_of_its_own(model: str) -> None:
    row = CATALOG.capabilities("fireworks", model)
    assert row.extra["route"] in ROUTES
    if not ROUTES[row.extra["route"]].pixels:
        assert sorted(aspect_ratio(PixelSize(*size), RATIOS) for size in row.sizes.fixed) == sorted(RATIOS)


def test_names_that_the_catalog_does_not_have() -> None:
    adapter = FireworksAdapter(CATALOG)
    assert adapter.capabilities("accounts/fireworks/models/flux-kontext-next").extra["route"] == "kontext"
    assert adapter.capabilities("accounts/acme/models/own").extra["route"] == "text_to_image"
