"""The automatic1111 adapter against its simulator."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.automatic1111 import ROW, Automatic1111Adapter
from imagegate.adapters.base import Tools
from imagegate.domain.events import CompletedImage, Finished
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Account, Upstream
from imagegate.upstream.engine import Engine
from tests.adapters.absent import ABSENT
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, NoOutside, completed, mask, reference
from tests.adapters.simulated import SimulatedBench, catalog, classified, same_error
from tests.simulators.automatic1111 import Automatic1111Simulator
from tests.simulators.base import Reply
from tests.support import pictures as files

MODEL = "sd_xl_base_1.0"


class A1111Bench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {
        Failure.OVERLOADED: "[memory]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[empty]",
        Failure.NOT_JSON: "[html]",
    }
    unheard_of = frozenset(ABSENT["automatic1111"])
    cut = Reply.raw(b'{"images":["iVBOR', "application/json")


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def adapter(executor: ThreadPoolExecutor) -> Automatic1111Adapter:
    return Automatic1111Adapter(catalog(), executor)


class TestAutomatic1111(AdapterContract):
    """The contract, and sdapi's own fields."""

    @pytest.fixture
    def simulator(self) -> Iterator[Automatic1111Simulator]:
        with Automatic1111Simulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: Automatic1111Simulator, adapter: Automatic1111Adapter) -> Iterator[Bench]:
        yield A1111Bench(simulator, adapter, MODEL)

    async def test_what_is_sent(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        wanted = {"seed": "7", "steps": "20", "cfg_scale": 6.5, "negative_prompt": "42", "sampler_name": "Euler"}
        unwanted = {
            "n_iter": 9,
            "alwayson_scripts": {},
            "override_settings": {},
            "save_images": True,
            "mask": "x",
            "tiling": None,
        }
        asked = self.request(bench, n=2, size="1344x768", quality="high", user="u", extra={**wanted, **unwanted})
        seen = await self.run(bench, transport, asked)
        assert [files.look(picture).size for picture in completed(seen)] == [(1344, 768)] * 2
        assert simulator.requests[-1].path == "/sdapi/v1/txt2img"
        basic = base64.b64encode(SECRET.encode()).decode()
        assert simulator.requests[-1].headers["authorization"] == f"Basic {basic}"
        assert simulator.requests[-1].json == {
            "prompt": "a red house",
            "batch_size": 2,
            "n_iter": 1,
            "send_images": True,
            "override_settings": {"sd_model_checkpoint": MODEL},
            "width": 1344,
            "height": 768,
            "seed": 7,
            "steps": 20,
            "cfg_scale": 6.5,
            "negative_prompt": "42",
            "sampler_name": "Euler",
        }

    async def test_seeds_come_back(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, n=2))
        assert [item.event.details.extra for item in seen if isinstance(item.event, CompletedImage)] == [
            {"seed": 4242},
            {"seed": 4243},
        ]
        finished = seen[-1].event
        assert isinstance(finished, Finished) and finished.extra == {"seed": 4242, "sd_model_name": MODEL, "steps": 50}

    async def test_a_grid_is_left_out(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        simulator.grid = True
        seen = await self.run(bench, transport, self.request(bench, n=2, size="256x256"))
        assert [files.look(picture).size for picture in completed(seen)] == [(256, 256)] * 2

    async def test_an_edit_has_its_mask_in_white(
        self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine
    ) -> None:
        asked = self.request(
            bench, operation=Operation.EDIT, images=(reference(),), mask=mask(), extra={"denoising_strength": "0.5"}
        )
        seen = await self.run(bench, transport, asked)
        assert len(completed(seen)) == 1, "the mask that the server adds is no result"
        body = simulator.requests[-1].json
        assert (simulator.requests[-1].path, body["denoising_strength"]) == ("/sdapi/v1/img2img", 0.5)
        assert base64.b64decode(body["init_images"][0]) == await reference().content.read()
        drawn, given = base64.b64decode(body["mask"]), await mask().content.read()
        assert body["inpainting_mask_invert"] == 0 and files.look(drawn).mode == "L"
        for place in ((0, 0), (32, 32), (63, 63)):
            assert files.pixel(drawn, place)[0] == (255 if files.pixel(given, place)[3] < 128 else 0)

    @pytest.mark.parametrize(("size", "sent"), [(None, (104, 64)), ("auto", (104, 64)), ("512x768", (512, 768))])
    async def test_an_edit_keeps_the_size_of_its_picture(
        self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine, size: str | None, sent: tuple[int, int]
    ) -> None:
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(104, 64),), size=size))
        assert (simulator.requests[-1].json["width"], simulator.requests[-1].json["height"]) == sent

    async def test_a_picture_of_unknown_size(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        picture = replace(reference(), width=None, height=None)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(picture,)))
        assert "width" not in simulator.requests[-1].json

    async def test_no_size(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench, size="auto"))
        assert not {"width", "height"} & simulator.requests[-1].json.keys()

    async def test_the_loaded_checkpoint(
        self, adapter: Automatic1111Adapter, simulator: Automatic1111Simulator, transport: Engine
    ) -> None:
        bench = A1111Bench(simulator, adapter, MODEL, select_checkpoint=False)
        await self.run(bench, transport, self.request(bench))
        assert "override_settings" not in simulator.requests[-1].json

    async def test_a_server_without_a_key(self, bench: Bench) -> None:
        assert bench.adapter.headers(bench.channel, "") == {}

    async def test_overrides_win(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        bench.channel = replace(bench.channel, overrides={"steps": 4}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, extra={"steps": 50}))
        assert (simulator.requests[-1].json["steps"], simulator.requests[-1].headers["x-team"]) == (4, "a")

    async def test_the_field_at_fault_is_told(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, extra={"steps": "many"}))
        same_error(caught.value, InvalidRequest, param="steps")

    async def test_an_unknown_sampler_is_the_callers_mistake(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest, match="Sampler not found"):
            await self.run(bench, transport, self.request(bench, extra={"sampler_name": "x"}))

    async def test_the_free_check_costs_nothing(self, bench: Bench, simulator: Automatic1111Simulator, transport: Engine) -> None:
        assert ROW.free_check is not None
        account = Account(bench.channel.base_url, bench.adapter.headers(bench.channel, SECRET), bench.adapter.failure)
        upstream = Upstream(transport, account, NoOutside(), asyncio.get_running_loop().time() + 5)
        async with upstream.get(ROW.free_check) as answer:
            assert answer.status == 200
        assert simulator.calls == 0


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (422, {"detail": [{"loc": ["body", "steps"], "msg": "not a number", "type": "x"}]}, InvalidRequest),
        (404, {"error": "HTTPException", "detail": "Init image not found"}, InvalidRequest),
        (404, {"detail": "Not Found"}, ModelMissing),
        (401, {"detail": "Incorrect username or password"}, AuthFailed),
        (429, {}, RateLimited),
        (500, {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA"}, Unavailable),
        (500, {"error": "RuntimeError", "detail": ""}, Ambiguous),
        (500, ["odd"], Ambiguous),
        (422, {"error": ["x"], "detail": []}, InvalidRequest),
        (503, {}, Unavailable),
        (302, {}, BadResponse),
    ],
)
def test_failures(adapter: Automatic1111Adapter, status: int, document: Any, error: type[GatewayError]) -> None:
    assert type(classified(adapter, status, orjson.dumps(document))) is error


def test_the_row_makes_the_adapter(executor: ThreadPoolExecutor) -> None:
    assert isinstance(ROW.make(Tools(catalog(), executor)), Automatic1111Adapter)
    assert (ROW.default_base_url, ROW.needs_key, ROW.key_variables) == (None, False, ())
