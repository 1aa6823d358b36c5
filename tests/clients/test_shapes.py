"""Bodies of many clients, replayed as bytes: each gets its picture, and the provider gets what was meant."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.clients.shapes import BOUNDARY, DOCUMENTS, FORMS, MODEL, A, Shape, file, form, text
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import Gateway

GENERATIONS: Mapping[str, dict[str, Any]] = {
    "Open WebUI": {"model": "sandbox", "prompt": "a", "n": 1, "size": "512x512", "response_format": "b64_json"},
    "Open WebUI without a model": {"model": "", "prompt": "a", "n": 1, "size": "512x512"},
    "LibreChat": {"model": "sandbox", "prompt": "a", "background": "auto", "quality": "auto", "size": "auto", "n": 1},
    "LobeChat": {"model": "sandbox", "prompt": "a", "aspectRatio": "1:1", "seed": 7, "cfg": 3.5, "steps": 20, "imageUrl": None},
    "LobeChat with edges": {"model": "sandbox", "prompt": "a", "width": 256, "height": 320, "seed": None},
    "ComfyUI": {"model": "sandbox", "prompt": "a", "seed": 1234, "n": 1, "size": "256x256", "background": "opaque"},
    "SillyTavern": {"model": "sandbox", "prompt": "a", "size": "256x256", "quality": "standard", "style": "vivid", "n": "1"},
    "LangChain.js": {"model": "dall-e-3", "prompt": "a", "n": 1, "size": "256x256", "response_format": "b64_json", "user": None},
    "stars and spaces": {"model": " sandbox ", "prompt": "a", "size": "256*256", "stream": "False", "partial_images": ""},
}


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    yield connection
    connection.close()


def post(wire: http.client.HTTPConnection, gateway: Gateway, path: str, body: bytes, content_type: str) -> Any:
    """The JSON answer; fails with it when it is no 200."""
    wire.request("POST", path, body, {**gateway.authorization, "Content-Type": content_type})
    answer = wire.getresponse()
    document = json.loads(answer.read())
    assert answer.status == 200, document
    return document


def check_picture(answer: Any) -> pictures.Look:
    """At least one whole picture came, and nothing in the answer is null."""
    assert answer["data"] and None not in answer.values() and None not in answer["data"][0].values()
    return pictures.look(base64.b64decode(answer["data"][0]["b64_json"], validate=True))


@pytest.mark.parametrize("shape", [*FORMS.values(), *DOCUMENTS.values()], ids=[*FORMS, *DOCUMENTS])
def test_an_edit(wire: http.client.HTTPConnection, gateway: Gateway, sim: OpenAISimulator, shape: Shape) -> None:
    answer = post(wire, gateway, "/v1/images/edits", shape.body, shape.content_type)
    check_picture(answer)
    assert sim.calls == 1
    request = sim.requests[0]
    files = request.files
    assert [part.data for part in files if part.name != "mask"] == list(shape.images)
    assert [part.data for part in files if part.name == "mask"] == ([] if shape.mask is None else [shape.mask])
    assert request.fields == {"model": MODEL, "prompt": "bluer", **shape.fields}
    assert len(answer["data"]) == int(shape.fields.get("n", 1))
    assert not list(gateway.spool.iterdir())


@pytest.mark.parametrize("body", GENERATIONS.values(), ids=GENERATIONS)
def test_a_generation(wire: http.client.HTTPConnection, gateway: Gateway, body: dict[str, Any]) -> None:
    answer = post(wire, gateway, "/v1/images/generations", json.dumps(body).encode(), "application/json; charset=utf-8")
    width, height = check_picture(answer).size
    assert f"{width}x{height}" == answer["size"]
    if "size" in body and "x" in body["size"]:
        assert answer["size"] == body["size"]


@pytest.mark.parametrize(
    "authorization",
    ["Bearer {}", "bearer   {}", "Bearer Bearer {}", 'Bearer "{}"', " Bearer {} "],
)
def test_keys_as_people_paste_them(wire: http.client.HTTPConnection, gateway: Gateway, authorization: str) -> None:
    key = gateway.authorization["Authorization"].removeprefix("Bearer ")
    wire.request("GET", "/v1/models", headers={"Authorization": authorization.format(key)})
    answer = wire.getresponse()
    assert json.loads(answer.read())["object"] == "list"


class TestByTheByte:
    """The same form in chunks of every kind."""

    BODY = form(text("model", MODEL), file("image", A, "a.png"), text("prompt", "bluer"), file("mask", b"", "", None))

    def answer(self, gateway: Gateway, length: str, *pieces: bytes) -> Any:
        head = (
            f"POST /v1/images/edits HTTP/1.1\r\nhost: 127.0.0.1:{gateway.port}\r\nconnection: close\r\n"
            f"authorization: {gateway.authorization['Authorization']}\r\n"
            f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n{length}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (head.encode(), *pieces):
                connection.sendall(piece)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return json.loads(answer.read())

    def test_one_byte_at_a_time(self, gateway: Gateway, sim: OpenAISimulator) -> None:
        pieces = [self.BODY[place : place + 1] for place in range(len(self.BODY))]
        check_picture(self.answer(gateway, f"content-length: {len(self.BODY)}", *pieces))
        assert [part.data for part in sim.requests[0].files] == [A]

    @pytest.mark.parametrize("size", [7, 1000])
    def test_chunked(self, gateway: Gateway, sim: OpenAISimulator, size: int) -> None:
        cut = [self.BODY[place : place + size] for place in range(0, len(self.BODY), size)]
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut]
        check_picture(self.answer(gateway, "transfer-encoding: chunked", *pieces, b"0\r\n\r\n"))
        assert [part.data for part in sim.requests[0].files] == [A]

    def test_with_preamble_and_epilogue(self, gateway: Gateway, sim: OpenAISimulator) -> None:
        body = b"\r\n" + self.BODY + b"\r\n"
        check_picture(self.answer(gateway, f"content-length: {len(body)}", body))
        assert [part.data for part in sim.requests[0].files] == [A]
