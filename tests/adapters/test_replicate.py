"""The replicate adapter against its simulator."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest

from imagegate.adapters.base import Adapter
from imagegate.adapters.replicate import ReplicateAdapter, ReplicateOptions, endpoint, waiting
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Timeouts
from imagegate.domain.events import Finished, Progress
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
from tests.adapters.contract import SECRET, Bench, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.replicate import MODELS, VERSION, ReplicateSimulator
from tests.support import pictures

FLUX_2 = "black-forest-labs/flux-2-pro"
SCHNELL = "black-forest-labs/flux-schnell"
UNKNOWN = "somebody/old-model"


@pytest.fixture(scope="module")
def adapter() -> Iterator[ReplicateAdapter]:
    with ThreadPoolExecutor(1) as executor:
        yield ReplicateAdapter(Catalog.load(), executor)


class ReplicateBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"id":"a","status":"succ', "application/json")

    def __init__(self, simulator: Any, adapter: Adapter, model: str = FLUX_2, **options: Any) -> None:
        super().__init__(simulator, adapter, model, **{"poll_seconds": 0.01, **options})

    @property
    def input(self) -> dict[str, Any]:
        """What the newest prediction was given."""
        given: dict[str, Any] = self.last.json["input"]
        return given


class TestReplicate(LinkedContract):
    """The contract, and what is special to predictions."""

    @pytest.fixture
    def simulator(self) -> Iterator[ReplicateSimulator]:
        with ReplicateSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[FLUX_2, SCHNELL, UNKNOWN])
    def bench(self, simulator: ReplicateSimulator, adapter: ReplicateAdapter, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield ReplicateBench(simulator, adapter, request.param)

    @pytest.fixture
    def flux(self, simulator: ReplicateSimulator, adapter: ReplicateAdapter) -> ReplicateBench:
        return ReplicateBench(simulator, adapter)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (SCHNELL, {}, {}),
            (SCHNELL, {"size": "1344x768"}, {"aspect_ratio": "16:9"}),
            (SCHNELL, {"size": "1920x1080"}, {"aspect_ratio": "16:9"}),
            (SCHNELL, {"size": "auto"}, {}),
            (SCHNELL, {"n": 3}, {"num_outputs": 3}),
            (SCHNELL, {"output_format": "jpeg", "output_compression": 40}, {"output_format": "jpg", "output_quality": 40}),
            (SCHNELL, {"extra": {"seed": "7", "go_fast": "true"}}, {"seed": 7, "go_fast": True}),
            (SCHNELL, {"extra": {"aspect_ratio": "21:9"}}, {"aspect_ratio": "21:9"}),
            (SCHNELL, {"size": "1024x1024", "extra": {"aspect_ratio": "21:9", "n": 9, "model": "x"}}, {"aspect_ratio": "1:1"}),
            (SCHNELL, {"quality": "high", "user": "u"}, {}),
            (FLUX_2, {"size": "1536x1024"}, {"aspect_ratio": "custom", "width": 1536, "height": 1024}),
            (FLUX_2, {"extra": {"safety_tolerance": "4"}}, {"safety_tolerance": 4}),
            ("google/nano-banana-2", {"size": "2752x1536"}, {"aspect_ratio": "16:9", "resolution": "2K"}),
            ("google/nano-banana-2", {"size": "1024x1024"}, {"aspect_ratio": "1:1", "resolution": "1K"}),
            ("bytedance/seedream-4", {"size": "2048x1152"}, {"size": "custom", "width": 2048, "height": 1152}),
            ("bytedance/seedream-4.5", {"size": "4096x4096"}, {"size": "4K", "aspect_ratio": "1:1"}),
            ("recraft-ai/recraft-v3", {"size": "1365x1024", "style": "digital_illustration"}, {"size": "1365x1024"}),
            (UNKNOWN, {"size": "1920x1080"}, {"aspect_ratio": "16:9"}),
            (UNKNOWN, {"size": "3:2"}, {"aspect_ratio": "3:2"}),
            (UNKNOWN, {"size": "2K"}, {"aspect_ratio": "1:1"}),
            (UNKNOWN, {"extra": {"resolution": "2K"}}, {"resolution": "2K"}),
        ],
    )
    async def test_fields(
        self, flux: ReplicateBench, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = ReplicateBench(flux.simulator, flux.adapter, model)
        await self.run(bench, transport, self.request(bench, **given))
        style = {"style": given["style"]} if "style" in given else {}
        assert bench.input == {"prompt": "a red house", **sent, **style}
        assert bench.last.json.keys() == {"input"}
        assert bench.last.path == f"/v1/models/{model}/predictions"

    def at(self, bench: Bench, model: str, **options: Any) -> ReplicateBench:
        assert isinstance(bench, ReplicateBench)
        return ReplicateBench(bench.simulator, bench.adapter, model, **options)

    async def test_references_in_each_models_words(self, flux: ReplicateBench, transport: Engine) -> None:
        one, two = reference(), reference(name="image-1.png", color=(1, 2, 3))
        urls = [pictures.data_url(await image.content.read()) for image in (one, two)]
        cases: list[tuple[str, dict[str, Any]]] = [
            (FLUX_2, {"input_images": urls, "aspect_ratio": "match_input_image"}),
            ("google/nano-banana", {"image_input": urls}),
            ("qwen/qwen-image-edit-plus", {"image": urls}),
            ("black-forest-labs/flux-kontext-pro", {"input_image": urls[0]}),
            (UNKNOWN, {"image": urls[0]}),
        ]
        for model, given in cases:
            bench = self.at(flux, model)
            images = (one, two) if any(isinstance(value, list) for value in given.values()) else (one,)
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
            assert bench.input == {"prompt": "a red house", **given}

    async def test_the_channel_says_how_unknown_models_are_written(self, flux: ReplicateBench, transport: Engine) -> None:
        bench = self.at(flux, UNKNOWN, image_field="photo", image_form="numbered", mask_field="hole", count_field="amount")
        edit = self.request(bench, operation=Operation.EDIT, images=(reference(), reference()), mask=mask())
        await self.run(bench, transport, edit)
        assert bench.input.keys() == {"prompt", "photo", "photo_2", "hole"}

    async def test_a_picture_that_has_no_place_is_refused(self, flux: ReplicateBench, transport: Engine) -> None:
        bench = self.at(flux, UNKNOWN)
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(), reference())))
        assert (caught.value.param, caught.value.code) == ("image", "too_many_images")
        assert bench.simulator.calls == 0

    async def test_large_references_are_uploaded(self, flux: ReplicateBench, transport: Engine) -> None:
        bench = self.at(flux, FLUX_2, inline_bytes=100)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(), reference())))
        simulator = bench.simulator
        assert isinstance(simulator, ReplicateSimulator)
        assert bench.input["input_images"] == list(simulator.files) and len(simulator.files) == 2
        assert [part.name for part in simulator.requests[0].parts] == ["content"]
        simulator.script(Reply.json({"id": "x"}, status=201))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),)))

    @pytest.mark.parametrize(
        ("model", "inside", "outside"), [("black-forest-labs/flux-fill-pro", 255, 0), ("ideogram-ai/ideogram-v3-turbo", 0, 255)]
    )
    async def test_masks_have_the_models_colour(
        self, flux: ReplicateBench, transport: Engine, model: str, inside: int, outside: int
    ) -> None:
        bench = self.at(flux, model)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask()))
        drawn = base64.b64decode(bench.input["mask"].partition(",")[2])
        assert pictures.pixel(drawn, (32, 32))[:3] == (inside,) * 3
        assert pictures.pixel(drawn, (1, 1))[:3] == (outside,) * 3

    @pytest.mark.parametrize("wait", [0, 60])
    @pytest.mark.parametrize("foreign", [False, True])
    async def test_a_prediction_is_polled(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine, wait: int, foreign: bool
    ) -> None:
        simulator.looks, simulator.foreign = 3, foreign
        bench = self.at(flux, SCHNELL, wait_seconds=wait)
        seen = await self.run(bench, transport, self.request(bench))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["starting", "processing", "processing"]
        assert len(completed(seen)) == 1
        end = seen[-1].event
        assert isinstance(end, Finished) and end.extra["metrics"]["predict_time"] == 1.25
        assert bench.last.headers.get("prefer") == ("wait=60" if wait else None)
        assert bench.last.headers["cancel-after"] == "600s"

    @pytest.mark.parametrize("foreign", [False, True])
    async def test_closing_early_cancels_the_prediction(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine, foreign: bool
    ) -> None:
        simulator.looks, simulator.foreign = 1000, foreign
        events = self.start(flux, transport, self.request(flux))
        assert isinstance(await anext(events), Progress)
        await anext(events)
        await events.aclose()
        assert [job.document["status"] for job in simulator.jobs.values()] == ["canceled"]

    async def test_a_cancelled_wait_cancels_the_prediction(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine
    ) -> None:
        simulator.looks = 1000
        bench = self.at(flux, FLUX_2, poll_seconds=5)
        events = self.start(bench, transport, self.request(bench))
        await anext(events)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(events)
        assert simulator.requests[-1].path.endswith("/cancel")

    async def test_a_finished_prediction_is_not_cancelled(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine
    ) -> None:
        simulator.looks = 2
        events = self.start(flux, transport, self.request(flux))
        kinds = [type(await anext(events)).__name__ for _ in range(3)]
        await events.aclose()
        assert kinds == ["Progress", "Progress", "CompletedImage"]
        assert not [request for request in simulator.requests if request.path.endswith("/cancel")]

    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    async def test_after_the_submit_every_failure_is_final(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine, status: int
    ) -> None:
        simulator.looks = 3
        simulator.fail_next(status, times=5, path="/v1/predictions/")
        with pytest.raises(Ambiguous):
            await self.run(flux, transport, self.request(flux))
        assert len([request for request in simulator.requests if request.path.endswith("/predictions")]) == 1

    @pytest.mark.parametrize(
        ("word", "error"),
        [
            ("[moderation]", ContentRefused),
            ("[nsfw]", ContentRefused),
            ("[invalid]", InvalidRequest),
            ("[oom]", Ambiguous),
            ("[canceled]", Ambiguous),
            ("[aborted]", Ambiguous),
            ("[no_data]", BadResponse),
            ("[expired]", BadResponse),
        ],
    )
    @pytest.mark.parametrize("looks", [0, 2])
    async def test_how_predictions_end_badly(
        self,
        flux: ReplicateBench,
        simulator: ReplicateSimulator,
        transport: Engine,
        word: str,
        error: type[GatewayError],
        looks: int,
    ) -> None:
        simulator.looks = looks
        with pytest.raises(error) as caught:
            await self.run(flux, transport, self.request(flux, prompt=word))
        assert "CUDA" not in caught.value.message

    @pytest.mark.parametrize(
        "output",
        [
            "{url}",
            ["{url}", "{url}"],
            [{"url": "{url}"}],
            {"images": ["{url}"]},
            [{"image": "{url}", "seed": 3}, None, 7],
            [["{url}"]],
        ],
    )
    async def test_outputs_of_every_shape(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine, output: Any
    ) -> None:
        await self.run(flux, transport, self.request(flux))
        url = simulator.requests[-1].path
        answer = orjson.dumps({"id": "a", "status": "succeeded", "output": output}).decode()
        simulator.script(Reply.raw(answer.replace("{url}", f"{simulator.url}{url}").encode(), "application/json"))
        assert completed(await self.run(flux, transport, self.request(flux, n=1)))

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"{}", b'{"id":7}', b'{"id":"../x","status":"starting"}'])
    async def test_an_answer_that_is_no_prediction(
        self, flux: ReplicateBench, simulator: ReplicateSimulator, transport: Engine, body: bytes
    ) -> None:
        simulator.script(Reply.raw(body, "application/json", status=201))
        with pytest.raises(BadResponse):
            await self.run(flux, transport, self.request(flux))

    async def test_versions_and_deployments(self, flux: ReplicateBench, transport: Engine) -> None:
        for model in (VERSION, f"somebody/old-model:{VERSION}"):
            bench = self.at(flux, model)
            await self.run(bench, transport, self.request(bench))
            assert (bench.last.path, bench.last.json["version"]) == ("/v1/predictions", VERSION)
        bench = self.at(flux, f"deployments/{SCHNELL}")
        await self.run(bench, transport, self.request(bench))
        assert bench.last.path == f"/v1/deployments/{SCHNELL}/predictions"
        bench = self.at(flux, VERSION[::-1])
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench))

    async def test_the_callers_own_mistake_is_told(self, flux: ReplicateBench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(flux, transport, self.request(flux, extra={"aspect_ratio": "7:1"}))
        assert caught.value.param == "aspect_ratio"
        assert caught.value.message.startswith("aspect_ratio must be one of")

    async def test_channel_overrides_win(self, flux: ReplicateBench, transport: Engine) -> None:
        flux.channel = replace(
            flux.channel, overrides={"safety_tolerance": 1}, headers={"x-team": "a"}, timeouts=Timeouts(total=90)
        )
        await self.run(flux, transport, self.request(flux, extra={"safety_tolerance": 5}))
        assert flux.input["safety_tolerance"] == 1
        assert (flux.last.headers["x-team"], flux.last.headers["cancel-after"]) == ("a", "90s")

    @pytest.mark.parametrize("model", sorted(set(MODELS) - {UNKNOWN, "black-forest-labs/flux-1.1-pro"}))
    async def test_every_row_works(self, flux: ReplicateBench, transport: Engine, model: str) -> None:
        bench = self.at(flux, model)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) if operation is Operation.EDIT else ()
            size = "1024x1024" if row.sizes.fixed or row.sizes.max_edge < 16384 else None
            seen = await self.run(bench, transport, self.request(bench, operation=operation, images=images, size=size))
            assert pictures.look(completed(seen)[0])


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (400, {"detail": "Bad"}, InvalidRequest, {"message": "Bad."}),
        (401, {"title": "Unauthenticated"}, AuthFailed, {}),
        (402, {"title": "Insufficient credit"}, AuthFailed, {}),
        (403, {}, AuthFailed, {}),
        (404, {}, ModelMissing, {}),
        (422, {"title": "Invalid version or not permitted"}, ModelMissing, {}),
        (422, {"detail": ["odd"], "invalid_fields": [None]}, InvalidRequest, {"param": None}),
        (422, {"invalid_fields": [{"field": "input.seed", "description": "No"}]}, InvalidRequest, {"param": "seed"}),
        (429, {"retry_after": 30}, RateLimited, {"retry_after": 30.0}),
        (429, {"retry_after": "soon"}, RateLimited, {"retry_after": None}),
        (500, {}, Ambiguous, {}),
        (503, {}, Unavailable, {}),
        (302, {}, BadResponse, {}),
    ],
)
def test_refusals(status: int, body: Mapping[str, Any], kind: type[GatewayError], told: Mapping[str, Any]) -> None:
    with ThreadPoolExecutor(1) as executor:
        adapter = ReplicateAdapter(Catalog([]), executor)
        same_error(classified(adapter, status, orjson.dumps(body)), kind, **told)
        same_error(classified(adapter, status, b"<html>"), GatewayError)


@pytest.mark.parametrize("model", ["", "a", "a/b/c", "../account", "a/..", "a/b:1", "a/b?x=1", "a b/c", "https://a/b"])
def test_a_name_that_leads_elsewhere_is_none(model: str) -> None:
    with pytest.raises(ModelMissing):
        endpoint(model)


@pytest.mark.parametrize(
    ("wait", "timeouts", "headers"),
    [
        (60, Timeouts(), {"prefer": "wait=60", "cancel-after": "600s"}),
        (60, Timeouts(first_byte=30, total=90.4), {"prefer": "wait=24", "cancel-after": "90s"}),
        (60, Timeouts(first_byte=1, total=1), {"cancel-after": "5s"}),
        (0, Timeouts(), {"cancel-after": "600s"}),
    ],
)
def test_the_wait_ends_before_ours(wait: int, timeouts: Timeouts, headers: dict[str, str]) -> None:
    assert waiting(ReplicateOptions(wait_seconds=wait), timeouts) == headers
