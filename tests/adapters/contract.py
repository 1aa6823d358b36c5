"""What every adapter must do. A provider's test class inherits ``AdapterContract`` and gives it a ``Bench``.

The honesty tests compare what a call *left behind* with and without a field: for a provider, the request that its simulator
recorded; for an adapter that talks to nobody, the picture itself.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Any, ClassVar

import pytest

from imagegate.adapters.base import Adapter, capabilities_for
from imagegate.adapters.registry import Rows
from imagegate.adapters.shape.listed import unlisted
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule
from imagegate.domain.channels import Channel, Secret
from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageBytes,
    ImageEvent,
    ImageLink,
    PartialImage,
    Progress,
)
from imagegate.domain.images import ImageRequest, InputImage, Operation
from imagegate.domain.rules import Adjusted, adjust
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Account, OutsideFetcher, Upstream
from imagegate.upstream.engine import Engine
from tests.support import pictures
from tests.support.waiting import until

SECRET = "sk-simulator-0123456789abcdef"
"""The key that channels of contract tests use; it must never be in an error."""


class Failure(StrEnum):
    """Ways in which a provider says no, each with the error that must come of it."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    BAD_KEY = "bad_key"
    NO_CREDIT = "no_credit"
    CONTENT = "content"
    SERVER = "server"
    NO_PICTURE = "no_picture"
    NOT_JSON = "not_json"
    CUT = "cut"


EXPECTED: dict[Failure, tuple[type[GatewayError], ...]] = {
    Failure.RATE_LIMIT: (RateLimited,),
    Failure.OVERLOADED: (Unavailable, RateLimited),
    Failure.BAD_KEY: (AuthFailed,),
    Failure.NO_CREDIT: (AuthFailed,),
    Failure.CONTENT: (ContentRefused,),
    Failure.SERVER: (Ambiguous,),
    Failure.NO_PICTURE: (BadResponse,),
    Failure.NOT_JSON: (BadResponse,),
    Failure.CUT: (BadResponse, Ambiguous),
}


