"""The guarded fetcher over sockets: addresses, headers, parallelism; by the numbers of the hardening catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from imagegate import __version__
from imagegate.errors import GatewayError, LimitExceeded
from imagegate.upstream.fetch import FetchPolicy, GuardedFetcher
from tests.support.waiting import until
from tests.upstream.lab import GOOD, METADATA, OTHER, QUICK, Lab, all_refused, read, refused
from tests.upstream.origin import Origin, drip, endless, head, picture, raw, redirect, secure_origin

URL = "http://good.test/"
PLAIN = FetchPolicy(http=True)
CHUNKED = head(200, "Transfer-Encoding: chunked")


async def test_a_picture_comes_as_it_is() -> None:
    lab, pixels = Lab(), bytes(range(256)) * 4096
    async with Origin({"/a.png?x=%20": picture(pixels)}) as origin:
        lab.serve(origin)
        async with lab.fetcher().open("http://good.test/a.png?x=%20#here") as body:
            assert body.content_length == len(pixels)
            pieces = [piece async for piece in body.chunks()]
    assert b"".join(pieces) == pixels
    assert max(map(len, pieces)) <= 128 * 1024
    assert [stream.closed for stream in lab.streams] == [True]
    assert lab.denied == []


# A: addresses and names, through the whole fetcher. "Refused" includes: nothing was dialled.


async def test_a01_special_ipv4_literals_are_refused_and_neighbours_attempted() -> None:
    special = [
        "0.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "127.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
    ]
    await all_refused(Lab(), [f"http://{address}/" for address in special])
    lab = Lab()
    neighbours = ["100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "126.255.255.255", "128.0.0.0"]
    for address in neighbours:
        await refused(lab.fetcher(), f"http://{address}/")
    assert lab.dialled == [(address, 80) for address in neighbours]


async def test_a02_ipv6_literals_outside_global_unicast_are_refused() -> None:
    literals = ["::", "::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1", "100::1", "5f00::1", "4000::1", "2001:db8::1", "3fff::1"]
    await all_refused(Lab(), [f"http://[{literal}]/" for literal in literals])


async def test_a03_embedded_ipv4_is_refused_in_literals_and_in_answers() -> None:
    carriers = [
        "::ffff:{}",
        "::{}",
        "::ffff:0:{}",
        "64:ff9b::{}",
        "64:ff9b:1::{}",
        "2001:4860::5efe:{}",
        "2001:4860::200:5efe:{}",
    ]
    inner = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1"]
    spelled = [carrier.format(v4) for carrier in carriers for v4 in inner] + ["2002:a9fe:a9fe::1", "2001:0:808:808::f5ff:fffe"]
    lab = Lab({f"n{number}.test": [address] for number, address in enumerate(spelled)})
    await all_refused(lab, [f"http://[{address}]/" for address in spelled] + [f"http://{name}/" for name in lab.names])


async def test_a05_metadata_is_refused_by_address_and_by_name() -> None:
    addresses = [
        "169.254.169.254",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
    ]
    lab = Lab({"innocent.test": [METADATA], "metadata.google.internal": [METADATA], "metadata": [METADATA]})
    await all_refused(lab, [f"http://{host}/latest/meta-data/" for host in (*addresses, *lab.names)])


async def test_a06_a08_a11_a13_a14_odd_urls_never_reach_the_network() -> None:
    lab = Lab()
    urls = ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://①⑥⑨.254.169.254/", "http://169。254。169。254/"]
    urls += ["http://good.test\\@169.254.169.254/", "http://user:pw@good.test/", "http:///x", "//169.254.169.254/", ""]
    urls += ["file:///etc/passwd", "gopher://good.test/", "HTTP+UNIX://good.test/", "data:image/png;base64,AAAA"]
    urls += ["http://good.test:22/", "http://good.test:6379/", "http://good.test:8080/"]
    await all_refused(lab, urls)
    assert lab.lookups == []


async def test_a13_plain_http_is_off_by_default() -> None:
    await all_refused(Lab(), [URL], FetchPolicy())


async def test_a14_a_trusted_private_host_is_fetched_and_only_on_its_port() -> None:
    lab = Lab({"media.internal": ["10.0.0.5"]})
    policy = FetchPolicy(allow=frozenset({"media.internal:9000"}))
    await all_refused(lab, ["http://media.internal/", "http://media.internal:9001/", "http://10.0.0.5:9000/"], policy)
    async with Origin({"*": picture()}) as origin:
        lab.serve(origin, ("10.0.0.5", 9000))
        assert await read(lab.fetcher(policy), "http://media.internal:9000/x") == b"picture"
        assert dict(origin.visits[0].headers)["Host"] == "media.internal:9000"


# B03, B04: what we say, and what we do not listen to


async def test_b03_the_origin_sees_five_headers_on_every_hop() -> None:
    async with Origin({"/": redirect(302, "/end", "Set-Cookie: a=b"), "/end": picture()}) as origin:
        lab = Lab()
        lab.serve(origin)
        await read(lab.fetcher(), URL)
        expected = [
            ("Host", "good.test"),
            ("User-Agent", f"imagegate/{__version__}"),
            ("Accept", "image/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        assert [visit.headers for visit in origin.visits] == [expected, expected]
        assert {visit.version for visit in origin.visits} == {"HTTP/1.1"}


async def test_b04_proxies_netrc_and_ca_file_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / ".netrc").write_text("default login canary password canary\n", "utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    async with Origin({"*": picture()}) as canary, Origin({"*": picture()}) as origin, secure_origin(authority) as secure:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{canary.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        lab = Lab()
        lab.serve(origin, (GOOD, 80))
        lab.serve(secure, (GOOD, 443))
        fetcher = GuardedFetcher(PLAIN, resolver=lab, dialer=lab)
        assert await read(fetcher, URL) == b"picture"
        await refused(fetcher, "https://good.test/")
        assert canary.connections == 0
        assert "Authorization" not in dict(origin.visits[0].headers)
        assert secure.visits == []


# B10, B13 and the life of a connection


@pytest.mark.parametrize("media_type", ["text/html", "image/png, text/html", "image/svg+xml", ""])
async def test_b10_the_content_type_changes_nothing(media_type: str) -> None:
    async with Origin({"*": picture(b"bytes", f"Content-Type: {media_type}")}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert await read(lab.fetcher(), URL) == b"bytes"


async def test_b13_no_more_than_max_parallel_at_once() -> None:
    running, most = 0, 0

    async def behave(visit: Any) -> None:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.02)
        running -= 1
        await picture()(visit)

    async with Origin({"*": behave}) as origin:
        lab = Lab()
        lab.serve(origin)
        fetcher = lab.fetcher(FetchPolicy(http=True, max_parallel=3))
        assert await asyncio.gather(*(read(fetcher, URL) for _ in range(12))) == [b"picture"] * 12
    assert most == 3


async def test_b13_waiting_for_a_slot_has_an_end() -> None:
    async with Origin({"*": drip(head(200), b"x" * 100, 0.01)}) as origin:
        lab = Lab()
        lab.serve(origin)
        fetcher = lab.fetcher(FetchPolicy(http=True, max_parallel=1, total_seconds=0.2))
        async with fetcher.open(URL):
            with pytest.raises(LimitExceeded) as caught:
                await read(fetcher, URL)
        assert caught.value.http_status == 429
        assert origin.connections == 1


async def test_b13_a_cancelled_fetch_closes_its_connection_at_once() -> None:
    async with Origin({"/head": drip(b"", b"", 1), "/body": drip(head(200), b"x" * 100, 0.01)}) as origin:
        lab = Lab()
        lab.serve(origin)
        fetcher = lab.fetcher(FetchPolicy(http=True, max_parallel=2))
        for path in ("head", "body"):
            fetching = asyncio.create_task(read(fetcher, f"http://good.test/{path}"))
            await until(lambda: origin.open == 1)
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
            assert fetching.cancelled()
            await until(lambda: origin.open == 0)
    assert lab.denied == []


async def test_leaving_early_closes_the_connection() -> None:
    async with Origin({"*": endless(CHUNKED, b"1000\r\n" + b"hello".ljust(4096) + b"\r\n")}) as origin:
        lab = Lab()
        lab.serve(origin)
        async with lab.fetcher().open(URL) as body:
            chunks: AsyncIterator[bytes] = body.chunks()
            assert (await anext(chunks)).startswith(b"hello")
            assert body.content_length is None
        await until(lambda: origin.open == 0)
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)


async def test_what_the_consumer_raises_stays_what_it_is() -> None:
    async with Origin({"*": picture()}) as origin:
        lab = Lab()
        lab.serve(origin)
        for error in (TimeoutError("mine"), OSError("disk full"), KeyError("mine")):
            with pytest.raises(type(error)) as caught:
                async with lab.fetcher().open(URL):
                    raise error
            assert caught.value is error
        await until(lambda: origin.open == 0)
    assert lab.denied == []


async def test_all_failures_read_alike_and_tell_nothing() -> None:
    """Refused connection, unknown name, private address, bad certificate and 404: one sentence, nothing of the url in it."""
    lab = Lab({"good.test": [GOOD], "down.test": [OTHER], "private.test": ["10.0.0.5"]})
    async with Origin({"*": raw(head(404, "Content-Length: 6") + b"secret")}) as origin:
        lab.serve(origin)
        refusals: list[GatewayError] = [
            await refused(lab.fetcher(QUICK), f"{scheme}://{host}/?token=secret")
            for host in ("good.test", "down.test", "private.test", "unknown.test")
            for scheme in ("http", "https")
        ]
    assert len({(refusal.message, refusal.code, refusal.retry_after) for refusal in refusals}) == 1
    assert "test" not in refusals[0].message
    assert len(lab.denied) == 8
    assert not any("secret" in part for told in lab.denied for part in told)
