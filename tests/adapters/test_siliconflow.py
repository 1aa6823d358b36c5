"""The siliconflow adapter against SiliconFlow's simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.siliconflow import SiliconFlowAdapter
from imagegate.domain.events import Finished
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    ModelNotFound,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Refusal
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.siliconflow import SiliconFlowSimulator
from tests.support import pictures

KOLORS, QWEN, EDIT = "Kwai-Kolors/Kolors", "Qwen/Qwen-Image", "Qwen/Qwen-Image-Edit-2509"


class SiliconFlowBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {
        Failure.RATE_LIMIT: "[rate]",
        Failure.OVERLOADED: "[busy]",
        Failure.NO_CREDIT: "[balance]",
        Failure.CONTENT: "[content]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[no_data]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply.raw(b'{"images":[{"url":"', "application/json")

    def __init__(self, simulator: SiliconFlowSimulator, model: str = KOLORS) -> None:
        super().__init__(simulator, SiliconFlowAdapter(catalog()), model)


class TestSiliconFlow(LinkedContract):
    """The contract, and what is SiliconFlow's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[SiliconFlowSimulator]:
        with SiliconFlowSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[KOLORS, QWEN])
    def bench(self, simulator: SiliconFlowSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield SiliconFlowBench(simulator, request.param)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (KOLORS, {}, {"image_size": "1024x1024"}),
            (KOLORS, {"size": "auto"}, {"image_size": "1024x1024"}),
            (KOLORS, {"size": "1024x1792"}, {"image_size": "720x1280"}),
            (KOLORS, {"n": 4}, {"image_size": "1024x1024", "batch_size": 4}),
            (KOLORS, {"extra": {"guidance_scale": "7.5"}}, {"image_size": "1024x1024", "guidance_scale": 7.5}),
            (QWEN, {}, {"image_size": "1328x1328"}),
            (QWEN, {"size": "16:9"}, {"image_size": "1664x928"}),
            (QWEN, {"size": "1328x1328", "extra": {"image_size": "1x1", "batch_size": 9}}, {"image_size": "1328x1328"}),
            (QWEN, {"extra": {"image_size": "928x1664"}}, {"image_size": "928x1664"}),
            (
                QWEN,
                {"extra": {"seed": "7", "negative_prompt": "42", "cfg": 4, "num_inference_steps": 30}},
                {"image_size": "1328x1328", "seed": 7, "negative_prompt": "42", "cfg": 4, "num_inference_steps": 30},
            ),
            (QWEN, {"quality": "high", "user": "u", "output_format": "webp"}, {"image_size": "1328x1328"}),
        ],
    )
    async def test_fields(
        self, simulator: SiliconFlowSimulator, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = SiliconFlowBench(simulator, model)
        seen = await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == {"model": model, "prompt": "a red house", **sent}
        look = pictures.look(completed(seen)[0])
        assert f"{look.size[0]}x{look.size[1]}" == sent["image_size"]

    async def test_what_is_ours_is_told(self, simulator: SiliconFlowSimulator) -> None:
        bench = SiliconFlowBench(simulator, QWEN)
        adjusted = self.adjusted(bench, size="1328x1328", extra={"image_size": "1x1", "batch_size": 9, "image2": "x", "cfg": 4})
        assert adjusted.dropped == ("image_size", "batch_size", "image2")

    async def test_an_edit_numbers_its_pictures_and_takes_no_size(
        self, simulator: SiliconFlowSimulator, transport: Engine
    ) -> None:
        bench = SiliconFlowBench(simulator, EDIT)
        images = tuple(reference(color=(number, 0, 0)) for number in range(3))
        asked = self.request(bench, operation=Operation.EDIT, images=images, size="1024x1024")
        await self.run(bench, transport, asked)
        urls = [pictures.data_url(await image.content.read()) for image in images]
        names = dict(zip(("image", "image2", "image3"), urls, strict=True))
        assert bench.last.json == {"model": EDIT, "prompt": "a red house", **names}
        with pytest.raises(InvalidRequest):
            self.request(bench, operation=Operation.EDIT, images=(*images, images[0]))
        with pytest.raises(ModelNotFound):
            self.request(bench)

    @pytest.mark.parametrize("lists", [("images",), ("data",)])
    async def test_either_name_of_the_list(
        self, simulator: SiliconFlowSimulator, transport: Engine, lists: tuple[str, ...]
    ) -> None:
        simulator.lists = lists
        bench = SiliconFlowBench(simulator)
        seen = await self.run(bench, transport, self.request(bench, n=2, extra={"seed": 7}))
        assert len(completed(seen)) == 2
        assert seen[-1].event == Finished(extra={"seed": 7, "timings": {"inference": 1.2}})

    async def test_a_plain_text_for_a_wrong_key(self, simulator: SiliconFlowSimulator, transport: Engine) -> None:
        bench = SiliconFlowBench(simulator)
        simulator.key = "another"
        with pytest.raises(AuthFailed):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("body", [b"[]", b'"text"', b'{"images":null,"data":null}', b'{"images":[{"url":""},{}]}'])
    async def test_nonsense(self, simulator: SiliconFlowSimulator, transport: Engine, body: bytes) -> None:
        bench = SiliconFlowBench(simulator)
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (400, {"code": 20012, "message": "Model does not exist.", "data": None}, ModelMissing),
        (400, {"code": 20015, "message": "The seed is invalid", "data": None}, InvalidRequest),
        (400, {"code": 77777, "message": "Something new", "data": None}, InvalidRequest),
        (401, "Invalid token", AuthFailed),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}, AuthFailed),
        (403, {"code": 77777, "message": "real-name authentication"}, AuthFailed),
        (403, {"code": 30003, "message": "Model disabled.", "data": None}, ModelMissing),
        (404, "404 page not found", ModelMissing),
        (429, {"message": "Request was rejected due to rate limiting.", "data": None}, RateLimited),
        (451, {"code": 20021, "message": "no", "data": None}, ContentRefused),
        (400, {"code": 20021, "message": "no", "data": None}, ContentRefused),
        (451, {"code": 50451, "message": "no", "data": None}, ContentRefused),
        (451, {"message": "no"}, ContentRefused),
        (500, {"code": 50507, "message": "Unknown error"}, Ambiguous),
        (503, {"code": 50505, "message": "Model service overloaded."}, Unavailable),
        (504, None, Ambiguous),
    ],
)
def test_each_code_is_its_error(status: int, document: Any, expected: type[GatewayError]) -> None:
    error = SiliconFlowAdapter(catalog()).failure(Refusal(status, {}, orjson.dumps(document)))
    assert type(error) is expected
    assert error.message.endswith(".")
