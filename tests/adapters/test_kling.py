"""The kling adapter against Kling's simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.kling import KlingAdapter
from imagegate.domain.channels import Secret
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
from imagegate.upstream.client import Refusal
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.kling import KlingSimulator, answer
from tests.support import pictures

KEYS = f"access-key:{SECRET}"
OMNI = "kling-image-o1"


class KlingBench(SimulatedBench):
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
    cut = Reply.raw(b'{"code":0,"data":{"task_id":"', "application/json")

    def __init__(self, simulator: KlingSimulator, model: str = "kling-v3", **options: Any) -> None:
        super().__init__(simulator, KlingAdapter(catalog()), model, **{"poll_seconds": 0.01, **options})
        self.channel = replace(self.channel, keys=(Secret(simulator.key),))


class TestKling(LinkedContract):
    """The contract, and what is Kling's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[KlingSimulator]:
        with KlingSimulator(KEYS) as simulator:
            yield simulator

    @pytest.fixture(params=["kling-v3", OMNI, "kling-v2-1", "kling-v1-5"])
    def bench(self, simulator: KlingSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield KlingBench(simulator, request.param)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            ("kling-v3", {}, {}),
            ("kling-v3", {"size": "1536x1024"}, {"aspect_ratio": "3:2", "resolution": "1k"}),
            ("kling-v3", {"size": "2K"}, {"aspect_ratio": "1:1", "resolution": "2k"}),
            ("kling-v3", {"size": "2560x1440"}, {"aspect_ratio": "16:9", "resolution": "2k"}),
            ("kling-v3", {"size": "auto", "n": 3}, {"n": 3}),
            ("kling-v3", {"extra": {"aspect_ratio": "21:9", "resolution": "2k"}}, {"aspect_ratio": "21:9", "resolution": "2k"}),
            ("kling-v3", {"extra": {"negative_prompt": "fog"}}, {"negative_prompt": "fog"}),
            ("kling-v3", {"extra": {"callback_url": "https://x.test", "model_name": "kling-v1"}}, {}),
            ("kling-v3", {"extra": {"watermark": "true"}}, {"watermark_info": {"enabled": True}}),
            ("kling-v1", {"size": "1344x576"}, {"aspect_ratio": "16:9"}),
            ("kling-v1-5", {"size": "1344x576"}, {"aspect_ratio": "21:9"}),
            (OMNI, {"size": "720x1280"}, {"aspect_ratio": "9:16", "resolution": "1k"}),
            (OMNI, {"extra": {"aspect_ratio": "auto"}}, {"aspect_ratio": "auto"}),
            ("kling-v3-omni", {"size": "4K"}, {"aspect_ratio": "1:1", "resolution": "4k"}),
            ("kling-v3", {"quality": "high", "user": "u", "output_format": "webp"}, {}),
        ],
    )
    async def test_fields(
        self, simulator: KlingSimulator, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = KlingBench(simulator, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == {"model_name": model, "prompt": "a red house", **sent}

    @pytest.mark.parametrize(
        ("model", "count", "path", "name"),
        [
            ("kling-v1", 1, "generations", "image"),
            ("kling-v3", 1, "generations", "image"),
            ("kling-v2-new", 1, "generations", "image"),
            ("kling-v2", 1, "generations", "image"),
            ("kling-v2", 2, "multi-image2image", "subject_image_list"),
            ("kling-v2-1", 1, "multi-image2image", "subject_image_list"),
            ("kling-v2-1", 4, "multi-image2image", "subject_image_list"),
            (OMNI, 1, "omni-image", "image_list"),
            (OMNI, 10, "omni-image", "image_list"),
        ],
    )
    async def test_references_go_where_the_model_wants_them(
        self, simulator: KlingSimulator, transport: Engine, model: str, count: int, path: str, name: str
    ) -> None:
        bench = KlingBench(simulator, model)
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        asked = self.request(bench, operation=Operation.EDIT, images=images, size="1024x1024")
        await self.run(bench, transport, asked)
        texts = [base64.b64encode(await image.content.read()).decode() for image in images]
        field = {"subject_image_list": "subject_image", "image_list": "image"}.get(name)
        assert bench.last.path == f"/v1/images/{path}"
        assert bench.last.json[name] == ([{field: text} for text in texts] if field else texts[0])
        assert {request.path.rpartition("/")[0] for request in simulator.requests if "/images/" in request.path} == {
            "/v1/images",
            f"/v1/images/{path}",
        }

    @pytest.mark.parametrize(("extra", "said"), [({}, "face"), ({"image_reference": "subject"}, "subject")])
    async def test_what_is_kept_of_a_reference(
        self, simulator: KlingSimulator, transport: Engine, extra: Mapping[str, Any], said: str
    ) -> None:
        bench = KlingBench(simulator, "kling-v1-5", image_reference="face")
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), extra={**extra, "image_fidelity": "0.7"})
        await self.run(bench, transport, asked)
        assert (bench.last.json["image_reference"], bench.last.json["image_fidelity"]) == (said, 0.7)

    async def test_progress_and_what_the_job_took(self, simulator: KlingSimulator, transport: Engine) -> None:
        bench = KlingBench(simulator)
        simulator.looks = 5
        seen = await self.run(bench, transport, self.request(bench, size="2K"))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["the provider took the job", "the provider is at work"]
        assert pictures.look(completed(seen)[0]).size == (2048, 2048)
        end = seen[-1].event
        assert isinstance(end, Finished) and end.created and end.extra == {"task_id": "8000000", "final_unit_deduction": "1"}

    async def test_a_series(self, simulator: KlingSimulator, transport: Engine) -> None:
        bench = KlingBench(simulator, "kling-v3-omni")
        seen = await self.run(bench, transport, self.request(bench, extra={"result_type": "series", "series_amount": 3}))
        assert len(completed(seen)) == 3

    async def test_a_plain_api_key(self, simulator: KlingSimulator, transport: Engine) -> None:
        simulator.key = "plain-key"
        bench = KlingBench(simulator)
        await self.run(bench, transport, self.request(bench))
        assert bench.last.headers["authorization"] == "Bearer plain-key"

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            ("Failure to pass the risk control system", ContentRefused),
            ("risk control triggered", ContentRefused),
            ("The image contains sensitive information", ContentRefused),
            ("触发平台的内容风控", ContentRefused),
            ("Image pixel is invalid", BadResponse),
            ("", BadResponse),
        ],
    )
    async def test_a_job_that_fails(
        self, simulator: KlingSimulator, transport: Engine, reason: str, kind: type[GatewayError]
    ) -> None:
        bench = KlingBench(simulator)
        simulator.fails = reason
        with pytest.raises(GatewayError) as caught:
            await self.run(bench, transport, self.request(bench))
        assert type(caught.value) is kind
        assert not reason or reason not in caught.value.message

    @pytest.mark.parametrize(
        ("word", "kind"), [("[content 200]", ContentRefused), ("[unknown 200]", BadResponse), ("[parallel]", RateLimited)]
    )
    async def test_refusals_of_the_submit(
        self, simulator: KlingSimulator, transport: Engine, word: str, kind: type[GatewayError]
    ) -> None:
        bench = KlingBench(simulator)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=word))

    async def test_load_while_waiting_is_waited_out(self, simulator: KlingSimulator, transport: Engine) -> None:
        bench = KlingBench(simulator)
        simulator.script(answer(1302, "too fast"), path="/v1/images/generations/")
        simulator.script(answer(5001, "busy", status=503), path="/v1/images/generations/")
        assert completed(await self.run(bench, transport, self.request(bench)))

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (answer(1004, "expired"), Ambiguous),
            (answer(1203, "no such task"), Ambiguous),
            (answer(1301, "policy"), ContentRefused),
            (answer(7777, "new"), BadResponse),
        ],
    )
    async def test_no_failure_after_the_submit_orders_again(
        self, simulator: KlingSimulator, transport: Engine, reply: Reply, kind: type[GatewayError]
    ) -> None:
        bench = KlingBench(simulator)
        simulator.script(reply, path="/v1/images/generations/")
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("body", [b"[]", b'{"code":0,"data":{"task_id":"../x"}}', b'{"code":0}', b'{"code":0,"data":[]}'])
    async def test_nonsense(self, simulator: KlingSimulator, transport: Engine, body: bytes) -> None:
        bench = KlingBench(simulator)
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (1000, 401, AuthFailed),
        (1004, 401, AuthFailed),
        (1100, 429, AuthFailed),
        (1101, 429, AuthFailed),
        (1102, 429, AuthFailed),
        (1103, 403, AuthFailed),
        (1200, 400, InvalidRequest),
        (1201, 400, InvalidRequest),
        (1202, 404, ModelMissing),
        (1203, 404, ModelMissing),
        (1300, 400, ContentRefused),
        (1301, 400, ContentRefused),
        (1302, 429, RateLimited),
        (1303, 429, RateLimited),
        (1304, 429, AuthFailed),
        (5000, 500, Ambiguous),
        (5001, 503, Unavailable),
        (5002, 504, Ambiguous),
        (None, 429, RateLimited),
        (7777, 400, InvalidRequest),
    ],
)
def test_each_code_is_its_error(code: int | None, status: int, expected: type[GatewayError]) -> None:
    body = orjson.dumps({"code": code, "message": "It failed", "request_id": "r"})
    error = KlingAdapter(catalog()).failure(Refusal(status, {}, body))
    assert type(error) is expected
    assert error.message.endswith(".")
