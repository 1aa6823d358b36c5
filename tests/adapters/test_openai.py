"""The openai adapter against OpenAI's simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters.openai import OpenAIAdapter, OpenAIOptions
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Channel, ModelRoute, Secret
from imagegate.domain.events import CompletedImage, Finished, PartialImage
from imagegate.domain.images import ImageRequest, Operation
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, Seen, completed, mask, reference
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.openai import OpenAISimulator, Streaming

WORDS = {
    Failure.RATE_LIMIT: "[rate_limit]",
    Failure.OVERLOADED: "[503]",
    Failure.NO_CREDIT: "[quota]",
    Failure.CONTENT: "[moderation]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}


class OpenAIBench(Bench):
    """A channel to the simulator."""

    model = "gpt-image-2.5-flare"

    def __init__(self, simulator: OpenAISimulator, **options: Any) -> None:
        self.simulator = simulator
        self.adapter = OpenAIAdapter(Catalog.load())
        self.channel = Channel(
            "openai",
            "openai",
            simulator.base_url,
            (Secret(SECRET),),
            {self.model: ModelRoute(self.model)},
            options=OpenAIOptions(**options),
        )

    def left_behind(self, events: list[Seen]) -> Any:
        last = self.simulator.requests[-1]
        return (last.fields, [part.data for part in last.files]) if last.is_form else last.json

    def provoke(self, failure: Failure, request: ImageRequest) -> ImageRequest | None:
        if failure is Failure.BAD_KEY:
            self.simulator.key = "another-key"
            return request
        if failure is Failure.CUT:
            self.simulator.script(Reply.raw(b'{"created":1,"data":[{"b64_json":"', "application/json"))
            return request
        return replace(request, prompt=f"{request.prompt} {WORDS[failure]}")

    def open_connections(self) -> int:
        return sum(not request.complete for request in self.simulator.requests)


class TestOpenAI(AdapterContract):
    """The contract, and what is special to OpenAI's shape."""

    @pytest.fixture
    def simulator(self) -> Iterator[OpenAISimulator]:
        with OpenAISimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: OpenAISimulator) -> Iterator[Bench]:
        yield OpenAIBench(simulator)

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, simulator: OpenAISimulator, transport: Engine) -> None:
        asked = self.request(
            bench,
            n=2,
            size="1536x1024",
            quality="xhigh",
            output_format="webp",
            output_compression=40,
            moderation="low",
            safety_identifier="u1",
            extra={"x_new": {"a": 1}, "model": "other", "stream": True},
        )
        await self.run(bench, transport, asked)
        assert simulator.requests[-1].json == {
            "model": "gpt-image-2.5-flare",
            "prompt": "a red house",
            "n": 2,
            "size": "1536x1024",
            "quality": "xhigh",
            "output_format": "webp",
            "output_compression": 40,
            "moderation": "low",
            "safety_identifier": "u1",
            "x_new": {"a": 1},
        }
        assert simulator.requests[-1].headers["authorization"] == f"Bearer {SECRET}"

    async def test_only_our_headers_go_out(self, bench: Bench, simulator: OpenAISimulator, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench))
        assert set(simulator.requests[-1].headers) == {
            "host",
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
        }

    async def test_an_edit_is_multipart_in_openais_order(
        self, bench: Bench, simulator: OpenAISimulator, transport: Engine
    ) -> None:
        images = (reference(), reference(name="image-1.png", color=(0, 9, 0)))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images, mask=mask(), quality="low"))
        recorded = simulator.requests[-1]
        assert recorded.path == "/v1/images/edits"
        assert [part.name for part in recorded.parts] == ["model", "prompt", "quality", "image[]", "image[]", "mask"]
        assert int(recorded.headers["content-length"]) == len(recorded.body)
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images[:1]))
        assert [part.name for part in simulator.requests[-1].files] == ["image"]

    async def test_unknown_fields_of_the_answer_survive(
        self, bench: Bench, simulator: OpenAISimulator, transport: Engine
    ) -> None:
        simulator.extra_top = {"x_future": {"deep": [1]}}
        simulator.extra_item = {"x_item": "y"}
        seen = await self.run(bench, transport, self.request(bench))
        finished = seen[-1].event
        assert isinstance(finished, Finished)
        assert finished.extra == {"x_future": {"deep": [1]}}
        assert finished.usage is not None and finished.usage.total_tokens > 0
        done = seen[0].event
        assert isinstance(done, CompletedImage)
        assert done.details.extra == {"x_item": "y"}

    async def test_a_stream_tells_index_size_and_usage(self, bench: Bench, simulator: OpenAISimulator, transport: Engine) -> None:
        simulator.streaming = Streaming(newline=b"\r\n", comments=True, done=True)
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=2, size="1024x1024"))
        partials = [item.event for item in seen if isinstance(item.event, PartialImage)]
        assert [event.details.partial_index for event in partials] == [0, 1]
        done = seen[-1].event
        assert isinstance(done, CompletedImage)
        assert done.details.size == "1024x1024"
        assert done.details.usage is not None and done.details.usage.input_tokens > 0
        assert simulator.requests[-1].json["stream"] is True

    async def test_a_server_without_sse_is_asked_for_json(self, simulator: OpenAISimulator, transport: Engine) -> None:
        bench = OpenAIBench(simulator, stream=False)
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=2))
        assert len(completed(seen)) == 1
        assert not {"stream", "partial_images"} & simulator.requests[-1].json.keys()

    async def test_channel_overrides_win_and_organization_goes_along(self, simulator: OpenAISimulator, transport: Engine) -> None:
        bench = OpenAIBench(simulator, organization="org-1", project="proj-1")
        bench.channel = replace(bench.channel, overrides={"moderation": "low"}, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, moderation="auto"))
        recorded = simulator.requests[-1]
        assert recorded.json["moderation"] == "low"
        assert (recorded.headers["openai-organization"], recorded.headers["openai-project"]) == ("org-1", "proj-1")
        assert recorded.headers["x-team"] == "a"

    @pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
    async def test_a_picture_that_breaks_off_is_an_error(
        self, bench: Bench, simulator: OpenAISimulator, transport: Engine, ending: Ending
    ) -> None:
        simulator.script(
            Reply(
                200,
                [Piece(b'{"data":[{"b64_json":"iVBORw0KGgo')],
                {"content-type": "application/json"},
                length=5000,
                ending=ending,
            )
        )
        with pytest.raises(Exception, match="cut short"):
            await self.run(bench, transport, self.request(bench))
