"""The verbs that an adapter has: one provider account, its deadlines, its own origin.

All outgoing HTTP to a channel's origin goes through here. Redirects are never followed, nothing is taken from the
environment, and only the headers that the adapter made are sent.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, Literal, Protocol

import httpx2
import orjson

from imagegate.domain.channels import Timeouts
from imagegate.errors import Ambiguous, BadResponse, GatewayError, UpstreamError
from imagegate.upstream.engine import EngineBody
from imagegate.upstream.failures import reading, sending
from imagegate.upstream.form import EncodedForm, MultipartForm
from imagegate.upstream.inline import JsonBody
from imagegate.upstream.outgoing import common_headers, outgoing

ANSWER_LIMIT = 256 * 1024 * 1024
"""The most bytes of one answer, picture included."""
_REFUSAL_LIMIT = 64 * 1024
_REFUSAL_SECONDS = 10.0
_POLL_FAILURES = 5
_JSON_LIMIT = 8 * 1024 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider's answer that is not 2xx. ``body``: at most 64 KiB of it; ``json``: parsed, or None."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class OutsideFetcher(Protocol):
    """The guarded door for urls that are not on the channel's own origin."""

    def open(self, url: str, *, param: str | None = None) -> AbstractAsyncContextManager[OutsideStream]:
        """Fetch one outside url; raises InvalidRequest on refusal."""
        ...


class OutsideStream(Protocol):
    """What the guarded door gives."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are at the provider: origin and path prefix, headers with the credential, deadlines, and how refusals read.

    ``key``: the credential itself, for providers that sign each call. ``common``: what every call sends, made ready once.
    """

    base_url: str
    headers: Mapping[str, str]
    classify: Callable[[Refusal], GatewayError]
    timeouts: Timeouts = field(default_factory=Timeouts)
    key: str = field(default="", repr=False)
    common: httpx2.Headers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "common", common_headers(self.headers))


