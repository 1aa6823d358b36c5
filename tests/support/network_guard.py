"""Keeps tests on this machine: a connection or a name lookup that would leave it raises."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_NEVER_RESOLVES = (".invalid", ".test", ".example")  # RFC 6761 §6


class OutsideConnection(RuntimeError):
    """A test tried to leave the machine. No OSError, so that code which handles network failures does not hide it."""


class NetworkGuard:
    """An audit hook over every socket of the process. ``violations`` lists what was stopped, also when the code swallowed it.

    Names under ``.invalid``, ``.test`` and ``.example`` fail as unknown hosts, without a lookup and without a violation.
    Audit hooks see the ``socket`` module and asyncio; uvloop opens its sockets in C and is not seen. A name given straight to
    ``socket.connect`` is looked up before the hook sees its address.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []

    def install(self) -> None:
        """Start watching. It lasts until the process ends: audit hooks cannot be taken away."""
        sys.addaudithook(self.audit)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One audit event. Raises OutsideConnection, or socket.gaierror for a name that never resolves."""
        if event in _CONNECTING:
            self._check_address(event, arguments[-1])
        elif event == "socket.getaddrinfo":
            self._check_name(event, arguments[0])

    def _check_address(self, event: str, address: Any) -> None:
        if isinstance(address, tuple) and address and not _stays_here(_text(address[0])):
            self._stop(event, str(address[0]))

    def _check_name(self, event: str, name: Any) -> None:
        host = _text(name)
        if _stays_here(host) or _is_address(host):  # taking an address apart asks nobody
            return
        if host.rstrip(".").lower().endswith(_NEVER_RESOLVES):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self._stop(event, host)

    def _stop(self, event: str, host: str) -> None:
        self.violations.append(f"{event} {host}")
        raise OutsideConnection(f"{event}: {host} is not on this machine; tests use loopback only")


def _stays_here(host: str) -> bool:
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_loopback or address.is_unspecified


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _text(host: Any) -> str:
    if host is None:
        return ""
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
