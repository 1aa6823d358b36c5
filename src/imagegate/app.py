"""The only place where things are wired together."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from imagegate import __version__
from imagegate.adapters import registry
from imagegate.adapters.base import Adapter, AdapterRow, Tools
from imagegate.api.auth import Authenticator, KeyStore, StaticKeys
from imagegate.api.client_watch import DetachedWork
from imagegate.api.context import RequestRecord
from imagegate.api.direct import Direct
from imagegate.api.errors import ErrorWriter
from imagegate.api.health import health_routes
from imagegate.api.middleware import RequestFrame
from imagegate.api.openai.answer import AnswerPolicy
from imagegate.api.openai.images import ImagesApi, ImagesServices
from imagegate.api.openai.models import ModelsApi
from imagegate.api.openai.multipart import FormLimits
from imagegate.api.openai.uploads import UploadReader
from imagegate.api.pictures import Pictures
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Candidate
from imagegate.domain.keys import Caller
from imagegate.media.blobs import LocalBlobs
from imagegate.media.convert import PictureConverter
from imagegate.media.inputs import ImageInspector, InspectionLimits
from imagegate.media.library import PictureLibrary
from imagegate.media.links import LinkSigner, load_or_create_secret
from imagegate.media.own_links import OwnLinksFirst
from imagegate.media.sniff import sniff
from imagegate.media.spool import SpoolBudget, Spools
from imagegate.relay.conversion import Conversion
from imagegate.relay.relay import Relay, RelayPolicy
from imagegate.routing.candidates import ModelTable
from imagegate.routing.rest import RestingKeys
from imagegate.routing.retry import RetryBudget
from imagegate.settings.channels import to_channels
from imagegate.settings.model import Settings
from imagegate.settings.semantics import AdapterFacts
from imagegate.upstream.client import ANSWER_LIMIT, Account, Upstream
from imagegate.upstream.engine import Engine
from imagegate.upstream.fetch import FetchPolicy, GuardedFetcher

PREFIXES = ("/v1", "/api/v1", "")
DEPLOYMENT_PREFIXES = ("/openai/deployments/{deployment}", "/openai/v1")
_SWEEP_SECONDS = 60.0
_ACCOUNT_SECONDS = 300.0
_CHECK_SECONDS = 15.0
_ALLOCATIONS = 10_000
"""Containers that are made and not freed from which the collector looks for cycles; Python's own 700 are few requests."""
_RESULT_SECONDS = 120.0
"""Seconds that fetching one of a provider's results may take."""


