"""The contract for providers that leave their pictures at urls: links are followed, as the relay does."""

from __future__ import annotations

from imagegate.domain.images import ImageRequest
from imagegate.upstream.engine import Engine
from tests.adapters.contract import AdapterContract, Bench, Seen
from tests.adapters.simulated import fetched


class LinkedContract(AdapterContract):
    """As its base; ``Seen.picture`` of a link holds the bytes behind it."""

    async def run(self, bench: Bench, transport: Engine, request: ImageRequest) -> list[Seen]:
        """All events, drained, links followed."""
        return await fetched(await super().run(bench, transport, request))
