"""What benches that stand before a simulator share, and results that are links."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar
from urllib.request import urlopen

from imagegate.adapters.base import Adapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Channel, ModelRoute, Secret
from imagegate.domain.events import ImageLink
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal
from tests.adapters.contract import SECRET, Bench, Failure, Seen
from tests.simulators.base import Recorded, Reply, Simulator

Multipart = list[tuple[str, bytes]]

WORDS: Mapping[Failure, str] = {
    Failure.RATE_LIMIT: "[rate_limit]",
    Failure.OVERLOADED: "[503]",
    Failure.NO_CREDIT: "[quota]",
    Failure.CONTENT: "[moderation]",
    Failure.SERVER: "[500]",
    Failure.NO_PICTURE: "[no_data]",
    Failure.NOT_JSON: "[html]",
}
"""What most simulators listen to."""


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The package's catalog, read once."""
    return Catalog.load()


class SimulatedBench(Bench):
    """A channel to a simulator with the attributes ``key`` and ``base_url``.

    ``words``: the word that makes the simulator fail so, put into the prompt. ``cut``: an answer that breaks off.
    """

    words: ClassVar[Mapping[Failure, str]] = WORDS
    cut: ClassVar[Reply]

    def __init__(self, simulator: Any, adapter: Adapter, model: str, **options: Any) -> None:
        self.simulator: Simulator = simulator
        self.adapter = adapter
        self.model = model
        named = type(adapter).__name__.removesuffix("Adapter").lower()
        self.channel = Channel(
            named,
            named,
            simulator.base_url,
            (Secret(SECRET),),
            {model: ModelRoute(model)},
            options=adapter.Options(**options),
        )

    def left_behind(self, events: list[Seen]) -> Any:
        return sent(self.last)

    @property
    def last(self) -> Recorded:
        """The newest request that ordered work."""
        return next(request for request in reversed(self.simulator.requests) if request.method == "POST")

    def provoke(self, failure: Failure, request: ImageRequest) -> ImageRequest | None:
        if failure is Failure.BAD_KEY:
            vars(self.simulator)["key"] = "another-key"
            return request
        if failure is Failure.CUT:
            self.simulator.script(self.cut)
            return request
        return replace(request, prompt=f"{request.prompt} {self.words[failure]}") if failure in self.words else None

    def calls(self) -> int:
        return len(self.simulator.requests)

    def open_connections(self) -> int:
        return sum(not request.complete for request in self.simulator.requests)


def sent(request: Recorded) -> Any:
    """The body of a call: parts of a form as (name, data), or the JSON document, and the path."""
    return request.path, form_of(request) if request.is_form else request.json


def form_of(request: Recorded) -> Multipart:
    """The parts of a form in order."""
    return [(part.name, part.data) for part in request.parts]


async def fetched(seen: list[Seen]) -> list[Seen]:
    """Links replaced by what they lead to, as the relay does."""
    return [await _fetched(item) for item in seen]


async def _fetched(item: Seen) -> Seen:
    source = getattr(item.event, "source", None)
    return Seen(item.event, await asyncio.to_thread(_get, source.url)) if isinstance(source, ImageLink) else item


def _get(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
    return body


def classified(adapter: Adapter, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> GatewayError:
    """What the adapter makes of a refusal."""
    return adapter.failure(Refusal(status, headers or {}, body))


def same_error(error: GatewayError, kind: type[GatewayError], **told: Any) -> None:
    """This class with these attributes, and a whole sentence."""
    assert isinstance(error, kind), repr(error)
    assert {name: getattr(error, name) for name in told} == told
    assert error.message.endswith((".", "…"))


__all__ = ["WORDS", "SimulatedBench", "catalog", "classified", "fetched", "form_of", "same_error", "sent"]
