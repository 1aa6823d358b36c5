"""The tencent adapter against Tencent's simulator: TokenHub, and Cloud API 3.0."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.tencent import TencentAdapter
from imagegate.domain.channels import Secret
from imagegate.domain.events import CompletedImage, Finished, Progress
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Refusal
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Reply
from tests.simulators.tencent import Api, TencentSimulator, error
from tests.support import pictures

PRO, HY = "seedream-image-v5.0-pro", "hy-image-v3"
SIGNING = f"AKIDsimulator:{SECRET}"


class TencentBench(SimulatedBench):
    """A channel to the simulator, by the API that it stands for."""

    words: ClassVar = {
        Failure.RATE_LIMIT: "[rate]",
        Failure.OVERLOADED: "[busy]",
        Failure.NO_CREDIT: "[balance]",
        Failure.CONTENT: "[content]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[no_data]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply.raw(b'{"Response":{"JobId":"', "application/json")

    def __init__(self, simulator: TencentSimulator, model: str, **options: Any) -> None:
        given = {"api": simulator.api, "poll_seconds": 0.01, **options}
        super().__init__(simulator, TencentAdapter(catalog()), model, **given)
        self.channel = replace(self.channel, keys=(Secret(simulator.key),))

    def left_behind(self, events: list[Any]) -> Any:
        return self.submitted

    @property
    def submitted(self) -> Any:
        """Body of the newest call that ordered work."""
        calls = [call for call in self.simulator.requests if call.method == "POST"]
        return next(call.json for call in reversed(calls) if not call.headers.get("x-tc-action", "").startswith("Query"))


class TestTokenHub(LinkedContract):
    """The contract, and what is TokenHub's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[TencentSimulator]:
        with TencentSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[PRO, HY])
    def bench(self, simulator: TencentSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield TencentBench(simulator, request.param)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (PRO, {}, {"watermark": False}),
            (PRO, {"size": "1536x1024"}, {"watermark": False, "size": "1536x1024"}),
            (PRO, {"output_format": "png", "size": "auto"}, {"watermark": False, "output_format": "png"}),
            (PRO, {"extra": {"watermark": "true"}}, {"watermark": True}),
            (PRO, {"extra": {"layer_decomposition": "true"}}, {"watermark": False, "layer_decomposition": True}),
            (PRO, {"quality": "high", "user": "u", "extra": {"model": "other"}}, {"watermark": False}),
            ("seedream-image-v5.0-lite", {"size": "1024x1024"}, {"watermark": False, "size": "1920x1920"}),
            (HY, {"size": "1920x1080"}, {"size": "1365x768"}),
            (
                HY,
                {"extra": {"seed": "7", "revise": "false", "footnote": "x", "watermark": True}},
                {"seed": 7, "revise": False, "footnote": "x"},
            ),
        ],
    )
    async def test_fields(
        self, simulator: TencentSimulator, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = TencentBench(simulator, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.submitted == {"model": model, "prompt": "a red house", **sent}

    @pytest.mark.parametrize(
        ("model", "options", "path"),
        [
            (PRO, {}, "wand/si-image/generation"),
            (PRO, {"path": "/images/generations"}, "images/generations"),
            (HY, {}, "wand/hunyuan-image/v3-generation"),
            ("tomorrows", {}, "images/generations"),
        ],
    )
    async def test_paths(
        self, simulator: TencentSimulator, transport: Engine, model: str, options: Mapping[str, Any], path: str
    ) -> None:
        bench = TencentBench(simulator, model, **options)
        await self.run(bench, transport, self.request(bench))
        assert bench.last.path == f"/v1/{path}"
        assert bench.last.headers["authorization"] == f"Bearer {SECRET}"

    @pytest.mark.parametrize(("model", "url"), [(PRO, True), (HY, False)])
    async def test_references(self, simulator: TencentSimulator, transport: Engine, model: str, url: bool) -> None:
        bench = TencentBench(simulator, model)
        images = (reference(), reference(color=(1, 2, 3)))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        contents = [await image.content.read() for image in images]
        texts = [pictures.data_url(data) if url else base64.b64encode(data).decode() for data in contents]
        assert bench.submitted["images"] == texts

    @pytest.mark.parametrize(
        ("model", "dropped"), [(PRO, ("style",)), (HY, ("style", "watermark")), ("tomorrows", ("style", "watermark"))]
    )
    async def test_what_tokenhub_does_not_have_is_told(
        self, simulator: TencentSimulator, model: str, dropped: tuple[str, ...]
    ) -> None:
        bench = TencentBench(simulator, model)
        assert self.adjusted(bench, style="x", extra={"watermark": True, "x_new": 1}).dropped == dropped

    async def test_what_the_answer_says(self, simulator: TencentSimulator, transport: Engine) -> None:
        bench = TencentBench(simulator, PRO)
        seen = await self.run(bench, transport, self.request(bench, size="1536x1024"))
        done, end = seen[0].event, seen[-1].event
        assert isinstance(done, CompletedImage) and isinstance(end, Finished)
        assert (done.details.size, done.details.revised_prompt) == ("1536x1024", "An orange kitten")
        assert end.usage is not None and end.usage.total_tokens == 1024

    async def test_a_block_inside_a_200(self, simulator: TencentSimulator, transport: Engine) -> None:
        bench = TencentBench(simulator, PRO)
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, prompt="[content 200]"))


