"""Which door a url takes: the account's own, with the credential, or the guarded one without."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from imagegate.errors import Ambiguous, AuthFailed, BadResponse, InvalidRequest, RateLimited, Unavailable, UpstreamError
from imagegate.upstream.client import Account, Upstream
from tests.support.raw_server import RawServer, answering
from tests.support.server import free_port
from tests.upstream.accounts import Clerk, Door, account

GOOD = answering(b'{"ok":true}')


def test_urls_are_ours_by_scheme_host_and_port() -> None:
    def owns(base_url: str, url: str) -> bool:
        described = Account(base_url, {}, Clerk().classify)
        return Upstream(httpx2.AsyncBaseTransport(), described, Door(), 0).owns(url)

    base = "https://api.test/v1"
    same = ["https://api.test/a.png", "https://API.test/x", "HTTPS://api.test/x", "https://api.test:443/x", "https://api.test"]
    assert [url for url in same if not owns(base, url)] == []
    other = [
        "http://api.test/x",
        "https://api.test:444/x",
        "https://api.test.evil.test/x",
        "https://evil.test/https://api.test/x",
        "https://api.test@evil.test/x",
        "https://evil.test\\@api.test.evil.test/x",
        "//api.test/x",
        "/x",
        "",
        "https://",
        "https://[::1",
        "https://api.test/\x00",
        "https://api.test:port/x",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
    ]
    assert [url for url in other if owns(base, url)] == []
    assert owns("http://10.0.0.1:8080/v1", "http://10.0.0.1:8080/out/1.png")
    assert not owns("http://10.0.0.1:8080/v1", "http://10.0.0.1/out/1.png")


async def test_an_absolute_url_of_our_own_origin_is_called_with_the_credential() -> None:
    with RawServer(GOOD) as server:
        async with account(f"{server.url}/v1") as upstream, upstream.get(f"{server.url}/tasks/1?full=1") as answer:
            await answer.read()
        (sent,) = server.requests
    assert sent.path == "/tasks/1?full=1"
    assert sent.headers["authorization"] == "Bearer sk-provider"


@pytest.mark.parametrize(
    "template",
    ["{0}/x", "HTTP://{1}/x", " {0}/x", "\t{0}/x", "//{1}/x", "\\\\{1}/x", "http:\\\\{1}/x", "{0}:80@x/", "ftp://{1}/"],
)
async def test_no_url_of_another_origin_gets_the_credential(template: str) -> None:
    with RawServer(GOOD) as stranger, RawServer(answering(b"{}", status="404 No")) as server:
        async with account(server.url) as upstream:
            with pytest.raises((BadResponse, RateLimited)):
                async with upstream.get(template.format(stranger.url, stranger.url.removeprefix("http://"))):
                    pass
        assert stranger.connections == 0
        assert all(request.headers["host"] == f"127.0.0.1:{server.port}" for request in server.requests)


@pytest.mark.parametrize("path", ["models/x:generate", "x:predict", "/x:predict", "a/../b", "?a=b"])
async def test_a_path_is_appended_to_the_base_url(path: str) -> None:
    with RawServer(GOOD) as server:
        async with account(f"{server.url}/v1") as upstream, upstream.get(path) as answer:
            await answer.read()
        assert server.requests[0].path.startswith("/v1/")


async def test_a_download_takes_our_door_on_our_origin() -> None:
    door = Door()
    with RawServer(answering(b"picture")) as server:
        async with account(f"{server.url}/v1", door=door) as upstream:
            assert await whole(upstream.download(f"{server.url}/files/1.png")) == b"picture"
        assert server.requests[0].headers["authorization"] == "Bearer sk-provider"
    assert door.urls == []


@pytest.mark.parametrize(
    "url", ["https://cdn.test/1.png", "http://127.0.0.1:1/x", "http://[::1", "http://127.0.0.1/\x01", "file:///etc/passwd", ""]
)
async def test_a_download_from_elsewhere_takes_the_guarded_door(url: str) -> None:
    door = Door()
    with RawServer(GOOD) as server:
        async with account(server.url, door=door) as upstream:
            assert await whole(upstream.download(url)) == b"from outside"
        assert server.connections == 0
    assert door.urls == [url]
    assert door.closed == 1


@pytest.mark.parametrize(
    "failure", [Unavailable("x"), AuthFailed("x"), RateLimited("x"), BadResponse("x"), Ambiguous("x", timed_out=True)]
)
async def test_a_failed_download_never_sends_the_request_to_another_provider(failure: UpstreamError) -> None:
    """The picture has been made, and paid, when its url is known."""
    async with account("http://127.0.0.1:1", door=Door(failure=failure)) as upstream:
        with pytest.raises(UpstreamError) as caught:
            await whole(upstream.download("https://cdn.test/1.png"))
    assert not caught.value.next_candidate
    assert caught.value.http_status in {502, 504}


async def test_a_result_that_has_gone_from_our_origin_is_a_bad_response() -> None:
    with RawServer(answering(b"", status="403 Expired")) as server:
        async with account(server.url) as upstream:
            with pytest.raises(BadResponse):
                await whole(upstream.download(f"{server.url}/1.png"))
    nobody = f"http://127.0.0.1:{free_port()}"
    async with account(nobody) as upstream:
        with pytest.raises(BadResponse):
            await whole(upstream.download(f"{nobody}/1.png"))


async def test_the_guards_refusal_is_passed_on() -> None:
    async with account("http://127.0.0.1:1", door=Door(failure=InvalidRequest("no"))) as upstream:
        with pytest.raises(InvalidRequest):
            await whole(upstream.download("https://cdn.test/1.png"))


async def test_another_origin_of_the_provider_gets_the_same_account() -> None:
    with RawServer(GOOD) as home, RawServer(GOOD) as region:
        async with account(f"{home.url}/v1") as upstream:
            there = upstream.at(region.url)
            async with there.get(f"{region.url}/v1/get_result?id=1") as answer:
                await answer.read()
            assert there.owns(f"{region.url}/x") and not upstream.owns(f"{region.url}/x")
            with pytest.raises(BadResponse):
                async with there.get(f"{home.url}/v1/x"):
                    pass
        (sent,) = region.requests
    assert home.requests == []
    assert (sent.path, sent.headers["authorization"]) == ("/v1/get_result?id=1", "Bearer sk-provider")


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """All of a download."""
    return b"".join([chunk async for chunk in chunks])
