"""A picture that has to be in another format: collected, converted, and handed on. Most of it lies on disk meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from imagegate.domain.events import ImageBytes
from imagegate.domain.images import Content
from imagegate.domain.output import Output
from imagegate.errors import BadResponse, LimitExceeded, TooLarge
from imagegate.media.base64text import decode_stream
from imagegate.media.convert import not_converted
from imagegate.media.spool import Spool, Spools

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of the largest picture that is converted."""


class Converter(Protocol):
    """Makes pictures into other formats."""

    async def convert(self, picture: Content, output: Output, into: Spool) -> None:
        """Write the picture in the wanted form to an open spool. Raises BadResponse, PictureNotConverted."""
        ...


class Conversion:
    """Brings pictures into the wanted form. ``new_spools``: where a picture lies while nobody can send it yet."""

    def __init__(self, converter: Converter, new_spools: Callable[[], Spools], max_bytes: int = MOST_BYTES) -> None:
        self._converter = converter
        self._new_spools = new_spools
        self._max_bytes = max_bytes

    @asynccontextmanager
    async def converted(self, source: ImageBytes, output: Output) -> AsyncGenerator[ImageBytes]:
        """The picture in the wanted form, whole when this is entered, to be read before this is left.

        Raises BadResponse for what is no picture, PictureNotConverted when it is too large or there is no room.
        """
        async with self._new_spools() as spools:
            try:
                picture, result = spools.new(), spools.new()
                await self._collect(source, picture, output)
                await self._converter.convert(picture, output, result)
                await result.finish()
            except (LimitExceeded, TooLarge, OSError) as error:
                raise not_converted(output) from error
            yield ImageBytes(result.chunks(), "raw")

    async def _collect(self, source: ImageBytes, picture: Spool, output: Output) -> None:
        if source.encoding == "raw":
            await self._keep(source.chunks, picture, output)
            return
        try:
            async with aclosing(decode_stream(source.chunks)) as raw:
                await self._keep(raw, picture, output)
        except ValueError as error:
            raise BadResponse("The provider answered with something that is no picture.") from error

    async def _keep(self, chunks: AsyncIterator[bytes], picture: Spool, output: Output) -> None:
        async for chunk in chunks:
            if picture.size + len(chunk) > self._max_bytes:
                raise not_converted(output)
            await picture.write(chunk)
        await picture.finish()
