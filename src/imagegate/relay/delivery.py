"""Pictures in the form that the caller asked for: base64 in the answer, or a url of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Literal, Protocol

from imagegate.domain.events import CompletedImage, ImageBytes, ImageEvent, ImageLink, PartialImage
from imagegate.errors import BadResponse, PictureNotKept
from imagegate.media.base64text import decode_stream, encode_stream


class Publisher(Protocol):
    """Keeps a picture and makes it reachable."""

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        """Store raw bytes; the absolute, signed url. Raises OSError when there is no room, ValueError when it is no picture."""
        ...


async def deliver(
    events: AsyncGenerator[ImageEvent], form: Literal["b64_json", "url"], publisher: Publisher
) -> AsyncGenerator[ImageEvent]:
    """Completed pictures in the wanted form; partial ones are always base64."""
    try:
        async for event in events:
            if isinstance(event, CompletedImage) and form == "url":
                yield replace(event, source=await _published(event, publisher))
            elif isinstance(event, (PartialImage, CompletedImage)):
                yield _as_base64(event)
            else:
                yield event
    finally:
        await events.aclose()


async def _published(event: CompletedImage, publisher: Publisher) -> ImageLink:
    source = event.source
    if isinstance(source, ImageLink):
        return source
    try:
        if source.encoding == "raw":
            return ImageLink(await publisher.publish(source.chunks))
        async with aclosing(decode_stream(source.chunks)) as raw:
            return ImageLink(await publisher.publish(raw))
    except ValueError as error:
        raise BadResponse("The provider answered with something that is no picture.") from error
    except OSError as error:
        raise PictureNotKept("The gateway cannot store pictures now; ask for `response_format: b64_json`.") from error


def _as_base64(event: PartialImage | CompletedImage) -> ImageEvent:
    source = event.source
    if isinstance(source, ImageBytes) and source.encoding == "raw":
        return replace(event, source=ImageBytes(encode_stream(source.chunks)))
    return event
