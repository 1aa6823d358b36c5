"""From a name to a connection."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any

import pytest

from imagegate.upstream.dial import Dialer, Origin
from imagegate.upstream.http1 import Connection
from tests.support.raw_server import RawServer, answering
from tests.upstream.engines import body, full_queue, no_trust, post, running


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_name_leads_to_the_address_that_answers(name: str) -> None:
    """``localhost`` may be ::1 first, where nobody listens."""
    with RawServer(answering(b"asked")) as server:
        async with running() as engine:
            assert await body(engine, post(f"http://{name}:{server.port}")) == b"asked"


async def test_a_second_address_is_tried_while_the_first_is_silent() -> None:
    """RFC 8305: a black hole costs a quarter of a second and not the whole deadline."""
    with RawServer(answering(b"asked")) as server, full_queue() as silent_port:
        loop = asyncio.get_running_loop()
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
            for port in (silent_port, server.port)
        ]

        async def both(*_: object, **__: object) -> list[Any]:
            return addresses

        dialer = Dialer(no_trust, partial(Connection, memoryview(bytearray(4096)), loop), lookup=both)
        connection = await dialer.dial(Origin(False, "two.test", 80), 2)
        assert not connection.ended
        connection.abort()
