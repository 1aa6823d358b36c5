"""Address policy, by the numbers of the hardening catalogue."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.upstream.addresses import IPAddress, is_public

SPECIAL_V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
PRIVATE_V4 = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1"]
CARRIERS = {
    "mapped": lambda v4: f"::ffff:{v4}",
    "compatible": lambda v4: f"::{v4}",
    "translated": lambda v4: f"::ffff:0:{v4}",
    "nat64": lambda v4: f"64:ff9b::{v4}",
    "local nat64": lambda v4: f"64:ff9b:1::{v4}",
    "6to4": lambda v4: str(IPv6Address(0x2002 << 112 | int(IPv4Address(v4)) << 80 | 1)),
    "teredo": lambda v4: str(
        IPv6Address(0x20010000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | int(IPv4Address(v4)) ^ 0xFFFFFFFF)
    ),
    "teredo server": lambda v4: str(IPv6Address(0x20010000 << 96 | int(IPv4Address(v4)) << 64)),
    "isatap": lambda v4: f"2001:4860:0:1:0:5efe:{v4}",
    "isatap universal": lambda v4: f"2001:4860:0:1:200:5efe:{v4}",
    "isatap group": lambda v4: f"2001:4860:0:1:300:5efe:{v4}",
    "isatap link-local": lambda v4: f"fe80::5efe:{v4}",
}


@pytest.mark.parametrize("block", SPECIAL_V4)
def test_a01_both_ends_of_each_special_ipv4_block_are_denied(block: str) -> None:
    network = IPv4Network(block)
    assert not is_public(network[0])
    assert not is_public(network[-1])


@pytest.mark.parametrize(
    "neighbour",
    [
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "1.0.0.0",
        "223.255.255.255",
    ],
)
def test_a01_neighbours_of_the_blocks_are_public(neighbour: str) -> None:
    assert is_public(ip_address(neighbour))


@pytest.mark.parametrize(
    "text", ["2000::", "2001:200::", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1", "3ffe::1", "3fff:1000::"]
)
def test_a02_global_unicast_ipv6_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("::", "::1", "fc00::", "fdff::1", "fe80::", "fec0::1", "ff02::1", "100::1", "100:0:0:1::1", "5f00::1", "4000::1"),
        *("1fff:ffff::", "2001::", "2001:1ff:ffff::", "2001:db8::", "2001:db8:ffff::1", "2002::", "2002:ffff::"),
        *("3fff::", "3fff:fff::1", "2620:4f:8000::", "2620:4f:8000:ffff::1", "2606:4700::1111%eth0"),
    ],
)
def test_a02_all_other_ipv6_is_denied(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("inner", [*PRIVATE_V4, "8.8.8.8"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a03_ipv4_inside_ipv6_is_denied_whatever_it_is(carrier: str, inner: str) -> None:
    assert not is_public(ip_address(CARRIERS[carrier](inner)))


@pytest.mark.parametrize(
    "text",
    [
        *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    ],
)
def test_a05_cloud_metadata_is_denied(text: str) -> None:
    assert not is_public(ip_address(text))


def test_a05_only_the_one_address_of_azure_is_denied() -> None:
    assert is_public(ip_address("168.63.129.15"))
    assert is_public(ip_address("168.63.129.17"))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_private(address: IPAddress) -> None:
    if is_public(address):
        assert address.is_global
        assert not (address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local)
