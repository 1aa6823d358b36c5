"""Serve one request: who could, one try, the next try while that is safe, and the pictures on their way out.

The commit point is the first picture: after it is handed on, a failure is final. Before it, another candidate is tried only
when the provider certainly did no work (see ``errors.UpstreamError.next_candidate``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any, Protocol

from imagegate.adapters.base import Adapter, capabilities_for
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Candidate
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, PartialImage, Progress
from imagegate.domain.images import ImageRequest
from imagegate.domain.output import Output
from imagegate.domain.rules import Adjusted, adjust, splits
from imagegate.errors import Ambiguous, BadResponse, GatewayError, NoChannel, RequestError, UpstreamError
from imagegate.relay.attempt import attempt
from imagegate.relay.fan_out import merged
from imagegate.routing.candidates import ModelTable
from imagegate.routing.rest import RestingKeys
from imagegate.routing.retry import RetryBudget, backoff
from imagegate.upstream.client import Upstream


class Connect(Protocol):
    """Makes the upstream of one attempt."""

    def __call__(self, candidate: Candidate, adapter: Adapter, deadline: float) -> Upstream:
        """An account at the candidate's provider, for one request."""
        ...


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """``attempts``: at most so many calls a request. ``retry_ambiguous``: also after a call that may have been paid."""

    attempts: int = 3
    retry_ambiguous: bool = False


@dataclass(slots=True)
class Report:
    """What the relay did for one request, for headers and the log line; filled while it runs.

    ``left_out``: fields that never go to a provider; ``dropped``: fields that the chosen model does not take; ``output``: what
    the pictures have to be when they leave.
    """

    model: str = ""
    left_out: tuple[str, ...] = ()
    channel: str | None = None
    upstream_model: str | None = None
    attempts: int = 0
    images: int = 0
    partials: int = 0
    dispatched: bool = False
    dropped: tuple[str, ...] = ()
    mapped: Mapping[str, str] = field(default_factory=dict)
    output: Output | None = None


