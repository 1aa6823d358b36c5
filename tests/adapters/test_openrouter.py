"""The openrouter adapter against its simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.openrouter import OpenRouterAdapter
from imagegate.domain.events import CompletedImage, Finished, PartialImage
from imagegate.domain.images import Operation
from imagegate.domain.output import Output
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, completed, reference
from tests.adapters.simulated import WORDS, SimulatedBench, catalog, classified, same_error
from tests.simulators.base import Reply
from tests.simulators.openrouter import OpenRouterSimulator
from tests.support import pictures

GPT, GEMINI = "openai/gpt-image-2", "google/gemini-3.1-flash-image"


class OpenRouterBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {**WORDS, Failure.OVERLOADED: "[529]", Failure.NO_PICTURE: "[nothing]"}
    cut: ClassVar[Reply] = Reply.raw(b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo', "application/json")


class OpenRouterContract(AdapterContract):
    """What both ways of asking share."""

    @pytest.fixture
    def simulator(self) -> Iterator[OpenRouterSimulator]:
        with OpenRouterSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def adapter(self) -> OpenRouterAdapter:
        return OpenRouterAdapter(catalog())

    def at(self, bench: Bench, model: str, **options: Any) -> OpenRouterBench:
        assert isinstance(bench, OpenRouterBench)
        return OpenRouterBench(bench.simulator, bench.adapter, model, **options)


class TestOpenRouter(OpenRouterContract):
    """The contract, and what is special to the Images API."""

    @pytest.fixture
    def bench(self, simulator: OpenRouterSimulator, adapter: OpenRouterAdapter) -> Iterator[Bench]:
        yield OpenRouterBench(simulator, adapter, GPT)

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, transport: Engine) -> None:
        extra = {"provider": {"only": ["openai"]}, "session_id": "s", "aspect_ratio": "1:1", "resolution": "1K", "model": "other"}
        asked = self.request(
            bench,
            n=2,
            size="1536x1024",
            quality="hd",
            background="opaque",
            output_format="webp",
            output_compression=40,
            user="u",
            moderation="low",
            extra=extra,
        )
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, GPT).last
        assert (last.path, last.headers["authorization"], last.headers["accept"]) == (
            "/api/v1/images",
            f"Bearer {SECRET}",
            "application/json",
        )
        assert last.json == {
            "model": GPT,
            "prompt": "a red house",
            "n": 2,
            "size": "1536x1024",
            "quality": "high",
            "background": "opaque",
            "output_format": "webp",
            "output_compression": 40,
            "user": "u",
            "provider": {"only": ["openai"]},
            "session_id": "s",
        }
        assert [pictures.look(data)[:2] for data in completed(seen)] == [("webp", (1536, 1024))] * 2

    async def test_usage_cost_and_type_are_told(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench))
        done, finished = seen[0].event, seen[-1].event
        assert isinstance(done, CompletedImage) and isinstance(finished, Finished) and finished.usage
        assert done.details.extra == {"media_type": "image/png"}
        assert (finished.created, finished.usage.input_tokens, finished.usage.output_image_tokens) == (1_795_167_015, 9, 1290)
        assert finished.usage.extra == {"cost": 0.039}

    async def test_who_asks_is_said_when_the_operator_wants_it(self, bench: Bench, transport: Engine) -> None:
        await self.run(bench, transport, self.request(bench))
        assert not {"http-referer", "x-title"} & self.at(bench, GPT).last.headers.keys()
        named = self.at(bench, GPT, referer="https://example.test", title="Example")
        await self.run(named, transport, self.request(named))
        assert (named.last.headers["http-referer"], named.last.headers["x-title"]) == ("https://example.test", "Example")

    async def test_references_are_data_urls(self, bench: Bench, transport: Engine) -> None:
        images = tuple(reference(color=(number, 0, 0)) for number in range(16))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        body = self.at(bench, GPT).last.json
        assert body["input_references"][15] == {
            "type": "image_url",
            "image_url": {"url": pictures.data_url(await images[15].content.read())},
        }
        assert len(body["input_references"]) == 16
        with pytest.raises(InvalidRequest, match="at most 16"):
            self.request(bench, operation=Operation.EDIT, images=(*images, reference()))

    async def test_texts_of_a_form_are_numbers_again(self, bench: Bench, transport: Engine) -> None:
        flux = self.at(bench, "black-forest-labs/flux.2-pro")
        await self.run(flux, transport, self.request(flux, operation=Operation.EDIT, images=(reference(),), extra={"seed": "7"}))
        assert flux.last.json["seed"] == 7

    async def test_a_model_of_ratios_is_told_ratio_and_tier(self, bench: Bench, transport: Engine) -> None:
        gemini = self.at(bench, GEMINI)
        for size, sent in {
            "1920x1080": {"aspect_ratio": "16:9", "resolution": "1K"},
            "2048x2048": {"aspect_ratio": "1:1", "resolution": "2K"},
            "4096x4096": {"aspect_ratio": "1:1", "resolution": "4K"},
            "21:9": {"aspect_ratio": "21:9", "resolution": "1K"},
            "512x4096": {"aspect_ratio": "1:8", "resolution": "1K"},
            "auto": {},
        }.items():
            await self.run(gemini, transport, self.request(gemini, size=size))
            assert gemini.last.json == {"model": GEMINI, "prompt": "a red house", **sent}
        older = self.at(bench, "google/gemini-2.5-flash-image")
        await self.run(older, transport, self.request(older, size="1024x1536"))
        assert older.last.json["aspect_ratio"] == "2:3" and "resolution" not in older.last.json

    @pytest.mark.parametrize("asked", [1, 2, 3])
    async def test_no_more_previews_come_than_were_asked_for(self, bench: Bench, transport: Engine, asked: int) -> None:
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=asked))
        partials = [item.event for item in seen if isinstance(item.event, PartialImage)]
        assert [event.details.partial_index for event in partials] == list(range(asked))
        done = seen[-1].event
        assert isinstance(done, CompletedImage) and done.details.usage and done.details.usage.extra == {"cost": 0.039}
        last = self.at(bench, GPT).last
        assert (last.json["stream"], last.headers["accept"]) == (True, "text/event-stream")

    async def test_without_previews_there_is_nothing_to_stream(
        self, bench: Bench, transport: Engine, simulator: OpenRouterSimulator
    ) -> None:
        await self.run(bench, transport, self.request(bench, stream=True))
        assert "stream" not in simulator.requests[-1].json
        gemini = self.at(bench, GEMINI)
        await self.run(gemini, transport, self.request(gemini, stream=True, partial_images=2))
        assert "stream" not in simulator.requests[-1].json

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ({"code": "server_error", "message": "x", "type": "server_error"}, BadResponse),
            ({"code": "content_policy_violation", "message": "x"}, ContentRefused),
            ({"code": 403, "message": "x", "metadata": {"flagged_input": "a"}}, ContentRefused),
            ({"code": 502, "message": "x"}, Ambiguous),
            ({"code": None, "message": "x"}, Ambiguous),
        ],
    )
    async def test_a_stream_that_ends_in_an_error(
        self, bench: Bench, transport: Engine, simulator: OpenRouterSimulator, error: dict[str, Any], kind: type[GatewayError]
    ) -> None:
        simulator.broken = error
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, stream=True, partial_images=1))

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("[error_200]", RateLimited),
            ("[moderated_200]", ContentRefused),
            ("[behind]", ContentRefused),
            ("[forbidden]", AuthFailed),
            ("[502]", Ambiguous),
            ("[503]", Unavailable),
        ],
    )
    async def test_more_ways_to_say_no(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=word))

    async def test_a_vector_model_makes_svg(self, bench: Bench, transport: Engine) -> None:
        vector = self.at(bench, "recraft/recraft-v4-vector")
        seen = await self.run(vector, transport, self.request(vector, output_format="svg"))
        assert completed(seen)[0].startswith(b"<svg")

    @pytest.mark.parametrize(
        ("status", "error", "kind"),
        [
            (400, {"code": 400, "message": "size: conflicts"}, InvalidRequest),
            (401, {"code": 401, "message": "No auth credentials found"}, AuthFailed),
            (402, {"code": 402, "message": "Insufficient credits"}, AuthFailed),
            (403, {"code": 403, "message": "x", "metadata": {"reasons": []}}, ContentRefused),
            (403, {"code": 403, "message": "x", "metadata": {"provider_name": "x"}}, AuthFailed),
            (403, {"code": 403, "message": "x", "metadata": None}, AuthFailed),
            (404, {"code": 404, "message": "No endpoints found"}, Unavailable),
            (408, {"code": 408, "message": "x"}, Ambiguous),
            (413, {"code": 413, "message": "x"}, TooLarge),
            (429, {"code": 429, "message": "x", "metadata": {"raw": "slow down"}}, RateLimited),
            (429, {"code": 429, "message": "x", "metadata": {"raw": "[1]"}}, RateLimited),
            (500, {"code": 500, "message": "x"}, Ambiguous),
            (502, {"code": 429, "message": "the provider behind is limiting"}, RateLimited),
            (524, {"code": 524, "message": "x"}, Ambiguous),
            (529, {"code": 529, "message": "x"}, Unavailable),
            (503, {"code": True, "message": "x"}, Unavailable),
            (503, {"code": "server_error"}, Unavailable),
            (400, {"code": {"a": 1}, "metadata": {"raw": '{"error":{"code":[1]}}'}}, InvalidRequest),
            (400, "text", InvalidRequest),
            (400, None, InvalidRequest),
        ],
    )
    def test_refusals(self, adapter: OpenRouterAdapter, status: int, error: Any, kind: type[GatewayError]) -> None:
        same_error(classified(adapter, status, orjson.dumps({"error": error, "user_id": "u"})), kind)


class TestOpenRouterChat(OpenRouterContract):
    """The contract again, by chat."""

    @pytest.fixture
    def bench(self, simulator: OpenRouterSimulator, adapter: OpenRouterAdapter) -> Iterator[Bench]:
        yield OpenRouterBench(simulator, adapter, GEMINI, chat_models=("google/*",))

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, transport: Engine) -> None:
        image = reference()
        extra = {"seed": 7, "image_config": {"strength": 0.2, "aspect_ratio": "1:1"}, "messages": [], "modalities": ["text"]}
        asked = self.request(bench, operation=Operation.EDIT, images=(image,), size="2K", user="u", extra=extra)
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, GEMINI).last
        assert last.path == "/api/v1/chat/completions"
        url = pictures.data_url(await image.content.read())
        assert last.json == {
            "model": GEMINI,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a red house"}, {"type": "image_url", "image_url": {"url": url}}],
                }
            ],
            "modalities": ["image", "text"],
            "image_config": {"strength": 0.2, "aspect_ratio": "1:1", "image_size": "2K"},
            "user": "u",
            "seed": 7,
        }
        assert pictures.look(completed(seen)[0]).size == (2048, 2048)

    async def test_several_pictures_are_several_calls(
        self, bench: Bench, transport: Engine, simulator: OpenRouterSimulator
    ) -> None:
        several = self.at(bench, GPT, chat_models=("openai/*",))
        seen = await self.run(several, transport, self.request(several, n=3))
        assert (len(completed(seen)), simulator.calls) == (3, 3)
        finished = seen[-1].event
        assert isinstance(finished, Finished) and finished.usage and finished.usage.output_tokens == 3 * 1290

    async def test_a_size_is_a_ratio_for_models_that_say_nothing_about_it(self, bench: Bench, transport: Engine) -> None:
        several = self.at(bench, GPT, chat_models=("*",))
        await self.run(several, transport, self.request(several, size="1536x1024"))
        assert several.last.json["image_config"] == {"aspect_ratio": "3:2"}
        assert self.adjusted(several, size="2048x2048").mapped == {"size": "2048x2048->1024x1024"}
        seedream = self.at(bench, "bytedance-seed/seedream-4.5", chat_models=("*",))
        await self.run(seedream, transport, self.request(seedream, size="9:16", extra={"resolution": "2K"}))
        assert seedream.last.json["image_config"] == {"aspect_ratio": "9:16", "image_size": "2K"}
        assert "resolution" not in seedream.last.json
        with pytest.raises(InvalidRequest) as caught:
            await self.run(seedream, transport, self.request(seedream, size="square_hd"))
        assert caught.value.param == "size"

    async def test_what_chat_does_not_have_is_told(self, bench: Bench) -> None:
        several = self.at(bench, GPT, chat_models=("*",))
        given: dict[str, Any] = {"quality": "high", "output_format": "jpeg", "output_compression": 9, "background": "opaque"}
        adjusted = self.adjusted(several, **given, extra={"messages": [], "modalities": [], "seed": 1})
        assert set(adjusted.dropped) == {"quality", "background", "messages", "modalities"}
        assert adjusted.mapped == {"output_format": "*->jpeg"}
        assert adjusted.output == Output("jpeg", compression=9, anew=True)

    async def test_a_model_without_words_is_asked_for_pictures_alone(self, bench: Bench, transport: Engine) -> None:
        seedream = self.at(bench, "bytedance-seed/seedream-4.5", chat_models=("*",))
        await self.run(seedream, transport, self.request(seedream))
        assert seedream.last.json["modalities"] == ["image"] and "image_config" not in seedream.last.json

    @pytest.mark.parametrize(
        ("word", "kind"), [("[filtered]", ContentRefused), ("[choice_error]", Ambiguous), ("[error_200]", RateLimited)]
    )
    async def test_odd_answers(self, bench: Bench, transport: Engine, word: str, kind: type[GatewayError]) -> None:
        with pytest.raises(kind):
            await self.run(bench, transport, self.request(bench, prompt=word))
