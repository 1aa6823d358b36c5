"""An ``Engine`` for a test, requests for it, and a look into the kernel's queues."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from imagegate.upstream.engine import Engine


@asynccontextmanager
async def running(context: ssl.SSLContext | None = None) -> AsyncGenerator[Engine]:
    """An engine that is closed at the end. Without ``context`` no certificate is trusted, which is quicker to make."""
    engine = Engine(context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    try:
        yield engine
    finally:
        await engine.aclose()


def no_trust() -> ssl.SSLContext:
    """A context that trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def get(url: str, headers: Mapping[str, str] | None = None, connect: float | None = 2.0) -> httpx2.Request:
    """A GET. ``connect``: seconds."""
    return _request("GET", url, headers, b"", connect)


def post(
    url: str, content: bytes | AsyncIterator[bytes] = b"{}", headers: Mapping[str, str] | None = None, connect: float | None = 2.0
) -> httpx2.Request:
    """A POST. ``connect``: seconds."""
    return _request("POST", url, headers, content, connect)


async def body(engine: Engine, request: httpx2.Request) -> bytes:
    """Send, read to the end, close."""
    response = await engine.handle_async_request(request)
    try:
        return b"".join([chunk async for chunk in response.aiter_raw()])
    finally:
        await response.aclose()


def in_the_kernel(port: int) -> int:
    """Bytes on their way between the server at ``port`` and its clients that no program has taken yet (proc(5), net/tcp)."""
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if f":{port:04X}" in {local[8:], remote[8:]}:
            total += sum(int(part, 16) for part in queues.split(":"))
    return total


@contextmanager
def full_queue() -> Iterator[int]:
    """A port whose listener accepts nobody and whose queue is full."""
    fillers = [socket.socket() for _ in range(4)]
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
    for filler in fillers:
        filler.close()


def _request(
    method: str, url: str, headers: Mapping[str, str] | None, content: bytes | AsyncIterator[bytes], connect: float | None
) -> httpx2.Request:
    extensions: dict[str, Any] = {} if connect is None else {"timeout": {"connect": connect}}
    return httpx2.Request(method, url, headers=dict(headers or {}), content=content, extensions=extensions)
