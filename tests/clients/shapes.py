"""Edits as clients put them on the wire, byte for byte: captured or read in their sources, rebuilt here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support import pictures

MODEL = "gpt-image-2"
A, B, C = pictures.png(), pictures.jpeg((32, 32)), pictures.webp((32, 32))
MASK = pictures.mask()
LARGE = pictures.noise_png(1_500_000)
"""As base64 it is longer than the 1 MiB that form parsers allow a text."""

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DOTNET_BOUNDARY = "3b9f1c2e-7d4a_4e0b=9a61-0f5d8c7b6a59=_3b9f1c2e-7d4a-4e0b-9a61-0f5d8c7b"

Fields = Mapping[str, str]
_NONE: Fields = {}


@dataclass(frozen=True, slots=True)
class Shape:
    """A request body, and what a provider must get of it. ``fields``: those beside model and prompt."""

    body: bytes
    content_type: str
    images: tuple[bytes, ...] = (A,)
    mask: bytes | None = None
    fields: Fields = field(default_factory=dict)


def text(name: str, value: str, head: str = 'form-data; name="{}"', more: str = "") -> bytes:
    """A text part. ``more``: further header lines, each with its line end."""
    return f"Content-Disposition: {head.format(name)}\r\n{more}\r\n{value}".encode()


def file(name: str, data: bytes, filename: str | None = "image.png", content_type: str | None = "image/png") -> bytes:
    """A file part; without a type, without a name, or with neither."""
    named = "" if filename is None else f'; filename="{filename}"'
    typed = "" if content_type is None else f"Content-Type: {content_type}\r\n"
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n{typed}\r\n'.encode() + data


def form(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    """The parts in a body."""
    return b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def multipart(*parts: bytes, images: tuple[bytes, ...] = (A,), mask: bytes | None = None, fields: Fields = _NONE) -> Shape:
    """A form with an ordinary boundary."""
    return Shape(form(*parts), f"multipart/form-data; boundary={BOUNDARY}", images, mask, fields)


def document(body: dict[str, Any], images: tuple[bytes, ...] = (A,), mask: bytes | None = None, fields: Fields = _NONE) -> Shape:
    """A JSON edit."""
    whole = {"model": MODEL, "prompt": "bluer", **body}
    return Shape(json.dumps(whole).encode(), "application/json", images, mask, fields)


_MODEL, _PROMPT = text("model", MODEL), text("prompt", "bluer")
_OCTETS = "application/octet-stream"

FORMS: Mapping[str, Shape] = {
    "openai-python: bytes have no name and no type": multipart(
        _PROMPT, _MODEL, text("n", "1"), file("image", A, "upload", _OCTETS), file("mask", MASK, "upload", _OCTETS), mask=MASK
    ),
    "openai-python: a list of one is image[]": multipart(_PROMPT, _MODEL, file("image[]", A, "a.png")),
    "openai-python: a nested extra_body": multipart(
        _PROMPT, _MODEL, text("x_meta[a]", "1"), file("image", A), fields={"x_meta[a]": "1"}
    ),
    "openai-node: fields behind the pictures": multipart(
        file("image[]", A, "a.png"),
        file("image[]", B, "b.jpg", "image/jpeg"),
        _MODEL,
        _PROMPT,
        text("n", "2"),
        images=(A, B),
        fields={"n": "2"},
    ),
    "AI SDK: everything is called blob": multipart(
        _MODEL,
        _PROMPT,
        file("image", A, "blob"),
        file("mask", MASK, "blob"),
        text("n", "1"),
        text("size", "1024x1024"),
        mask=MASK,
        fields={"size": "1024x1024"},
    ),
    "Open WebUI: every value is text": multipart(
        _MODEL,
        _PROMPT,
        text("n", "1"),
        text("size", "1024x1024"),
        text("background", "auto"),
        file("image", A, "0b7f9e52-3c1d-4a64-8f0e-5d2c7b9a1e34.png"),
        fields={"size": "1024x1024", "background": "auto"},
    ),
    "LibreChat: image[] even for one": multipart(
        _MODEL,
        _PROMPT,
        text("quality", "auto"),
        text("size", "auto"),
        file("image[]", A, "fox.png"),
        fields={"quality": "auto", "size": "auto"},
    ),
    "n8n: picture first, compression for PNG": multipart(
        file("image[]", A, "file.png"),
        _PROMPT,
        _MODEL,
        text("n", "1"),
        text("output_compression", "80"),
        text("output_format", "png"),
        fields={"output_format": "png"},
    ),
    "openai-go: fields sorted by name": multipart(
        text("background", "opaque"),
        file("image", A, "anonymous_file", _OCTETS),
        file("mask", MASK, "anonymous_file", _OCTETS),
        _MODEL,
        text("n", "1"),
        _PROMPT,
        mask=MASK,
        fields={"background": "opaque"},
    ),
    "async-openai: no type, a field twice": multipart(
        _PROMPT,
        file("image", A, "fox.png", None),
        _MODEL,
        text("output_compression", "90"),
        text("output_format", "webp"),
        text("output_compression", "90"),
        fields={"output_compression": "90", "output_format": "webp"},
    ),
    "openai-dotnet: quoted boundary, bare names, typed texts": Shape(
        form(
            b"Content-Disposition: form-data; name=image; filename=fox.png; filename*=utf-8''fox.png\r\n\r\n" + A,
            text("prompt", "bluer", "form-data; name={}", "Content-Type: text/plain; charset=utf-8\r\n"),
            text("model", MODEL, "form-data; name={}", "Content-Type: text/plain; charset=utf-8\r\n"),
            boundary=DOTNET_BOUNDARY,
        ),
        f'multipart/form-data; boundary="{DOTNET_BOUNDARY}"',
    ),
    "ComfyUI: first image, then image[]": multipart(
        _MODEL,
        _PROMPT,
        file("image", A, "image_0.png"),
        file("image[]", B, "image_1.jpg"),
        file("image[]", C, "image_2.webp"),
        file("mask", MASK, "mask.png"),
        images=(A, B, C),
        mask=MASK,
    ),
    "repeated image": multipart(_MODEL, _PROMPT, file("image", A), file("image", B), images=(A, B)),
    "numbered brackets": multipart(_MODEL, _PROMPT, file("image[0]", A), file("image[1]", C), images=(A, C)),
    "numbered names": multipart(_MODEL, _PROMPT, file("image_1", A), file("image_2", B), images=(A, B)),
    "images[]": multipart(_MODEL, _PROMPT, file("images[]", B), file("images[]", A), images=(B, A)),
    "every spelling in wire order": multipart(
        file("images", C), _MODEL, file("image[]", A), _PROMPT, file("image", B), file("image[7]", A), images=(C, A, B, A)
    ),
    "mask[]": multipart(_MODEL, _PROMPT, file("image", A), file("mask[]", MASK), mask=MASK),
    "mask before image": multipart(file("mask", MASK), file("image", A), _MODEL, _PROMPT, mask=MASK),
    "an empty file input of a browser": multipart(_MODEL, _PROMPT, file("image", A), file("mask", b"", "", _OCTETS)),
    "an empty picture beside a real one": multipart(_MODEL, _PROMPT, file("image", b"", "", _OCTETS), file("image", A)),
    "a picture without a file name": multipart(_MODEL, _PROMPT, file("image", A, None, None)),
    "a picture with the wrong type and name": multipart(_MODEL, _PROMPT, file("image", C, "c.jpeg", "image/jpeg"), images=(C,)),
    "a data url": multipart(_MODEL, _PROMPT, text("image", pictures.data_url(A))),
    "a data url above 1 MiB": multipart(_MODEL, _PROMPT, text("image[]", pictures.data_url(LARGE)), images=(LARGE,)),
    "bare base64": multipart(_MODEL, _PROMPT, text("image", base64.b64encode(A).decode())),
    "values that mean nothing": multipart(
        _MODEL,
        _PROMPT,
        file("image", A),
        text("n", ""),
        text("stream", "False"),
        text("partial_images", "null"),
        text("quality", "undefined"),
        text("size", "None"),
        text("mask", ""),
        text("background", "null"),
    ),
    "numbers and booleans as text": multipart(
        _MODEL,
        _PROMPT,
        file("image", A),
        text("n", "2.0"),
        text("stream", "0"),
        text("output_compression", "90"),
        text("output_format", "jpeg"),
        fields={"n": "2", "output_compression": "90", "output_format": "jpeg"},
    ),
    "response_format for a model that refuses it": multipart(
        _MODEL, _PROMPT, file("image", A), text("response_format", "b64_json")
    ),
    "odd header spelling": Shape(
        form(
            b'CONTENT-DISPOSITION:form-data;name="image";filename="a;b \\"c\\".png"\r\n'
            b"content-transfer-encoding: binary\r\n\r\n" + A,
            text("model", MODEL),
            text("prompt", "bluer"),
        ),
        f"Multipart/Form-Data; charset=utf-8; Boundary={BOUNDARY}",
    ),
}

_URL = pictures.data_url(A)
DOCUMENTS: Mapping[str, Shape] = {
    "OpenAI: images of image_url": document({"images": [{"image_url": _URL}, {"image_url": pictures.data_url(B)}]}, (A, B)),
    "chat style: image_url of url": document({"images": [{"image_url": {"url": _URL}}]}),
    "images of texts": document({"images": [_URL, pictures.data_url(C, "image/webp")]}, (A, C)),
    "image is a text": document({"image": _URL}),
    "image is a list": document({"image": [_URL, _URL]}, (A, A)),
    "image is an object": document({"image": {"url": _URL}}),
    "bare base64": document({"image": base64.b64encode(A).decode()}),
    "b64_json objects": document({"images": [{"b64_json": base64.b64encode(A).decode()}]}),
    "a mask": document({"images": [{"image_url": _URL}], "mask": {"image_url": pictures.data_url(MASK)}}, mask=MASK),
    "nulls and texts": document(
        {"image": _URL, "mask": None, "n": "2", "stream": "false", "size": "auto", "user": None, "quality": ""},
        fields={"n": "2", "size": "auto"},
    ),
    "extra_body left in place": document({"image": _URL, "extra_body": {"x_new": "so"}}, fields={"x_new": "so"}),
    "a wrong type in the data url": document({"image": pictures.data_url(B, "image/png")}, (B,)),
}
