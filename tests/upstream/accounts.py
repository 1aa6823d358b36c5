"""An ``Upstream`` at a server of the test, with everything around it recorded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

from imagegate.domain.channels import Timeouts
from imagegate.errors import GatewayError, RateLimited
from imagegate.upstream.client import Account, Refusal, Upstream
from imagegate.upstream.engine import Engine

HEADERS = {"authorization": "Bearer sk-provider"}
SHORT = Timeouts(connect=0.3, first_byte=0.3, idle=0.3, total=2.0)


class Door:
    """Stands in for the guarded fetcher. ``urls``: what was asked of it. ``failure``: what it raises."""

    def __init__(self, content: bytes = b"from outside", failure: GatewayError | None = None) -> None:
        self.urls: list[str] = []
        self.closed = 0
        self._content = content
        self._failure = failure

    @asynccontextmanager
    async def open(self, url: str, *, param: str | None = None) -> AsyncGenerator[Door]:
        """One outside url."""
        self.urls.append(url)
        if self._failure is not None:
            raise self._failure
        try:
            yield self
        finally:
            self.closed += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content in two pieces."""
        half = len(self._content) // 2
        yield self._content[:half]
        yield self._content[half:]


class Clerk:
    """Classifies refusals as RateLimited and remembers them."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def classify(self, refusal: Refusal) -> GatewayError:
        """What an adapter's ``failure`` does."""
        self.refusals.append(refusal)
        return RateLimited("classified")


@asynccontextmanager
async def account(
    base_url: str,
    *,
    clerk: Clerk | None = None,
    door: Door | None = None,
    timeouts: Timeouts = SHORT,
    headers: Mapping[str, str] = HEADERS,
    seconds: float = 5.0,
) -> AsyncGenerator[Upstream]:
    """An account at ``base_url``; ``seconds`` from now its deadline passes."""
    transport = Engine(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    try:
        deadline = asyncio.get_running_loop().time() + seconds
        described = Account(base_url, headers, (clerk or Clerk()).classify, timeouts)
        yield Upstream(transport, described, door or Door(), deadline)
    finally:
        await transport.aclose()
