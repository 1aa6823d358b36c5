"""The contract of an adapter: one file that speaks one provider's protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream


class Options(BaseModel):
    """Typed per-channel extras of an adapter; an adapter without any uses this one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Adapter(Protocol):
    """Speaks one provider's protocol. Stateless: one instance serves every channel of its kind.

    Not an adapter's business: retries, fallback, limits, accounting, logging, ``n`` above the model's maximum, url ↔ base64.
    """

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class, named like one
        """Typed per-channel extras; also documents them."""
        ...

    def capabilities(self, upstream_model: str) -> Capabilities:
        """What this adapter can do for one upstream model; unknown models get a permissive row."""
        ...

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Headers of every call on the channel, the credential among them. ``key`` is empty when the channel has none."""
        ...

    def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Make the pictures: one call, SSE, or submit-poll-download, as straight-line code.

        ``request.model`` is the upstream model. Raises ``errors.UpstreamError`` or ``errors.RequestError``; closing the
        generator closes the provider's connection.
        """
        ...

    def failure(self, refusal: Refusal) -> GatewayError:
        """The provider's non-2xx answer as one of our errors; by its code first, its HTTP status second, never by its text."""
        ...


class ByRequest(Protocol):
    """An adapter whose models can do more or less depending on what is asked of them, or on the channel's options."""

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """What ``capabilities`` says, narrowed for one request; ``request.model`` is the upstream model."""
        ...


def capabilities_for(adapter: Adapter, request: ImageRequest, channel: Channel) -> Capabilities:
    """What an adapter can do for one request on one channel; a ``ByRequest`` says so itself."""
    narrowed: Callable[[ImageRequest, Channel], Capabilities] | None = getattr(adapter, "capabilities_for", None)
    return narrowed(request, channel) if narrowed else adapter.capabilities(request.model)


@dataclass(frozen=True, slots=True)
class Tools:
    """What an adapter may be made with. ``executor``: for work that would block the event loop."""

    catalog: Catalog
    executor: Executor


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """What the configuration needs to know of an adapter, written in its own file as ``ROW``.

    ``default_base_url`` None: the channel has to name one. ``key_variables``: as in the registry's entry. ``free_check``: what a
    GET with a good key answers with 2xx, at no cost: a path below the base url, or ``{origin}`` and a path where the call is not
    below it; None where the provider has no such call. ``lists_models``: that answer is the list of all image models that the key
    may use, in a shape of ``shape.listed``.
    """

    name: str
    make: Callable[[Tools], Adapter]
    options: type[BaseModel] = Options
    default_base_url: str | None = None
    needs_key: bool = True
    key_variables: tuple[str, ...] = ()
    base_url_variable: str | None = None
    free_check: str | None = None
    lists_models: bool = False

    def check_url(self, base_url: str) -> str | None:
        """``free_check`` for a channel, as ``Upstream.get`` takes it."""
        return None if self.free_check is None else self.free_check.format(origin=origin_of(base_url))


def origin_of(base_url: str) -> str:
    """Scheme and host (and port) of a base url, for calls that are not below it."""
    scheme, _, rest = base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
