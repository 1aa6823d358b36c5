"""One call to one candidate: its events, checked and with every picture as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from imagegate.adapters.base import Adapter
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageEvent, PartialImage, held
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, BadResponse, RequestError
from imagegate.media.first_look import first_look
from imagegate.upstream.client import Upstream

_HEAD = 64
"""Characters of a picture that are looked at before anything is promised to the client."""
_LONGER_HEADS = {(b"<", b"PD", b"PH", b"PC"): 5_464, (b"\xff\xd8", b"/9j"): 1_024}
"""Of formats, by how they begin (as they are, and as base64), that tell what they are and how large only later.

An svg may begin with a declaration and comments, a JPEG tells its size behind its tables.
"""
_NOT_A_PICTURE = "The provider answered with something that is no picture."


class Downloader(Protocol):
    """Fetches a result url through the right door."""

    def download(self, url: str) -> AsyncGenerator[bytes]:
        """The bytes as they arrive."""
        ...


async def attempt(
    adapter: Adapter, request: ImageRequest, channel: Channel, upstream: Upstream, deadline: float
) -> AsyncGenerator[ImageEvent]:
    """Run the adapter. Every yielded picture has been looked at (first bytes), and is ImageBytes; read it before the next event.

    ``deadline``: on the loop's clock, for the first event; the upstream keeps it for everything that is read after that.
    Raises what the adapter raises, Ambiguous when the deadline passes, BadResponse when a picture is none.
    """
    async with aclosing(adapter.run(request, channel, upstream)) as events:
        event = await _first(events, deadline)
        while event is not None:
            if not isinstance(event, (PartialImage, CompletedImage)):
                yield event
            elif isinstance(event.source, ImageBytes):
                yield type(event)(await _checked(event.source, event), event.details)
            else:
                async with _fetched(event.source.url, upstream) as source:
                    yield type(event)(await _checked(source, event), event.details)
            event = await anext(events, None)


async def _first(events: AsyncIterator[ImageEvent], deadline: float) -> ImageEvent | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(events, None)
    except TimeoutError as error:
        raise Ambiguous("The picture was not ready before the deadline.", timed_out=True) from error


@asynccontextmanager
async def _fetched(url: str, upstream: Downloader) -> AsyncGenerator[ImageBytes]:
    """The picture as bytes; leaving closes what was opened for it."""
    if url.startswith("data:"):
        yield held(url.encode())
    else:
        async with aclosing(_downloaded(url, upstream)) as chunks:
            yield ImageBytes(chunks, "raw")


async def _checked(source: ImageBytes, event: PartialImage | CompletedImage) -> ImageBytes:
    """The same picture, begun to be read. What its first bytes show about it goes into the event's details."""
    head = await _head(source)
    if source.encoding == "base64":
        head = _without_data_url(head)
    look = first_look(head, source.encoding)
    if look is None:
        raise BadResponse(_NOT_A_PICTURE)
    event.details.found_format = look.format
    if isinstance(event, CompletedImage):  # a preview may be smaller than its picture, of whose size its event tells
        event.details.size = event.details.size or look.size
    return ImageBytes(_rest(head, source.chunks), source.encoding)


async def _downloaded(url: str, upstream: Downloader) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(upstream.download(url)) as chunks:
            async for chunk in chunks:
                yield chunk
    except RequestError as error:  # the guarded fetcher speaks to whoever gave the url; here that is the provider
        raise BadResponse("The provider's result could not be fetched.") from error


async def _head(source: ImageBytes) -> bytes:
    head, wanted = b"", _HEAD
    while len(head) < wanted:
        chunk = await anext(source.chunks, None)
        if chunk is None:
            break
        head = head + chunk if head else chunk
        wanted = next((longer for begins, longer in _LONGER_HEADS.items() if head.startswith(begins)), wanted)
    return head


def _without_data_url(head: bytes) -> bytes:
    """Some servers put a whole ``data:image/png;base64,…`` url into ``b64_json``."""
    if not head.startswith(b"data:"):
        return head
    return head[:256].partition(b",")[2] + head[256:]


async def _rest(head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
