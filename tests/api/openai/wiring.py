"""Writes events and reads them back, by json and by the SDK's own decoder and models."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from openai._streaming import ServerSentEvent, SSEDecoder
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)
from pydantic import BaseModel

from imagegate.api.openai.wire import Wire
from imagegate.domain.events import (
    ImageBytes,
    ImageDetails,
    ImageEvent,
    Usage,
)
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import GatewayError

MODELS: dict[str, type[BaseModel]] = {
    "image_generation.partial_image": ImageGenPartialImageEvent,
    "image_generation.completed": ImageGenCompletedEvent,
    "image_edit.partial_image": ImageEditPartialImageEvent,
    "image_edit.completed": ImageEditCompletedEvent,
}
TOLD = ImageDetails(size="1024x1536", quality="high", background="transparent", output_format="webp", created=7)
USAGE = Usage(50, 60, 110, 10, 40, 0, 60)
USAGE_OBJECT = {
    "total_tokens": 110,
    "input_tokens": 50,
    "output_tokens": 60,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"image_tokens": 60, "text_tokens": 0},
}
ZERO_USAGE = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}
HOSTILE = 'x"}\r\n\r\nevent: evil\ndata: {"a":1}\n\n: \u2028\u2029\x85\x0b\x0c\x1c\x00 id: 7\rretry: 1\n\n'


def wire(**given: Any) -> Wire:
    """A wire for a generation, or whatever ``given`` says; its clock stands at 5."""
    return Wire(ImageRequest(**{"operation": Operation.GENERATE, "model": "m", "prompt": "a cat", **given}), created=5)


async def stream(events: Sequence[ImageEvent | Exception]) -> AsyncIterator[ImageEvent]:
    """Events, or failures in their place."""
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def arriving(*chunks: bytes | Exception) -> ImageBytes:
    """A picture that comes in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return ImageBytes(pieces())


async def written(events: Sequence[ImageEvent], **given: Any) -> dict[str, Any]:
    """The JSON answer, checked against the SDK's model, which takes values only as they are documented."""
    body = b"".join([piece async for piece in wire(**given).json(stream(events))])
    document = json.loads(body)
    ImagesResponse.model_validate(document, strict=True)
    assert None not in document.values()
    return dict(document)


async def frames(events: Sequence[ImageEvent | Exception], **given: Any) -> bytes:
    """The whole event stream; a failure ends it."""
    text = b""
    try:
        async for piece in wire(**given).frames(stream(events)):
            text += piece
    except GatewayError:
        return text
    return text


def decoded(text: bytes) -> list[ServerSentEvent]:
    """The events as openai-python sees them."""
    return list(SSEDecoder().iter_bytes(iter([text])))


async def sent(events: Sequence[ImageEvent], **given: Any) -> list[dict[str, Any]]:
    """The data of each event, checked against the SDK's model for its type."""
    text = await frames(events, **given)
    assert text.endswith(b"\n\n")
    data = []
    for event in decoded(text):
        fields = event.json()
        assert event.event == fields["type"]
        MODELS[fields["type"]].model_validate(fields, strict=True)
        data.append(dict(fields))
    return data


def hostile_details() -> ImageDetails:
    """Strings that would like to be frames, in every place."""
    details = ImageDetails(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    details.usage, details.extra = Usage(extra={HOSTILE: HOSTILE}), {HOSTILE: [HOSTILE]}
    return details


def told_fields() -> dict[str, Any]:
    """``TOLD`` as keyword arguments."""
    return {name: getattr(TOLD, name) for name in ("size", "quality", "background", "output_format", "created")}
