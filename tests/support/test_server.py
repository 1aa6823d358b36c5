from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

import httpx2
import pytest
import trustme

from tests.support.server import ServerThread


class App:
    """Notes its lifespan, and sleeps at /sleep."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/sleep":
            self.notes.append("asleep")
            await asyncio.sleep(60)
        if scope["path"] == "/raise":
            raise ValueError("on purpose")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["scheme"].encode()})

    async def _live(self, receive: Any, send: Any) -> None:
        for _ in range(2):
            event = (await receive())["type"]
            self.notes.append(event)
            await send({"type": f"{event}.complete"})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_serves_and_ends_with_its_thread(host: str) -> None:
    before = threading.active_count()
    app = App()
    with ServerThread(app, host=host) as server:
        assert httpx2.get(server.url).text == "http"
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert app.notes == ["lifespan.startup", "lifespan.shutdown"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url)


async def test_leaving_cancels_what_runs() -> None:
    app = App()
    async with httpx2.AsyncClient() as client:
        with ServerThread(app) as server:
            request = asyncio.create_task(client.get(f"{server.url}/sleep"))
            while "asleep" not in app.notes:
                await asyncio.sleep(0.002)
        with pytest.raises(httpx2.TransportError):
            await request
    assert app.notes[-1] == "lifespan.shutdown" and not server.failures


def test_remembers_what_the_app_let_out() -> None:
    with ServerThread(App()) as server:
        assert httpx2.get(f"{server.url}/raise").status_code == 500
    assert [str(failure) for failure in server.failures] == ["on purpose"]


def test_a_lifespan_that_fails() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no database")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="lifespan"), ServerThread(broken):
        pass
    assert threading.active_count() == before


def test_tls() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with ServerThread(App(), tls=tls) as server, httpx2.Client(verify=trusting) as client:
        assert server.url.startswith("https://") and client.get(server.url).text == "https"