@dataclass(frozen=True, slots=True)
class Bytes:
    """Content held in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    async def sha256(self) -> str:
        """Not needed here."""
        return ""

    async def chunks(self) -> AsyncIterator[bytes]:
        """One piece."""
        yield self.data

    async def read(self) -> bytes:
        """All of it."""
        return self.data


def reference(width: int = 64, height: int = 64, *, name: str = "image-0.png", color: Any = (200, 40, 40)) -> InputImage:
    """A reference picture, opaque."""
    return InputImage(Bytes(pictures.png((width, height), color)), "image/png", name, width, height, False)


def mask(width: int = 64, height: int = 64) -> InputImage:
    """A mask with a transparent part."""
    return InputImage(Bytes(pictures.mask((width, height))), "image/png", "mask.png", width, height, True)


class NoOutside:
    """A guarded fetcher that serves nothing: a contract test that gets here took the wrong door."""

    def open(self, url: str, *, param: str | None = None) -> AbstractAsyncContextManager[Any]:
        """Refuse."""
        raise AssertionError(f"fetched {url} through the outside door")


class Bench(ABC):
    """One adapter on one channel, and a way to see and to spoil its calls."""

    adapter: Adapter
    channel: Channel
    model: str
    unheard_of: ClassVar[frozenset[Failure]] = frozenset()
    """Failures that the provider does not have, from the table in ``absent``; all others must be provoked."""

    @abstractmethod
    def left_behind(self, events: list[Seen]) -> Any:
        """What the last call came to: the recorded request, or the pictures."""

    @abstractmethod
    def provoke(self, failure: Failure, request: ImageRequest) -> ImageRequest | None:
        """Make the next call fail so; the request to send. None: the provider has no such failure, as ``unheard_of`` says."""

    def orders(self) -> int:
        """Calls that the provider would charge for, so far."""
        simulator = getattr(self, "simulator", None)
        return 0 if simulator is None else int(simulator.calls)

    def open_connections(self) -> int:
        """Connections that the provider still sees busy."""
        return 0

    def calls(self) -> int:
        """Calls that the provider has seen."""
        return 0

    def outside(self) -> OutsideFetcher:
        """The door for results on other hosts."""
        return NoOutside()


@dataclass(frozen=True, slots=True)
class Seen:
    """A drained event."""

    event: ImageEvent
    picture: bytes = b""


class AdapterContract(ABC):
    """Inherit, and implement the ``bench`` fixture."""

    @pytest.fixture
    @abstractmethod
    def bench(self) -> Iterator[Bench]:
        """A fresh bench a test."""

    @pytest.fixture
    async def transport(self) -> AsyncIterator[Engine]:
        """A client engine for one test."""
        transport = Engine(ssl.create_default_context())
        yield transport
        await transport.aclose()

    def request(self, bench: Bench, **given: Any) -> ImageRequest:
        """A request for the bench's model, as the relay would hand it over."""
        return self.adjusted(bench, **given).request

    def adjusted(self, bench: Bench, **given: Any) -> Adjusted:
        """The same with what the rules dropped and mapped."""
        asked = ImageRequest(**{"operation": Operation.GENERATE, "model": bench.model, "prompt": "a red house", **given})
        return adjust(asked, capabilities_for(bench.adapter, asked, bench.channel))

    async def run(self, bench: Bench, transport: Engine, request: ImageRequest) -> list[Seen]:
        """All events, drained."""
        async with aclosing(self.start(bench, transport, request)) as events:
            return [await drain(event) async for event in events]

    def start(self, bench: Bench, transport: Engine, request: ImageRequest) -> AsyncGenerator[ImageEvent]:
        """The adapter's generator, not yet running."""
        channel = replace(bench.channel, keys=bench.channel.keys or (Secret(SECRET),))
        return bench.adapter.run(request, channel, self.upstream(bench, transport))

    def upstream(self, bench: Bench, transport: Engine) -> Upstream:
        """The account of the bench's channel, with its first key."""
        channel = replace(bench.channel, keys=bench.channel.keys or (Secret(SECRET),))
        key = channel.keys[0].reveal()
        account = Account(channel.base_url, bench.adapter.headers(channel, key), bench.adapter.failure, channel.timeouts, key)
        return Upstream(transport, account, bench.outside(), asyncio.get_running_loop().time() + 20)

    def capabilities(self, bench: Bench) -> Capabilities:
        """Of the bench's model."""
        return bench.adapter.capabilities(bench.model)

    async def test_a_generation_is_one_picture(self, bench: Bench, transport: Engine) -> None:
        seen = await self.run(bench, transport, self.request(bench))
        check_grammar(seen, n=1)
        assert pictures.look(completed(seen)[0])

    async def test_n_pictures_come_when_the_model_makes_several(self, bench: Bench, transport: Engine) -> None:
        n = min(3, self.capabilities(bench).max_n)
        seen = await self.run(bench, transport, self.request(bench, n=n))
        check_grammar(seen, n=n)
        assert len(completed(seen)) == n

    async def test_previews_come_before_their_picture(self, bench: Bench, transport: Engine) -> None:
        most = self.capabilities(bench).partial_images
        seen = await self.run(bench, transport, self.request(bench, stream=True, partial_images=min(2, most) or None))
        check_grammar(seen, n=1)
        assert sum(isinstance(item.event, PartialImage) for item in seen) == min(2, most)

    async def test_an_edit_sends_its_pictures(self, bench: Bench, transport: Engine) -> None:
        if Operation.EDIT not in self.capabilities(bench).operations:
            with pytest.raises(GatewayError):
                self.request(bench, operation=Operation.EDIT, images=(reference(),))
            return
        one = self.request(bench, operation=Operation.EDIT, images=(reference(),))
        other = self.request(bench, operation=Operation.EDIT, images=(reference(color=(1, 2, 3)),))
        seen = await self.run(bench, transport, one)
        check_grammar(seen, n=1)
        first = bench.left_behind(seen)
        assert first != bench.left_behind(await self.run(bench, transport, other)), "the picture made no difference"

    async def test_a_mask_is_sent_or_refused(self, bench: Bench, transport: Engine) -> None:
        capabilities = self.capabilities(bench)
        plain = {"operation": Operation.EDIT, "images": (reference(),)}
        if not capabilities.mask or Operation.EDIT not in capabilities.operations:
            with pytest.raises(GatewayError):
                self.request(bench, **plain, mask=mask())
            return
        without = bench.left_behind(await self.run(bench, transport, self.request(bench, **plain)))
        with_mask = bench.left_behind(await self.run(bench, transport, self.request(bench, **plain, mask=mask())))
        assert without != with_mask, "the mask made no difference"

    @pytest.mark.parametrize("field", ["quality", "background", "output_format", "output_compression"])
    async def test_a_declared_field_makes_a_difference(self, bench: Bench, transport: Engine, field: str) -> None:
        given = declared(self.capabilities(bench), field)
        if given is None:
            self.check_undeclared(bench, field)
            return
        base = {"output_format": "jpeg"} if field == "output_compression" else {}
        without = await self.left(bench, transport, self.request(bench, **base))
        with_field = await self.left(bench, transport, self.request(bench, **{**base, **given}))
        assert without != with_field, f"{field} is declared and made no difference"

    def check_undeclared(self, bench: Bench, field: str) -> None:
        """A field that the model does not have is refused, dropped or mapped, and said so."""
        if field == "background":
            with pytest.raises(InvalidRequest) as caught:
                self.request(bench, background="transparent")
            assert caught.value.param == "background"
        elif field in {"quality", "output_compression"}:
            given: dict[str, Any] = {"quality": "low"} if field == "quality" else {"output_compression": 20}
            adjusted = self.adjusted(bench, **self.kinds(bench)[0], **given)
            assert field in adjusted.dropped or field in adjusted.mapped

    async def test_the_same_request_leaves_the_same_behind(self, bench: Bench, transport: Engine) -> None:
        """Or the tests of honesty would prove nothing."""
        for kind in self.kinds(bench):
            asked = self.request(bench, **kind, extra=self.steady(bench, kind))
            assert await self.left(bench, transport, asked) == await self.left(bench, transport, asked)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("x_probe", "a-probe"), ("seed", 8), ("negative_prompt", "a-probe"), ("guidance_scale", 3), ("aspect_ratio", "a:probe")],
    )
    async def test_an_unknown_field_is_sent_or_named(self, bench: Bench, transport: Engine, name: str, value: Any) -> None:
        for kind in self.kinds(bench):
            steady = self.steady(bench, kind)
            without = await self.left(bench, transport, self.request(bench, **kind, extra=steady))
            adjusted = self.adjusted(bench, **kind, extra={**steady, name: value})
            try:
                left = await self.left(bench, transport, adjusted.request)
            except InvalidRequest as refusal:
                assert refusal.param == name
                continue
            named = name in adjusted.dropped
            assert named == (name not in adjusted.request.extra)
            assert (left == without) == named, f"{name} vanished, or is named and was sent"

    async def test_a_size_is_sent_or_told(self, bench: Bench, transport: Engine) -> None:
        """Different sizes that were granted are different calls; a size that cannot be asked for is no part of one."""
        for kind in self.kinds(bench):
            asked = self.request(bench, **kind)
            rule = capabilities_for(bench.adapter, asked, bench.channel).sizes_for(asked)
            if rule.decided_by is Decider.CALLER:
                await self.check_granted(bench, transport, kind, rule)
                continue
            extra = self.steady(bench, kind)
            adjusted = self.adjusted(bench, **kind, size="1536x1024", extra=extra)
            assert (adjusted.request.size, adjusted.mapped) == (None, {"size": f"1536x1024->{rule.decided_by}"})
            without = await self.left(bench, transport, self.request(bench, **kind, extra=extra))
            assert await self.left(bench, transport, adjusted.request) == without

    async def check_granted(self, bench: Bench, transport: Engine, kind: dict[str, Any], rule: SizeRule) -> None:
        """Sizes that the caller decides are granted or mapped, and each is a call of its own."""
        extra = self.steady(bench, kind)
        calls: dict[str, Any] = {}
        for size in asked_sizes(rule):
            adjusted = self.adjusted(bench, **kind, size=size, extra=extra)
            granted = adjusted.request.size
            assert granted is not None and (granted == size or adjusted.mapped == {"size": f"{size}->{granted}"})
            if granted not in calls:
                calls[granted] = await self.left(bench, transport, adjusted.request)
        for (one, call), (other, another) in combinations(calls.items(), 2):
            assert call != another, f"{one} and {other} are the same call"

    def kinds(self, bench: Bench) -> list[dict[str, Any]]:
        """What makes a request a generation, an edit, and an edit with a mask, as far as the model can."""
        capabilities = self.capabilities(bench)
        edit: dict[str, Any] = {"operation": Operation.EDIT, "images": (reference(),)}
        kinds: list[dict[str, Any]] = [{}] if Operation.GENERATE in capabilities.operations else []
        if Operation.EDIT in capabilities.operations:
            kinds += [edit, {**edit, "mask": mask()}] if capabilities.mask else [edit]
        return kinds

    def steady(self, bench: Bench, kind: dict[str, Any]) -> dict[str, Any]:
        """A seed, where there is one: adapters may draw another."""
        asked = ImageRequest(**{"operation": Operation.GENERATE, "model": bench.model, "prompt": "x", **kind})
        return {"seed": 7} if capabilities_for(bench.adapter, asked, bench.channel).vendor.takes("seed") else {}

    async def left(self, bench: Bench, transport: Engine, request: ImageRequest) -> Any:
        """What a call came to, whatever the provider answered to it. Raises what was refused before one was made."""
        calls = bench.calls()
        try:
            return bench.left_behind(await self.run(bench, transport, request))
        except GatewayError:
            if bench.calls() == calls:
                raise
            return bench.left_behind([])

    @pytest.mark.parametrize("failure", list(Failure))
    async def test_each_failure_becomes_the_right_error(self, bench: Bench, transport: Engine, failure: Failure) -> None:
        request = bench.provoke(failure, self.request(bench))
        assert (request is None) == (failure in bench.unheard_of)
        if request is None:
            return
        with pytest.raises(EXPECTED[failure]) as caught:
            await self.run(bench, transport, request)
        told = f"{caught.value.message} {caught.value.code} {caught.value.param}"
        assert SECRET not in told and bench.channel.base_url not in told
        assert caught.value.message.strip().endswith((".", "!", "…", "]")), "one whole sentence"

    async def test_the_free_check_orders_nothing_and_wants_the_key(self, bench: Bench, transport: Engine) -> None:
        row = Rows()[bench.channel.adapter]
        url = row.check_url(bench.channel.base_url)
        if url is None:
            return
        before = bench.orders()
        async with self.upstream(bench, transport).get(url) as answer:
            assert answer.status == 200
            document = await answer.json()
        assert document
        if row.lists_models:
            assert unlisted([self.request(bench).model, "nobody/nothing"], document) == ("nobody/nothing",)
        if row.needs_key:
            bench.provoke(Failure.BAD_KEY, self.request(bench))
            with pytest.raises(AuthFailed):
                async with self.upstream(bench, transport).get(url):
                    pass
        assert bench.orders() == before

    async def test_closing_early_frees_the_connection(self, bench: Bench, transport: Engine) -> None:
        events = self.start(bench, transport, self.request(bench))
        await anext(events)
        await events.aclose()
        await until(lambda: bench.open_connections() == 0, 3)

    async def test_a_prompt_in_any_script_arrives_whole(self, bench: Bench, transport: Engine) -> None:
        prompt = '一只红色的猫 😀 \u2028 "quoted" \\ <b> '.ljust(200, "é")
        seen = await self.run(bench, transport, self.request(bench, prompt=prompt))
        check_grammar(seen, n=1)
        left = bench.left_behind(seen)
        assert left != bench.left_behind(await self.run(bench, transport, self.request(bench, prompt="x")))


