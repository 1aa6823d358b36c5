"""The gemini adapter against the Gemini API's simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from imagegate.adapters.gemini import GeminiAdapter
from imagegate.domain.events import CompletedImage, Finished, PartialImage
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
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, Seen, completed, reference
from tests.adapters.simulated import SimulatedBench, catalog
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.gemini import GeminiSimulator
from tests.simulators.google_content import DRAFT, FINAL
from tests.support import pictures

PRO = "gemini-3-pro-image"


class GeminiBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {
        Failure.RATE_LIMIT: "[rate_limit]",
        Failure.OVERLOADED: "[503]",
        Failure.NO_CREDIT: "[billing]",
        Failure.CONTENT: "[prompt_block]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[text_only]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply.raw(b'{"candidates":[{"content":{"parts":[{"inlineData":{"data":"iVB', "application/json")

    def __init__(self, simulator: GeminiSimulator, model: str = PRO, **options: Any) -> None:
        super().__init__(simulator, GeminiAdapter(catalog()), model, **options)


class TestGemini(AdapterContract):
    """The contract with a thinking model, and what is special to Google."""

    @pytest.fixture
    def simulator(self) -> Iterator[GeminiSimulator]:
        with GeminiSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def bench(self, simulator: GeminiSimulator) -> Iterator[Bench]:
        yield GeminiBench(simulator)

    async def ask(self, bench: Bench, transport: Engine, prompt: str, **given: Any) -> list[Seen]:
        """A call with a word that makes the simulator behave specially."""
        return await self.run(bench, transport, self.request(bench, prompt=f"a house {prompt}", **given))

    async def test_what_was_asked_is_what_is_sent(self, bench: Bench, simulator: GeminiSimulator, transport: Engine) -> None:
        extra = {"seed": 7, "temperature": 0.5, "thinking_level": "high", "unheard_of": 1, "candidateCount": 4, "contents": []}
        await self.run(bench, transport, self.request(bench, size="1920x1080", quality="low", user="me", extra=extra))
        recorded = simulator.requests[-1]
        assert recorded.json == {
            "contents": [{"role": "user", "parts": [{"text": "a red house"}]}],
            "generationConfig": {
                "responseModalities": ["IMAGE"],
                "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
                "seed": 7,
                "temperature": 0.5,
                "thinkingConfig": {"thinkingLevel": "high"},
            },
        }
        assert recorded.path == "/v1beta/models/gemini-3-pro-image:generateContent"
        assert recorded.headers["x-goog-api-key"] == SECRET and "authorization" not in recorded.headers
        assert not recorded.query, "keys do not belong into urls"

    async def test_references_come_in_order_before_the_words(
        self, bench: Bench, simulator: GeminiSimulator, transport: Engine
    ) -> None:
        images = (reference(color=(1, 2, 3)), reference(name="image-1.png", color=(0, 9, 0)))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        *first, last = simulator.requests[-1].json["contents"][0]["parts"]
        assert [part["inlineData"]["mimeType"] for part in first] == ["image/png", "image/png"]
        sent = [pictures.pixel(base64.b64decode(part["inlineData"]["data"]), (0, 0))[:3] for part in first]
        assert sent == [(1, 2, 3), (0, 9, 0)]
        assert last == {"text": "a red house"}
        assert "imageConfig" not in simulator.requests[-1].json["generationConfig"], "the shape of the reference is kept"

    @pytest.mark.parametrize("model", catalog().models("gemini"))
    async def test_every_model_takes_its_most_references(self, simulator: GeminiSimulator, transport: Engine, model: str) -> None:
        bench = GeminiBench(simulator, model)
        images = (reference(8, 8),) * self.capabilities(bench).max_references
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        with pytest.raises(InvalidRequest):
            self.request(bench, operation=Operation.EDIT, images=(*images, images[0]))

    @pytest.mark.parametrize("model", catalog().models("gemini"))
    async def test_the_picture_has_the_size_that_was_promised(
        self, simulator: GeminiSimulator, transport: Engine, model: str
    ) -> None:
        bench = GeminiBench(simulator, model)
        for size in [item for item in self.capabilities(bench).sizes.fixed if max(item) < 2000]:
            wanted = "{}x{}".format(*size)
            seen = await self.run(bench, transport, self.request(bench, size=wanted))
            assert "{}x{}".format(*pictures.look(completed(seen)[0]).size) == wanted

    @pytest.mark.parametrize(("quality", "size"), [("low", (1024, 1024)), ("medium", (2048, 2048)), ("high", (4096, 4096))])
    async def test_quality_is_resolution_where_no_size_is_said(
        self, bench: Bench, transport: Engine, quality: str, size: tuple[int, int]
    ) -> None:
        seen = await self.run(bench, transport, self.request(bench, quality=quality))
        assert pictures.look(completed(seen)[0]).size == size

    async def test_the_format_that_came_is_told(self, simulator: GeminiSimulator, transport: Engine) -> None:
        for model, form in {PRO: "jpeg", "gemini-2.5-flash-image": "png"}.items():
            bench = GeminiBench(simulator, model)
            seen = await self.run(bench, transport, self.request(bench))
            done = seen[0].event
            assert isinstance(done, CompletedImage)
            assert done.details.output_format == form == pictures.look(seen[0].picture).format

    async def test_tokens_by_kind(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(reference(),)))
        finished = seen[-1].event
        assert isinstance(finished, Finished) and finished.usage is not None
        usage = finished.usage
        assert (usage.input_text_tokens, usage.input_image_tokens) == (2, 258)
        assert (usage.output_image_tokens, usage.output_text_tokens, usage.output_tokens) == (1120, 99 + 244, 1463)
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens == 1723
        assert usage.extra == {"thoughts_tokens": 244}

    @pytest.mark.parametrize("word", ["[drafts]", "[text_first]", "[thought_last]", "[empty_part]", "[signature]"])
    async def test_the_last_picture_that_is_no_thought_is_the_result(self, bench: Bench, transport: Engine, word: str) -> None:
        seen = await self.ask(bench, transport, word)
        assert [type(item.event) for item in seen] == [CompletedImage, Finished]
        assert _is(seen[0].picture, FINAL)

    async def test_words_beside_the_picture_are_kept(self, bench: Bench, transport: Engine) -> None:
        seen = await self.ask(bench, transport, "[text_first]", extra={"response_modalities": ["TEXT", "IMAGE"]})
        done = seen[0].event
        assert isinstance(done, CompletedImage)
        assert done.details.extra == {"text": "Here it is: a house."}

    async def test_what_a_search_found_goes_along(self, bench: Bench, transport: Engine) -> None:
        seen = await self.ask(bench, transport, "[grounded]", extra={"tools": [{"google_search": {}}]})
        finished = seen[-1].event
        assert isinstance(finished, Finished)
        assert finished.extra == {"grounding_metadata": {"webSearchQueries": ["houses"]}}

    @pytest.mark.parametrize("thoughts", [True, False])
    async def test_drafts_of_a_stream_are_previews(self, simulator: GeminiSimulator, transport: Engine, thoughts: bool) -> None:
        bench = GeminiBench(simulator, thoughts=thoughts)
        simulator.drafts = 3
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=2))
        assert [type(item.event) for item in seen] == [PartialImage, PartialImage, CompletedImage, Finished]
        assert [_is(item.picture, DRAFT) for item in seen[:3]] == [True, True, False]
        partials = [item.event for item in seen if isinstance(item.event, PartialImage)]
        assert [event.details.partial_index for event in partials] == [0, 1]
        recorded = simulator.requests[-1]
        assert recorded.path.endswith(":streamGenerateContent") and recorded.query == {"alt": "sse"}
        assert recorded.json["generationConfig"].get("thinkingConfig") == ({"includeThoughts": True} if thoughts else None)

    async def test_a_stream_without_previews_is_one_picture(
        self, bench: Bench, simulator: GeminiSimulator, transport: Engine
    ) -> None:
        seen = await self.run(bench, transport, self.request(bench, stream=True))
        assert [type(item.event) for item in seen] == [CompletedImage, Finished]
        assert simulator.requests[-1].path.endswith(":streamGenerateContent")

    async def test_no_stream_where_the_model_or_the_channel_has_none(self, simulator: GeminiSimulator, transport: Engine) -> None:
        for bench in (GeminiBench(simulator, "gemini-2.5-flash-image"), GeminiBench(simulator, stream=False)):
            await self.run(bench, transport, self.request(bench, stream=True))
            assert simulator.requests[-1].path.endswith(":generateContent")

    @pytest.mark.parametrize(
        ("word", "code"),
        [
            ("[prompt_block]", "content_policy_violation"),
            ("[prompt_other]", "content_policy_violation"),
            ("[armor]", "content_policy_violation"),
            ("[image_safety]", "moderation_blocked"),
            ("[empty_content]", "moderation_blocked"),
            ("[recitation]", "moderation_blocked"),
            ("[draft_then_block]", "moderation_blocked"),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    async def test_blocks_arrive_as_success(self, bench: Bench, transport: Engine, word: str, code: str, stream: bool) -> None:
        with pytest.raises(ContentRefused) as caught:
            await self.ask(bench, transport, word, stream=stream)
        assert caught.value.code == code
        assert "https" not in caught.value.message and "p-123" not in caught.value.message
        assert caught.value.message.endswith((".", "…"))

    @pytest.mark.parametrize("word", ["[image_other]", "[no_image]", "[text_only]", "[thoughts_only]"])
    async def test_no_picture_without_a_verdict(self, bench: Bench, transport: Engine, word: str) -> None:
        with pytest.raises(BadResponse):
            await self.ask(bench, transport, word)

    @pytest.mark.parametrize(
        ("word", "error", "wait"),
        [
            ("[rate_limit]", RateLimited, 41.0),
            ("[rate_reason]", RateLimited, 0.5),
            ("[busy]", RateLimited, None),
            ("[billing]", AuthFailed, None),
            ("[location]", AuthFailed, None),
            ("[blocked_key]", AuthFailed, None),
            ("[expired_key]", AuthFailed, None),
            ("[500]", Ambiguous, None),
            ("[503]", Unavailable, None),
            ("[504]", Ambiguous, None),
            ("[499]", Ambiguous, None),
            ("[list]", Unavailable, None),
            ("[html_502]", Ambiguous, None),
            ("[error_200]", Unavailable, None),
        ],
    )
    async def test_each_refusal(
        self, bench: Bench, transport: Engine, word: str, error: type[GatewayError], wait: float | None
    ) -> None:
        with pytest.raises(error) as caught:
            await self.ask(bench, transport, word)
        assert type(caught.value) is error and caught.value.retry_after == wait

    async def test_a_missing_model_is_the_operators(self, simulator: GeminiSimulator, transport: Engine) -> None:
        bench = GeminiBench(simulator, "gemini-9-image")
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("extra", "param"),
        [
            ({"aspect_ratio": "7:5"}, "size"),
            ({"image_size": "512"}, "size"),
            ({"thinking_level": "enormous"}, None),
            ({"person_generation": "ALLOW_ALL"}, None),
        ],
    )
    async def test_the_callers_mistake_is_told(
        self, bench: Bench, transport: Engine, extra: dict[str, Any], param: str | None
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, extra=extra))
        assert caught.value.param == param and len(caught.value.message) > 20

    async def test_the_newer_place_of_image_options(self, simulator: GeminiSimulator, transport: Engine) -> None:
        bench = GeminiBench(simulator, image_options="responseFormat")
        seen = await self.run(bench, transport, self.request(bench, size="1584x672"))
        assert simulator.requests[-1].json["generationConfig"] == {
            "responseModalities": ["IMAGE"],
            "responseFormat": {"image": {"aspectRatio": "21:9", "imageSize": "1K"}},
        }
        assert pictures.look(completed(seen)[0]).size == (1584, 672)

    async def test_channel_overrides_reach_inside_and_win(self, simulator: GeminiSimulator, transport: Engine) -> None:
        bench = GeminiBench(simulator)
        settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
        overrides = {"generationConfig": {"temperature": 0}, "safetySettings": settings}
        bench.channel = replace(bench.channel, overrides=overrides, headers={"x-team": "a"})
        await self.run(bench, transport, self.request(bench, size="1024x1024", extra={"temperature": 1.5}))
        sent = simulator.requests[-1]
        assert sent.json["safetySettings"] == settings and sent.headers["x-team"] == "a"
        assert sent.json["generationConfig"]["temperature"] == 0
        assert sent.json["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "1K"}

    @pytest.mark.parametrize("stream", [False, True])
    async def test_answers_in_snake_case_and_in_small_pieces(
        self, bench: Bench, simulator: GeminiSimulator, transport: Engine, stream: bool
    ) -> None:
        simulator.snake_case = True
        simulator.pace(701, 0.0)
        seen = await self.run(bench, transport, self.request(bench, stream=stream))
        assert _is(seen[0].picture, FINAL)
        done, finished = seen[0].event, seen[-1].event
        assert isinstance(done, CompletedImage) and done.details.output_format == "jpeg"
        assert isinstance(finished, Finished) and finished.usage is not None and finished.usage.output_image_tokens == 1120

    @pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
    async def test_a_stream_that_breaks_off_is_an_error(
        self, bench: Bench, simulator: GeminiSimulator, transport: Engine, ending: Ending
    ) -> None:
        head = b'data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo'
        simulator.script(Reply(200, [Piece(head)], {"content-type": "text/event-stream"}, ending=ending))
        with pytest.raises(BadResponse, match="cut short"):
            await self.run(bench, transport, self.request(bench, stream=True))

    async def test_a_model_name_cannot_leave_its_place(self, simulator: GeminiSimulator, transport: Engine) -> None:
        bench = GeminiBench(simulator, "../v1/models/x?key=y#z")
        with pytest.raises(GatewayError):
            await self.run(bench, transport, self.request(bench))
        assert simulator.requests[-1].path == "/v1beta/models/../v1/models/x?key=y#z:generateContent"
        assert not simulator.requests[-1].query


def _is(picture: bytes, colour: tuple[int, int, int]) -> bool:
    """Whether a plain picture has the colour, give or take what JPEG loses."""
    return all(abs(one - other) < 12 for one, other in zip(pictures.pixel(picture, (3, 3)), colour, strict=False))
