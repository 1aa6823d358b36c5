"""The guard at connect time, by the numbers of the hardening catalogue."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import httpcore2
import pytest

from imagegate.upstream.addresses import IPAddress
from imagegate.upstream.fetch import FetchPolicy
from imagegate.upstream.guard import ConnectGuard, GuardedBackend, TcpDialer, ThreadResolver, is_own_address, system_lookup
from imagegate.upstream.urls import Denied, OutsideUrl, parse_outside_url
from tests.support.waiting import until
from tests.upstream.lab import GOOD, METADATA, OTHER, Lab, all_refused, read, refused
from tests.upstream.origin import Origin, picture

PUBLIC_V6 = "2606:4700::1111"


def names_of_this_machine() -> list[str]:
    """Everything in the hosts file, and the machine's own name."""
    hosts = Path("/etc/hosts")
    lines = hosts.read_text("utf-8").splitlines() if hosts.exists() else []
    listed = [name for line in lines for name in line.partition("#")[0].split()[1:]]
    return sorted({*listed, socket.gethostname(), "localhost", "ip6-localhost"})


async def test_a10_names_of_this_machine_are_denied() -> None:
    lab = Lab({name: ["127.0.0.1"] for name in names_of_this_machine()})
    await all_refused(lab, [f"http://{name}/" for name in names_of_this_machine()])


async def test_a10_a_name_of_one_of_our_own_addresses_is_denied() -> None:
    lab = Lab({"good.test": [GOOD], "mixed.test": [OTHER, GOOD]})
    lab.own = {GOOD}
    await all_refused(lab, ["http://good.test/", "http://mixed.test/", f"http://{GOOD}/"])
    assert lab.denied == [(f"{GOOD} is one of our own addresses", GOOD)]


async def test_a10_not_even_a_trusted_host_leads_back_to_our_listener() -> None:
    lab = Lab({"media.internal": ["10.0.0.5"]})
    lab.own = {"10.0.0.5"}
    policy = FetchPolicy(allow=frozenset({"media.internal:8080", "media.internal:9000"}), listen_port=8080)
    await all_refused(lab, ["http://media.internal:8080/"], policy)
    async with Origin({"*": picture()}) as origin:
        lab.serve(origin, ("10.0.0.5", 9000))
        assert await read(lab.fetcher(policy), "http://media.internal:9000/") == b"picture"


def test_a10_own_addresses_are_known_to_the_kernel() -> None:
    assert is_own_address(ip_address("127.0.0.1"))
    assert is_own_address(ip_address("127.8.8.8"))
    assert not is_own_address(ip_address(GOOD))
    assert not is_own_address(ip_address(PUBLIC_V6))


@pytest.mark.parametrize("seed", range(20))
async def test_a15_one_private_answer_among_public_ones_denies_all(seed: int) -> None:
    answers = [GOOD, OTHER, PUBLIC_V6, "10.0.0.5"]
    random.Random(seed).shuffle(answers)
    await all_refused(Lab({"mixed.test": answers}), ["http://mixed.test/"])


async def test_a15_names_without_an_address_are_refused() -> None:
    lab = Lab({"empty.test": [], "many.test": [GOOD] * 65})
    await all_refused(lab, ["http://empty.test/", "http://nxdomain.test/", "http://many.test/"])


async def test_a15_a_cname_chain_to_a_private_address_is_just_its_answer() -> None:
    await all_refused(Lab({"chain.test": ["192.168.0.1"]}), ["http://chain.test/"])


async def test_a15_a_dns_black_hole_ends_in_time_and_blocks_nobody() -> None:
    lab, hole = Lab(), threading.Event()

    def lookup(host: str) -> Sequence[IPAddress]:
        hole.wait(10)
        return []

    fetcher = lab.fetcher(FetchPolicy(http=True, dns_seconds=0.3), resolver=ThreadResolver(lookup))
    loop = asyncio.get_running_loop()
    started, worst = loop.time(), 0.0
    fetching = asyncio.create_task(refused(fetcher, "http://good.test/"))
    while not fetching.done():
        before = loop.time()
        await asyncio.sleep(0.01)
        worst = max(worst, loop.time() - before)
    assert 0.25 < loop.time() - started < 1.5
    assert worst < 0.2
    hole.set()
    await fetching
    assert lab.denied == [("the name server did not answer in time", "good.test")]


