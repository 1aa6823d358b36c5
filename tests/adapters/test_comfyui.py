"""The comfyui adapter against its simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.comfyui import ComfyuiAdapter
from imagegate.domain.events import Finished, Progress
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import Ambiguous, AuthFailed, BadResponse, GatewayError, InvalidRequest, ModelMissing
from imagegate.upstream.engine import Engine
from tests.adapters.absent import ABSENT
from tests.adapters.contract import SECRET, Bench, Failure, Seen, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.comfyui import ComfyuiSimulator, workflow
from tests.support import pictures

EDIT = Operation.EDIT
TEMPLATES = {"workflow": workflow(), "edit_workflow": workflow(picture=True), "mask_workflow": workflow(picture=True, mask=True)}


class ComfyBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {Failure.SERVER: "[500]", Failure.NO_PICTURE: "[empty]", Failure.NOT_JSON: "[html]"}
    unheard_of = frozenset(ABSENT["comfyui"])
    cut = Reply.raw(b'{"prompt_id":"0000', "application/json")
    simulator: ComfyuiSimulator

    def __init__(self, simulator: ComfyuiSimulator, **options: Any) -> None:
        super().__init__(simulator, ComfyuiAdapter(catalog()), "sdxl", **{"poll_seconds": 0.01, **TEMPLATES, **options})

    def left_behind(self, events: list[Seen]) -> Any:
        """The nodes, with pictures in place of their names."""
        nodes = self.last.json["prompt"]
        loaded = [self.simulator.files[node["inputs"]["image"]] for node in nodes.values() if node["class_type"] == "LoadImage"]
        return [node for node in nodes.values() if node["class_type"] != "LoadImage"], loaded


class TestComfyui(LinkedContract):
    """The contract, and what is ComfyUI's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[ComfyuiSimulator]:
        with ComfyuiSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: ComfyuiSimulator) -> Iterator[Bench]:
        yield ComfyBench(simulator)

    def request(self, bench: Bench, **given: Any) -> ImageRequest:
        """With a fixed seed, so that only what is asked makes a difference."""
        return super().request(bench, **{"extra": {"seed": 7}, **given})

    async def test_what_is_sent(self, bench: ComfyBench, simulator: ComfyuiSimulator, transport: Engine) -> None:
        asked = self.request(
            bench, prompt="{{seed}} cat", n=2, size="1344x768", extra={"seed": 7, "n": 9, "negative_prompt": "dog"}
        )
        seen = await self.run(bench, transport, asked)
        assert [pictures.look(picture).size for picture in completed(seen)] == [(1344, 768)] * 2
        body = bench.last.json
        assert (bench.last.path, body["client_id"]) == ("/prompt", "imagegate")
        inputs = {name: node["inputs"] for name, node in body["prompt"].items()}
        assert inputs["1"] == {"ckpt_name": "sdxl.safetensors"}
        assert inputs["2"] == {"text": "photo of {{seed}} cat", "clip": ["1", 1]}
        assert inputs["3"] == {"width": 1344, "height": 768, "batch_size": 2}
        assert inputs["4"] == {"seed": 7, "negative": "dog", "steps": 20}
        assert isinstance(seen[0].event, Progress)
        assert isinstance(seen[-1].event, Finished) and seen[-1].event.extra == {"seed": 7}

    async def test_a_seed_is_drawn(self, bench: ComfyBench, transport: Engine) -> None:
        seeds = set()
        for _ in range(2):
            await self.run(bench, transport, self.request(bench, extra={}))
            seeds.add(bench.last.json["prompt"]["4"]["inputs"]["seed"])
        assert len(seeds) == 2

    async def test_pictures_and_mask_go_up_as_they_are(
        self, bench: ComfyBench, simulator: ComfyuiSimulator, transport: Engine
    ) -> None:
        asked = self.request(bench, operation=EDIT, images=(reference(104, 64),), mask=mask(104, 64))
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0]).size == (104, 64)
        assert bench.left_behind(seen)[1] == [await reference(104, 64).content.read(), await mask(104, 64).content.read()]

    async def test_the_default_size(self, simulator: ComfyuiSimulator, transport: Engine) -> None:
        bench = ComfyBench(simulator, default_size="512x768")
        seen = await self.run(bench, transport, self.request(bench, size="auto"))
        assert pictures.look(completed(seen)[0]).size == (512, 768)

    @pytest.mark.parametrize(
        ("missing", "given"),
        [
            ("workflow", {}),
            ("edit_workflow", {"operation": EDIT, "images": (reference(),)}),
            ("mask_workflow", {"operation": EDIT, "images": (reference(),), "mask": mask()}),
        ],
    )
    async def test_no_workflow_for_it(
        self, simulator: ComfyuiSimulator, transport: Engine, missing: str, given: dict[str, Any]
    ) -> None:
        bench = ComfyBench(simulator, **{missing: None})
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench, **given))
        assert simulator.calls == 0

    @pytest.mark.parametrize(
        ("asked", "dropped", "mapped"),
        [
            ({"size": "512x768"}, (), {"size": "512x768->model"}),
            ({"extra": {"steps": 9, "seed": 7, "height": 9}}, ("seed", "height"), {}),
        ],
    )
    async def test_a_wish_without_a_slot_is_told(
        self, simulator: ComfyuiSimulator, asked: dict[str, Any], dropped: tuple[str, ...], mapped: dict[str, str]
    ) -> None:
        bare = {"1": {"class_type": "Sampler", "inputs": {"text": "{{prompt}}", "width": "{{width}}", "steps": "{{steps}}"}}}
        adjusted = self.adjusted(ComfyBench(simulator, workflow=bare), **{"extra": {"steps": 9}, **asked})
        assert (adjusted.dropped, adjusted.mapped) == (dropped, mapped)

    async def test_pictures_without_a_slot_are_refused(self, simulator: ComfyuiSimulator) -> None:
        bench = ComfyBench(simulator, mask_workflow=workflow(picture=True))
        edit: dict[str, Any] = {"operation": EDIT, "images": (reference(), reference())}
        with pytest.raises(InvalidRequest, match="at most 1") as caught:
            self.request(bench, **edit)
        assert caught.value.param == "image"
        with pytest.raises(InvalidRequest) as caught:
            self.request(bench, operation=EDIT, images=(reference(),), mask=mask())
        assert caught.value.param == "mask"
        bare = {"1": {"class_type": "Sampler", "inputs": {"text": "{{prompt}}"}}}
        with pytest.raises(InvalidRequest) as caught:
            self.request(ComfyBench(simulator, workflow=bare), n=2)
        assert caught.value.param == "n"

    async def test_a_job_that_fails_is_not_ordered_again(self, bench: ComfyBench, transport: Engine) -> None:
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench, prompt="[broken]"))

    async def test_an_order_without_a_name(self, bench: ComfyBench, transport: Engine) -> None:
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench, prompt="[unnamed]"))

    async def test_who_leaves_takes_the_job_out_of_the_queue(
        self, bench: ComfyBench, simulator: ComfyuiSimulator, transport: Engine
    ) -> None:
        simulator.looks = 10_000
        async with aclosing(self.start(bench, transport, self.request(bench))) as events:
            await anext(events)
            await anext(events)
        assert simulator.deleted == ["00000000-aaaa-4bbb-8ccc-000000000000"]

    async def test_numbers_out_of_bounds_are_the_callers(self, bench: ComfyBench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, extra={"seed": -1}))
        same_error(caught.value, InvalidRequest, param="seed")

    async def test_an_unknown_checkpoint_is_the_operators(self, bench: ComfyBench, transport: Engine) -> None:
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, replace(self.request(bench), model="other"))


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (400, {"error": {"type": "missing_node_type"}, "node_errors": {}}, ModelMissing),
        (400, {"error": {"type": "x"}, "node_errors": {"1": {"errors": [{"type": "value_bigger_than_max"}]}}}, InvalidRequest),
        (400, {"error": "odd", "node_errors": [1]}, ModelMissing),
        (400, {}, InvalidRequest),
        (401, {}, AuthFailed),
        (404, {}, ModelMissing),
        (500, {}, Ambiguous),
    ],
)
def test_failures(status: int, document: Any, error: type[GatewayError]) -> None:
    assert type(classified(ComfyuiAdapter(catalog()), status, orjson.dumps(document))) is error
