"""The openai adapter against OpenAI's simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters.openai import OpenAIAdapter
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.events import CompletedImage, Finished, PartialImage
from imagegate.domain.images import Operation
from imagegate.errors import InvalidRequest
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, completed, mask, reference
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.openai import OpenAISimulator, Streaming
from tests.simulators.openai_rules import MODELS
from tests.support import pictures


class OpenAIBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"created":1,"data":[{"b64_json":"', "application/json")

    def __init__(self, simulator: Any, model: str = "gpt-image-2.5-flare", **options: Any) -> None:
        super().__init__(simulator, OpenAIAdapter(catalog()), model, **options)


class TestOpenAI(AdapterContract):
    """The contract, and what is special to OpenAI's shape."""

    @pytest.fixture
    def simulator(self) -> Iterator[OpenAISimulator]:
        with OpenAISimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: OpenAISimulator) -> Iterator[Bench]:
        yield OpenAIBench(simulator)

    async def test_previews_of_a_channel_that_does_not_stream_are_dropped_by_name(self, simulator: OpenAISimulator) -> None:
        asked: dict[str, Any] = {"stream": True, "partial_images": 2}
        assert self.adjusted(OpenAIBench(simulator), **asked).dropped == ()
        assert self.adjusted(OpenAIBench(simulator, stream=False), **asked).dropped == ("partial_images",)

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

    async def test_an_svg_and_what_its_writing_cost(self, bench: Bench, simulator: OpenAISimulator, transport: Engine) -> None:
        cost = {"model": "author", "input_tokens": 5, "output_tokens": 900, "reasoning_tokens": 300, "total_tokens": 905}
        simulator.extra_top = {"svg_usage": cost}
        svg = {"model": "author", "reasoning": {"effort": "low"}}
        asked = self.request(bench, output_format="svg", svg=svg, stream=True, partial_images=2, output_compression=50)
        seen = await self.run(bench, transport, asked)
        assert completed(seen)[0].startswith(b"<svg ")
        assert simulator.requests[-1].json == {
            "model": "gpt-image-2.5-flare",
            "prompt": "a red house",
            "output_format": "svg",
            "svg": svg,
        }
        finished = seen[-1].event
        assert isinstance(finished, Finished) and finished.usage is not None
        assert (finished.extra, finished.details.output_format) == ({"svg_usage": cost}, "svg")
        await self.run(bench, transport, replace(asked, operation=Operation.EDIT, images=(reference(),)))
        sent = simulator.requests[-1].fields
        assert (sent["svg[model]"], sent["svg[reasoning][effort]"]) == ("author", "low")

    async def test_an_animation(self, bench: Bench, simulator: OpenAISimulator, transport: Engine) -> None:
        asked = self.request(bench, output_format="gif", frame_count=3, frame_duration_ms=80, stream=True, partial_images=1)
        seen = await self.run(bench, transport, asked)
        assert pictures.look(completed(seen)[0]).format == "gif"
        assert simulator.requests[-1].json == {
            "model": "gpt-image-2.5-flare",
            "prompt": "a red house",
            "output_format": "gif",
            "frame_count": 3,
            "frame_duration_ms": 80,
        }
        still = self.request(bench, output_format="png", frame_count=3, frame_duration_ms=80, svg={"model": "author"})
        await self.run(bench, transport, still)
        assert not {"frame_count", "frame_duration_ms", "svg"} & simulator.requests[-1].json.keys()

    async def test_a_markup_goes_along_where_the_model_has_it(self, simulator: OpenAISimulator, transport: Engine) -> None:
        for model, names in {"gpt-image-2.5-sunburst": ["image", "markup"], "gpt-image-2": ["image"]}.items():
            bench = OpenAIBench(simulator, model)
            asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), markup=mask())
            await self.run(bench, transport, asked)
            assert [part.name for part in simulator.requests[-1].files] == names

    @pytest.mark.parametrize("given", [{"markup": mask()}, {"output_format": "gif"}])
    async def test_what_a_mask_cannot_be_combined_with_is_refused_before_any_call(
        self, bench: Bench, simulator: OpenAISimulator, transport: Engine, given: dict[str, Any]
    ) -> None:
        asked = self.request(bench, operation=Operation.EDIT, images=(reference(),), mask=mask(), **given)
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, asked)
        assert caught.value.param in {"mask", "markup"} and not simulator.requests

    async def test_a_model_of_which_only_the_name_is_published_gets_everything(
        self, simulator: OpenAISimulator, transport: Engine
    ) -> None:
        bench = OpenAIBench(simulator, "gpt-image-2.6-flare")
        await self.run(bench, transport, self.request(bench, quality="max", size="3840x2160", complexity="high"))
        assert simulator.requests[-1].json["size"] == "3840x2160"
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, size="4096x4096"))
        assert (caught.value.param, caught.value.code) == ("size", "invalid_value")

    @pytest.mark.parametrize("model", sorted(MODELS))
    async def test_every_model_takes_what_its_row_promises(
        self, simulator: OpenAISimulator, transport: Engine, model: str
    ) -> None:
        bench = OpenAIBench(simulator, model)
        row = self.capabilities(bench)
        edits = Operation.EDIT in row.operations
        shapes: list[dict[str, Any]] = [{}, {"operation": Operation.EDIT, "images": (reference(),)}] if edits else [{}]
        for base in shapes:
            for given in promises(row):
                await self.run(bench, transport, self.request(bench, **base, **given))
        if edits and row.mask:
            await self.run(bench, transport, self.request(bench, **shapes[1], mask=mask()))


def promises(row: Capabilities) -> Iterator[dict[str, Any]]:
    """A request for each choice and parameter of a row."""
    values = {"moderation": "low", "complexity": "high", "user": "u", "safety_identifier": "s"}
    yield {"size": "1536x1024", "n": min(2, row.max_n), "stream": True, "partial_images": 3}
    yield {**values, **({"style": "vivid", "background": "opaque"} if row.parameters is not None else {})}
    yield from ({"size": f"{width}x{height}"} for width, height in row.sizes.fixed)
    yield from ({"quality": quality} for quality in (*row.qualities, "xhigh"))
    yield from ({"background": background} for background in row.backgrounds)
    yield from ({"output_format": output_format, "output_compression": 50} for output_format in row.formats)