def check_grammar(seen: list[Seen], n: int) -> None:
    """Partials before their picture, at most n pictures, at least one, Finished only last."""
    done = [index for index, item in enumerate(seen) if isinstance(item.event, CompletedImage)]
    assert 1 <= len(done) <= n
    partials = [index for index, item in enumerate(seen) if isinstance(item.event, PartialImage)]
    assert all(index < done[-1] for index in partials)
    finished = [index for index, item in enumerate(seen) if isinstance(item.event, Finished)]
    assert finished in ([], [len(seen) - 1])
    for item in seen:
        if isinstance(item.event, Progress):
            assert "\n" not in item.event.note


def asked_sizes(rule: SizeRule) -> list[str]:
    """Sizes to ask for: of each kind some that the model has, and some that it may not have."""
    fixed = [f"{width}x{height}" for width, height in (*rule.fixed[:4], *rule.fixed[-4:])]
    return list(dict.fromkeys(["1024x1024", "1536x1024", "1024x1536", "2048x2048", *fixed]))


def completed(seen: list[Seen]) -> list[bytes]:
    """The finished pictures."""
    return [item.picture for item in seen if isinstance(item.event, CompletedImage)]


def declared(capabilities: Capabilities, field: str) -> dict[str, Any] | None:
    """A value of the field that the model says it takes, or None when it has no such field."""
    if capabilities.parameters is not None and field not in capabilities.parameters and field in {"output_compression"}:
        return None
    match field:
        case "quality":
            return {"quality": "low"} if "low" in capabilities.qualities else None
        case "background":
            return {"background": "transparent"} if "transparent" in capabilities.backgrounds else None
        case "output_format":
            return {"output_format": "webp"} if "webp" in capabilities.formats else None
        case _:
            return {"output_compression": 20} if "jpeg" in capabilities.formats else None


async def drain(event: ImageEvent) -> Seen:
    """The event and its picture's bytes; a link stays what it is."""
    source = getattr(event, "source", None)
    if isinstance(source, ImageBytes):
        content = b"".join([chunk async for chunk in source.chunks])
        return Seen(event, base64.b64decode(content, validate=True) if source.encoding == "base64" else content)
    return Seen(event, source.url.encode() if isinstance(source, ImageLink) else b"")
