"""An adapter that does what a test tells it, and relays around it."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any, cast

from imagegate.adapters.base import Options
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Candidate, Channel, ModelRoute, Secret, Timeouts
from imagegate.domain.events import CompletedImage, ImageEvent, held
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError
from imagegate.relay.relay import Relay, RelayPolicy
from imagegate.routing.candidates import ModelTable
from imagegate.routing.rest import RestingKeys
from imagegate.routing.retry import RetryBudget
from imagegate.upstream.client import Refusal, Upstream

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 80)


def picture() -> CompletedImage:
    """A finished picture that is held."""
    return CompletedImage(held(PNG))


class ScriptedAdapter:
    """Plays one script a call: events are yielded, exceptions raised. Remembers calls and whether generators were closed."""

    Options = Options

    def __init__(self, scripts: Mapping[str, Sequence[ImageEvent | Exception]], capabilities: Capabilities | None = None) -> None:
        self.scripts = scripts
        self.calls: list[tuple[str, ImageRequest]] = []
        self.closed = 0
        self._capabilities = capabilities or Capabilities(
            frozenset({Operation.GENERATE, Operation.EDIT}), max_n=10, partial_images=3
        )

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The same for every model."""
        return self._capabilities

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """None."""
        return {}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """The script of the channel's name."""
        self.calls.append((channel.name, request))
        try:
            for step in self.scripts[channel.name]:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed += 1

    def failure(self, refusal: Refusal) -> GatewayError:
        """Never asked."""
        return BadResponse("unused")


class FakeUpstream:
    """Serves downloads from a table."""

    def __init__(self, downloads: Mapping[str, bytes | Exception]) -> None:
        self._downloads = downloads

    async def download(self, url: str) -> AsyncGenerator[bytes]:
        """What the table says."""
        content = self._downloads[url]
        if isinstance(content, Exception):
            raise content
        yield content


def channel(name: str, priority: int = 0, route: ModelRoute | None = None, total: float = 5.0) -> Channel:
    """A channel for the model ``m``."""
    return Channel(
        name,
        "scripted",
        "https://x.test",
        (Secret("k-" + name),),
        {"m": route or ModelRoute("m")},
        priority,
        timeouts=Timeouts(total=total),
    )


def relay(
    adapter: ScriptedAdapter,
    channels: Sequence[Channel],
    policy: RelayPolicy = RelayPolicy(),
    downloads: Mapping[str, bytes | Exception] | None = None,
) -> Relay:
    """A relay over scripted channels that does not wait between attempts."""

    async def no_wait(_: float) -> None:
        return None

    def connect(candidate: Candidate, adapter: Any, deadline: float) -> Upstream:
        return cast(Upstream, FakeUpstream(downloads or {}))

    return Relay(
        ModelTable(channels, {}, "m"),
        {"scripted": adapter},
        connect,
        policy,
        resting=RestingKeys(lambda: 0.0),
        budget=RetryBudget(),
        random=Random(1),
        sleep=no_wait,
    )


def request(**given: Any) -> ImageRequest:
    """A generation for the model ``m``."""
    return ImageRequest(**{"operation": Operation.GENERATE, "model": "m", "prompt": "a cat", **given})


async def drained(events: AsyncIterator[ImageEvent]) -> list[tuple[str, bytes]]:
    """Names of the events and their pictures."""
    seen = []
    async for event in events:
        source = getattr(event, "source", None)
        content = b"".join([chunk async for chunk in source.chunks]) if source is not None else b""
        seen.append((type(event).__name__, content))
    return seen
