"""One call to one candidate: its events, checked and with every picture as bytes."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from imagegate.adapters.base import Adapter
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageEvent, ImageLink, PartialImage, held
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, BadResponse, InvalidRequest
from imagegate.media.sniff import sniff, sniff_base64
from imagegate.upstream.client import Upstream

_HEAD = 64
"""Characters of a picture that are looked at before anything is promised to the client."""
_NOT_A_PICTURE = "The provider answered with something that is no picture."


class Downloader(Protocol):
    """Fetches a result url through the right door."""

    def download(self, url: str) -> AsyncGenerator[bytes]:
        """The bytes as they arrive."""
        ...


async def attempt(
    adapter: Adapter, request: ImageRequest, channel: Channel, upstream: Upstream, deadline: float
) -> AsyncGenerator[ImageEvent]:
    """Run the adapter. Every yielded picture has been looked at (first bytes), and is ImageBytes.

    ``deadline``: on the loop's clock, for each next event. Raises what the adapter raises, Ambiguous when the deadline
    passes, BadResponse when a picture is none.
    """
    async with aclosing(adapter.run(request, channel, upstream)) as events:
        while (event := await _next(events, deadline)) is not None:
            if isinstance(event, (PartialImage, CompletedImage)):
                yield await _checked(event, upstream, deadline)
            else:
                yield event


async def _next(events: AsyncIterator[ImageEvent], deadline: float) -> ImageEvent | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(events, None)
    except TimeoutError as error:
        raise Ambiguous("The picture was not ready before the deadline.", timed_out=True) from error


async def _checked(event: PartialImage | CompletedImage, upstream: Downloader, deadline: float) -> ImageEvent:
    source = event.source
    if isinstance(source, ImageLink):
        inline = source.url.startswith("data:")
        source = held(source.url.encode()) if inline else ImageBytes(_downloaded(source.url, upstream), "raw")
    try:
        async with asyncio.timeout_at(deadline):
            head = await _head(source)
    except TimeoutError as error:
        raise Ambiguous("The picture did not arrive before the deadline.", timed_out=True) from error
    if source.encoding == "base64":
        head = _without_data_url(head)
    if not _is_picture(head, source.encoding):
        raise BadResponse(_NOT_A_PICTURE)
    return replace(event, source=ImageBytes(_rest(head, source.chunks), source.encoding))


async def _downloaded(url: str, upstream: Downloader) -> AsyncIterator[bytes]:
    try:
        async with aclosing(upstream.download(url)) as chunks:
            async for chunk in chunks:
                yield chunk
    except InvalidRequest as error:  # the guarded fetcher speaks to whoever gave the url; here that is the provider
        raise BadResponse("The provider's result could not be fetched.") from error


async def _head(source: ImageBytes) -> bytes:
    head = b""
    while len(head) < _HEAD:
        chunk = await anext(source.chunks, None)
        if chunk is None:
            break
        head = head + chunk if head else chunk
    return head


def _without_data_url(head: bytes) -> bytes:
    """Some servers put a whole ``data:image/png;base64,…`` url into ``b64_json``."""
    if not head.startswith(b"data:"):
        return head
    return head[:256].partition(b",")[2] + head[256:]


def _is_picture(head: bytes, encoding: str) -> bool:
    try:
        return (sniff_base64(head) if encoding == "base64" else sniff(head)) is not None
    except (ValueError, binascii.Error):
        return False


async def _rest(head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