class TestCloud(LinkedContract):
    """The contract on API 3.0, and what is its own."""

    @pytest.fixture(params=["hunyuan", "aiart"])
    def simulator(self, request: pytest.FixtureRequest) -> Iterator[TencentSimulator]:
        api: Api = request.param
        with TencentSimulator(SIGNING, api) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: TencentSimulator) -> Iterator[Bench]:
        yield TencentBench(simulator, "hunyuan-image" if simulator.api == "hunyuan" else "aiart-text-to-image")

    @pytest.mark.parametrize(
        ("api", "model", "given", "action", "sent"),
        [
            ("hunyuan", "hunyuan-image", {"n": 2, "style": "riman"}, "SubmitHunyuanImageJob", {"Num": 2, "Style": "riman"}),
            ("hunyuan", "hunyuan-image", {"size": "16:9"}, "SubmitHunyuanImageJob", {"Resolution": "1280:720"}),
            (
                "hunyuan",
                "hunyuan-image",
                {"extra": {"Clarity": "x2", "clarity": "x4"}},
                "SubmitHunyuanImageJob",
                {"Clarity": "x2"},
            ),
            ("hunyuan", "hunyuan-image-lite", {}, "TextToImageLite", {"RspImgType": "url"}),
            ("hunyuan", "tomorrows", {}, "SubmitHunyuanImageJob", {}),
            ("aiart", "aiart-text-to-image", {"size": "1344x704"}, "SubmitTextToImageJob", {"Resolution": "1344:704"}),
            (
                "aiart",
                "aiart-text-to-image",
                {"extra": {"revise": "false", "seed": "7"}},
                "SubmitTextToImageJob",
                {"Revise": 0, "Seed": 7},
            ),
            (
                "aiart",
                "aiart-text-to-image-pro",
                {"extra": {"Engine": "engine2"}},
                "SubmitTextToImageProJob",
                {"Engine": "engine2"},
            ),
            ("aiart", "tomorrows", {}, "SubmitTextToImageJob", {}),
        ],
    )
    async def test_fields(
        self, transport: Engine, api: Api, model: str, given: Mapping[str, Any], action: str, sent: Mapping[str, Any]
    ) -> None:
        with TencentSimulator(SIGNING, api) as simulator:
            bench = TencentBench(simulator, model, watermark=True)
            seen = await self.run(bench, transport, self.request(bench, **given))
            assert bench.submitted == {"Prompt": "a red house", "LogoAdd": 1, **sent}
            first = simulator.requests[0]
            assert (first.headers["x-tc-action"], first.headers["x-tc-region"]) == (action, "ap-guangzhou")
            assert len(completed(seen)) == given.get("n", 1)

    async def test_a_reference_is_hashed_and_sent_as_it_is(self, transport: Engine) -> None:
        with TencentSimulator(SIGNING, "hunyuan") as simulator:
            bench = TencentBench(simulator, "hunyuan-image")
            image = reference(300, 200)
            await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(image,)))
            text = base64.b64encode(await image.content.read()).decode()
            assert bench.submitted["ContentImage"] == {"ImageBase64": text}

    async def test_progress_and_the_revised_prompt(self, simulator: TencentSimulator, bench: Bench, transport: Engine) -> None:
        simulator.looks = 4
        seen = await self.run(bench, transport, self.request(bench))
        assert seen[0].event == Progress("the provider took the job")
        done = seen[1].event
        assert isinstance(done, CompletedImage) and done.details.revised_prompt == "a red house!"
        assert len(simulator.requests) >= 5

    async def test_a_job_that_fails(self, simulator: TencentSimulator, bench: Bench, transport: Engine) -> None:
        for code, kind in (
            ("OperationDenied.ImageIllegalDetected", ContentRefused),
            ("FailedOperation.GenerateImageFailed", Ambiguous),
            ("RequestLimitExceeded", Ambiguous),
            ("SomethingNew", BadResponse),
        ):
            simulator.fails = code
            with pytest.raises(kind):
                await self.run(bench, transport, self.request(bench))

    async def test_pictures_that_were_kept_back(self, transport: Engine) -> None:
        with TencentSimulator(SIGNING, "hunyuan") as simulator:
            bench = TencentBench(simulator, "hunyuan-image")
            simulator.kept_back = ("OperationDenied.ImageIllegalDetected", 1)
            assert len(completed(await self.run(bench, transport, self.request(bench, n=3)))) == 2
            with pytest.raises(ContentRefused):
                await self.run(bench, transport, self.request(bench))

    async def test_load_while_waiting_is_waited_out(self, simulator: TencentSimulator, bench: Bench, transport: Engine) -> None:
        submitted = Reply.json({"Response": {"JobId": "1250000000-0"}})
        await self.run(bench, transport, self.request(bench))
        simulator.script(submitted)
        simulator.script(error("RequestLimitExceeded"))
        assert completed(await self.run(bench, transport, self.request(bench)))

    @pytest.mark.parametrize(
        ("code", "kind"), [("AuthFailure.SignatureExpire", Ambiguous), ("FailedOperation.JobNotExist", Ambiguous)]
    )
    async def test_no_failure_after_the_submit_orders_again(
        self, simulator: TencentSimulator, bench: Bench, transport: Engine, code: str, kind: type[GatewayError]
    ) -> None:
        simulator.script(Reply.json({"Response": {"JobId": "1"}}))
        simulator.script(error(code))
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    async def test_a_clock_that_is_wrong(self, simulator: TencentSimulator, bench: Bench, transport: Engine) -> None:
        bench.adapter = TencentAdapter(catalog(), clock=lambda: 1_000_000.0)
        with pytest.raises(AuthFailed):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize("body", [b"[]", b'{"Response":{}}', b'{"Response":{"JobId":7}}'])
    async def test_nonsense(self, simulator: TencentSimulator, bench: Bench, transport: Engine, body: bytes) -> None:
        simulator.script(Reply.raw(body, "application/json"))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (400, {"error": {"code": "invalid_parameter", "message": "No."}}, InvalidRequest),
        (401, {"error": {"message": "Authentication failed."}}, AuthFailed),
        (402, {}, AuthFailed),
        (422, {"error": {"message": "moderation failed"}}, ContentRefused),
        (429, {"error": {"message": "too many"}}, RateLimited),
        (500, None, Ambiguous),
        (503, None, Unavailable),
        (400, {"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}}, RateLimited),
    ],
)
def test_each_refusal_is_its_error(status: int, document: Any, expected: type[GatewayError]) -> None:
    failure = TencentAdapter(catalog()).failure(Refusal(status, {}, orjson.dumps(document)))
    assert type(failure) is expected
    assert failure.message.endswith(".")
