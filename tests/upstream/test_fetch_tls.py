"""TLS of the guarded fetcher, by the numbers of the hardening catalogue."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
import trustme

from imagegate.upstream.fetch import FetchPolicy
from tests.support.waiting import until
from tests.upstream.lab import GOOD, Lab, Timer, read, refused
from tests.upstream.origin import Origin, picture, redirect, secure_origin

URL = "http://good.test/"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_b05_tls_is_made_for_the_name_over_the_checked_address(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    async with secure_origin(authority) as origin:
        lab = Lab()
        lab.serve(origin)
        assert await read(lab.fetcher(ssl_context=trusting), "https://good.test/") == b"picture"
        assert origin.name_asked == "good.test"
        assert dict(origin.visits[0].headers)["Host"] == "good.test"
    assert lab.dialled == [(GOOD, 443)]


@pytest.mark.parametrize("literal", ["93.184.216.34", "[2606:4700::1111]"])
async def test_b05_a_certificate_for_an_address_is_checked_too(
    literal: str, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    address = literal.strip("[]")
    async with secure_origin(authority, address) as origin:
        lab = Lab()
        lab.serve(origin, (address, 443))
        assert await read(lab.fetcher(ssl_context=trusting), f"https://{literal}/") == b"picture"
        assert dict(origin.visits[0].headers)["Host"] == literal


@pytest.mark.parametrize("fault", ["wrong name", "unknown issuer", "expired"])
async def test_b05_bad_certificates_fail(fault: str, authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    issuer = trustme.CA() if fault == "unknown issuer" else authority
    past = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)) if fault == "expired" else None
    async with secure_origin(issuer, "evil.test" if fault == "wrong name" else "good.test", validity=past) as origin:
        lab = Lab()
        lab.serve(origin)
        await refused(lab.fetcher(ssl_context=trusting), "https://good.test/")
        assert origin.visits == []
    assert "certificate" in lab.denied[0][0].lower()


async def test_b05_no_way_from_https_down_to_http(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    downward = redirect(302, "http://good.test/")
    async with secure_origin(authority, behaviour=downward) as origin, Origin({"*": picture()}) as plain:
        lab = Lab()
        lab.serve(origin, (GOOD, 443))
        lab.serve(plain, (GOOD, 80))
        await refused(lab.fetcher(ssl_context=trusting), "https://good.test/")
        assert plain.connections == 0


async def test_b05_a_way_from_http_up_tosecure_origin(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    async with secure_origin(authority) as origin, Origin({"*": redirect(301, "https://good.test/")}) as plain:
        lab = Lab()
        lab.serve(origin, (GOOD, 443))
        lab.serve(plain, (GOOD, 80))
        assert await read(lab.fetcher(ssl_context=trusting), URL) == b"picture"


async def test_b08_a_stalled_tls_handshake_is_dropped_and_its_socket_closed() -> None:
    async with Origin({"*": picture()}) as mute:
        lab, timer = Lab(), Timer()
        lab.serve(mute)
        for policy in (FetchPolicy(connect_seconds=0.2), FetchPolicy(first_byte_seconds=0.2), FetchPolicy(total_seconds=0.2)):
            await timer.of(refused(lab.fetcher(policy), "https://good.test/"))
            assert timer.seconds < 0.8
        await until(lambda: mute.open == 0)
    assert [stream.closed for stream in lab.streams] == [True] * 3
