from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from tests.support.network_guard import NetworkGuard, OutsideConnection


@pytest.mark.parametrize("address", [("203.0.113.1", 80), ("10.0.0.1", 80), ("169.254.169.254", 80)])
def test_no_tcp_and_no_udp(network_guard: NetworkGuard, address: tuple[str, int]) -> None:
    with socket.socket() as tcp, pytest.raises(OutsideConnection):
        tcp.connect(address)
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(OutsideConnection):
        udp.sendto(b"x", address)
    assert len(network_guard.violations) == 2
    network_guard.violations.clear()


def test_no_ipv6(network_guard: NetworkGuard) -> None:
    with socket.socket(socket.AF_INET6) as tcp, pytest.raises(OutsideConnection):
        tcp.connect(("2001:db8::1", 80))
    network_guard.violations.clear()


async def test_no_asyncio_and_no_lookup(network_guard: NetworkGuard) -> None:
    for host in ("203.0.113.1", "example.com"):
        with pytest.raises(OutsideConnection):
            await asyncio.open_connection(host, 80)
    assert network_guard.violations == ["socket.connect 203.0.113.1", "socket.getaddrinfo example.com"]
    network_guard.violations.clear()


def test_swallowed_violations_are_remembered(network_guard: NetworkGuard) -> None:
    with contextlib.suppress(Exception), socket.socket() as tcp:
        tcp.connect(("192.0.2.1", 80))
    assert network_guard.violations == ["socket.connect 192.0.2.1"]
    network_guard.violations.clear()


def test_reserved_names_are_unknown_hosts() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("provider.invalid", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0"])
def test_loopback_may_be_reached(host: str) -> None:
    with socket.create_server(("", 0)) as server, socket.create_connection((host, server.getsockname()[1])) as client:
        assert client.getpeername()


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        (("::1", 1, 0, 0), True),
        (("::ffff:127.0.0.1", 1, 0, 0), True),
        (("::ffff:8.8.8.8", 1, 0, 0), False),
        (("fe80::1%lo", 1, 0, 1), False),
        (b"/run/x.sock", True),
        ("/run/x.sock", True),
    ],
)
def test_addresses(address: Any, stays: bool) -> None:
    guard = NetworkGuard()
    with contextlib.nullcontext() if stays else pytest.raises(OutsideConnection):
        guard.audit("socket.connect", (None, address))
