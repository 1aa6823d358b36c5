"""The dashscope adapter against DashScope's simulator."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.dashscope import DashscopeAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, Progress
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelNotFound,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, Seen, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Ending, Reply
from tests.simulators.dashscope import DashscopeSimulator
from tests.simulators.dashscope_rules import MODELS, envelope
from tests.support import pictures
from tests.support.waiting import until

QWEN, WAN, OLD, IN_TURN = "qwen-image-3.0", "wan2.7-image", "wan2.2-t2i-flash", "wan2.6-image"
CATALOG = Catalog.load()
WORDS = {
    Failure.RATE_LIMIT: "[rate]",
    Failure.OVERLOADED: "[busy]",
    Failure.NO_CREDIT: "[arrearage]",
    Failure.CONTENT: "[content]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}
EDIT = Operation.EDIT


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class DashscopeBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = WORDS
    cut = Reply.raw(b'{"output":{"choices":[{"mess', "application/json", length=500, ending=Ending.CLOSE)

    def __init__(self, simulator: DashscopeSimulator, executor: Executor, model: str = QWEN, **options: Any) -> None:
        super().__init__(simulator, DashscopeAdapter(CATALOG, executor), model, **{"poll_seconds": 0.01, **options})


def finished(seen: list[Seen]) -> Finished:
    event = seen[-1].event
    assert isinstance(event, Finished)
    return event


def details(seen: list[Seen]) -> list[ImageDetails]:
    return [item.event.details for item in seen if isinstance(item.event, CompletedImage)]


class TestDashscope(LinkedContract):
    """The contract for each way to call, and what is DashScope's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[DashscopeSimulator]:
        with DashscopeSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(
        params=[(QWEN, False), (WAN, False), (WAN, True), (OLD, False), (IN_TURN, False)],
        ids=["qwen", "wan", "wan-queued", "text2image", "in-turn"],
    )
    def bench(self, simulator: DashscopeSimulator, executor: Executor, request: pytest.FixtureRequest) -> Iterator[Bench]:
        model, queued = request.param
        yield DashscopeBench(simulator, executor, model, async_jobs=queued)

    @pytest.mark.parametrize("model", sorted(MODELS))
    @pytest.mark.parametrize("queued", [False, True])
    async def test_every_model_works_by_its_row(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine, model: str, queued: bool
    ) -> None:
        bench = DashscopeBench(simulator, executor, model, async_jobs=queued)
        row = self.capabilities(bench)
        for operation in sorted(row.operations):
            images = (reference(),) * row.max_references if operation is EDIT else ()
            asked = self.request(bench, operation=operation, images=images, size="1536x1024", n=row.max_n)
            seen = await self.run(bench, transport, asked)
            assert len(completed(seen)) == row.max_n
            look = pictures.look(completed(seen)[0])
            assert {detail.size for detail in details(seen)} == {f"{look.size[0]}x{look.size[1]}"}

    @pytest.mark.parametrize("queued", [False, True])
    async def test_wan_edits_as_a_job_or_at_once(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine, queued: bool
    ) -> None:
        bench = DashscopeBench(simulator, executor, WAN)
        images = (reference(), reference(color=(1, 2, 3)))
        asked = self.request(bench, operation=EDIT, images=images, extra={"async_jobs": queued})
        await self.run(bench, transport, asked)
        kind = "image-generation" if queued else "multimodal-generation"
        assert bench.last.path == f"/api/v1/services/aigc/{kind}/generation"
        assert bench.last.headers.get("x-dashscope-async") == ("enable" if queued else None)
        urls = [pictures.data_url(await image.content.read()) for image in images]
        content = [*({"image": url} for url in urls), {"text": "a red house"}]
        assert bench.last.json["input"] == {"messages": [{"role": "user", "content": content}]}

    async def test_a_mask_becomes_black_and_white(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = DashscopeBench(simulator, executor, "wanx2.1-imageedit")
        plain = self.request(bench, operation=EDIT, images=(reference(),), size="1024x1024")
        await self.run(bench, transport, plain)
        assert bench.last.path == "/api/v1/services/aigc/image2image/image-synthesis"
        picture = pictures.data_url(await reference().content.read())
        given = {"function": "description_edit", "prompt": "a red house", "base_image_url": picture}
        assert bench.last.json == {"model": "wanx2.1-imageedit", "input": given, "parameters": {"n": 1}}
        await self.run(bench, transport, replace(plain, mask=mask()))
        sent = bench.last.json["input"]
        assert sent["function"] == "description_edit_with_mask"
        head, _, base64 = sent["mask_image_url"].partition(",")
        assert head == "data:image/png;base64"
        drawn = b64decode(base64, validate=True)
        assert pictures.look(drawn) == ("png", (64, 64), "L")
        assert pictures.pixel(drawn, (32, 32))[0] == 255
        assert pictures.pixel(drawn, (0, 0))[0] == 0

    async def test_models_that_only_edit_or_only_make(self, simulator: DashscopeSimulator, executor: Executor) -> None:
        with pytest.raises(ModelNotFound):
            self.request(DashscopeBench(simulator, executor, "qwen-image-edit"))
        with pytest.raises(ModelNotFound):
            self.request(DashscopeBench(simulator, executor, "z-image-turbo"), operation=EDIT, images=(reference(),))
        with pytest.raises(InvalidRequest):
            self.request(DashscopeBench(simulator, executor, QWEN), operation=EDIT, images=(reference(),) * 4)
        with pytest.raises(InvalidRequest):
            self.request(DashscopeBench(simulator, executor, "qwen-image-max"), prompt="猫" * 801)

    async def test_workspace_and_key(self, simulator: DashscopeSimulator, executor: Executor, transport: Engine) -> None:
        simulator.workspace = "llm-abc"
        bench = DashscopeBench(simulator, executor, OLD, workspace="llm-abc")
        await self.run(bench, transport, self.request(bench))
        assert {request.headers["authorization"] for request in simulator.requests if "/files" not in request.path} == {
            f"Bearer {SECRET}"
        }
        other = DashscopeBench(simulator, executor, OLD)
        with pytest.raises(AuthFailed):
            await self.run(other, transport, self.request(other))

    async def test_a_job_tells_how_it_goes(self, simulator: DashscopeSimulator, executor: Executor, transport: Engine) -> None:
        simulator.states = ("PENDING", "SUSPENDED", "RUNNING", "NEW_STATE")
        bench = DashscopeBench(simulator, executor, OLD)
        seen = await self.run(bench, transport, self.request(bench, n=2))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["queued", "queued", "queued", "running", "waiting"]
        assert [detail.revised_prompt for detail in details(seen)] == ["A picture of a red house"] * 2
        end = finished(seen)
        assert end.extra["task_metrics"] == {"TOTAL": 2, "SUCCEEDED": 2, "FAILED": 0}
        assert end.extra["request_id"]
        assert end.usage is not None and end.usage.extra["image_count"] == 2

    async def test_usage_of_a_model_that_counts_tokens(self, bench: Bench, transport: Engine) -> None:
        if bench.model != WAN:
            return
        usage = finished(await self.run(bench, transport, self.request(bench))).usage
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (34, 2, 36)
        assert usage.extra["size"] == "2048*2048"

    async def test_a_rewritten_prompt_in_a_message(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.rewrites = True
        bench = DashscopeBench(simulator, executor, "z-image-turbo")
        seen = await self.run(bench, transport, self.request(bench))
        assert [detail.revised_prompt for detail in details(seen)] == ["A picture of a red house"]

    async def test_pictures_in_choices_of_their_own_and_in_results(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = DashscopeBench(simulator, executor, WAN)
        simulator.split = True
        assert len(completed(await self.run(bench, transport, self.request(bench, n=4)))) == 4
        simulator.as_results = True
        queued = self.request(bench, n=4, extra={"async_jobs": True})
        assert len(completed(await self.run(bench, transport, queued))) == 4

    @pytest.mark.parametrize("queued", [False, True])
    async def test_words_and_pictures_in_turn(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine, queued: bool
    ) -> None:
        bench = DashscopeBench(simulator, executor, IN_TURN, async_jobs=queued)
        seen = await self.run(bench, transport, self.request(bench, n=3, size="1024x1536", extra={"seed": "7"}))
        stream = {} if queued else {"stream": True}
        asked = {"seed": 7, "n": 1, "max_images": 3, "enable_interleave": True, "size": "1024*1536", **stream}
        assert bench.last.json["parameters"] == asked
        assert bench.last.headers.get("x-dashscope-sse") == (None if queued else "enable")
        assert [pictures.look(data).size for data in completed(seen)] == [(1024, 1536)] * 3
        assert [detail.extra["text"] for detail in details(seen)] == [f"Step {number}: cut." for number in (1, 2, 3)]
        end = finished(seen)
        assert end.extra["text"] == "Done." and end.extra["request_id"]
        assert end.usage is not None and end.usage.extra["image_count"] == 3

    @pytest.mark.parametrize("queued", [False, True])
    async def test_only_words(self, simulator: DashscopeSimulator, executor: Executor, transport: Engine, queued: bool) -> None:
        bench = DashscopeBench(simulator, executor, IN_TURN, async_jobs=queued)
        with pytest.raises(BadResponse, match="words instead of a picture"):
            await self.run(bench, transport, self.request(bench, prompt="a cat [words]"))

    async def test_a_stream_that_is_refused_on_the_way(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = DashscopeBench(simulator, executor, IN_TURN)
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, prompt="a cat [stream_content]"))
        simulator.script(Reply.raw(b'data:{"output":{"choices":[\n\n', "text/event-stream"))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    async def test_an_edit_in_turn_when_it_is_asked_for(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = DashscopeBench(simulator, executor, IN_TURN)
        asked = self.request(bench, operation=EDIT, images=(reference(300, 200),), size="2048x2048")
        await self.run(bench, transport, asked)
        assert bench.last.json["parameters"] == {"n": 1, "size": "2048*2048"}
        await self.run(bench, transport, replace(asked, extra={"enable_interleave": "true", "max_images": "2"}))
        parameters = bench.last.json["parameters"]
        assert (parameters["size"], parameters["max_images"], parameters["stream"]) == ("1280*1280", 2, True)

    @pytest.mark.parametrize("given", [{}, {"operation": EDIT, "images": (reference(),)}], ids=["generation", "edit"])
    async def test_the_size_of_pictures_between_words_is_told(
        self, simulator: DashscopeSimulator, executor: Executor, given: dict[str, Any]
    ) -> None:
        own = {"enable_interleave": True, "max_images": 2}
        adjusted = self.adjusted(DashscopeBench(simulator, executor, IN_TURN), **given, size="2048x2048", extra=own)
        assert (adjusted.dropped, adjusted.mapped) == ((), {"size": "2048x2048->1280x1280"})

    async def test_a_caller_cannot_ask_for_a_stream_elsewhere(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        bench = DashscopeBench(simulator, executor, QWEN)
        await self.run(bench, transport, self.request(bench, extra={"parameters": {"stream": True}}))
        assert "stream" not in bench.last.json["parameters"] and "x-dashscope-sse" not in bench.last.headers

    async def test_a_blocked_picture_costs_only_itself(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.blocked = frozenset({1})
        bench = DashscopeBench(simulator, executor, OLD)
        seen = await self.run(bench, transport, self.request(bench, n=3))
        assert len(completed(seen)) == 2
        (failed,) = finished(seen).extra["failed"]
        assert failed["code"] == "content_policy_violation"
        simulator.blocked = frozenset({0, 1, 2})
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, n=3))

    @pytest.mark.parametrize(
        ("word", "kind", "message"),
        [
            ("[task_content]", ContentRefused, "safety"),
            ("[task_failed]", Ambiguous, "failed"),
            ("[task_odd]", Ambiguous, "job failed"),
            ("[task_throttled]", Ambiguous, "took the job"),
            ("[task_parameter]", InvalidRequest, "size is not valid."),
            ("[task_canceled]", Ambiguous, "cancelled"),
            ("[task_expired]", Ambiguous, "no longer knows"),
            ("[task_empty]", BadResponse, "without a picture"),
        ],
    )
    async def test_how_a_job_fails(
        self,
        simulator: DashscopeSimulator,
        executor: Executor,
        transport: Engine,
        word: str,
        kind: type[GatewayError],
        message: str,
    ) -> None:
        bench = DashscopeBench(simulator, executor, OLD)
        with pytest.raises(kind, match=message) as caught:
            await self.run(bench, transport, self.request(bench, prompt=f"a cat {word}"))
        assert type(caught.value) is kind
        assert not simulator.canceled, "a job that ended by itself"

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("[content_200]", ContentRefused),
            ("[free_tier]", AuthFailed),
            ("[timeout]", Ambiguous),
            ("[nulls]", BadResponse),
        ],
    )
    async def test_other_ways_to_say_no(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind) as caught:
            await self.run(bench, transport, self.request(bench, prompt=f"a cat {word}"))
        assert getattr(caught.value, "timed_out", False) is (word == "[timeout]")

    async def test_whoever_leaves_cancels_the_job(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.states = ("PENDING",) * 1000
        bench = DashscopeBench(simulator, executor, OLD, poll_seconds=30)
        events = self.start(bench, transport, self.request(bench))
        await anext(events)
        await events.aclose()
        assert len(simulator.canceled) == 1
        cancel = simulator.requests[-1]
        assert cancel.path.endswith("/cancel") and cancel.headers["authorization"] == f"Bearer {SECRET}"

    async def test_a_running_job_cannot_be_cancelled_and_nobody_minds(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.states = ("RUNNING",) * 1000
        bench = DashscopeBench(simulator, executor, OLD)
        events = self.start(bench, transport, self.request(bench))
        await anext(events)
        await anext(events)
        await events.aclose()
        assert not simulator.canceled
        await until(lambda: bench.open_connections() == 0)

    async def test_a_job_that_cannot_be_asked_about_is_not_ordered_again(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine
    ) -> None:
        simulator.fail_next(429, envelope("Throttling", "slow down"), times=9, path="/api/v1/tasks")
        bench = DashscopeBench(simulator, executor, OLD)
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench))
        assert simulator.calls == 1

    @pytest.mark.parametrize("answer", [{"output": {"task_id": "../x"}}, {"output": {"task_id": 7}}, {"output": None}, [], "x"])
    async def test_an_odd_receipt(
        self, simulator: DashscopeSimulator, executor: Executor, transport: Engine, answer: Any
    ) -> None:
        simulator.script(Reply.json(answer))
        bench = DashscopeBench(simulator, executor, OLD)
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message":"gone"}', b'{"code":null}', b'{"error":{"code":""}}'])
def test_refusals_without_a_code_go_by_status(executor: Executor, body: bytes) -> None:
    adapter = DashscopeAdapter(CATALOG, executor)
    same_error(classified(adapter, 401, body), AuthFailed)
    same_error(classified(adapter, 400, body), InvalidRequest)
    same_error(classified(adapter, 502, body), Ambiguous)


def test_the_message_is_the_callers_only_for_his_own_mistake(executor: Executor) -> None:
    adapter = DashscopeAdapter(CATALOG, executor)
    body = orjson.dumps(envelope("InvalidParameter.Size", "size must match the format"))
    same_error(
        classified(adapter, 400, body), InvalidRequest, message="size must match the format.", code="InvalidParameter.Size"
    )
