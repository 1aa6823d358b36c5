"""One strict parse of an outside url. What it returns is what is dialled; nothing parses the text a second time.

RFC 3986 shapes only, and fewer of them than a browser takes: what two parsers could read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from imagegate.upstream.addresses import IPAddress

MAX_URL_LENGTH = 8192
"""Characters."""
DEFAULT_PORTS = {"http": 80, "https": 443}

_LOCAL_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Denied(Exception):
    """An outside url is not fetched. ``reason`` and ``host`` are for the operator's log, never for the caller."""

    def __init__(self, reason: str, host: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.host = host


@dataclass(frozen=True, slots=True)
class OutsideUrl:
    """A url that was read and may be dialled.

    ``scheme``: http or https. ``host``: lower-case ASCII name or canonical IP literal, no brackets. ``target``: path and
    query as sent. ``address``: the host when it is an IP literal. ``trusted``: the operator listed this host and port.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: IPAddress | None
    trusted: bool

    @property
    def authority(self) -> str:
        """The value of the Host header: brackets around IPv6, no default port."""
        host = _bracketed(self.host, self.address)
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def resolve(self, location: str) -> str:
        """A redirect's ``Location`` as an absolute url, still to be parsed. Raises Denied."""
        _refuse_odd_characters(location)
        if not location:
            raise Denied("redirect to nowhere", self.host)
        if _SCHEME.match(location):
            return location
        if location.startswith("//"):
            return f"{self.scheme}:{location}"
        return urljoin(f"{self.scheme}://{self.authority}{self.target}", location)


def parse_outside_url(text: str, *, http_allowed: bool, ports: Set[int], trusted: Set[str]) -> OutsideUrl:
    """Read ``text`` or raise Denied.

    ``trusted``: ``host:port`` (``[v6]:port``) of hosts for which scheme, port and name rules do not hold.
    """
    if len(text) > MAX_URL_LENGTH:
        raise Denied(f"url longer than {MAX_URL_LENGTH} characters")
    _refuse_odd_characters(text)
    parts = _URL.fullmatch(text)
    if parts is None:
        raise Denied("not an absolute url")
    scheme, authority, target = parts[1].translate(_ASCII_LOWER), parts[2], parts[3]
    if scheme not in DEFAULT_PORTS:
        raise Denied("scheme is neither https nor http")
    host, address, port = _read_authority(authority, DEFAULT_PORTS[scheme])
    is_trusted = f"{_bracketed(host, address)}:{port}" in trusted
    if not is_trusted:
        _judge(scheme, host, port, http_allowed=http_allowed, ports=ports)
        if address is None:
            _refuse_local_name(host)
    return OutsideUrl(scheme, host, port, _origin_form(target), address, is_trusted)


def _refuse_odd_characters(text: str) -> None:
    for character in text:
        code = ord(character)
        if code <= 0x20 or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF or character == "\\" or character.isspace():
            raise Denied("whitespace, control character or backslash in the url")


def _read_authority(authority: str, default_port: int) -> tuple[str, IPAddress | None, int]:
    if "@" in authority:
        raise Denied("user information in the url")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise Denied("no host, or a host or port that cannot be read")
    port = int(parts[2]) if parts[2] else default_port
    if port > 65535:
        raise Denied("port above 65535")
    if parts[1].startswith("["):
        address = _read_v6(parts[1][1:-1])
        return str(address), address, port
    return *_read_name(parts[1]), port


def _read_v6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except AddressValueError:
        raise Denied("an IPv6 address that cannot be read") from None


def _read_name(text: str) -> tuple[str, IPv4Address | None]:
    """A canonical dotted quad, or a host name in ASCII without its final dot."""
    name = _to_ascii(text)
    labels = name.removesuffix(".").split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return name, IPv4Address(name)
        except AddressValueError:
            raise Denied("a number that is no canonical IPv4 address", name) from None
    name = ".".join(labels)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Denied("a host name that cannot be read")
    return name, None


def _to_ascii(text: str) -> str:
    """IDNA 2008 without any mapping: digits and dots of other scripts and widths stay what they are, and fail."""
    lowered = text.translate(_ASCII_LOWER)
    if lowered.isascii():
        return lowered
    try:
        return idna.encode(lowered, strict=True).decode("ascii")
    except UnicodeError:
        raise Denied("a host name that IDNA 2008 refuses") from None


def _judge(scheme: str, host: str, port: int, *, http_allowed: bool, ports: Set[int]) -> None:
    if scheme == "http" and not http_allowed:
        raise Denied("plain http is switched off", host)
    if port not in ports:
        raise Denied(f"port {port} is not allowed", host)


def _refuse_local_name(host: str) -> None:
    if "." not in host:
        raise Denied("a name without a dot", host)
    if any(host == suffix or host.endswith("." + suffix) for suffix in _LOCAL_SUFFIXES):
        raise Denied("a name of a local network", host)


def _origin_form(target: str) -> str:
    rooted = target if target.startswith("/") else "/" + target
    return quote(rooted, safe="".join(map(chr, range(0x21, 0x7F))))


def _bracketed(host: str, address: IPAddress | None) -> str:
    return f"[{host}]" if isinstance(address, IPv6Address) else host
