"""The bfl adapter against its simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from imagegate.adapters.bfl import BflAdapter
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, Progress
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
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, Bench, Failure, Seen, completed, mask, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import WORDS, SimulatedBench, catalog, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.bfl import BflSimulator
from tests.support import pictures


class BflBench(SimulatedBench):
    """A channel to the simulator, looked at without delay."""

    words: ClassVar = {**WORDS, Failure.CONTENT: "[content_moderated]", Failure.NO_PICTURE: "[no_sample]"}
    cut: ClassVar[Reply] = Reply.raw(b'{"id":"1","polling', "application/json")


class TestBfl(LinkedContract):
    """The contract, and what is special to BFL."""

    model = "flux-2-pro"

    @pytest.fixture
    def simulator(self) -> Iterator[BflSimulator]:
        with BflSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def adapter(self) -> Iterator[BflAdapter]:
        with ThreadPoolExecutor(1) as executor:
            yield BflAdapter(catalog(), executor)

    @pytest.fixture
    def bench(self, simulator: BflSimulator, adapter: BflAdapter) -> Iterator[Bench]:
        yield BflBench(simulator, adapter, self.model, poll_seconds=0.01)

    def at(self, bench: Bench, model: str, **options: Any) -> BflBench:
        assert isinstance(bench, BflBench)
        return BflBench(bench.simulator, bench.adapter, model, **{"poll_seconds": 0.01, **options})

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, transport: Engine) -> None:
        extra = {"seed": "7", "safety_tolerance": 4, "prompt_upsampling": "true", "webhook_url": "https://evil.test", "n": 3}
        asked = self.request(bench, size="1000x500", output_format="png", extra=extra)
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, self.model).last
        assert (last.path, last.headers["x-key"]) == ("/v1/flux-2-pro", SECRET)
        assert last.json == {
            "prompt": "a red house",
            "width": 992,
            "height": 496,
            "output_format": "png",
            "seed": 7,
            "safety_tolerance": 4,
            "prompt_upsampling": True,
        }
        assert pictures.look(completed(seen)[0])[:2] == ("png", (992, 496))

    async def test_progress_details_and_cost_are_told(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["submitted", "working"]
        assert pictured(seen).details == ImageDetails(extra={"seed": 42})
        finished = seen[-1].event
        assert isinstance(finished, Finished)
        assert finished.extra == {"cost": 3.0, "input_mp": 0.0, "output_mp": 1.05}

    async def test_references_are_base64_with_a_number(self, bench: Bench, transport: Engine) -> None:
        images = tuple(reference(color=(number, 0, 0)) for number in range(8))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        body = self.at(bench, self.model).last.json
        assert list(body) == ["prompt", "input_image", *(f"input_image_{number}" for number in range(2, 9))]
        assert base64.b64decode(body["input_image_8"]) == await images[7].content.read()
        with pytest.raises(InvalidRequest, match="at most 8"):
            self.request(bench, operation=Operation.EDIT, images=(*images, reference()))

    @pytest.mark.parametrize(
        ("model", "size", "sent"),
        [
            ("flux-2-max", "4096x4096", {"width": 2048, "height": 2048}),
            ("flux-2-flex", "512x512", {"width": 512, "height": 512}),
            ("flux-kontext-pro", "1920x1080", {"aspect_ratio": "16:9"}),
            ("flux-kontext-max", "9:21", {"aspect_ratio": "9:21"}),
            ("flux-pro-1.1", "1500x1000", {"width": 1440, "height": 960}),
            ("flux-pro-1.1-ultra", "3:2", {"aspect_ratio": "3:2"}),
            ("flux-dev", "auto", {}),
            ("flux-2-pro", None, {}),
        ],
    )
    async def test_each_model_says_size_its_way(
        self, bench: Bench, transport: Engine, model: str, size: str | None, sent: dict[str, Any]
    ) -> None:
        other = self.at(bench, model)
        await self.run(other, transport, self.request(other, size=size))
        assert other.last.json == {"prompt": "a red house", **sent}

    @pytest.mark.parametrize(
        ("model", "extra", "name"),
        [
            ("flux-kontext-pro", {}, "input_image"),
            ("flux-pro-1.1", {}, "image_prompt"),
            ("flux-pro-1.1-ultra", {"image_prompt_strength": 0.2, "raw": True}, "image_prompt"),
            ("flux-pro-1.0-fill", {"steps": 20, "guidance": 60}, "image"),
            ("flux-pro-1.0-expand", {"top": 64}, "image"),
            ("flux-pro-1.0-canny", {}, "control_image"),
            ("flux-pro-1.0-depth", {}, "control_image"),
        ],
    )
    async def test_each_model_names_its_picture(
        self, bench: Bench, transport: Engine, model: str, extra: dict[str, Any], name: str
    ) -> None:
        other = self.at(bench, model)
        await self.run(other, transport, self.request(other, operation=Operation.EDIT, images=(reference(),), extra=extra))
        assert set(other.last.json) == {"prompt", name, *extra}

    async def test_a_mask_is_white_where_it_was_transparent(self, bench: Bench, transport: Engine) -> None:
        fill = self.at(bench, "flux-pro-1.0-fill")
        edit = {"operation": Operation.EDIT, "images": (reference(),), "mask": mask(), "size": "1024x1024"}
        seen = await self.run(fill, transport, self.request(fill, **edit))
        assert set(fill.last.json) == {"prompt", "image", "mask"}
        data = base64.b64decode(fill.last.json["mask"])
        assert pictures.pixel(data, (32, 32))[:3] == (255, 255, 255)
        assert pictures.pixel(data, (1, 1))[:3] == (0, 0, 0)
        assert pictures.look(completed(seen)[0]).size == (64, 64)

    async def test_the_region_that_works_is_the_one_that_is_asked(
        self, bench: Bench, transport: Engine, simulator: BflSimulator
    ) -> None:
        simulator.polling_origin = simulator.url.replace("127.0.0.1", "localhost")
        regional = self.at(bench, self.model, polling_hosts=("localhost",))
        await self.run(regional, transport, self.request(bench))
        looks = [request.headers["host"] for request in simulator.requests if request.path == "/v1/get_result"]
        assert looks and all(host.startswith("localhost:") for host in looks)

    async def test_a_host_that_is_not_the_providers_never_sees_the_key(
        self, bench: Bench, transport: Engine, simulator: BflSimulator
    ) -> None:
        simulator.polling_origin = simulator.url.replace("127.0.0.1", "localhost")
        with pytest.raises(BadResponse, match="not its own"):
            await self.run(bench, transport, self.request(bench))
        assert [request.method for request in simulator.requests] == ["POST"]

    async def test_the_status_may_be_called_state(self, bench: Bench, transport: Engine, simulator: BflSimulator) -> None:
        simulator.word = "state"
        assert len(completed(await self.run(bench, transport, self.request(bench)))) == 1

    async def test_a_job_may_be_unknown_for_a_moment(self, bench: Bench, transport: Engine, simulator: BflSimulator) -> None:
        simulator.script(Reply.json({"status": "Task not found"}), times=2, path="/v1/get_result")
        assert len(completed(await self.run(bench, transport, self.request(bench)))) == 1

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("[request_moderated]", ContentRefused),
            ("[content_moderated]", ContentRefused),
            ("[error]", Ambiguous),
            ("[failed]", Ambiguous),
            ("[lost]", Ambiguous),
            ("[no_sample]", BadResponse),
            ("[no_id]", BadResponse),
        ],
    )
    async def test_ends_that_are_no_picture(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind) as caught:
            await self.run(bench, transport, self.request(bench, prompt=word))
        assert not getattr(caught.value, "next_candidate", False), "the job is ordered and may be paid"

    @pytest.mark.parametrize("status", [403, 429, 500, 503])
    async def test_a_look_that_fails_never_orders_again(
        self, bench: Bench, transport: Engine, simulator: BflSimulator, status: int
    ) -> None:
        simulator.fail_next(status, {"detail": "x"}, times=4, path="/v1/get_result")
        assert len(completed(await self.run(bench, transport, self.request(bench)))) == 1
        simulator.fail_next(status, {"detail": "x"}, times=5, path="/v1/get_result")
        with pytest.raises(Ambiguous):
            await self.run(bench, transport, self.request(bench))
        assert simulator.calls == 2

    async def test_a_slow_job_shows_its_progress(self, bench: Bench, transport: Engine, simulator: BflSimulator) -> None:
        for share in (0, 0.25, 0.25, 0.5, "x", True):
            simulator.script(Reply.json({"status": "Pending", "progress": share}), path="/v1/get_result")
        seen = await self.run(bench, transport, self.request(bench))
        notes = [item.event.note for item in seen if isinstance(item.event, Progress)]
        assert notes == ["submitted", "working", "working, 25%", "working, 50%", "working"]

    async def test_a_prompt_that_was_rewritten_is_told(self, bench: Bench, transport: Engine, simulator: BflSimulator) -> None:
        ready = {
            "status": "Ready",
            "result": {"sample": f"{simulator.url}/delivery/0.jpeg", "prompt": "A red house.", "seed": None},
        }
        simulator.script(Reply.json(ready), path="/v1/get_result")
        events = [event async for event in self.start(bench, transport, self.request(bench))]
        done = next(event for event in events if isinstance(event, CompletedImage))
        assert done.details == ImageDetails(revised_prompt="A red house.")

    @pytest.mark.parametrize(
        ("status", "body", "kind", "told"),
        [
            (
                422,
                b'{"detail":[{"type":"value_error","loc":["body","width"],"msg":"must be a multiple of 32"}]}',
                InvalidRequest,
                {"param": "width", "code": "value_error", "message": "width: must be a multiple of 32."},
            ),
            (422, b'{"detail":"Invalid image"}', InvalidRequest, {"message": "Invalid image."}),
            (422, b'{"detail":[]}', InvalidRequest, {"param": None}),
            (422, b'{"detail":[null,{"loc":["body"],"msg":"JSON decode error"}]}', InvalidRequest, {"param": None}),
            (422, b'{"detail":[{"loc":["body",0],"msg":null}]}', InvalidRequest, {"param": None}),
            (400, b"[]", InvalidRequest, {}),
            (402, b'{"detail":"Insufficient credits"}', AuthFailed, {}),
            (403, b'{"detail":"Not authenticated - Invalid Authentication"}', AuthFailed, {}),
            (404, b'{"detail":"Not Found"}', Unavailable, {}),
            (429, b"", RateLimited, {}),
            (500, b"", Ambiguous, {}),
            (503, b"", Unavailable, {}),
        ],
    )
    def test_refusals(
        self, adapter: BflAdapter, status: int, body: bytes, kind: type[GatewayError], told: dict[str, Any]
    ) -> None:
        same_error(classified(adapter, status, body), kind, **told)


def pictured(seen: list[Seen]) -> CompletedImage:
    """The one finished picture."""
    (event,) = (item.event for item in seen if isinstance(item.event, CompletedImage))
    return event
