"""The modelscope adapter against ModelScope's simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.modelscope import ModelscopeAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, Progress
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
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Ending, Reply
from tests.simulators.modelscope import MODELS, ModelscopeSimulator
from tests.support import pictures

CATALOG = Catalog.load()
QWEN, EDITOR = "Qwen/Qwen-Image", "Qwen/Qwen-Image-Edit-2511"
EDIT = Operation.EDIT
WORDS = {
    Failure.RATE_LIMIT: "[rate]",
    Failure.OVERLOADED: "[busy]",
    Failure.NO_CREDIT: "[today]",
    Failure.CONTENT: "[content]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}


class ModelscopeBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = WORDS
    cut = Reply.raw(b'{"task_id":"0001', "application/json", length=500, ending=Ending.CLOSE)

    def __init__(self, simulator: ModelscopeSimulator, model: str = QWEN, **options: Any) -> None:
        super().__init__(simulator, ModelscopeAdapter(CATALOG), model, **{"poll_seconds": 0.01, **options})


class TestModelscope(LinkedContract):
    """The contract as a job and at once, and what is ModelScope's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[ModelscopeSimulator]:
        with ModelscopeSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[True, False], ids=["queued", "at-once"])
    def bench(self, simulator: ModelscopeSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield ModelscopeBench(simulator, async_jobs=request.param)

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ({}, {}),
            ({"size": "auto"}, {}),
            ({"size": "1536x1024"}, {"size": "1536x1024"}),
            ({"size": "2048x2048"}, {"size": "1664x1664"}),
            ({"extra": {"aspect_ratio": "1:1"}}, {"size": "1024x1024"}),
            (
                {"extra": {"seed": 7, "steps": 30, "guidance": 3.5, "negative_prompt": "x", "loras": {"a/b": 0.5}}},
                {"seed": 7, "steps": 30, "guidance": 3.5, "negative_prompt": "x", "loras": {"a/b": 0.5}},
            ),
            ({"extra": {"seed": None, "model": "other", "n": 4, "image_url": "http://x", "odd": 1}}, {}),
            ({"user": "u", "quality": "hd", "stream": True}, {}),
        ],
    )
    async def test_fields(
        self, simulator: ModelscopeSimulator, transport: Engine, given: dict[str, Any], sent: dict[str, Any]
    ) -> None:
        bench = ModelscopeBench(simulator)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.path == "/v1/images/generations"
        assert bench.last.json == {"model": QWEN, "prompt": "a red house", **sent}

    @pytest.mark.parametrize(("count", "form", "listed"), [(1, "list", True), (1, "text", False), (3, "text", True)])
    async def test_references(
        self, simulator: ModelscopeSimulator, transport: Engine, count: int, form: str, listed: bool
    ) -> None:
        bench = ModelscopeBench(simulator, EDITOR, image_form=form)
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        await self.run(bench, transport, self.request(bench, operation=EDIT, images=images, extra={"seed": "5"}))
        urls = [pictures.data_url(await image.content.read()) for image in images]
        assert bench.last.json["image_url"] == (urls if listed else urls[0])
        assert bench.last.json["seed"] == 5

    @pytest.mark.parametrize("model", sorted(MODELS))
    async def test_every_model_works_by_its_row(self, simulator: ModelscopeSimulator, transport: Engine, model: str) -> None:
        bench = ModelscopeBench(simulator, model)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) * row.max_references if operation is EDIT else ()
            seen = await self.run(bench, transport, self.request(bench, operation=operation, images=images, size="1024x768"))
            assert pictures.look(completed(seen)[0]).size == (1024, 768)

    async def test_a_job_and_its_headers(self, simulator: ModelscopeSimulator, transport: Engine) -> None:
        bench = ModelscopeBench(simulator)
        simulator.states = ("PENDING", "PROCESSING", "RUNNING")
        seen = await self.run(bench, transport, self.request(bench))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["queued", "queued", "processing", "processing"]
        order, *looks = [request for request in simulator.requests if "/files" not in request.path]
        assert order.headers["x-modelscope-async-mode"] == "true"
        assert {look.headers["x-modelscope-task-type"] for look in looks} == {"image_generation"}
        assert order.headers["authorization"] == f"Bearer {SECRET}"
        end = seen[-1].event
        assert isinstance(end, Finished) and end.extra["task_id"] == "000000"

    @pytest.mark.parametrize("place", ["images", "data", "output_images"])
    async def test_pictures_at_once(self, simulator: ModelscopeSimulator, transport: Engine, place: str) -> None:
        simulator.place = place
        bench = ModelscopeBench(simulator, async_jobs=False)
        seen = await self.run(bench, transport, self.request(bench))
        assert [type(item.event) for item in seen] == [CompletedImage, Finished]
        assert "x-modelscope-async-mode" not in bench.last.headers

    @pytest.mark.parametrize(
        ("end", "kind"),
        [
            ({"task_status": "FAILED", "errors": {"message": "quota exceeded"}}, Ambiguous),
            ({"task_status": "FAILED", "errors": "oom"}, Ambiguous),
            ({"task_status": "FAILED"}, Ambiguous),
            ({"task_status": "FAILED", "errors": {"code": "DataInspectionFailed"}}, ContentRefused),
            ({"task_status": "SUCCEED", "output_images": []}, BadResponse),
            ({"task_status": "SUCCEED", "output_images": None}, BadResponse),
        ],
    )
    async def test_how_a_job_fails(
        self, simulator: ModelscopeSimulator, transport: Engine, end: dict[str, Any], kind: type[GatewayError]
    ) -> None:
        simulator.end = end
        bench = ModelscopeBench(simulator)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("answer", [{"task_id": "../x"}, {"task_id": 5}, {"errors": {"message": "odd"}}, [], "x"])
    async def test_an_odd_receipt(self, simulator: ModelscopeSimulator, transport: Engine, answer: Any) -> None:
        simulator.script(Reply.json(answer))
        bench = ModelscopeBench(simulator)
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    async def test_a_job_that_cannot_be_asked_about_is_not_ordered_again(
        self, simulator: ModelscopeSimulator, transport: Engine
    ) -> None:
        simulator.fail_next(429, {"errors": {"message": "slow"}}, times=9, path="/v1/tasks")
        bench = ModelscopeBench(simulator)
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench))

    async def test_the_channel_has_the_last_word(self, simulator: ModelscopeSimulator, transport: Engine) -> None:
        bench = ModelscopeBench(simulator)
        bench.channel = replace(bench.channel, overrides={"steps": 9}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, extra={"steps": 30}))
        assert (bench.last.json["steps"], bench.last.headers["x-team"]) == (9, "a")

    async def test_limits_of_the_rows(self, simulator: ModelscopeSimulator) -> None:
        bench = ModelscopeBench(simulator)
        self.request(bench, prompt="猫" * 1999)
        with pytest.raises(InvalidRequest):
            self.request(bench, prompt="猫" * 2000)
        with pytest.raises(InvalidRequest):
            self.request(ModelscopeBench(simulator, EDITOR), operation=EDIT, images=(reference(),) * 4)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthFailed),
        (404, ModelMissing),
        (429, RateLimited),
        (500, Ambiguous),
        (503, Unavailable),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        {"errors": {"message": "why"}},
        {"error": {"message": "why", "code": 7}},
        {"errors": "why"},
        {"message": "why", "request_id": "r"},
        {"errors": [1]},
        [],
    ],
)
def test_refusals(status: int, kind: type[GatewayError], body: Any) -> None:
    adapter = ModelscopeAdapter(CATALOG)
    error = classified(adapter, status, orjson.dumps(body), {"retry-after": "3"})
    same_error(error, kind, retry_after=3 if kind in {RateLimited, Unavailable} else None)
    told = isinstance(body, dict) and body != {"errors": [1]}
    assert ("why" in error.message) is (kind is InvalidRequest and told)


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        ("Qwen/Qwen-Image-2513", "Qwen/Qwen-Image*"),
        ("DiffSynth-Studio/Qwen-Image-Edit-F2P", "*Edit*"),
        ("black-forest-labs/FLUX.1-dev", "*FLUX*"),
        ("Tongyi-MAI/Z-Image", "Tongyi-MAI/*"),
        ("MAILAND/majicflus_v1", "*"),
    ],
)
def test_rows_of_the_hub(model: str, pattern: str) -> None:
    row = CATALOG.row("modelscope", model)
    assert row is not None and row.pattern == pattern