async def test_a15_rebinding_wins_nothing_since_the_checked_answer_is_dialled() -> None:
    lab = Lab()

    class Flipping:
        asked = 0

        async def resolve(self, host: str) -> Sequence[IPAddress]:
            self.asked += 1
            return [ip_address(GOOD if self.asked % 2 else METADATA)]

    flipping = Flipping()
    async with Origin({"*": picture()}) as origin:
        lab.serve(origin, (GOOD, 80), (METADATA, 80))
        fetcher = lab.fetcher(resolver=flipping)
        assert await read(fetcher, "http://good.test/") == b"picture"
        assert flipping.asked == 1
        await refused(fetcher, "http://good.test/")
        assert lab.dialled == [(GOOD, 80)]


async def test_public_names_are_asked_for_without_search_domains() -> None:
    lab = Lab({"good.test": [GOOD], "minio": ["10.0.0.5"]})
    fetcher = lab.fetcher(FetchPolicy(http=True, allow=frozenset({"minio:9000"})))
    await refused(fetcher, "http://good.test/")
    await refused(fetcher, "http://minio:9000/")
    assert lab.lookups == ["good.test.", "minio"]


async def test_an_address_in_the_url_is_never_looked_up() -> None:
    lab = Lab()
    await refused(lab.fetcher(), f"http://{GOOD}/")
    await refused(lab.fetcher(), f"http://[{PUBLIC_V6}]/")
    assert lab.lookups == []
    assert lab.dialled == [(GOOD, 80), (PUBLIC_V6, 80)]


async def test_when_one_family_is_down_the_other_is_dialled() -> None:
    lab = Lab({"dual.test": [PUBLIC_V6, "2606:4700::1112", GOOD, OTHER]})
    async with Origin({"*": picture()}) as origin:
        lab.serve(origin, (GOOD, 80))
        assert await read(lab.fetcher(), "http://dual.test/") == b"picture"
    assert lab.dialled == [(PUBLIC_V6, 80), (GOOD, 80)]


def url(text: str) -> OutsideUrl:
    return parse_outside_url(text, http_allowed=True, ports={80}, trusted=frozenset())


async def test_the_backend_connects_to_its_url_and_nowhere_else() -> None:
    lab = Lab()
    guard = ConnectGuard(lab, lab, lambda _: False, None, 1, 1)
    backend = GuardedBackend(guard, url("http://good.test/"))
    for host, port in (("other.test", 80), ("good.test", 81), ("127.0.0.1", 80)):
        with pytest.raises(Denied):
            await backend.connect_tcp(host, port)
    with pytest.raises(NotImplementedError):
        await backend.connect_unix_socket("/tmp/socket")
    assert lab.dialled == []
    await backend.aclose()


async def test_the_dialer_connects_to_the_address_itself() -> None:
    async with Origin({"*": picture()}) as origin:
        stream = await TcpDialer().dial(ip_address("127.0.0.1"), origin.port, 1)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", origin.port)
        await stream.aclose()


async def test_the_dialer_refuses_another_peer_than_it_dialled() -> None:
    """Linux connects 0.0.0.0 to 127.0.0.1: a peer that is not the address that was asked for."""
    async with Origin({"*": picture()}) as origin:
        with pytest.raises(httpcore2.ConnectError):
            await TcpDialer().dial(ip_address("0.0.0.0"), origin.port, 1)


async def test_hung_lookups_keep_their_threads_and_the_rest_waits() -> None:
    hole, running = threading.Event(), threading.Semaphore(0)

    def lookup(host: str) -> Sequence[IPAddress]:
        running.release()
        hole.wait(10)
        return [ip_address(GOOD)]

    resolver = ThreadResolver(lookup, threads=2)
    lookups = [asyncio.create_task(resolver.resolve("good.test")) for _ in range(3)]
    await until(lambda: running._value == 2)
    lookups[0].cancel()
    await asyncio.sleep(0.05)
    assert running._value == 2, "a cancelled lookup has given its thread away while it still ran"
    hole.set()
    assert await lookups[1] == await lookups[2] == [ip_address(GOOD)]
    with pytest.raises(asyncio.CancelledError):
        await lookups[0]


@pytest.mark.parametrize("error", [socket.gaierror("unknown"), UnicodeError("label too long")])
async def test_failed_lookups_are_os_errors(error: Exception) -> None:
    def lookup(host: str) -> Sequence[IPAddress]:
        raise error

    with pytest.raises(OSError):
        await ThreadResolver(lookup).resolve("good.test")


async def test_the_system_is_asked_in_ascii_bytes() -> None:
    assert ip_address("127.0.0.1") in system_lookup("localhost")
    with pytest.raises(OSError):
        await ThreadResolver().resolve("nothing.invalid.")
