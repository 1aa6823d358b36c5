"""Edits byte for byte as clients send them, and what they mean.

The shapes are those that were captured from, or read in, the clients' own code: part order, names, quoting, headers and
boundaries differ, the meaning does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support import pictures

PNG = pictures.png((8, 8))
JPEG = pictures.jpeg((8, 8))
MASK = pictures.mask((8, 8))
URL = "https://example.com/cat.png"


@dataclass(frozen=True, slots=True)
class Shape:
    """A body. ``parts``: what it means, as field and bytes of a file, or field and text of a reference."""

    name: str
    boundary: str
    wire: Sequence[tuple[str, bytes]]
    fields: Mapping[str, Any]
    parts: Sequence[tuple[str, bytes | str]] = field(default=())
    quoted: bool = False

    @property
    def content_type(self) -> str:
        """The request's Content-Type."""
        return (
            f'multipart/form-data; boundary="{self.boundary}"'
            if self.quoted
            else f"multipart/form-data; boundary={self.boundary}"
        )

    @property
    def body(self) -> bytes:
        """The request's body."""
        return encode(self.boundary, self.wire)


def encode(boundary: str, wire: Sequence[tuple[str, bytes]]) -> bytes:
    """Parts as header lines (joined by CRLF) and data."""
    parts = [f"--{boundary}\r\n{headers}\r\n\r\n".encode() + data + b"\r\n" for headers, data in wire]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def text(name: str, value: str, *more: str) -> tuple[str, bytes]:
    """A text part with quoted name; ``more``: further header lines."""
    return "\r\n".join([f'Content-Disposition: form-data; name="{name}"', *more]), value.encode()


