"""Reference pictures by a url that we signed ourselves: read from the store, never over the network.

Whoever made a picture here with ``response_format: url`` may hand that url back as a reference, also where the gateway's own
address is a private one that the guarded fetcher refuses.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from imagegate.media.blobs import BlobStore, OpenBlob
from imagegate.media.links import LinkSigner

_PREFIX = "/i/"


class OutsideStream(Protocol):
    """The body of a fetched url."""

    @property
    def content_length(self) -> int | None:
        """Announced length in bytes."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they arrive."""
        ...


class OutsideFetcher(Protocol):
    """The guarded fetcher."""

    def open(self, url: str, *, param: str) -> AbstractAsyncContextManager[OutsideStream]:
        """GET. Raises GatewayError with ``param``."""
        ...


@dataclass(frozen=True, slots=True)
class _StoredStream:
    blob: OpenBlob

    @property
    def content_length(self) -> int | None:
        return self.blob.stored.size

    def chunks(self) -> AsyncIterator[bytes]:
        return self.blob.chunks()


class OwnLinksFirst:
    """A fetcher that serves our own signed links from the store, and passes every other url on to ``outside``."""

    def __init__(self, blobs: BlobStore, signer: LinkSigner, outside: OutsideFetcher) -> None:
        self._blobs = blobs
        self._signer = signer
        self._outside = outside

    @asynccontextmanager
    async def open(self, url: str, *, param: str) -> AsyncGenerator[OutsideStream]:
        """GET. A link that is altered or expired is a foreign url like any other. Raises as the outside fetcher."""
        blob = await self._own(url)
        if blob is not None:
            yield _StoredStream(blob)
            return
        async with self._outside.open(url, param=param) as stream:
            yield stream

    async def _own(self, url: str) -> OpenBlob | None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if not parts.path.startswith(_PREFIX):
            return None
        id, _, extension = parts.path.removeprefix(_PREFIX).partition(".")
        if not self._signer.verify(id, extension, dict(parse_qsl(parts.query))):
            return None
        return await self._blobs.open(id, extension)
