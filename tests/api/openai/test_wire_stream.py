"""The event stream as OpenAI writes it, also when it fails."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageDetails,
    ImageEvent,
    ImageLink,
    PartialImage,
    Progress,
    held,
)
from imagegate.domain.images import Operation
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from tests.api.openai.wiring import (
    HOSTILE,
    TOLD,
    USAGE,
    USAGE_OBJECT,
    ZERO_USAGE,
    arriving,
    decoded,
    frames,
    sent,
    stream,
    told_fields,
    wire,
)


@pytest.mark.parametrize("operation", list(Operation))
async def test_partials_and_a_picture(operation: Operation) -> None:
    prefix = "image_generation" if operation is Operation.GENERATE else "image_edit"
    told = {"created_at": 7, "size": "1024x1536", "quality": "high", "background": "transparent", "output_format": "webp"}
    last = ImageDetails(**{**told_fields(), "usage": USAGE, "revised_prompt": "r", "extra": {"seed": 7}})
    events: list[ImageEvent] = [
        PartialImage(arriving(b"QU", b"FB"), TOLD),
        PartialImage(held(b"QkJC"), TOLD),
        CompletedImage(held(b"Q0ND"), last),
        Finished(),
    ]
    assert await sent(events, operation=operation) == [
        {"type": f"{prefix}.partial_image", "b64_json": "QUFB", "partial_image_index": 0, **told},
        {"type": f"{prefix}.partial_image", "b64_json": "QkJC", "partial_image_index": 1, **told},
        {"type": f"{prefix}.completed", "b64_json": "Q0ND", "usage": USAGE_OBJECT, "revised_prompt": "r", "seed": 7, **told},
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"size": "auto", "quality": "auto", "background": "opaque", "output_format": "png"}),
        (
            {"size": "1x2", "quality": "low", "background": "transparent", "output_format": "webp"},
            {"size": "auto", "quality": "auto", "background": "transparent", "output_format": "webp"},
        ),
        (
            {"background": "auto", "output_format": "jpg", "quality": "ultra"},
            {"background": "opaque", "output_format": "jpeg", "quality": "auto"},
        ),
    ],
)
async def test_fields_that_the_provider_left_out_are_filled(asked: dict[str, str], expected: dict[str, str]) -> None:
    for fields in await sent([PartialImage(held(b"QQ")), CompletedImage(held(b"QQ"))], **asked):
        assert {name: fields[name] for name in expected} == expected
        assert fields["created_at"] == 5


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"quality": "ultra", "background": "blurred", "output_format": "bmp", "size": "2K"}, ("auto", "opaque", "png", "2K")),
        ({"quality": "standard"}, ("auto", "opaque", "png", "auto")),
        ({"output_format": "jpg", "background": "auto"}, ("auto", "auto", "jpeg", "auto")),
    ],
)
async def test_words_that_strict_clients_do_not_know_are_not_passed_on(said: dict[str, Any], expected: tuple[str, ...]) -> None:
    for fields in await sent(
        [PartialImage(held(b"QQ"), ImageDetails(**said)), CompletedImage(held(b"QQ"), ImageDetails(**said))]
    ):
        assert tuple(fields[name] for name in ("quality", "background", "output_format", "size")) == expected


async def test_what_a_picture_is_wins_over_what_is_said_of_it() -> None:
    def details() -> ImageDetails:
        return ImageDetails(output_format="png", found_format="jpeg")

    seen = await sent([PartialImage(held(b"QQ"), details()), CompletedImage(held(b"QQ"), details())], output_format="gif")
    assert [fields["output_format"] for fields in seen] == ["jpeg", "jpeg"]


async def test_partial_indexes_are_the_providers_or_counted_for_each_picture() -> None:
    numbered = [PartialImage(held(b"QQ"), ImageDetails(partial_index=index)) for index in (2, 0)]
    events: list[ImageEvent] = [
        PartialImage(held(b"QQ")),
        PartialImage(held(b"QQ")),
        CompletedImage(held(b"QQ")),
        PartialImage(held(b"QQ")),
        *numbered,
    ]
    data = await sent(events)
    assert [fields.get("partial_image_index") for fields in data] == [0, 1, None, 0, 2, 0]


async def test_the_usage_of_the_whole_answer_closes_the_last_frame() -> None:
    data = await sent([CompletedImage(held(b"QQ")), CompletedImage(held(b"QQ")), Finished(usage=USAGE)])
    assert [fields["usage"] for fields in data] == [ZERO_USAGE, USAGE_OBJECT]


@pytest.mark.parametrize("after", [[], [Finished()], [Progress("x")], [Progress("x"), Finished(usage=USAGE)]])
async def test_a_frame_is_closed_whatever_follows(after: list[ImageEvent]) -> None:
    data = await sent([CompletedImage(held(b"QUJD")), *after])
    assert [(fields["b64_json"], fields["usage"]) for fields in data] == [("QUJD", ZERO_USAGE)]


async def test_a_picture_leaves_before_its_usage_is_known() -> None:
    """What is held back for the usage is the end of the frame, never the picture."""
    pieces = wire().frames(stream([CompletedImage(arriving(b"QUJD")), Finished(usage=USAGE)]))
    assert (await anext(pieces)).endswith(b'"b64_json":"QUJD')


async def test_a_url_in_a_stream() -> None:
    (event,) = decoded(await frames([CompletedImage(ImageLink("https://x.test/1"), ImageDetails(usage=USAGE))]))
    fields = event.json()
    assert fields["url"] == "https://x.test/1"
    assert set(fields) == {"type", "url", "created_at", "size", "quality", "background", "output_format", "usage"}


async def test_unknown_fields_never_replace_the_frames_own() -> None:
    extra = {"type": "evil", "b64_json": "no", "usage": 0, "size": {}, "own": 1}
    (fields,) = await sent([CompletedImage(held(b"QQ"), ImageDetails(extra=extra))])
    assert (fields["b64_json"], fields["size"], fields["usage"], fields["own"]) == ("QQ", "auto", ZERO_USAGE, 1)


async def test_progress_is_a_comment() -> None:
    text = await frames([Progress("working"), CompletedImage(held(b"QQ"))])
    assert text.startswith(b": working\n\nevent: image_generation.completed\ndata: {")
    assert len(decoded(text)) == 1


@pytest.mark.parametrize("failure", [BadResponse("cut"), ContentRefused(HOSTILE, code="moderation_blocked")])
@pytest.mark.parametrize("kind", [PartialImage, CompletedImage])
async def test_a_failure_in_the_middle_of_a_picture_ends_its_frame_as_an_error(failure: GatewayError, kind: type) -> None:
    text = await frames([kind(arriving(b"QUJD", failure))])
    (event,) = decoded(text)
    fields = event.json()
    assert fields["type"] == "error"
    assert fields["error"] == {"message": failure.message, "type": failure.type, "param": None, "code": failure.code}


async def test_a_failure_before_the_first_byte_of_a_picture_leaves_no_trace() -> None:
    assert await frames([CompletedImage(arriving(BadResponse("cut")))]) == b""


async def test_a_failure_after_a_whole_picture_lets_it_be_one() -> None:
    text = await frames([CompletedImage(held(b"QUJD")), BadResponse("cut")])
    (event,) = decoded(text)
    assert (event.json()["type"], event.json()["b64_json"]) == ("image_generation.completed", "QUJD")


async def test_a_failure_between_frames_is_left_to_the_caller() -> None:
    text = await frames([PartialImage(held(b"QUJD")), BadResponse("cut")])
    assert [event.json()["type"] for event in decoded(text)] == ["image_generation.partial_image"]


async def test_openai_python_raises_where_a_picture_broke_off() -> None:
    text = await frames([PartialImage(held(b"QUFB")), CompletedImage(arriving(b"QUJD", BadResponse("The answer was cut.")))])

    def serve(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=text)

    client = openai.AsyncOpenAI(
        api_key="k",
        base_url="http://x.test/v1",
        http_client=openai.DefaultAsyncHttpxClient(transport=httpx2.MockTransport(serve)),
    )
    seen = []
    async with client:
        with pytest.raises(openai.APIError) as caught:
            async for event in await client.images.generate(model="m", prompt="x", stream=True):
                seen.append(event.type)
    assert seen == ["image_generation.partial_image"]
    assert (caught.value.message, caught.value.code) == ("The answer was cut.", "upstream_invalid_response")
