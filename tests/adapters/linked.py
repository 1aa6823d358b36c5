"""The contract for providers that leave their pictures at urls: links are fetched as the relay fetches them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from imagegate.domain.events import CompletedImage, ImageLink
from imagegate.domain.images import ImageRequest
from imagegate.upstream.client import Account, Upstream
from imagegate.upstream.engine import Engine
from tests.adapters.contract import AdapterContract, Bench, Seen


class LinkedContract(AdapterContract):
    """As its base; ``Seen.picture`` of a link holds the bytes behind it."""

    async def run(self, bench: Bench, transport: Engine, request: ImageRequest) -> list[Seen]:
        """All events, drained, links followed."""
        return [await self._followed(bench, transport, item) for item in await super().run(bench, transport, request)]

    async def _followed(self, bench: Bench, transport: Engine, item: Seen) -> Seen:
        event = item.event
        if not isinstance(event, CompletedImage) or not isinstance(event.source, ImageLink):
            return item
        account = Account(bench.channel.base_url, {}, bench.adapter.failure)
        upstream = Upstream(transport, account, bench.outside(), asyncio.get_running_loop().time() + 20)
        async with aclosing(upstream.download(event.source.url)) as chunks:
            return replace(item, picture=b"".join([chunk async for chunk in chunks]))
