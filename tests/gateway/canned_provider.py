"""A provider in a process of its own that answers every request with the same picture: ``python -m … BYTES``; prints its port."""

from __future__ import annotations

import base64
import socket
import sys
import threading

HEAD = b'{"created":1,"data":[{"b64_json":"'
TAIL = b'"}],"usage":{"total_tokens":3,"input_tokens":1,"output_tokens":2}}'


def answer(size: int) -> bytes:
    """A whole HTTP answer with a picture of ``size`` bytes."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(size - 8)
    body = HEAD + base64.b64encode(picture) + TAIL
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def serve(connection: socket.socket, content: bytes) -> None:
    """Requests on one connection, until it closes."""
    data = b""
    with connection:
        while piece := connection.recv(65536):
            data += piece
            head, separator, rest = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0) if separator else 0
            if separator and len(rest) >= length:
                connection.sendall(content)
                data = rest[length:]


def main() -> None:
    """Serve until standard input closes."""
    content = answer(int(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, content), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