def file(name: str, filename: str | None, data: bytes, media_type: str | None = "image/png") -> tuple[str, bytes]:
    """A file part; ``media_type`` None: without Content-Type."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return disposition if media_type is None else f"{disposition}\r\nContent-Type: {media_type}", data


OCTETS = "application/octet-stream"
PROMPT = {"prompt": "a cät", "model": "gpt-image-2"}
SHAPES = (
    Shape(
        "openai-python, one file and a mask",
        "7c1a3c9209e1b23a6955a30fee090bc4",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("n", "1"),
            text("stream", "false"),
            file("image", "upload", PNG, OCTETS),
            file("mask", "m.png", MASK),
        ],
        PROMPT | {"n": "1", "stream": "false"},
        [("image", PNG), ("mask", MASK)],
    ),
    Shape(
        "openai-python, a list and extra_body",
        "6637ad8fe99a2c9e721d4dfec66b10db",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("meta[a]", "1"),
            text("meta[b][]", "1"),
            text("meta[b][]", "2"),
            text("meta[c][][d]", "1"),
            text("meta[c][][d]", "3"),
            text("meta[c][][e]", "2"),
            text("meta[c][][e]", "4"),
            text("meta[f][g]", "true"),
            text("tags[]", "x"),
            text("tags[]", "y"),
            file("image[]", "upload", PNG, OCTETS),
            file("image[]", "a.jpg", JPEG, "image/jpeg"),
        ],
        PROMPT
        | {
            "meta": {"a": "1", "b": ["1", "2"], "c": [{"d": "1", "e": "2"}, {"d": "3", "e": "4"}], "f": {"g": "true"}},
            "tags": ["x", "y"],
        },
        [("image", PNG), ("image", JPEG)],
    ),
    Shape(
        "openai-node, text behind the files",
        "----formdata-undici-036748293648",
        [
            file("image", "cat.png", PNG),
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("n", "2"),
            text("output_compression", "50"),
        ],
        PROMPT | {"n": "2", "output_compression": "50"},
        [("image", PNG)],
    ),
    Shape(
        "AI SDK, blobs",
        "----formdata-undici-012345678901",
        [
            text("model", "gpt-image-2"),
            text("prompt", "a cät"),
            file("image[]", "blob", PNG),
            file("image[]", "blob", JPEG, "image/jpeg"),
            file("mask", "blob", MASK),
            text("size", "1024x1024"),
            text("flag", "true"),
        ],
        PROMPT | {"size": "1024x1024", "flag": "true"},
        [("image", PNG), ("image", JPEG), ("mask", MASK)],
    ),
    Shape(
        "Open WebUI, aiohttp",
        "a5c9e6a2c25a4f1ab9d1a6e3a4bfa6e7",
        [
            ('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="model"', b"gpt-image-2"),
            ('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="prompt"', "a cät".encode()),
            (
                'Content-Type: image/png\r\nContent-Disposition: form-data; name="image"; '
                'filename="0d3f6a1e-7f0b-4c55-8d3b-59f1b7a4a001.png"',
                PNG,
            ),
        ],
        PROMPT,
        [("image", PNG)],
    ),
    Shape(
        "LibreChat, form-data",
        "--------------------------937204810364829104728364",
        [
            text("model", "gpt-image-2"),
            text("prompt", "a cät"),
            text("quality", "auto"),
            text("size", "auto"),
            file("image[]", "0.png", PNG),
        ],
        PROMPT | {"quality": "auto", "size": "auto"},
        [("image", PNG)],
    ),
    Shape(
        "n8n, pictures first",
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        [
            file("image[]", "data.png", PNG),
            file("image[]", "data2.jpg", JPEG, "image/jpeg"),
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("output_compression", "100"),
        ],
        PROMPT | {"output_compression": "100"},
        [("image", PNG), ("image", JPEG)],
    ),
    Shape(
        "openai-go, sorted, unnamed reader",
        "2f9c1a0b8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e",
        [
            text("background", "opaque"),
            file("image", "anonymous_file", PNG, OCTETS),
            file("mask", "anonymous_file", MASK, OCTETS),
            text("model", "gpt-image-2"),
            text("prompt", "a cät"),
        ],
        PROMPT | {"background": "opaque"},
        [("image", PNG), ("mask", MASK)],
    ),
    Shape(
        "async-openai, a field twice, files without type",
        "4b1f0c2d9e8a7b6c-5d4e3f2a1b0c9d8e-7f6a5b4c3d2e1f0a-9b8c7d6e5f4a3b2c",
        [
            text("prompt", "a cät"),
            file("image[]", "a.png", PNG, None),
            file("image[]", "b.png", MASK, None),
            text("model", "gpt-image-2"),
            text("output_compression", "80"),
            text("output_compression", "80"),
        ],
        PROMPT | {"output_compression": "80"},
        [("image", PNG), ("image", MASK)],
    ),
    Shape(
        "openai-dotnet, names unquoted, long boundary quoted",
        "=_" + "0123456789" * 6 + "=_abcdef",
        [
            (
                "Content-Type: image/png\r\nContent-Disposition: form-data; name=image; filename=c_t.png; "
                "filename*=utf-8''c%C3%A4t.png",
                PNG,
            ),
            ("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=prompt", "a cät".encode()),
            ("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model", b"gpt-image-2"),
        ],
        PROMPT,
        [("image", PNG)],
        quoted=True,
    ),
    Shape(
        "openai-java, lengths in the parts",
        "f2b7a0f6-6a0c-4a7e-9a57-0f5ef57b6a7c",
        [
            text("prompt", "a cät", "Content-Type: text/plain", "Content-Transfer-Encoding: binary", "Content-Length: 6"),
            text("model", "gpt-image-2", "Content-Type: text/plain", "Content-Length: 11"),
            file("image", "cat.png", PNG, f"image/png\r\nContent-Length: {len(PNG)}"),
        ],
        PROMPT,
        [("image", PNG)],
    ),
    Shape(
        "ComfyUI, mask by name",
        "202a0756a7c121564536d1b30b231ddb",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("seed", "42"),
            file("image", "image.png", PNG),
            file("mask", "mask.png", MASK),
        ],
        PROMPT | {"seed": "42"},
        [("image", PNG), ("mask", MASK)],
    ),
    Shape(
        "curl",
        "------------------------Q4Rk1nN0yY0m9cO3XH1eJp",
        [
            text("model", "gpt-image-2"),
            text("prompt", "a cät"),
            file("image[]", "a.png", PNG),
            file("image[]", "b.jpg", JPEG, "image/jpeg"),
        ],
        PROMPT,
        [("image", PNG), ("image", JPEG)],
    ),
    Shape(
        "browser form, nothing chosen for mask and attachment",
        "----WebKitFormBoundaryAbCdEf0123456789",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            file("image", 'cat \\"1\\".png', PNG),
            file("mask", "", b"", OCTETS),
            file("attachment", "", b"", OCTETS),
        ],
        PROMPT,
        [("image", PNG)],
    ),
    Shape(
        "relays, pictures as text under a repeated name",
        "f0f0",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("image", URL),
            text("image", pictures.data_url(PNG)),
            text("mask", "null"),
        ],
        PROMPT,
        [("image", URL), ("image", pictures.data_url(PNG))],
    ),
    Shape(
        "bytes without a file name",
        "zz",
        [text("prompt", "a cät"), text("model", "gpt-image-2"), file("image", None, PNG, None), file("mask[]", None, MASK, None)],
        PROMPT,
        [("image", PNG), ("mask", MASK)],
    ),
    Shape(
        "every spelling of the name, in wire order",
        "B-B",
        [
            file("image_2", "x", PNG),
            file("images[]", "x", JPEG),
            file("image[1]", "x", MASK),
            text("images", URL),
            file("image[0]", "x", JPEG),
            file("markup[]", "x", MASK),
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            file("image", "x", PNG),
            text("image_size", "2K"),
        ],
        PROMPT | {"image_size": "2K"},
        [
            ("image", PNG),
            ("image", JPEG),
            ("image", MASK),
            ("image", URL),
            ("image", JPEG),
            ("markup", MASK),
            ("image", PNG),
        ],
    ),
    Shape(
        "svg options",
        "svg",
        [
            text("prompt", "a cät"),
            text("model", "gpt-image-2"),
            text("svg[model]", "fast"),
            text("svg[reasoning][effort]", "low"),
            text("extra_body[seed]", "7"),
        ],
        PROMPT | {"svg": {"model": "fast", "reasoning": {"effort": "low"}}, "extra_body": {"seed": "7"}},
    ),
)