_MOST_PICTURES = 10
"""Pictures of one request that are spread over several calls; OpenAI's own limit for ``n``."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """``parts``: how many pictures each call makes; more than one call when the model makes fewer at once than are asked for."""

    candidate: Candidate
    adapter: Adapter
    adjusted: Adjusted
    parts: tuple[int, ...]


class Relay:
    """Routes requests to adapters. One instance serves the whole process."""

    def __init__(
        self,
        table: ModelTable,
        adapters: Mapping[str, Adapter],
        connect: Connect,
        policy: RelayPolicy,
        *,
        resting: RestingKeys,
        budget: RetryBudget,
        random: Random,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._table = table
        self._adapters = adapters
        self._connect = connect
        self._policy = policy
        self._resting = resting
        self._budget = budget
        self._random = random
        self._sleep = sleep

    def capabilities(self, model: str) -> Capabilities:
        """What the first candidate of a resolved model can do. Raises ModelNotFound."""
        candidate = self._table.candidates(model)[0]
        return self._adapters[candidate.channel.adapter].capabilities(candidate.route.upstream)

    async def run(self, request: ImageRequest, report: Report) -> AsyncGenerator[ImageEvent]:
        """The request's events. ``request.model`` is a resolved public name. Raises GatewayError before or after the commit."""
        report.model = request.model
        plans = self._plans(request)
        finished: Finished | None = None
        with self._budget.request():
            async with aclosing(self._attempts(plans, report)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        finished = event
                        continue
                    report.images += isinstance(event, CompletedImage)
                    report.partials += isinstance(event, PartialImage)
                    yield event
        if report.images == 0:
            raise BadResponse("The provider answered without a picture.")
        if report.images < request.n:
            yield Progress(f"{report.images} of {request.n} pictures were made")
            counted = {"images_asked": request.n, "images_made": report.images}
            finished = replace(finished or Finished(), extra={**(finished.extra if finished else {}), "imagegate": counted})
        if finished is not None:
            yield finished

    def _plans(self, request: ImageRequest) -> list[_Plan]:
        """Candidates that can serve the request as it is; if none can, the first one's reason."""
        plans: list[_Plan] = []
        refusals: list[RequestError] = []
        for candidate in self._table.candidates(request.model):
            adapter = self._adapters[candidate.channel.adapter]
            asked = request if candidate.route.upstream == request.model else replace(request, model=candidate.route.upstream)
            asked = with_defaults(asked, candidate.route.defaults)
            try:
                plans.append(_plan(candidate, adapter, asked))
            except RequestError as error:
                refusals.append(error)
        if not plans:
            raise refusals[0]
        allowed = self._resting.order([plan.candidate for plan in plans])
        return [plan for plan in plans if plan.candidate in allowed]

    async def _attempts(self, plans: Sequence[_Plan], report: Report) -> AsyncGenerator[ImageEvent]:
        deadline = asyncio.get_running_loop().time() + plans[0].candidate.channel.timeouts.total
        last: GatewayError = NoChannel("No channel can serve this model now; try again shortly.")
        for number, plan in enumerate(plans[: self._policy.attempts], start=1):
            if number > 1 and not await self._may_retry(number, deadline):
                break
            committed = False
            try:
                async with aclosing(self._start(plan, report, deadline)) as events:
                    async for event in events:
                        if isinstance(event, (PartialImage, CompletedImage)):
                            committed = True
                            _tell_granted(event.details, plan.adjusted.request)
                        yield event
                return
            except UpstreamError as error:
                self._resting.note(plan.candidate, error)
                if committed or not self._may_follow(error):
                    raise
                last = error
            finally:
                if number > 1:
                    self._budget.done()
        raise last

    async def _may_retry(self, number: int, deadline: float) -> bool:
        """Waits the backoff. False, and no place taken, when budget or deadline do not allow another attempt."""
        pause = backoff(number, self._random)
        if asyncio.get_running_loop().time() + pause >= deadline or not self._budget.try_retry():
            return False
        try:
            await self._sleep(pause)
        except BaseException:
            self._budget.done()
            raise
        return True

    def _may_follow(self, error: UpstreamError) -> bool:
        return error.next_candidate or (self._policy.retry_ambiguous and isinstance(error, (Ambiguous, BadResponse)))

    def _start(self, plan: _Plan, report: Report, deadline: float) -> AsyncGenerator[ImageEvent]:
        """The events of one attempt, not yet running."""
        candidate, request = plan.candidate, plan.adjusted.request
        report.channel, report.upstream_model = candidate.channel.name, candidate.route.upstream
        report.dropped, report.mapped, report.output = plan.adjusted.dropped, plan.adjusted.mapped, plan.adjusted.output
        report.attempts += 1
        report.dispatched = True
        channel = candidate.channel
        if candidate.route.overrides:
            channel = replace(channel, overrides={**channel.overrides, **candidate.route.overrides})
        upstream = self._connect(candidate, plan.adapter, deadline)
        if len(plan.parts) == 1:
            return attempt(plan.adapter, request, channel, upstream, deadline)
        calls = [_part(request, number, n) for number, n in enumerate(plan.parts)]
        return merged([attempt(plan.adapter, call, channel, upstream, deadline) for call in calls])


def _plan(candidate: Candidate, adapter: Adapter, asked: ImageRequest) -> _Plan:
    """How the candidate would serve the request. Raises RequestError when it cannot."""
    capabilities = capabilities_for(adapter, asked, candidate.channel)
    most = max(capabilities.max_n, 1)
    parts = splits(asked.n, most) if most < asked.n <= _MOST_PICTURES else (asked.n,)
    adjusted = adjust(asked if len(parts) == 1 else replace(asked, n=parts[0]), capabilities)
    return _Plan(candidate, adapter, adjusted, parts)


def _tell_granted(details: ImageDetails, sent: ImageRequest) -> None:
    """Size and quality as they were asked of the provider, where it says nothing itself; never what was asked and not sent."""
    if not _is_pixels(details.size) and _is_pixels(sent.size):
        details.size = sent.size
    details.quality = details.quality or sent.quality


def _is_pixels(size: str | None) -> bool:
    return size is not None and size.replace("x", "", 1).isdigit()


def _part(request: ImageRequest, number: int, n: int) -> ImageRequest:
    """One of several calls. A caller's seed is counted on, or every call would make the same picture."""
    seed = str(request.extra.get("seed", ""))
    extra = {**request.extra, "seed": int(seed) + number} if number and seed.isascii() and seed.isdigit() else request.extra
    return replace(request, n=n, extra=extra)


_REQUEST_FIELDS = frozenset(item.name for item in fields(ImageRequest)) - {"operation", "model", "prompt", "images", "extra"}


def with_defaults(request: ImageRequest, defaults: Mapping[str, Any]) -> ImageRequest:
    """The operator's defaults in the places that the caller left empty; names that we do not know go to ``extra``."""
    known = {name: value for name, value in defaults.items() if name in _REQUEST_FIELDS and getattr(request, name) is None}
    extra = {name: value for name, value in defaults.items() if name not in _REQUEST_FIELDS}
    return replace(request, **known, extra={**extra, **request.extra}) if defaults else request
