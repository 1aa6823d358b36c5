"""Which IP addresses an outside url may lead to: globally routed unicast, and nothing that smells of anything else.

The tables follow IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and what came after it), plus addresses
that clouds use for themselves. ``ipaddress.is_global`` is no filter: it lets NAT64, IPv4-compatible, site-local and
multicast addresses through and differs between Python versions.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_DENIED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; Alibaba's metadata 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent, publicly routed by the registries
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

_UNICAST_V6 = IPv6Network("2000::/3")
"""The only IPv6 space that IANA gives out. Loopback, mapped, compatible and translated IPv4, NAT64, unique local,
link-local, site-local and multicast addresses all lie outside."""

_DENIED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments; Teredo 2001::/32
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: IPAddress) -> bool:
    """Whether a fetch may connect to ``address``. IPv6 that carries an IPv4 address is refused whatever it carries."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _DENIED_V4)
    if address.scope_id is not None or address not in _UNICAST_V6:
        return False
    return not _is_isatap(address) and not any(address in block for block in _DENIED_V6)


def _is_isatap(address: IPv6Address) -> bool:
    """RFC 5214: interface identifier ``[00]00:5efe:a.b.c.d``, whatever its universal and group bits."""
    return (int(address) >> 32) & 0xFCFF_FFFF == 0x0000_5EFE
