"""The fal adapter against its simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest

from imagegate.adapters.base import Adapter
from imagegate.adapters.fal import FalAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, ImageLink, Progress
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
from tests.adapters.contract import SECRET, Bench, Seen, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.fal import ENDPOINTS, FalSimulator
from tests.support import pictures

FLUX = "fal-ai/flux/dev"
NANO = "fal-ai/nano-banana-2"
IDEOGRAM = "fal-ai/ideogram/v3"
GPT = "openai/gpt-image-2"
UNKNOWN = "somebody/some-app"


@pytest.fixture(scope="module")
def adapter() -> Iterator[FalAdapter]:
    with ThreadPoolExecutor(1) as executor:
        yield FalAdapter(Catalog.load(), executor)


class FalBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"status":"IN_QUEUE","request_id":"a', "application/json")

    def __init__(self, simulator: Any, adapter: Adapter, model: str = FLUX, **options: Any) -> None:
        super().__init__(simulator, adapter, model, **{"poll_seconds": 0.01, **options})


def end(seen: list[Seen]) -> Finished:
    """The last event."""
    assert isinstance(seen[-1].event, Finished)
    return seen[-1].event


class TestFal(LinkedContract):
    """The contract, and what is special to the queue."""

    @pytest.fixture
    def simulator(self) -> Iterator[FalSimulator]:
        with FalSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[FLUX, IDEOGRAM, GPT])
    def bench(self, simulator: FalSimulator, adapter: FalAdapter, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield FalBench(simulator, adapter, request.param)

    @pytest.fixture
    def flux(self, simulator: FalSimulator, adapter: FalAdapter) -> FalBench:
        return FalBench(simulator, adapter)

    def at(self, bench: Bench, model: str, **options: Any) -> FalBench:
        assert isinstance(bench, FalBench)
        return FalBench(bench.simulator, bench.adapter, model, **options)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (FLUX, {}, {}),
            (FLUX, {"size": "1024x768"}, {"image_size": {"width": 1024, "height": 768}}),
            (FLUX, {"size": "auto"}, {}),
            (FLUX, {"n": 3, "output_format": "jpeg"}, {"num_images": 3, "output_format": "jpeg"}),
            (FLUX, {"extra": {"image_size": "portrait_16_9"}}, {"image_size": "portrait_16_9"}),
            (FLUX, {"extra": {"seed": "7", "enable_safety_checker": "false"}}, {"seed": 7, "enable_safety_checker": False}),
            (FLUX, {"extra": {"model": "x", "webhook": "y", "n": 4}}, {"webhook": "y"}),
            (FLUX, {"quality": "high", "style": "vivid", "user": "u"}, {}),
            (NANO, {"size": "2752x1536"}, {"aspect_ratio": "16:9", "resolution": "2K"}),
            (NANO, {"size": "4096x4096"}, {"aspect_ratio": "1:1", "resolution": "4K"}),
            (GPT, {"quality": "low", "size": "1536x1024"}, {"quality": "low", "image_size": {"width": 1536, "height": 1024}}),
            (UNKNOWN, {"size": "640x480"}, {"image_size": {"width": 640, "height": 480}}),
            (UNKNOWN, {"size": "landscape_4_3"}, {"image_size": "landscape_4_3"}),
            (UNKNOWN, {"size": "16:9"}, {"aspect_ratio": "16:9"}),
        ],
    )
    async def test_fields(
        self, flux: FalBench, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = self.at(flux, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == {"prompt": "a red house", **sent}
        assert (bench.last.path, bench.last.headers["authorization"]) == (f"/{model}", f"Key {SECRET}")

    @pytest.mark.parametrize(
        ("model", "count", "path", "names"),
        [
            (FLUX, 1, "fal-ai/flux/dev/image-to-image", {"image_url"}),
            (NANO, 2, "fal-ai/nano-banana-2/edit", {"image_urls", "aspect_ratio"}),
            ("fal-ai/flux-pro/kontext", 1, "fal-ai/flux-pro/kontext", {"image_url"}),
            ("fal-ai/flux-pro/kontext", 0, "fal-ai/flux-pro/kontext/text-to-image", set()),
            ("fal-ai/flux-pro/kontext/multi", 2, "fal-ai/flux-pro/kontext/multi", {"image_urls"}),
            ("fal-ai/flux-2-pro/edit", 2, "fal-ai/flux-2-pro/edit", {"image_url", "image_urls"}),
            ("fal-ai/nano-banana-2/edit", 2, "fal-ai/nano-banana-2/edit", {"image_urls", "aspect_ratio"}),
            (IDEOGRAM, 1, "fal-ai/ideogram/v3/remix", {"image_url"}),
            (UNKNOWN, 1, UNKNOWN, {"image_url", "image_urls"}),
        ],
    )
    async def test_generations_and_edits_go_to_their_endpoint(
        self, flux: FalBench, transport: Engine, model: str, count: int, path: str, names: set[str]
    ) -> None:
        bench = self.at(flux, model)
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        operation = Operation.EDIT if images else Operation.GENERATE
        seen = await self.run(bench, transport, self.request(bench, operation=operation, images=images))
        assert bench.last.path == f"/{path}"
        assert bench.last.json.keys() == {"prompt", *names}
        if not images:
            return
        urls = [pictures.data_url(await image.content.read()) for image in images]
        assert bench.last.json.get("image_urls", urls) == urls
        assert bench.last.json.get("image_url", urls[0]) == urls[0]
        assert pictures.look(completed(seen)[0])

    async def test_the_channel_says_how_unknown_models_are_written(self, flux: FalBench, transport: Engine) -> None:
        bench = self.at(flux, UNKNOWN, image_field="photo", image_form="one", mask_field="hole", count_field="amount")
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask()))
        assert bench.last.json.keys() == {"prompt", "photo", "hole"}

    @pytest.mark.parametrize(
        ("model", "path", "inside"),
        [("fal-ai/flux-pro/v1/fill", "fal-ai/flux-pro/v1/fill", 255), (IDEOGRAM, f"{IDEOGRAM}/edit", 0)],
    )
    async def test_masks_are_data_urls_in_the_models_colour(
        self, flux: FalBench, transport: Engine, model: str, path: str, inside: int
    ) -> None:
        bench = self.at(flux, model)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask()))
        assert bench.last.path == f"/{path}"
        drawn = base64.b64decode(bench.last.json["mask_url"].removeprefix("data:image/png;base64,"))
        assert pictures.pixel(drawn, (32, 32))[:3] == (inside,) * 3
        assert pictures.pixel(drawn, (1, 1))[:3] == (255 - inside,) * 3

    @pytest.mark.parametrize("foreign", [False, True])
    async def test_a_job_is_looked_at_until_it_is_done(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, foreign: bool
    ) -> None:
        simulator.looks, simulator.foreign = 3, foreign
        seen = await self.run(flux, transport, self.request(flux))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["queued, 2 before it", "queued, 2 before it", "queued, 1 before it", "processing"]
        looks = [request.path for request in simulator.requests if request.method == "GET" and "/files/" not in request.path]
        assert len(looks) == 5 and all(path.startswith("/fal-ai/flux/requests/") for path in looks)

    @pytest.mark.parametrize("foreign", [False, True])
    async def test_closing_early_cancels_the_job(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, foreign: bool
    ) -> None:
        simulator.looks, simulator.foreign = 1000, foreign
        events = self.start(flux, transport, self.request(flux))
        await anext(events)
        await anext(events)
        await events.aclose()
        assert [job.status for job in simulator.jobs.values()] == ["CANCELLATION_REQUESTED"]
        assert (simulator.requests[-1].method, simulator.requests[-1].headers["authorization"]) == ("PUT", f"Key {SECRET}")

    async def test_a_job_that_is_done_is_not_cancelled(self, flux: FalBench, simulator: FalSimulator, transport: Engine) -> None:
        events = self.start(flux, transport, self.request(flux))
        while not isinstance(await anext(events), CompletedImage):
            pass
        await events.aclose()
        assert "PUT" not in {request.method for request in simulator.requests}

    async def test_what_the_result_says(self, flux: FalBench, transport: Engine) -> None:
        seen = await self.run(flux, transport, self.request(flux, size="1024x768", output_format="jpeg", extra={"seed": 5}))
        done = next(item for item in seen if isinstance(item.event, CompletedImage))
        assert isinstance(done.event, CompletedImage)
        assert (done.event.details.size, done.event.details.output_format) == ("1024x768", "jpeg")
        assert pictures.look(done.picture)[:2] == ("jpeg", (1024, 768))
        assert end(seen).extra == {"seed": 5, "timings": {"inference": 0.3}}
        nano = self.at(flux, NANO)
        seen = await self.run(nano, transport, self.request(nano))
        assert end(seen).extra == {"description": "A picture of 1024x1024"}

    @pytest.mark.parametrize("given", [{"options": {"sync_mode": True}}, {"extra": {"sync_mode": "true"}}])
    async def test_pictures_inside_the_result(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, given: Mapping[str, Any]
    ) -> None:
        simulator.picture = pictures.noise_png(9_000_000)
        bench = self.at(flux, FLUX, **given.get("options", {}))
        seen = await self.run(bench, transport, self.request(bench, extra=given.get("extra", {})))
        sources = [item.event.source for item in seen if isinstance(item.event, CompletedImage)]
        assert isinstance(sources[0], ImageLink) and sources[0].url.startswith("data:image/png;base64,")
        assert completed(seen) == [simulator.picture]

    async def test_a_blackened_picture_costs_only_itself(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine
    ) -> None:
        simulator.nsfw = frozenset({1})
        seen = await self.run(flux, transport, self.request(flux, n=3))
        assert len(completed(seen)) == 2
        assert [item["code"] for item in end(seen).extra["failed"]] == ["content_policy_violation"]
        simulator.nsfw = frozenset({0, 1, 2})
        with pytest.raises(ContentRefused):
            await self.run(flux, transport, self.request(flux, n=3))

    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    async def test_after_the_submit_every_failure_is_final(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, status: int
    ) -> None:
        simulator.fail_next(status, times=5, path="/fal-ai/flux/requests")
        with pytest.raises(Ambiguous):
            await self.run(flux, transport, self.request(flux))
        assert simulator.calls == 1

    @pytest.mark.parametrize(
        ("word", "error", "told"),
        [
            ("[moderation]", ContentRefused, {"code": "content_policy_violation"}),
            ("[too_small]", InvalidRequest, {"code": "image_too_small", "param": "image_urls"}),
            ("[downstream]", Ambiguous, {"timed_out": False}),
            ("[nothing]", BadResponse, {}),
            ("[gen_timeout]", Ambiguous, {"timed_out": True}),
            ("[timeout]", Ambiguous, {"timed_out": True}),
            ("[runner]", Ambiguous, {}),
            ("[null]", BadResponse, {}),
            ("[late_html]", BadResponse, {}),
        ],
    )
    async def test_results_that_are_none(
        self, flux: FalBench, transport: Engine, word: str, error: type[GatewayError], told: Mapping[str, Any]
    ) -> None:
        with pytest.raises(error) as caught:
            await self.run(flux, transport, self.request(flux, prompt=word))
        same_error(caught.value, error, **told)

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"{}", b'{"request_id":7}', b'{"request_id":"../x"}'])
    async def test_a_submit_that_names_no_job(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, body: bytes
    ) -> None:
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(BadResponse):
            await self.run(flux, transport, self.request(flux))

    @pytest.mark.parametrize(("busy", "error"), [(2, None), (3, Ambiguous)])
    async def test_a_result_is_asked_for_again(
        self, flux: FalBench, simulator: FalSimulator, transport: Engine, busy: int, error: type[GatewayError] | None
    ) -> None:
        simulator.busy = busy
        if error is None:
            assert completed(await self.run(flux, transport, self.request(flux)))
        else:
            with pytest.raises(error):
                await self.run(flux, transport, self.request(flux))
        assert simulator.calls == 1

    async def test_channel_overrides_win(self, flux: FalBench, transport: Engine) -> None:
        flux.channel = replace(flux.channel, overrides={"enable_safety_checker": True}, headers={"x-team": "a"})
        await self.run(flux, transport, self.request(flux, extra={"enable_safety_checker": False}))
        assert flux.last.json["enable_safety_checker"] is True
        assert flux.last.headers["x-team"] == "a"

    @pytest.mark.parametrize("model", sorted(ENDPOINTS))
    async def test_every_row_works(self, flux: FalBench, transport: Engine, model: str) -> None:
        bench = self.at(flux, model)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) if operation is Operation.EDIT else ()
            if not images and ENDPOINTS[model].images and "/kontext" not in model:
                continue  # an endpoint for edits that has no row of its own
            size = "1024x1024" if row.sizes.fixed or row.sizes.max_edge < 16384 else None
            seen = await self.run(bench, transport, self.request(bench, operation=operation, images=images, size=size))
            assert pictures.look(completed(seen)[0])


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (400, {"detail": "Bad input", "error_type": "bad_request"}, InvalidRequest, {"message": "Bad input."}),
        (401, {"detail": "No key"}, AuthFailed, {}),
        (403, {"detail": "User is locked."}, AuthFailed, {}),
        (404, {"detail": "Application not found"}, ModelMissing, {}),
        (
            422,
            {"detail": [{"loc": ["body", "image_size", "width"], "msg": "Too big", "type": "value_error"}]},
            InvalidRequest,
            {"param": "image_size.width", "code": "value_error", "message": "Too big."},
        ),
        (422, {"detail": [{"type": "content_policy_violation"}]}, ContentRefused, {}),
        (422, {"detail": [None, 7]}, InvalidRequest, {"param": None}),
        (429, {"detail": "Slow"}, RateLimited, {}),
        (500, {}, Ambiguous, {}),
        (503, {}, Unavailable, {}),
        (503, {"error_type": "runner_scheduling_failure"}, Unavailable, {}),
        (503, {"error_type": "runner_disconnected"}, Ambiguous, {}),
        (504, {"error_type": "startup_timeout"}, Ambiguous, {"timed_out": True}),
        (302, {}, BadResponse, {}),
    ],
)
def test_refusals(status: int, body: Mapping[str, Any], kind: type[GatewayError], told: Mapping[str, Any]) -> None:
    with ThreadPoolExecutor(1) as executor:
        adapter = FalAdapter(Catalog([]), executor)
        same_error(classified(adapter, status, orjson.dumps(body)), kind, **told)
        same_error(classified(adapter, status, b"<html>"), GatewayError)
        header = {"x-fal-error-type": "content_policy_violation"}
        same_error(classified(adapter, 422, b"", header), ContentRefused)
