"""A store and a signer together: a picture goes in, a signed path comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from imagegate.media.blobs import BlobStore
from imagegate.media.links import LinkSigner


class PictureLibrary:
    """Publishes pictures under ``/i/``."""

    def __init__(self, blobs: BlobStore, signer: LinkSigner) -> None:
        self._blobs = blobs
        self._signer = signer

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        """Store raw bytes; the signed path. Raises ValueError when it is no picture, OSError when there is no room."""
        stored = await self._blobs.put(chunks)
        return self._signer.sign(stored.id, stored.extension)
