"""Pictures in the form that the caller asked for: their format, and base64 in the answer or a url of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Literal, Protocol

from imagegate.domain.events import CompletedImage, ImageBytes, ImageEvent, ImageLink, PartialImage
from imagegate.domain.output import Output
from imagegate.errors import BadResponse, PictureNotKept
from imagegate.media.base64text import decode_stream, encode_stream
from imagegate.relay.conversion import Conversion
from imagegate.relay.relay import Report


class Publisher(Protocol):
    """Keeps a picture and makes it reachable."""

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        """Store raw bytes; the absolute, signed url. Raises OSError when there is no room, ValueError when it is no picture."""
        ...


async def deliver(
    events: AsyncGenerator[ImageEvent],
    form: Literal["b64_json", "url"],
    publisher: Publisher,
    report: Report,
    conversion: Conversion,
) -> AsyncGenerator[ImageEvent]:
    """Completed pictures in the wanted form; partial ones are always base64.

    ``report.output`` says the format. A picture that has it passes as it arrives; another one is collected and converted, which
    is told in ``report.mapped``. Raises what ``Conversion.converted`` raises.
    """
    try:
        async for event in events:
            if not isinstance(event, (PartialImage, CompletedImage)):
                yield event
            elif report.output is None or report.output.is_met_by(event.details.found_format):
                yield await _formed(event, form, publisher)
            else:
                async with _converted(event, report, report.output, conversion) as converted:
                    yield await _formed(converted, form, publisher)
    finally:
        await events.aclose()


async def _formed(event: PartialImage | CompletedImage, form: Literal["b64_json", "url"], publisher: Publisher) -> ImageEvent:
    if form == "url" and isinstance(event, CompletedImage):
        return replace(event, source=await _published(event, publisher))
    return _as_base64(event)


@asynccontextmanager
async def _converted(
    event: PartialImage | CompletedImage, report: Report, output: Output, conversion: Conversion
) -> AsyncGenerator[PartialImage | CompletedImage]:
    source, found = event.source, event.details.found_format
    if isinstance(source, ImageLink):
        yield event
        return
    async with conversion.converted(source, output) as made:
        if found != output.format:
            report.mapped = {**report.mapped, "output_format": f"{found}->{output.format}"}
        event.details.found_format = output.format
        yield replace(event, source=made)


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