class Answer:
    """A 2xx answer whose body has not been read yet."""

    def __init__(self, response: httpx2.Response, idle: float, deadline: float) -> None:
        self._response = response
        self._idle = idle
        self._deadline = deadline
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives, not re-chunked. Raises Ambiguous when it stalls, BadResponse when it breaks or is too large."""
        stream = self._response.stream
        if isinstance(stream, EngineBody) and self.headers.get("content-encoding", "identity") == "identity":
            return self._pieces(stream)
        return self._decoded()

    async def _decoded(self) -> AsyncGenerator[bytes]:
        async with aclosing(self._response.aiter_bytes()) as decoded:
            parts = (chunk async for chunk in decoded if chunk)
            total = 0
            while True:
                with reading():
                    async with asyncio.timeout_at(self._latest()):
                        chunk = await anext(parts, b"")
                if not chunk:
                    return
                total = _counted(total, chunk)
                yield chunk

    async def _pieces(self, stream: EngineBody) -> AsyncGenerator[bytes]:
        """For what is here already no timer is set."""
        total = 0
        while True:
            with reading():
                chunk = stream.ready()
                if chunk is None:
                    chunk = await stream.read_some(self._latest())
            if not chunk:
                return
            total = _counted(total, chunk)
            yield chunk

    def _latest(self) -> float:
        """When the next read has to be done: after the idle time, or at the deadline."""
        return min(asyncio.get_running_loop().time() + self._idle, self._deadline)

    async def read(self, limit: int = _JSON_LIMIT) -> bytes:
        """The whole body, for small answers. Raises BadResponse above ``limit`` bytes."""
        body = bytearray()
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > limit:
                    raise BadResponse("The provider's answer is larger than expected.")
        return bytes(body)

    async def json(self, limit: int = _JSON_LIMIT) -> Any:
        """The whole body as JSON. Raises BadResponse."""
        try:
            return orjson.loads(await self.read(limit))
        except orjson.JSONDecodeError as error:
            raise BadResponse("The provider answered with something that is not JSON.") from error


class Upstream:
    """One provider account for the length of one request. ``deadline``: on the loop's clock, over everything it does."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, account: Account, outside: OutsideFetcher, deadline: float) -> None:
        self._transport = transport
        self._account = account
        self._outside = outside
        self._deadline = deadline

    def post_json(
        self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """POST a JSON body to ``base_url + path``; the provider's refusal is raised as the adapter classified it.

        ``InlineImage`` values in the body are streamed from the spool.
        """
        encoded = JsonBody(body)
        sent = {"content-type": "application/json", "content-length": str(encoded.length), **(headers or {})}
        return self._call("POST", self._url(path), sent, encoded.content)

    def post_bytes(self, path: str, content: bytes, *, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Answer]:
        """POST bytes as they are, for signed calls. ``headers`` hold the content type and the signature."""
        return self._call("POST", self._url(path), {"content-length": str(len(content)), **headers}, content)

    @property
    def key(self) -> str:
        """The credential of this account, for providers that sign each call."""
        return self._account.key

    @property
    def base_url(self) -> str:
        """Origin and path prefix of this account, without a slash at the end."""
        return self._account.base_url

    def at(self, origin: str) -> Upstream:
        """The same account at another origin of its provider. Headers and credential go there: the caller vouches for it.

        For providers that name the host of a job's region in their answer. ``origin``: scheme and host, without a path.
        """
        return Upstream(self._transport, replace(self._account, base_url=origin), self._outside, self._deadline)

    def post_form(
        self, path: str, form: MultipartForm, *, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """POST multipart/form-data, files streamed from the spool."""
        encoded = EncodedForm(form)
        sent = {"content-type": encoded.content_type, "content-length": str(encoded.length), **(headers or {})}
        return self._call("POST", self._url(path), sent, encoded.chunks())

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[Answer]:
        """GET ``base_url + path``, or an absolute url on the channel's own origin."""
        return self._call("GET", self._url(path), dict(headers or {}), b"")

    async def call_off(self, path: str, *, method: Literal["POST", "PUT", "DELETE"] = "POST", seconds: float = 1.5) -> None:
        """Tell the provider that nobody waits for a job any more: at most ``seconds``, also after the deadline.

        A failure is nobody's business and is not raised.
        """
        late = Upstream(self._transport, self._account, self._outside, asyncio.get_running_loop().time() + seconds)
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(seconds), late._call(method, late._url(path), {}, b"") as answer:
                await answer.read()

    def poll(
        self, path: str, *, every: float = 2.0, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """A submitted job's status documents, one about every ``every`` seconds (jittered), until the caller has what it wants.

        A poll that fails costs nothing and is repeated; five failures in a row, or the deadline, are Ambiguous, because the job
        may be done and paid. The first look comes after half the interval.
        """
        return self.poll_calls(lambda: self.get(path, headers=headers), every=every)

    async def poll_calls(
        self, look: Callable[[], AbstractAsyncContextManager[Answer]], *, every: float = 2.0
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """As ``poll``, where a look is another call than a GET, or one that is signed anew each time."""
        failures = 0
        pause = every / 2
        while True:
            await self._sleep(pause)
            pause = random.uniform(0.75, 1.25) * every  # noqa: S311 - jitter, not a secret
            try:
                async with look() as answer:
                    document = await answer.json()
            except UpstreamError as error:
                failures += 1
                if failures >= _POLL_FAILURES:
                    raise Ambiguous("The provider stopped telling how its work goes on.") from error
                continue
            failures = 0
            if isinstance(document, Mapping):
                yield document

    async def _sleep(self, seconds: float) -> None:
        left = self._deadline - asyncio.get_running_loop().time()
        if left <= seconds:
            await asyncio.sleep(max(left, 0))
            raise Ambiguous("The picture was not ready before the deadline.", timed_out=True)
        await asyncio.sleep(seconds)

    async def download(self, url: str) -> AsyncGenerator[bytes]:
        """The bytes of a result url: through the account on its own origin, else through the guarded fetcher.

        The picture is paid by now, so no failure of this kind may send the request to another candidate.
        """
        try:
            if self.owns(url):
                async with self._call("GET", url, {}, b"") as answer, aclosing(answer.chunks()) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            async with self._outside.open(url) as stream:
                async for chunk in stream.chunks():
                    yield chunk
        except UpstreamError as error:
            if error.next_candidate:
                raise BadResponse("The provider's result could not be fetched.") from error
            raise

    def owns(self, url: str) -> bool:
        """Whether an absolute url is on the channel's own origin (scheme, host and port)."""
        origin = _origin(url)
        return origin is not None and origin == _origin(self._account.base_url)

    def _url(self, path: str) -> str:
        absolute = path.startswith(("http://", "https://"))
        url = path if absolute else f"{self._account.base_url}/{path.lstrip('/')}"
        if not self.owns(url):
            raise BadResponse("The provider named an address that is not its own.")
        return url

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | AsyncIterator[bytes]
    ) -> AbstractAsyncContextManager[Answer]:
        return _Call(partial(self._answer, method, url, headers, content))

    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | AsyncIterator[bytes]
    ) -> tuple[httpx2.Response, Answer]:
        response = await self._send(method, url, headers, content)
        if 200 <= response.status_code < 300:
            return response, Answer(response, self._account.timeouts.idle, self._deadline)
        try:
            raise self._account.classify(await self._refusal(response))
        finally:
            await response.aclose()

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | AsyncIterator[bytes]
    ) -> httpx2.Response:
        timeouts = self._account.timeouts
        now = asyncio.get_running_loop().time()
        latest = min(now + timeouts.first_byte, self._deadline)
        request = outgoing(
            method, url, self._account.common, headers, content, connect=min(timeouts.connect, latest - now), deadline=latest
        )
        with sending():
            return await self._transport.handle_async_request(request)

    async def _refusal(self, response: httpx2.Response) -> Refusal:
        latest = min(asyncio.get_running_loop().time() + _REFUSAL_SECONDS, self._deadline)
        answer = Answer(response, self._account.timeouts.idle, latest)
        body = bytearray()
        try:
            async with aclosing(answer.chunks()) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) >= _REFUSAL_LIMIT:
                        break
        except GatewayError:
            body.clear()  # the status alone has to do
        return Refusal(response.status_code, response.headers, bytes(body[:_REFUSAL_LIMIT]))


class _Call:
    """``async with`` around one answer: leaving gives the connection back, or closes it when there is more to read."""

    def __init__(self, answer: Callable[[], Awaitable[tuple[httpx2.Response, Answer]]]) -> None:
        self._answer = answer
        self._response: httpx2.Response | None = None

    async def __aenter__(self) -> Answer:
        self._response, answer = await self._answer()
        return answer

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            stream = self._response.stream
            assert isinstance(stream, httpx2.AsyncByteStream)  # what an asynchronous transport gives
            await stream.aclose()


@lru_cache(maxsize=1024)
def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port, read by the parser that also dials; None when it is no absolute http(s) url."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return None
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host:
        return None
    return parsed.scheme, parsed.host, parsed.port or _DEFAULT_PORTS[parsed.scheme]


def _counted(total: int, chunk: bytes) -> int:
    total += len(chunk)
    if total > ANSWER_LIMIT:
        raise BadResponse("The provider's answer is larger than the gateway accepts.")
    return total
