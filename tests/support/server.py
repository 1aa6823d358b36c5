"""Real servers on real sockets: an ASGI app in a thread.

``ServerProcess`` (a command with a port) and ``RawServer`` (byte-exact misbehaviour) can be imported from here too.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Literal, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.support.loop_thread import LoopThread
from tests.support.process import ServerProcess, free_port
from tests.support.raw_server import RawConnection, RawRequest, RawServer

__all__ = ["AsgiApp", "RawConnection", "RawRequest", "RawServer", "ServerProcess", "ServerThread", "free_port", "listen"]

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def listen(host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on a free port of a loopback address.

    It names its protocol: only then does asyncio switch Nagle's algorithm off for accepted connections, which would otherwise
    hold back every second write for 40 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.bind((host, 0))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener


class ServerThread:
    """Context manager: an ASGI app served by uvicorn on a free loopback port, in its own thread with its own loop.

    Leaving it is immediate: connections are aborted, running requests are cancelled, then the app's lifespan ends.
    An app finds the connection's transport in ``scope["state"]["transport"]``. ``failures``: exceptions that the app let out.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        lifespan: Literal["on", "off"] = "on",
    ) -> None:
        self.failures: list[BaseException] = []
        self._app = app
        self._host = host
        self._tls = tls
        self._config = uvicorn.Config(
            self._watched,
            http=_Protocol,
            ws="none",
            interface="asgi3",
            lifespan=lifespan,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            ssl_context_factory=(lambda *_: tls) if tls else None,
        )
        self._server = uvicorn.Server(self._config)
        self._stack = ExitStack()
        self._stopping = False
        self.port = 0

    @property
    def url(self) -> str:
        """Origin without a trailing slash."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            listener = stack.enter_context(listen(self._host))
            self.port = listener.getsockname()[1]
            loop = stack.enter_context(LoopThread(f"server-{self.port}"))
            loop.run(self._start(listener))
            stack.callback(lambda: loop.run(self._close()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def _start(self, listener: socket.socket) -> None:
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.on_tick(0)  # fills in the headers that uvicorn adds to every answer
        try:
            await self._server.startup(sockets=[listener])
        except SystemExit as exit_:
            raise RuntimeError("the app's lifespan failed to start; see the captured log") from exit_

    async def _close(self) -> None:
        self._stopping = True
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            assert isinstance(connection, _Protocol)
            connection.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections tell their requests
        running = list(self._server.server_state.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._server.lifespan.shutdown()

    async def _watched(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except Exception as failure:
            self.failures.append(failure)
            raise


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol; shows the transport to the app, which can then reset the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport
