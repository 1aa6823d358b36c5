"""Reference pictures that come as text, from a JSON edit or a form's text field, fetched and decoded into spools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Generic, Protocol, TypeVar

from imagegate.api.openai.reference_forms import InlineBase64, Reference, Source, WebUrl, parse_reference
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.base64text import PIECE, decode_stream

MAX_PARALLEL = 4
"""Fetches at the same time for one request."""

MAX_IMAGE = 50 * 1024**2
"""Bytes of one picture."""

MAX_TOTAL = 200 * 1024**2
"""Bytes of all reference pictures of one request together."""


class Fetched(Protocol):
    """The body of one answer while it arrives; ``content_length`` in bytes is a claim."""

    @property
    def content_length(self) -> int | None:
        """Length that the server announced."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes; raises GatewayError when they are too many, too slow or cut off."""
        ...


class Fetcher(Protocol):
    """The guarded door to outside URLs, with its own size limit per picture and its own deadlines."""

    def open(self, url: str, *, param: str) -> AbstractAsyncContextManager[Fetched]:
        """GET. Raises GatewayError with ``param``; leaving the context closes the connection and its chunks."""
        ...


class Spool(Protocol):
    """A temporary file being written."""

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises GatewayError when there is no room."""
        ...

    async def finish(self) -> None:
        """Everything is there; it can be read from now on."""
        ...


S_co = TypeVar("S_co", bound=Spool, covariant=True)
S_contra = TypeVar("S_contra", bound=Spool, contravariant=True)
S = TypeVar("S", bound=Spool)


class Spools(Protocol[S_co]):
    """The temporary files of one request; whoever made it closes them all at the request's end."""

    def new(self) -> S_co:
        """A fresh, empty file."""
        ...


class Inspector(Protocol[S_contra]):
    """Looks at the bytes and says what picture they are."""

    async def inspect(self, spool: S_contra, /, *, param: str, index: int) -> InputImage:
        """Raises InvalidRequest when it is no picture that we take. ``index`` is its place among the references."""
        ...


class ReferenceReader(Generic[S]):
    """Reads the references of one request; make one per request, with that request's spools.

    The same URL is fetched once and at most ``max_parallel`` fetches run at a time. A picture may have ``max_image`` bytes,
    all of them together ``max_total``. Calls share these limits but must come one after the other.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        spools: Spools[S],
        inspector: Inspector[S],
        *,
        max_image: int = MAX_IMAGE,
        max_total: int = MAX_TOTAL,
        max_parallel: int = MAX_PARALLEL,
    ) -> None:
        self._fetcher = fetcher
        self._spools = spools
        self._inspector = inspector
        self._slots = asyncio.Semaphore(max_parallel)
        self._left = max_total
        self._max_image = max_image
        self._max_total = max_total
        self._fetches: dict[str, asyncio.Task[S]] = {}

    async def read_all(self, references: Sequence[Reference], start: int = 0) -> list[InputImage]:
        """The pictures in the caller's order, the first of them being number ``start`` of its request.

        Every form is checked before anything is fetched. The first failure cancels the rest and is raised: InvalidRequest,
        TooLarge, or what fetcher, spool and inspector raise.
        """
        sources = [parse_reference(reference) for reference in references]
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._read(group, source, reference.param, index))
                    for index, (source, reference) in enumerate(zip(sources, references, strict=True), start)
                ]
        except BaseExceptionGroup as failures:
            failure = _first(failures)
        if failure is not None:
            raise failure
        return [task.result() for task in tasks]

    async def read_one(self, reference: Reference, index: int = 0) -> InputImage:
        """A single picture: the mask, or number ``index`` of the references. Raises as ``read_all``."""
        return (await self.read_all([reference], index))[0]

    async def _read(self, group: asyncio.TaskGroup, source: Source, param: str, index: int) -> InputImage:
        if isinstance(source, InlineBase64):
            spool = await self._decode(source, param)
        else:
            if source.url not in self._fetches:
                self._fetches[source.url] = group.create_task(self._fetch(source, param))
            spool = await self._fetches[source.url]
        return await self._inspector.inspect(spool, param=param, index=index)

    async def _fetch(self, source: WebUrl, param: str) -> S:
        async with self._slots, self._fetcher.open(source.url, param=param) as answer:
            announced = answer.content_length or 0
            self._check_room(announced, announced, param)
            return await self._spool(answer.chunks(), param)

    async def _decode(self, source: InlineBase64, param: str) -> S:
        async with aclosing(_decoded(source, param)) as data:
            return await self._spool(data, param)

    async def _spool(self, chunks: AsyncIterator[bytes], param: str) -> S:
        spool = self._spools.new()
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            self._check_room(size, len(chunk), param)
            self._left -= len(chunk)
            await spool.write(chunk)
        await spool.finish()
        return spool

    def _check_room(self, size: int, more: int, param: str) -> None:
        """Whether a picture may grow to ``size`` by ``more`` bytes."""
        if size > self._max_image:
            message = f"The picture in '{param}' has more than {_mebibytes(self._max_image)}; send a smaller one."
            raise TooLarge(message, code="image_too_large", param=param)
        if more > self._left:
            message = f"The pictures referenced in one request may have {_mebibytes(self._max_total)} together; send fewer."
            raise TooLarge(message, code="images_too_large", param=param)


async def _decoded(source: InlineBase64, param: str) -> AsyncGenerator[bytes]:
    async with aclosing(_slices(source)) as slices, aclosing(decode_stream(slices)) as pieces:
        try:
            async for piece in pieces:
                yield piece
        except ValueError as error:
            message = f"'{param}' is neither an http(s) URL nor valid base64 without spaces and line breaks."
            raise InvalidRequest(message, code="invalid_base64", param=param) from error


async def _slices(source: InlineBase64) -> AsyncGenerator[bytes]:
    """The text as bytes, 256 KiB at a time; other requests get their turn after each piece."""
    for start in range(source.start, len(source.text), PIECE):
        yield source.text[start : start + PIECE].encode("ascii")
        await asyncio.sleep(0)


def _first(failure: BaseException) -> BaseException:
    """What went wrong first, out of all groups around it."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def _mebibytes(size: int) -> str:
    return f"{size / 1024**2:g} MiB"
