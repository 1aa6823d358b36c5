"""Attempts, fallback and the commit point."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest

from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.channels import Channel, ModelRoute
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageDetails, ImageEvent, ImageLink, PartialImage, held
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    Unavailable,
)
from imagegate.relay.relay import RelayPolicy, Report
from imagegate.upstream.client import Upstream
from tests.relay.scripted import PNG, ScriptedAdapter, channel, drained, picture, relay, request

TWO = [channel("one"), channel("two", priority=1)]


@pytest.mark.parametrize("failure", [Unavailable("x"), RateLimited("x"), AuthFailed("x")])
async def test_the_next_candidate_serves_when_the_first_did_no_work(failure: Exception) -> None:
    adapter = ScriptedAdapter({"one": [failure], "two": [picture()]})
    report = Report()
    assert await drained(relay(adapter, TWO).run(request(), report)) == [("CompletedImage", PNG)]
    assert [name for name, _ in adapter.calls] == ["one", "two"]
    assert (report.channel, report.attempts, report.images) == ("two", 2, 1)
    assert adapter.closed == 2


@pytest.mark.parametrize(
    "failure", [Ambiguous("x"), Ambiguous("x", timed_out=True), BadResponse("x"), ContentRefused("x"), InvalidRequest("x")]
)
async def test_nothing_that_may_have_been_paid_or_is_the_callers_is_tried_again(failure: Exception) -> None:
    adapter = ScriptedAdapter({"one": [failure], "two": [picture()]})
    with pytest.raises(type(failure)):
        await drained(relay(adapter, TWO).run(request(), Report()))
    assert len(adapter.calls) == 1


async def test_an_operator_may_choose_to_repeat_ambiguous_calls() -> None:
    adapter = ScriptedAdapter({"one": [Ambiguous("x")], "two": [picture()]})
    policy = RelayPolicy(retry_ambiguous=True)
    assert await drained(relay(adapter, TWO, policy).run(request(), Report())) == [("CompletedImage", PNG)]


@pytest.mark.parametrize("first", [picture(), PartialImage(held(PNG))])
async def test_after_the_first_picture_a_failure_is_final(first: ImageEvent) -> None:
    adapter = ScriptedAdapter({"one": [first, Unavailable("x")], "two": [picture()]})
    events = relay(adapter, TWO).run(request(), Report())
    seen = []
    with pytest.raises(Unavailable):
        async for event in events:
            seen.append(event)
    assert len(seen) == 1
    assert len(adapter.calls) == 1


async def test_at_most_three_calls_and_the_last_reason_is_told() -> None:
    adapter = ScriptedAdapter({name: [Unavailable(name)] for name in "abcde"})
    with pytest.raises(Unavailable) as caught:
        await drained(relay(adapter, [channel(name, priority=i) for i, name in enumerate("abcde")]).run(request(), Report()))
    assert caught.value.message == "c"
    assert len(adapter.calls) == 3


async def test_the_deadline_is_one_over_everything() -> None:
    class Hanging(ScriptedAdapter):
        async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
            await asyncio.sleep(30)
            yield picture()

    started = asyncio.get_running_loop().time()
    with pytest.raises(Ambiguous) as caught:
        await drained(relay(Hanging({}), [channel("one", total=0.2)]).run(request(), Report()))
    assert caught.value.timed_out
    assert asyncio.get_running_loop().time() - started < 2


async def test_closing_the_events_closes_the_adapter() -> None:
    adapter = ScriptedAdapter({"one": [picture(), picture()]})
    events = relay(adapter, TWO).run(request(n=2), Report())
    await anext(events)
    await events.aclose()
    assert adapter.closed == 1


async def test_a_provider_without_a_picture_is_a_bad_response() -> None:
    with pytest.raises(BadResponse):
        await drained(relay(ScriptedAdapter({"one": [Finished()]}), [channel("one")]).run(request(), Report()))


@pytest.mark.parametrize("content", [b"PGh0bWw+PC9odG1sPg==", b"e30=", b"", b"!!!!"])
async def test_something_that_is_no_picture_never_reaches_the_client(content: bytes) -> None:
    adapter = ScriptedAdapter({"one": [CompletedImage(held(content))]})
    with pytest.raises(BadResponse):
        await drained(relay(adapter, [channel("one")]).run(request(), Report()))


async def test_a_data_url_in_place_of_base64_is_unwrapped() -> None:
    adapter = ScriptedAdapter({"one": [CompletedImage(held(b"data:image/png;base64," + PNG))]})
    assert await drained(relay(adapter, [channel("one")]).run(request(), Report())) == [("CompletedImage", PNG)]


async def test_a_data_url_in_place_of_a_link_is_no_download() -> None:
    adapter = ScriptedAdapter({"one": [CompletedImage(ImageLink("data:image/png;base64," + PNG.decode()))]})
    assert await drained(relay(adapter, [channel("one")]).run(request(), Report())) == [("CompletedImage", PNG)]


async def test_a_link_is_downloaded_and_a_refused_download_is_the_providers_fault() -> None:
    adapter = ScriptedAdapter({"one": [CompletedImage(ImageLink("https://cdn.test/1.png"))]})
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 80
    good = relay(adapter, [channel("one")], downloads={"https://cdn.test/1.png": png})
    assert await drained(good.run(request(), Report())) == [("CompletedImage", png)]
    bad = relay(adapter, [channel("one")], downloads={"https://cdn.test/1.png": InvalidRequest("private address")})
    with pytest.raises(BadResponse):
        await drained(bad.run(request(), Report()))


async def test_the_operators_defaults_fill_gaps_and_his_overrides_reach_the_adapter() -> None:
    route = ModelRoute("up", defaults={"quality": "medium", "seed": 7}, overrides={"user": "fixed"})
    adapter = ScriptedAdapter({"one": [picture()]})
    await drained(relay(adapter, [channel("one", route=route)]).run(request(extra={"x": 1}), Report()))
    (_, seen) = adapter.calls[0]
    assert (seen.model, seen.quality, dict(seen.extra)) == ("up", "medium", {"seed": 7, "x": 1})


async def test_a_candidate_that_cannot_serve_the_request_is_passed_over() -> None:
    only_generate = Capabilities(frozenset({Operation.GENERATE}))
    adapter = ScriptedAdapter({"one": [picture()]}, only_generate)
    with pytest.raises(ModelNotFound):
        await drained(relay(adapter, [channel("one")]).run(request(operation=Operation.EDIT), Report()))
    assert adapter.calls == []


async def test_what_was_dropped_is_reported() -> None:
    narrow = Capabilities(frozenset({Operation.GENERATE}), parameters=frozenset({"quality"}))
    adapter = ScriptedAdapter({"one": [picture()]}, narrow)
    report = Report()
    await drained(relay(adapter, [channel("one")]).run(request(style="vivid"), report))
    assert "style" in report.dropped
    assert adapter.calls[0][1].style is None


def test_every_upstream_error_says_whether_another_may_follow() -> None:
    assert {error.next_candidate for error in (Unavailable, RateLimited, AuthFailed)} == {True}
    assert {error.next_candidate for error in (Ambiguous, BadResponse)} == {False}
    assert issubclass(Unavailable, GatewayError)


async def test_an_svg_that_begins_with_a_declaration_is_a_picture() -> None:
    text = b'<?xml version="1.0"?><!-- ' + b"made by somebody " * 20 + b'--><svg xmlns="http://www.w3.org/2000/svg"/>'
    encoded = base64.b64encode(text)
    pieces = [encoded[start : start + 100] for start in range(0, len(encoded), 100)]

    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    adapter = ScriptedAdapter({"one": [CompletedImage(ImageBytes(arriving()))]})
    assert await drained(relay(adapter, [channel("one")]).run(request(), Report())) == [("CompletedImage", encoded)]


@pytest.mark.parametrize(
    ("rule", "said", "told"),
    [
        (SizeRule(), ImageDetails(), ("512x512", "high")),
        (SizeRule(fixed=((64, 64),)), ImageDetails(size="auto"), ("64x64", "high")),
        (SizeRule(fixed=((64, 64),)), ImageDetails(size="65x65", quality="low"), ("65x65", "low")),
        (SizeRule(decided_by=Decider.MODEL), ImageDetails(), (None, "high")),
        (SizeRule(decided_by=Decider.MODEL), ImageDetails(size="70x70"), ("70x70", "high")),
    ],
)
async def test_what_was_granted_is_told_and_never_what_was_asked(
    rule: SizeRule, said: ImageDetails, told: tuple[str | None, str]
) -> None:
    capabilities = Capabilities(frozenset(Operation), sizes=rule)
    adapter = ScriptedAdapter({"one": [CompletedImage(held(PNG), said)]}, capabilities)
    asked = request(size="512x512", quality="high")
    events = [event async for event in relay(adapter, [channel("one")]).run(asked, Report()) if isinstance(event, CompletedImage)]
    assert [(event.details.size, event.details.quality) for event in events] == [told]


async def test_a_quality_that_was_dropped_is_not_told() -> None:
    capabilities = Capabilities(frozenset(Operation), parameters=frozenset())
    adapter = ScriptedAdapter({"one": [picture()]}, capabilities)
    events = [event async for event in relay(adapter, [channel("one")]).run(request(quality="high"), Report())]
    assert [event.details.quality for event in events if isinstance(event, CompletedImage)] == [None]


async def test_an_adapter_may_narrow_what_a_model_can_do_for_one_request() -> None:
    class Narrow(ScriptedAdapter):
        def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
            only = frozenset({channel.name})
            return replace(self.capabilities(request.model), max_n=1, vendor=VendorFields(only=only))

    adapter = Narrow({"one": [picture()]})
    report = Report()
    await drained(relay(adapter, [channel("one")]).run(request(n=2, extra={"one": 1, "two": 2}), report))
    assert report.dropped == ("two",)
    assert [(asked.n, dict(asked.extra)) for _, asked in adapter.calls] == [(1, {"one": 1})] * 2
