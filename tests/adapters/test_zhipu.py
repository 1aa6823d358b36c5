"""The zhipu adapter against Zhipu's simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.zhipu import ZhipuAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, Finished, ImageLink, Progress
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, Seen, completed
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Ending, Reply
from tests.simulators.zhipu import ZhipuSimulator, envelope
from tests.support import pictures

CATALOG = Catalog.load()
GLM, COGVIEW = "glm-image", "cogview-4-250304"
WORDS = {
    Failure.RATE_LIMIT: "[rate]",
    Failure.OVERLOADED: "[busy]",
    Failure.NO_CREDIT: "[balance]",
    Failure.CONTENT: "[content]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}


class ZhipuBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = WORDS
    cut = Reply.raw(b'{"created":1,"data":[{"url":"http', "application/json", length=500, ending=Ending.CLOSE)

    def __init__(self, simulator: ZhipuSimulator, model: str = COGVIEW, **options: Any) -> None:
        super().__init__(simulator, ZhipuAdapter(CATALOG), model, **{"poll_seconds": 0.01, **options})


def finished(seen: list[Seen]) -> Finished:
    event = seen[-1].event
    assert isinstance(event, Finished)
    return event


class TestZhipu(LinkedContract):
    """The contract at once and queued, and what is Zhipu's own."""

    @pytest.fixture
    def simulator(self) -> Iterator[ZhipuSimulator]:
        with ZhipuSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[(COGVIEW, False), (GLM, False), (GLM, True)], ids=["cogview", "glm", "glm-queued"])
    def bench(self, simulator: ZhipuSimulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
        model, queued = request.param
        yield ZhipuBench(simulator, model, async_jobs=queued)

    @pytest.mark.parametrize(
        ("given", "dropped"),
        [
            ({"user": "user-1"}, ()),
            ({"user": "u"}, ("user",)),
            ({"user": "user-1", "safety_identifier": "person-1"}, ("user",)),
            ({"user": "person-1", "safety_identifier": "person-1"}, ()),
            ({"safety_identifier": "x" * 129}, ("safety_identifier",)),
            ({"user": "user-1", "extra": {"user_id": "person-1", "watermark": False}}, ("user",)),
            ({"extra": {"style": "vivid"}, "style": "vivid"}, ("style", "style")),
        ],
    )
    async def test_what_has_no_place_is_told(self, bench: Bench, given: Mapping[str, Any], dropped: tuple[str, ...]) -> None:
        assert self.adjusted(bench, **given).dropped == dropped

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (COGVIEW, {}, {}),
            (COGVIEW, {"size": "auto"}, {}),
            (COGVIEW, {"size": "1536x1024"}, {"size": "1536x1024"}),
            (COGVIEW, {"size": "100x100"}, {"size": "512x512"}),
            (COGVIEW, {"size": "4096x4096"}, {"size": "1440x1440"}),
            (COGVIEW, {"extra": {"aspect_ratio": "16:9"}}, {"size": "1280x720"}),
            (COGVIEW, {"quality": "high"}, {"quality": "hd"}),
            (COGVIEW, {"quality": "low"}, {"quality": "standard"}),
            (COGVIEW, {"quality": "auto"}, {}),
            (GLM, {"quality": "low", "size": "512x512"}, {"quality": "hd", "size": "1024x1024"}),
            (GLM, {"size": "1280x1030"}, {"size": "1280x1024"}),
            (COGVIEW, {"user": "caller-1"}, {"user_id": "caller-1"}),
            (COGVIEW, {"user": "caller-1", "safety_identifier": "hash-77"}, {"user_id": "hash-77"}),
            (COGVIEW, {"user": "short"}, {}),
            (COGVIEW, {"user": "x" * 129}, {}),
            (COGVIEW, {"user": "caller-1", "extra": {"user_id": "own-user"}}, {"user_id": "own-user"}),
            (COGVIEW, {"extra": {"watermark": False}}, {"watermark_enabled": False}),
            (COGVIEW, {"extra": {"watermark": True, "watermark_enabled": False}}, {"watermark_enabled": False}),
            (COGVIEW, {"extra": {"watermark_enabled": None, "request_id": "r-000001"}}, {"request_id": "r-000001"}),
            (
                COGVIEW,
                {"extra": {"sensitive_word_check": {"type": "ALL", "status": "DISABLE"}}},
                {"sensitive_word_check": {"type": "ALL", "status": "DISABLE"}},
            ),
            (COGVIEW, {"extra": {"model": "other", "n": 4, "seed": 7, "api_base": "x", "async_jobs": True}}, {}),
            (COGVIEW, {"style": "vivid", "moderation": "low", "output_format": "png", "stream": True}, {}),
        ],
    )
    async def test_fields(
        self, simulator: ZhipuSimulator, transport: Engine, model: str, given: dict[str, Any], sent: dict[str, Any]
    ) -> None:
        bench = ZhipuBench(simulator, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.path == "/api/paas/v4/images/generations"
        assert bench.last.json == {"model": model, "prompt": "a red house", **sent}

    async def test_credential_and_headers(self, bench: Bench, simulator: ZhipuSimulator, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench))
        order = next(request for request in simulator.requests if request.method == "POST")
        assert order.headers["authorization"] == f"Bearer {SECRET}"
        assert order.headers["accept-language"] == "en-US,en"

    async def test_the_channel_has_the_last_word(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        bench = ZhipuBench(simulator, watermark_enabled=False)
        bench.channel = replace(bench.channel, overrides={"quality": "hd"})
        await self.run(bench, transport, self.request(bench, quality="standard"))
        assert (bench.last.json["quality"], bench.last.json["watermark_enabled"]) == ("hd", False)
        await self.run(bench, transport, self.request(bench, extra={"watermark_enabled": True}))
        assert bench.last.json["watermark_enabled"] is True

    async def test_the_picture_has_the_size_that_was_sent(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, size="1024x1536"))
        assert pictures.look(completed(seen)[0]).size == (1024, 1536)

    async def test_what_the_answer_says_is_kept(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        simulator.usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "call_count": 1}
        bench = ZhipuBench(simulator)
        end = finished(await self.run(bench, transport, self.request(bench)))
        assert end.usage is not None and end.created
        assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.total_tokens) == (5, 7, 12)
        assert end.usage.extra == {"call_count": 1}
        assert end.extra["content_filter"] == [{"role": "assistant", "level": 3}]
        assert end.extra["request_id"]

    async def test_a_picture_in_the_answer_itself(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        simulator.script(Reply.json({"created": "5", "data": [None, {"b64_json": "aGk=", "url": None}, {"url": ""}]}))
        bench = ZhipuBench(simulator)
        seen = await self.run(bench, transport, self.request(bench))
        assert completed(seen) == [b"hi"]
        assert finished(seen).created == 5

    async def test_a_job_is_polled_until_it_is_done(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        bench = ZhipuBench(simulator, GLM)
        simulator.polls = 3
        seen = await self.run(bench, transport, self.request(bench, extra={"async_jobs": True}, quality="hd", user="caller-1"))
        assert [type(item.event) for item in seen] == [Progress] * 4 + [CompletedImage, Finished]
        assert [request.path.rpartition("/")[0] for request in simulator.requests[:2]] == [
            "/api/paas/v4/async/images",
            "/api/paas/v4/async-result",
        ]
        sent = {"model": GLM, "prompt": "a red house", "quality": "hd", "user_id": "caller-1"}
        assert simulator.requests[0].json == sent
        assert finished(seen).extra["id"]

    @pytest.mark.parametrize(
        ("end", "kind"),
        [
            ({"task_status": "FAIL"}, Ambiguous),
            ({"task_status": "FAIL", **envelope("1301", "unsafe")}, ContentRefused),
            ({"task_status": "FAIL", **envelope("1305", "throttled")}, Ambiguous),
            ({"task_status": "FAIL", "content_filter": [{"role": "user", "level": 0}]}, ContentRefused),
            ({"task_status": "FAIL", **envelope("9999", "what")}, BadResponse),
            ({"task_status": "SUCCESS", "image_result": None}, BadResponse),
            ({"task_status": "SUCCESS", "image_result": [{"url": None}]}, BadResponse),
            (envelope("1234", "network"), Ambiguous),
        ],
    )
    async def test_how_a_job_fails(
        self, simulator: ZhipuSimulator, transport: Engine, end: dict[str, Any], kind: type[GatewayError]
    ) -> None:
        bench = ZhipuBench(simulator, GLM, async_jobs=True)
        simulator.job_end = end
        with pytest.raises(kind) as caught:
            await self.run(bench, transport, self.request(bench))
        assert type(caught.value) is kind

    async def test_a_job_that_cannot_be_asked_about_is_not_ordered_again(
        self, simulator: ZhipuSimulator, transport: Engine
    ) -> None:
        bench = ZhipuBench(simulator, GLM, async_jobs=True)
        simulator.fail_next(429, envelope("1302", "slow down"), times=9, path="/api/paas/v4/async-result")
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ({"id": None}, BadResponse),
            ({"id": "../evil"}, BadResponse),
            (["x"], BadResponse),
            (envelope("1302", "slow"), RateLimited),
        ],
    )
    async def test_an_odd_receipt(
        self, simulator: ZhipuSimulator, transport: Engine, answer: Any, kind: type[GatewayError]
    ) -> None:
        simulator.script(Reply.json(answer))
        bench = ZhipuBench(simulator, GLM, async_jobs=True)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("[content_200]", ContentRefused),
            ("[filtered]", ContentRefused),
            ("[nulls]", BadResponse),
            ("[error_200]", Ambiguous),
            ("[503]", Unavailable),
            ("[daily]", AuthFailed),
        ],
    )
    async def test_other_ways_to_say_no(
        self, simulator: ZhipuSimulator, transport: Engine, word: str, kind: type[GatewayError]
    ) -> None:
        bench = ZhipuBench(simulator)
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=f"a cat {word}"))

    async def test_prompts_above_the_limit_are_refused_here(self, simulator: ZhipuSimulator) -> None:
        bench = ZhipuBench(simulator)
        self.request(bench, prompt="猫" * 1000)
        with pytest.raises(InvalidRequest):
            self.request(bench, prompt="猫" * 1001)

    async def test_an_unsigned_account_is_told_about_the_watermark(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        simulator.signed = False
        bench = ZhipuBench(simulator)
        with pytest.raises(InvalidRequest, match="disclaimer") as caught:
            await self.run(bench, transport, self.request(bench, extra={"watermark": False}))
        assert caught.value.code == "1210"

    async def test_links_are_the_providers(self, simulator: ZhipuSimulator, transport: Engine) -> None:
        bench = ZhipuBench(simulator)
        seen = await self.run(bench, transport, self.request(bench))
        done = seen[0].event
        assert isinstance(done, CompletedImage) and isinstance(done.source, ImageLink)
        assert done.source.url.startswith(simulator.url)


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (400, ("1300", "1301"), ContentRefused),
        (400, ("1210", "1213", "1214", "1215", "1231", "1261", "7777"), InvalidRequest),
        (400, ("1211", "1212", "1221", "1222"), ModelMissing),
        (401, ("1000", "1001", "1002", "1003", "1004", "7777"), AuthFailed),
        (403, ("1100", "1110", "1111", "1112", "1120", "1121", "1220"), AuthFailed),
        (429, ("1113", "1304", "1308", "1309", "1310", "1311", "1313"), AuthFailed),
        (429, ("1302", "1303", "1305", "7777"), RateLimited),
        (429, ("1312",), Unavailable),
        (404, ("7777",), ModelMissing),
        (434, ("434", "7777"), AuthFailed),
        (435, ("435", "7777"), TooLarge),
        (500, ("500", "1200", "1230", "1234", "7777"), Ambiguous),
    ],
)
@pytest.mark.parametrize("as_number", [False, True])
def test_codes(status: int, codes: tuple[str, ...], kind: type[GatewayError], as_number: bool) -> None:
    adapter = ZhipuAdapter(CATALOG)
    for code in codes:
        body = {"error": {"code": int(code) if as_number else code, "message": f"why {code}"}}
        error = classified(adapter, status, orjson.dumps(body), {"retry-after": "3"})
        same_error(error, kind, retry_after=3 if kind in {RateLimited, Unavailable} else None)
        assert (f"why {code}" in error.message) is (kind is InvalidRequest)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"gone"}', b'{"error":null}', b'{"error":{"code":null}}'])
def test_bodies_without_a_code_go_by_status(body: bytes) -> None:
    same_error(classified(ZhipuAdapter(CATALOG), 503, body), Unavailable)
    same_error(classified(ZhipuAdapter(CATALOG), 400, body), InvalidRequest)