class Facts(Mapping[str, AdapterFacts]):
    """What the configuration needs to know of the adapters; looking at one imports it, listing them does not."""

    def __init__(self, rows: Mapping[str, AdapterRow]) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> AdapterFacts:
        row = self._rows[name]
        return AdapterFacts(
            name=row.name,
            needs_base_url=row.default_base_url is None,
            default_base_url=row.default_base_url,
            needs_key=row.needs_key,
            options=row.options,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def adapter_facts() -> Mapping[str, AdapterFacts]:
    """What the configuration needs to know of the adapters."""
    return Facts(registry.Rows())


@dataclass(frozen=True, slots=True)
class Resources:
    """What lives as long as the server and is closed with it.

    ``references`` fetches callers' pictures, ``results`` what providers leave elsewhere; apart, so that slow results cannot
    take the callers' slots.
    """

    transport: Engine
    references: GuardedFetcher
    results: GuardedFetcher
    blobs: LocalBlobs
    executor: ThreadPoolExecutor
    converter: PictureConverter


def create_app(settings: Settings, *, keys: Sequence[KeyStore] = (), ready: Callable[[], bool] = lambda: True) -> FastAPI:
    """The whole gateway as an ASGI application. ``keys``: stores beside the configuration's own keys."""
    log: FilteringBoundLogger = structlog.get_logger().bind()  # at once, not anew for every line
    errors = ErrorWriter(settings.errors.content_policy_status)
    resources = _resources(settings, log)
    adapters = _adapters(settings, resources)
    table = ModelTable(to_channels(settings, adapter_facts()), settings.aliases, settings.defaults.model)
    relay = _relay(settings, table, adapters, resources)
    authenticator = Authenticator(_key_stores(settings, keys), required=settings.auth.required)
    secret = load_or_create_secret(Path(settings.storage.path) / ".link-secret")
    signer = LinkSigner(secret, settings.storage.url_ttl)
    new_spools = _spools(settings)
    services = ImagesServices(
        authenticator=authenticator,
        table=table,
        relay=relay,
        uploads=_uploads(settings, OwnLinksFirst(resources.blobs, signer, resources.references)),
        new_spools=new_spools,
        pictures=PictureLibrary(resources.blobs, signer),
        conversion=Conversion(resources.converter, new_spools),
        policy=_answer_policy(settings, errors),
        public_url=settings.server.public_url.rstrip("/") if settings.server.public_url else None,
        json_bytes=settings.uploads.max_json_bytes,
    )
    app = _Gateway(
        title="imagegate",
        version=__version__,
        lifespan=_lifespan(resources, log),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.frame = lambda inner: RequestFrame(inner, errors, _request_line(log), lambda: log.exception("unhandled error"))
    _add_routes(app, ImagesApi(services), ModelsApi(authenticator, table, relay, int(time.time())))
    app.router.routes.extend([*health_routes(ready), *Pictures(resources.blobs, signer).routes()])
    if settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.server.cors_origins),
            allow_methods=["GET", "POST", "OPTIONS"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after", "retry-after-ms", "x-imagegate-channel", "x-imagegate-size"],
            max_age=86400,
        )
    return app


class _Gateway(FastAPI):
    """FastAPI without the layers that its own routes need: ours are plain, and the request frame is the last resort.

    An admin API with FastAPI routes is an application of its own, to be mounted.
    """

    frame: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        stack = self.frame(Direct(self.router, self.router.routes))
        for cls, args, kwargs in reversed(self.user_middleware):
            stack = cls(stack, *args, **kwargs)
        return stack


def _resources(settings: Settings, log: FilteringBoundLogger) -> Resources:
    fetch = settings.fetch
    for_callers = FetchPolicy(
        http=fetch.http,
        ports=frozenset(fetch.ports),
        allow=frozenset(fetch.allow),
        max_bytes=fetch.max_bytes,
        total_seconds=fetch.total_seconds,
        listen_port=settings.server.port,
    )
    for_results = replace(for_callers, max_bytes=ANSWER_LIMIT, total_seconds=_RESULT_SECONDS)

    def denied(reason: str, host: str) -> None:
        log.warning("fetch denied", reason=reason, host=host)

    return Resources(
        transport=Engine(),
        references=GuardedFetcher(for_callers, on_denied=denied),
        results=GuardedFetcher(for_results, on_denied=denied),
        blobs=LocalBlobs(
            Path(settings.storage.path),
            ttl=settings.storage.url_ttl,
            max_bytes=settings.storage.max_bytes,
            sniff=sniff,
        ),
        executor=ThreadPoolExecutor(max_workers=4, thread_name_prefix="imagegate-pixels"),
        converter=PictureConverter(workers=settings.convert.workers, max_pixels=settings.convert.max_pixels),
    )


class _Connections:
    """Makes upstreams. Accounts, with their headers, are kept for some minutes: a signed token in them outlives that."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._accounts: dict[tuple[str, str], tuple[float, Account]] = {}

    def __call__(self, candidate: Candidate, adapter: Adapter, deadline: float) -> Upstream:
        """An upstream at the candidate's provider, for one request."""
        channel = candidate.channel
        key = candidate.key.reveal() if candidate.key else ""
        made, account = self._accounts.get((channel.name, key), (0.0, None))
        now = time.monotonic()
        if account is None or now - made > _ACCOUNT_SECONDS:
            account = Account(channel.base_url, adapter.headers(channel, key), adapter.failure, channel.timeouts, key)
            self._accounts[channel.name, key] = (now, account)
        return Upstream(self._resources.transport, account, self._resources.results, deadline)


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[tuple[Relay, Callable[[Candidate], Upstream]]]:
    """A relay, and upstreams, without a server: for commands."""
    resources = _resources(settings, structlog.get_logger())
    adapters = _adapters(settings, resources)
    table = ModelTable(to_channels(settings, adapter_facts()), settings.aliases, settings.defaults.model)
    connect = _Connections(resources)

    def upstream(candidate: Candidate) -> Upstream:
        deadline = asyncio.get_running_loop().time() + candidate.channel.timeouts.connect + _CHECK_SECONDS
        return connect(candidate, adapters[candidate.channel.adapter], deadline)

    try:
        yield _relay(settings, table, adapters, resources), upstream
    finally:
        await resources.transport.aclose()
        resources.executor.shutdown(wait=False, cancel_futures=True)


def _adapters(settings: Settings, resources: Resources) -> dict[str, Adapter]:
    used = [channel.adapter for channel in settings.channels]
    return registry.build(used, Tools(Catalog.load(), resources.executor))


def _relay(settings: Settings, table: ModelTable, adapters: Mapping[str, Adapter], resources: Resources) -> Relay:
    return Relay(
        table,
        adapters,
        _Connections(resources),
        RelayPolicy(settings.routing.retries + 1, settings.routing.retry_ambiguous),
        resting=RestingKeys(time.monotonic),
        budget=RetryBudget(),
        random=Random(),  # noqa: S311 - jitter, not a secret
    )


def _key_stores(settings: Settings, more: Sequence[KeyStore]) -> list[KeyStore]:
    own = StaticKeys((row.key.get_secret_value(), Caller(row.name, row.models, row.default_model)) for row in settings.auth.keys)
    return [own, *more]


def _uploads(settings: Settings, fetcher: OwnLinksFirst) -> UploadReader:
    limits = settings.uploads
    inspector = ImageInspector(
        InspectionLimits(
            sniff=limits.sniff, formats=limits.formats, max_bytes=limits.max_image_bytes, max_pixels=limits.max_pixels
        )
    )
    form = FormLimits(max_images=limits.max_images, max_image_bytes=limits.max_image_bytes)
    return UploadReader(inspector, fetcher, form, limits.max_json_bytes)


def _spools(settings: Settings) -> Callable[[], Spools]:
    budget = SpoolBudget(settings.uploads.spool_bytes)
    directory = Path(settings.uploads.spool_dir) if settings.uploads.spool_dir else None
    return lambda: Spools(budget, directory)


def _answer_policy(settings: Settings, errors: ErrorWriter) -> AnswerPolicy:
    relay = settings.relay
    seconds = relay.finish_seconds if relay.on_disconnect == "finish" else 0.0
    return AnswerPolicy(relay.heartbeat_seconds, settings.server.drain_seconds, DetachedWork(seconds), errors)


def _request_line(log: FilteringBoundLogger) -> Callable[[RequestRecord, str, str], None]:
    def write(record: RequestRecord, method: str, path: str) -> None:
        level = log.warning if record.status >= 500 else log.info
        level("request", method=method, path=path[:200], **record.line())

    return write


def _lifespan(resources: Resources, log: FilteringBoundLogger) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(resources.blobs, log))
        gc.collect()
        gc.freeze()  # what start-up made lives as long as the process; collections need not look at it again
        gc.set_threshold(_ALLOCATIONS, 20, 50)
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.wait({sweeper})
            await resources.transport.aclose()
            await resources.converter.aclose()
            resources.executor.shutdown(wait=False, cancel_futures=True)

    return run


async def _sweep(blobs: LocalBlobs, log: FilteringBoundLogger) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            await blobs.sweep()
        except OSError as error:
            log.warning("stored pictures could not be swept", error=str(error))


def _add_routes(app: FastAPI, images: ImagesApi, models: ModelsApi) -> None:
    for prefix in PREFIXES:
        app.router.routes.extend([*images.routes(prefix), *models.routes(prefix)])
    for prefix in DEPLOYMENT_PREFIXES:
        app.router.routes.extend(images.routes(prefix))
