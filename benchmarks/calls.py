"""The requests that clients send."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from benchmarks.answers import Answer

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"
_PROMPT = "a lighthouse at dawn, seen from the sea"
_BOUNDARY = "----a-boundary-5f1c0a7e9d3b"


@dataclass(frozen=True, slots=True)
class Call:
    """One POST. ``uploaded``: bytes of pictures in it, which a gateway has to hand on."""

    path: str
    content_type: str
    body: bytes = field(repr=False)
    answer: Answer
    uploaded: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, more: Mapping[str, str]) -> Call:
        """The same call with a gateway's own headers."""
        return replace(self, headers={**self.headers, **more})

    def all_headers(self, port: int) -> dict[str, str]:
        """Every header but the length."""
        return {"Host": f"127.0.0.1:{port}", "Content-Type": self.content_type, "Accept": "*/*", **self.headers}

    def raw(self, port: int) -> bytes:
        """The request as it goes over the wire."""
        lines = [f"POST {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.all_headers(port).items()]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


def generation(answer: Answer, model: str | None = None) -> Call:
    """A picture from text; an event stream when the answer has partial pictures. ``model``: another public name for it."""
    body: dict[str, object] = {"model": model or answer.model, "prompt": _PROMPT, "size": "1024x1024", "quality": "low"}
    if answer.partials:
        body |= {"stream": True, "partial_images": answer.partials}
    return Call(GENERATIONS, "application/json", json.dumps(body).encode(), answer)


def edit_form(answer: Answer, count: int, size: int) -> Call:
    """An edit of ``count`` PNG files of ``size`` bytes each, as multipart."""
    field_name = "image" if count == 1 else "image[]"
    parts = [_part(f'name="{name}"', None, value.encode()) for name, value in (("model", answer.model), ("prompt", _PROMPT))]
    for index in range(count):
        parts.append(_part(f'name="{field_name}"; filename="input-{index}.png"', "image/png", picture(size)))
    body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    return Call(EDITS, f"multipart/form-data; boundary={_BOUNDARY}", body, answer, count * size)


def edit_json(answer: Answer, count: int, size: int) -> Call:
    """The same edit as JSON with ``data:`` urls."""
    url = "data:image/png;base64," + base64.b64encode(picture(size)).decode()
    body = {"model": answer.model, "prompt": _PROMPT, "images": [{"image_url": url}] * count}
    return Call(EDITS, "application/json", json.dumps(body).encode(), answer, count * size)


@cache
def picture(size: int) -> bytes:
    """A PNG of exactly ``size`` bytes as far as its chunks tell: 1024 × 1024, noise instead of compressed pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1024, 1024, 8, 2, 0, 0, 0))
    end = _chunk(b"IEND", b"")
    signature = b"\x89PNG\r\n\x1a\n"
    noise = random.Random(size).randbytes(size - len(signature) - len(header) - len(end) - 12)
    return signature + header + _chunk(b"IDAT", noise) + end


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _part(disposition: str, content_type: str | None, content: bytes) -> bytes:
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n".encode() + content + b"\r\n"
