"""A client that sees bytes and times as they come, on plain sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.gateway import KEY


class Connection:
    """One HTTP/1.1 request and its answer's raw bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.data = b""
        self.first_body_at: float | None = None

    def read_some(self) -> bool:
        """One more piece; False at the end of the connection."""
        piece = self._sock.recv(65536)
        if not piece:
            return False
        self.data += piece
        if self.first_body_at is None and b"\r\n\r\n" in self.data and self.data.partition(b"\r\n\r\n")[2]:
            self.first_body_at = time.monotonic()
        return True

    def read_until(self, marker: bytes) -> float:
        """Read until the marker has come; the time when it was here."""
        while marker not in self.data:
            assert self.read_some(), f"the connection ended before {marker!r}: …{self.data[-300:]!r}"
        return time.monotonic()

    def read_all(self) -> bytes:
        """Everything until the server closes, or the body is complete."""
        while not self.data.endswith(b"0\r\n\r\n") and self.read_some():
            pass
        return self.data

    def reset(self) -> None:
        """Leave without a word."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._sock.close()

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(self.data.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        """Header names in lower case."""
        lines = self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def complete(self) -> bool:
        """Whether the chunked body came to its end."""
        return self.data.endswith(b"0\r\n\r\n")


@contextmanager
def post(port: int, path: str, body: Mapping[str, Any], timeout: float = 30) -> Iterator[Connection]:
    """POST JSON and hand over the connection with nothing read yet."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(head.encode() + content)
        yield Connection(sock)
