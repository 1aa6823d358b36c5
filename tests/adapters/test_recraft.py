"""The recraft adapter against its simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from imagegate.adapters.recraft import RecraftAdapter
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, catalog, classified, form_of, same_error
from tests.simulators.base import Reply
from tests.simulators.recraft import RecraftSimulator
from tests.support import pictures


class RecraftBench(SimulatedBench):
    """A channel to the simulator."""

    cut: ClassVar[Reply] = Reply.raw(b'{"created":1,"data":[{"image_id":"1","b64_json":"iVBORw0K', "application/json")


class TestRecraft(LinkedContract):
    """The contract, and what is special to Recraft."""

    model = "recraftv3"

    @pytest.fixture
    def simulator(self) -> Iterator[RecraftSimulator]:
        with RecraftSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def adapter(self) -> Iterator[RecraftAdapter]:
        with ThreadPoolExecutor(1) as executor:
            yield RecraftAdapter(catalog(), executor)

    @pytest.fixture
    def bench(self, simulator: RecraftSimulator, adapter: RecraftAdapter) -> Iterator[Bench]:
        yield RecraftBench(simulator, adapter, self.model)

    def at(self, bench: Bench, model: str, **options: Any) -> RecraftBench:
        assert isinstance(bench, RecraftBench)
        return RecraftBench(bench.simulator, bench.adapter, model, **options)

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, transport: Engine) -> None:
        extra = {"negative_prompt": "fog", "controls": {"no_text": True}, "seed": 7, "model": "other"}
        asked = self.request(
            bench, n=2, size="16:9", output_format="png", style="realistic_image", quality="high", user="u", extra=extra
        )
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, self.model).last
        assert (last.path, last.headers["authorization"]) == ("/v1/images/generations", f"Bearer {SECRET}")
        assert last.json == {
            "model": "recraftv3",
            "prompt": "a red house",
            "n": 2,
            "size": "1820x1024",
            "style": "realistic_image",
            "image_format": "png",
            "response_format": "b64_json",
            "negative_prompt": "fog",
            "controls": {"no_text": True},
            "random_seed": 7,
        }
        assert [pictures.look(data)[:2] for data in completed(seen)] == [("png", (1820, 1024))] * 2

    async def test_credits_and_the_pictures_name_are_told(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench))
        done, finished = seen[0].event, seen[-1].event
        assert isinstance(done, CompletedImage) and isinstance(finished, Finished)
        assert set(done.details.extra) == {"image_id"}
        assert (finished.created, finished.extra) == (1_795_167_015, {"credits": 40})

    async def test_urls_may_be_asked_for(self, bench: Bench, transport: Engine) -> None:
        linked = self.at(bench, self.model, response_format="url")
        seen = await self.run(linked, transport, self.request(linked))
        assert linked.last.json["response_format"] == "url"
        done = seen[0].event
        assert isinstance(done, CompletedImage) and isinstance(done.source, ImageLink)
        assert pictures.look(completed(seen)[0]).size == (1024, 1024)

    async def test_an_edit_is_a_form_with_strength(self, bench: Bench, transport: Engine) -> None:
        edit = {"operation": Operation.EDIT, "images": (reference(),), "size": "1024x1024"}
        extra = {"controls": {"no_text": True}, "substyle": "hdr"}
        await self.run(bench, transport, self.request(bench, **edit, extra=extra))
        last = self.at(bench, self.model).last
        assert last.path == "/v1/images/imageToImage"
        assert form_of(last)[:-1] == [
            ("controls", b'{"no_text":true}'),
            ("substyle", b"hdr"),
            ("model", b"recraftv3"),
            ("prompt", b"a red house"),
            ("response_format", b"b64_json"),
            ("strength", b"0.5"),
        ]
        bolder = self.at(bench, "recraftv4_1", strength=0.8)
        await self.run(bolder, transport, self.request(bolder, **edit))
        assert dict(form_of(bolder.last))["strength"] == b"0.8"
        await self.run(bolder, transport, self.request(bolder, **edit, extra={"strength": "0.1"}))
        assert dict(form_of(bolder.last))["strength"] == b"0.1"

    async def test_a_mask_is_white_where_it_was_transparent(self, bench: Bench, transport: Engine) -> None:
        edit = self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask())
        seen = await self.run(bench, transport, edit)
        last = self.at(bench, self.model).last
        assert last.path == "/v1/images/inpaint"
        assert [name for name, _ in form_of(last)] == ["model", "prompt", "response_format", "image", "mask"]
        data = dict(form_of(last))["mask"]
        assert pictures.pixel(data, (32, 32))[:3] == (255, 255, 255)
        assert pictures.pixel(data, (1, 1))[:3] == (0, 0, 0)
        assert pictures.look(completed(seen)[0]).size == (64, 64)

    async def test_a_vector_model_makes_svg_and_is_not_asked_for_it(self, bench: Bench, transport: Engine) -> None:
        vector = self.at(bench, "recraftv4_1_vector")
        seen = await self.run(vector, transport, self.request(vector, output_format="svg", style="vivid"))
        assert "image_format" not in vector.last.json and "style" not in vector.last.json
        assert completed(seen)[0].startswith(b"<svg")
        with pytest.raises(InvalidRequest, match="does not make 'png'"):
            self.request(vector, output_format="png")

    @pytest.mark.parametrize("model", ["recraftv4_1_flash", "recraftv2", "recraftv4_styles"])
    def test_what_only_generates_is_refused_an_edit(self, bench: Bench, model: str) -> None:
        with pytest.raises(ModelNotFound):
            self.request(self.at(bench, model), operation=Operation.EDIT, images=(reference(),))

    def test_limits(self, bench: Bench) -> None:
        with pytest.raises(InvalidRequest, match="at most 1000"):
            self.request(bench, prompt="a" * 1001)
        with pytest.raises(InvalidRequest, match="at most 6"):
            self.request(bench, n=7)

    @pytest.mark.parametrize(("word", "kind"), [("[error_200]", ContentRefused), ("[odd_200]", BadResponse)])
    async def test_an_error_in_a_good_answer(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=word))

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (400, b'{"code":"invalid_request_parameter","message":"size: no"}', InvalidRequest),
            (400, b'{"code":"not_enough_credits","message":"no"}', AuthFailed),
            (400, b'{"code":"content_policy_violation","message":"no"}', ContentRefused),
            (400, b'{"error":{"code":"moderation_blocked","message":"no","param":"prompt"}}', ContentRefused),
            (400, b'{"code":{"a":1}}', InvalidRequest),
            (400, b"plain words", InvalidRequest),
            (401, b"request unauthorized", AuthFailed),
            (402, b"", AuthFailed),
            (404, b"404 page not found", Unavailable),
            (422, b"{}", InvalidRequest),
            (429, b'{"code":"rate_limit_exceeded"}', RateLimited),
            (500, b"internal server error", Ambiguous),
            (503, b"[]", Unavailable),
        ],
    )
    def test_refusals(self, adapter: RecraftAdapter, status: int, body: bytes, kind: type[GatewayError]) -> None:
        same_error(classified(adapter, status, body), kind)
