"""The qianfan adapter against Qianfan's simulator."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.qianfan import QianfanAdapter
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
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, drain, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Ending, Reply
from tests.simulators.qianfan import MODELS, QianfanSimulator, envelope, task_answer
from tests.support import pictures

CATALOG = Catalog.load()
QWEN, IRAG, EDITOR, TASK, OMNI = "qwen-image", "irag-1.0", "ernie-irag-edit", "v3-base", "o1-base"
EDIT = Operation.EDIT
WORDS = {
    Failure.RATE_LIMIT: "[rate]",
    Failure.OVERLOADED: "[busy]",
    Failure.NO_CREDIT: "[overdue]",
    Failure.CONTENT: "[content]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class QianfanBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = WORDS
    cut = Reply.raw(b'{"created":1,"data":[{"url":"http', "application/json", length=500, ending=Ending.CLOSE)

    def __init__(self, simulator: QianfanSimulator, executor: Executor, model: str = QWEN) -> None:
        super().__init__(simulator, QianfanAdapter(CATALOG, executor), model, poll_seconds=0.01)


class TestQianfan(LinkedContract):
    """The contract, and what is Qianfan's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[QianfanSimulator]:
        with QianfanSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[QWEN, IRAG, TASK])
    def bench(self, simulator: QianfanSimulator, executor: Executor, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield QianfanBench(simulator, executor, request.param)

    @pytest.mark.parametrize(
        ("model", "given", "path", "sent"),
        [
            (QWEN, {}, "images/generations", {"n": 1}),
            (QWEN, {"size": "1536x1024"}, "images/generations", {"n": 1, "size": "1536x1024"}),
            (QWEN, {"size": "64x64", "quality": "hd"}, "images/generations", {"n": 1, "size": "512x512"}),
            (QWEN, {"extra": {"aspect_ratio": "16:9"}}, "images/generations", {"n": 1, "size": "1360x765"}),
            (
                QWEN,
                {"extra": {"seed": 7, "steps": 30, "guidance": 4.5, "negative_prompt": "x", "prompt_extend": False}},
                "images/generations",
                {"n": 1, "seed": 7, "steps": 30, "guidance": 4.5, "negative_prompt": "x", "prompt_extend": False},
            ),
            (QWEN, {"extra": {"seed": None, "model": "other", "api_base": "x"}}, "images/generations", {"n": 1}),
            (QWEN, {"user": "u1"}, "images/generations", {"n": 1, "user": "u1"}),
            (QWEN, {"user": "u1", "safety_identifier": "s1"}, "images/generations", {"n": 1, "user": "s1"}),
            (IRAG, {"n": 3}, "images/generations", {"n": 3}),
            ("musesteamer-air-image", {"extra": {"seed": 1}}, "musesteamer/images/generations", {"seed": 1}),
        ],
    )
    async def test_fields(
        self,
        simulator: QianfanSimulator,
        executor: Executor,
        transport: Engine,
        model: str,
        given: dict[str, Any],
        path: str,
        sent: dict[str, Any],
    ) -> None:
        bench = QianfanBench(simulator, executor, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.path == f"/v2/{path}"
        assert bench.last.json == {"model": model, "prompt": "a red house", **sent}
        assert bench.last.headers["authorization"] == f"Bearer {SECRET}"

    @pytest.mark.parametrize(
        ("model", "path", "field", "more"),
        [
            ("qwen-image-edit", "edits", "image", {"n": 1}),
            (IRAG, "generations", "refer_image", {"n": 1}),
            (EDITOR, "edits", "image", {"feature": "variation"}),
        ],
    )
    async def test_where_a_reference_goes(
        self,
        simulator: QianfanSimulator,
        executor: Executor,
        transport: Engine,
        model: str,
        path: str,
        field: str,
        more: dict[str, Any],
    ) -> None:
        bench = QianfanBench(simulator, executor, model)
        picture = reference()
        given = {"extra": {"seed": "7"}} if model == "qwen-image-edit" else {}
        await self.run(bench, transport, self.request(bench, operation=EDIT, images=(picture,), **given))
        assert bench.last.path == f"/v2/images/{path}"
        url = pictures.data_url(await picture.content.read())
        seed = {"seed": 7} if given else {}
        assert bench.last.json == {"model": model, "prompt": "a red house", field: url, **more, **seed}

    async def test_a_mask_becomes_black_and_white(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = QianfanBench(simulator, executor, EDITOR)
        asked = self.request(bench, operation=EDIT, images=(reference(),), mask=mask())
        await self.run(bench, transport, asked)
        assert bench.last.json["feature"] == "repaint"
        drawn = b64decode(bench.last.json["mask"].partition(",")[2])
        assert pictures.look(drawn) == ("png", (64, 64), "L")
        assert (pictures.pixel(drawn, (32, 32))[0], pictures.pixel(drawn, (0, 0))[0]) == (255, 0)
        await self.run(bench, transport, replace(asked, extra={"feature": "erase"}))
        assert bench.last.json["feature"] == "erase"

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (TASK, {}, {}),
            (TASK, {"size": "1536x1024", "n": 3}, {"aspect_ratio": "3:2", "resolution": "1k", "n": 3}),
            (TASK, {"size": "2K"}, {"aspect_ratio": "1:1", "resolution": "2k"}),
            (TASK, {"extra": {"aspect_ratio": "16:9", "resolution": "2K"}}, {"aspect_ratio": "16:9", "resolution": "2k"}),
            (
                TASK,
                {"extra": {"negative_prompt": "fog", "seed": 7, "callback_url": "https://x.test"}},
                {"negative_prompt": "fog"},
            ),
            (OMNI, {"size": "1280x720"}, {"aspect_ratio": "16:9", "resolution": "1k"}),
        ],
    )
    async def test_a_job_and_its_fields(
        self,
        simulator: QianfanSimulator,
        executor: Executor,
        transport: Engine,
        model: str,
        given: dict[str, Any],
        sent: dict[str, Any],
    ) -> None:
        bench = QianfanBench(simulator, executor, model)
        seen = await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.path == "/beta/image/qianfan-image-v1"
        kind = "omni" if model == OMNI else "generations"
        assert bench.last.json == {"model": model, "type": kind, "model_parameters": {"prompt": "a red house", **sent}}
        assert len(completed(seen)) == given.get("n", 1)
        end = seen[-1].event
        assert isinstance(end, Finished) and end.created and end.extra["usage"]["credits"] == 8

    @pytest.mark.parametrize(("model", "dropped"), [(QWEN, {"element_list", "x"}), (TASK, {"seed", "x"}), (OMNI, {"seed", "x"})])
    def test_each_api_has_fields_of_its_own(
        self, simulator: QianfanSimulator, executor: Executor, model: str, dropped: set[str]
    ) -> None:
        extra = {"negative_prompt": "dogs", "element_list": [{"element_id": 1}], "seed": 7, "x": 1}
        adjusted = self.adjusted(QianfanBench(simulator, executor, model), extra=extra)
        assert set(adjusted.dropped) == dropped

    @pytest.mark.parametrize("model", ["qwen-image-edit", TASK, OMNI])
    async def test_several_pictures(self, simulator: QianfanSimulator, executor: Executor, transport: Engine, model: str) -> None:
        bench = QianfanBench(simulator, executor, model)
        count = min(self.capabilities(bench).max_references, 3)
        images = tuple(reference(color=(number, 0, 0)) for number in range(count))
        await self.run(bench, transport, self.request(bench, operation=EDIT, images=images))
        data = [await image.content.read() for image in images]
        plain = [b64encode(item).decode() for item in data]
        body = bench.last.json
        match model:
            case "qwen-image-edit":
                assert body["image"] == [pictures.data_url(item) for item in data]
            case "v3-base":
                assert body["model_parameters"]["image"] == plain[0]
            case _:
                assert body["model_parameters"]["image_list"] == [{"image": item} for item in plain]

    @pytest.mark.parametrize(
        ("reason", "kind"), [("Failure to pass the risk control system", ContentRefused), ("Image pixel is invalid", BadResponse)]
    )
    async def test_a_job_that_fails(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine, reason: str, kind: type[GatewayError]
    ) -> None:
        simulator.fails = reason
        bench = QianfanBench(simulator, executor, TASK)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (Reply.json(envelope("account_overdue", "x"), status=403), Ambiguous),
            (task_answer(code=4, message="too fast"), None),
            (task_answer(code=1203, message="task not found"), BadResponse),
            (task_answer(code=1301, message="content policy"), ContentRefused),
            (Reply.json([]), None),
        ],
    )
    async def test_a_look_that_goes_wrong(
        self,
        simulator: QianfanSimulator,
        executor: Executor,
        transport: Engine,
        reply: Reply,
        kind: type[GatewayError] | None,
    ) -> None:
        bench = QianfanBench(simulator, executor, TASK)
        ordered = self.request(bench)
        simulator.script(task_answer({"task_id": "task-0"}), path="/beta")
        simulator.script(reply, path="/beta", times=9 if kind is Ambiguous else 1)
        simulator.script(
            task_answer({"task_status": "succeed", "task_result": {"images": [{"url": simulator.url}]}}), path="/beta"
        )
        if kind is None:
            assert completed([await drain(event) async for event in self.start(bench, transport, ordered)])
            return
        with pytest.raises(kind):
            await self.run(bench, transport, ordered)

    @pytest.mark.parametrize("body", [{"code": 0, "data": {}}, {"code": 0, "data": {"task_id": "../x"}}, {"code": 7}, []])
    async def test_an_odd_receipt(self, simulator: QianfanSimulator, executor: Executor, transport: Engine, body: Any) -> None:
        simulator.script(Reply.json(body))
        bench = QianfanBench(simulator, executor, TASK)
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    async def test_overrides_of_a_job(self, simulator: QianfanSimulator, executor: Executor, transport: Engine) -> None:
        bench = QianfanBench(simulator, executor, TASK)
        bench.channel = replace(
            bench.channel, overrides={"resolution": "2k", "model": "v3o", "type": "omni", "model_parameters": {"n": 2}}
        )
        seen = await self.run(bench, transport, self.request(bench))
        assert bench.last.json == {
            "model": "v3o",
            "type": "omni",
            "model_parameters": {"prompt": "a red house", "resolution": "2k", "n": 2},
        }
        assert len(completed(seen)) == 2

    @pytest.mark.parametrize("model", sorted(MODELS))
    async def test_every_model_works_by_its_row(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine, model: str
    ) -> None:
        bench = QianfanBench(simulator, executor, model)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) if operation is EDIT else ()
            asked = self.request(bench, operation=operation, images=images, size="1536x1024", n=row.max_n)
            seen = await self.run(bench, transport, asked)
            assert [pictures.look(data).size for data in completed(seen)] == [(1536, 1024)] * row.max_n

    async def test_pictures_in_the_answer(self, simulator: QianfanSimulator, executor: Executor, transport: Engine) -> None:
        simulator.inline = True
        bench = QianfanBench(simulator, executor)
        seen = await self.run(bench, transport, self.request(bench))
        assert pictures.look(completed(seen)[0]).format == "jpeg"
        end = seen[-1].event
        assert isinstance(end, Finished)
        assert end.created and end.extra == {"id": "as-800"}

    async def test_results_on_the_storage_are_fetched_over_tls(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.storage = "http://qianfan.bcebos.example"
        bench = QianfanBench(simulator, executor)
        events = [await drain(event) async for event in self.start(bench, transport, self.request(bench))]
        done = events[0].event
        assert isinstance(done, CompletedImage) and isinstance(done.source, ImageLink)
        assert done.source.url.startswith("https://qianfan.bcebos.example/files/")

    @pytest.mark.parametrize(
        ("word", "kind"),
        [("[daily]", AuthFailed), ("[old_token]", AuthFailed), ("[nulls]", BadResponse)],
    )
    async def test_errors_in_a_200(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=f"a cat {word}"))

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"error": "gone"}, BadResponse),
            (envelope("new_code", "x"), BadResponse),
            (envelope("image_url_unsafe", "x"), ContentRefused),
            ({"error_code": 0, "error_msg": "", "data": []}, BadResponse),
            ([], BadResponse),
        ],
    )
    async def test_odd_answers(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine, body: Any, kind: type[GatewayError]
    ) -> None:
        simulator.script(Reply.json(body))
        bench = QianfanBench(simulator, executor)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    async def test_the_channel_has_the_last_word(
        self, simulator: QianfanSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = QianfanBench(simulator, executor)
        bench.channel = replace(bench.channel, overrides={"watermark": False, "seed": 1}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, extra={"seed": 2}))
        assert (bench.last.json["watermark"], bench.last.json["seed"]) == (False, 1)
        assert bench.last.headers["x-team"] == "a"


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (403, ("prompt_unsafe", "image_url_unsafe", "system_unsafe", "sensitive_content"), ContentRefused),
        (400, ("invalid_argument", "characters_too_long", "invalid_image_genration_prompt", "new_code"), InvalidRequest),
        (401, ("invalid_iam_token", "no_parameter_permission", "new_code"), AuthFailed),
        (401, ("invalid_model",), ModelMissing),
        (405, ("method_not_supported",), ModelMissing),
        (429, ("rpm_rate_limit_exceeded", "user_rate_limit_exceeded", "Offline_batch_reasoning_refused"), RateLimited),
        (500, ("internal_error", "dispatch_internal_error", "new_code"), Ambiguous),
        (503, ("new_code",), Unavailable),
    ],
)
def test_codes(executor: Executor, status: int, codes: tuple[str, ...], kind: type[GatewayError]) -> None:
    adapter = QianfanAdapter(CATALOG, executor)
    for code in codes:
        error = classified(adapter, status, orjson.dumps(envelope(code, f"why {code}")), {"retry-after": "3"})
        same_error(error, kind, retry_after=3 if kind in {RateLimited, Unavailable} else None)
        assert (f"why {code}" in error.message) is (kind is InvalidRequest)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (4, RateLimited),
        (18, RateLimited),
        (17, AuthFailed),
        (19, AuthFailed),
        (110, AuthFailed),
        (111, AuthFailed),
        (2, Unavailable),
        (336100, Unavailable),
        (336003, InvalidRequest),
        (336000, Ambiguous),
    ],
)
def test_numbers_of_the_older_api(executor: Executor, number: int, kind: type[GatewayError]) -> None:
    body = orjson.dumps({"error_code": number, "error_msg": "why"})
    same_error(classified(QianfanAdapter(CATALOG, executor), 200, body), kind)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"gone"}', b'{"error":null}'])
def test_bodies_without_a_code_go_by_status(executor: Executor, body: bytes) -> None:
    same_error(classified(QianfanAdapter(CATALOG, executor), 502, body), Ambiguous)
