"""Kept-alive connections that are used again only while nothing has come on them that nobody asked for.

aiohttp takes whatever arrives on an idle connection for the answer to the next request: a provider's stray answer, meant for
nobody or for another caller, would reach a stranger. It also sends into a connection whose end it has not read yet, and then
nobody knows whether the provider has worked.
"""

from __future__ import annotations

import select
import weakref
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


class CleanConnector(aiohttp.TCPConnector):
    """Closes idle connections that have something to read, be it bytes or their end, in place of using them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._served: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """A connection for one request. Raises as its base class."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None  # it is there until the connection is given back
            if protocol not in self._served:
                self._served.add(protocol)
                if protocol.should_close:  # the server answers before it is asked: good for this answer and no other
                    protocol.force_close()
                return connection
            if not (protocol.should_close or _readable(protocol)):
                return connection
            connection.close()


def _readable(protocol: ResponseHandler) -> bool:
    """Whether the kernel holds bytes or the end of the stream, which the event loop has not handed on yet."""
    transport = protocol.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is None:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
