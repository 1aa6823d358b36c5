"""curl and requests: what people paste and what scripts do."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.node import checked, client_env
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import Gateway

A, B, MASK = pictures.png((64, 64)), pictures.jpeg((32, 32)), pictures.mask((64, 64))


def looks(answer: Any) -> list[pictures.Look]:
    """The pictures of a JSON answer."""
    return [pictures.look(base64.b64decode(item["b64_json"], validate=True)) for item in answer["data"]]


def frames(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event of a stream, read strictly: one ``event:`` and one ``data:`` line."""
    found = []
    for frame in text.strip("\n").split("\n\n"):
        if not frame.startswith(":"):
            first, second = frame.split("\n")
            found.append((first.removeprefix("event: "), json.loads(second.removeprefix("data: "))))
    return found


class TestCurl:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name, data in {"a.png": A, "b.jpg": B, "mask.png": MASK}.items():
            (tmp_path / name).write_bytes(data)
        return tmp_path

    def curl(self, gateway: Gateway, folder: Path, path: str, *arguments: str) -> str:
        """Standard output of curl as people call it."""
        binary = shutil.which("curl")
        if binary is None:
            pytest.skip("curl is not on PATH")
        authorization = f"Authorization: Bearer {client_env('')['OPENAI_API_KEY']}"
        command = [binary, "-sS", f"{gateway.base_url}{path}", "-H", authorization, *arguments]
        return checked(command, folder, client_env(gateway.base_url))

    def test_generate(self, gateway: Gateway, folder: Path) -> None:
        body = '{"model": "sandbox", "prompt": "a fox", "n": 2, "size": "256x256"}'
        answer = self.curl(gateway, folder, "/images/generations", "-H", "Content-Type: application/json", "-d", body)
        assert looks(json.loads(answer)) == [("png", (256, 256), "RGB")] * 2

    def test_generate_without_a_content_type_is_told_what_to_send(self, gateway: Gateway, folder: Path) -> None:
        answer = json.loads(self.curl(gateway, folder, "/images/generations", "-d", '{"prompt": "a fox"}'))
        assert answer["error"]["code"] == "unsupported_content_type" and "application/json" in answer["error"]["message"]

    def test_edit_files(self, gateway: Gateway, sim: OpenAISimulator, folder: Path) -> None:
        fields = ["-F", "model=gpt-image-2", "-F", "prompt=mix", "-F", "n=2", "-F", "response_format=b64_json"]
        files = ["-F", "image[]=@a.png", "-F", "image[]=@b.jpg", "-F", "mask=@mask.png"]
        answer = self.curl(gateway, folder, "/images/edits", *fields, *files)
        assert looks(json.loads(answer)) == [("png", (1024, 1024), "P")] * 2
        sent = [(part.name, part.content_type, part.data) for part in sim.requests[0].files]
        assert sent == [("image[]", "image/png", A), ("image[]", "image/jpeg", B), ("mask", "image/png", MASK)]
        assert "response_format" not in sim.requests[0].fields

    def test_large_upload_with_expect_100_continue(self, gateway: Gateway, folder: Path) -> None:
        (folder / "large.png").write_bytes(pictures.noise_png(3_000_000))
        fields = ["-F", "model=gpt-image-2", "-F", "prompt=a", "-F", "image=@large.png", "-H", "Expect: 100-continue"]
        assert len(looks(json.loads(self.curl(gateway, folder, "/images/edits", *fields)))) == 1

    def test_stream(self, gateway: Gateway, folder: Path) -> None:
        body = '{"model": "sandbox", "prompt": "a fox", "size": "256x256", "stream": true, "partial_images": 2}'
        arguments = ["--no-buffer", "-D", "headers.txt", "-H", "Content-Type: application/json", "-d", body]
        output = self.curl(gateway, folder, "/images/generations", *arguments)
        assert [name for name, _ in frames(output)] == [
            "image_generation.partial_image",
            "image_generation.partial_image",
            "image_generation.completed",
        ]
        assert all(name == data["type"] for name, data in frames(output))
        headers = (folder / "headers.txt").read_text().lower()
        assert "x-request-id: req_" in headers and "content-type: text/event-stream" in headers

    def test_partial_images_arrive_one_by_one(self, gateway: Gateway, sim: OpenAISimulator, folder: Path) -> None:
        sim.streaming.pause = 0.1
        body = '{"model": "gpt-image-2", "prompt": "a", "stream": true, "partial_images": 2}'
        arguments = [
            "--no-buffer",
            "-w",
            "%{time_starttransfer} %{time_total}",
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ]
        output = self.curl(gateway, folder, "/images/generations", *arguments)
        first, whole = (float(number) for number in output.rsplit("\n", 1)[-1].split())
        assert whole - first > 0.15

    def test_a_picture_by_its_url(self, gateway: Gateway, folder: Path) -> None:
        body = '{"prompt": "a fox", "size": "256x256", "response_format": "url", "output_format": "webp"}'
        answer = json.loads(self.curl(gateway, folder, "/images/generations", "-H", "Content-Type: application/json", "-d", body))
        checked(["curl", "-sS", "-O", "-J", answer["data"][0]["url"]], folder, client_env(""))
        (saved,) = folder.glob("*.webp")
        assert pictures.look(saved.read_bytes()).size == (256, 256)


class TestRequests:
    @pytest.fixture
    def web(self, gateway: Gateway) -> Iterator[requests.Session]:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(gateway.authorization)
            yield session

    def test_generate(self, gateway: Gateway, web: requests.Session) -> None:
        answer = web.post(f"{gateway.base_url}/images/generations", json={"prompt": "a fox", "size": "256x256"}, timeout=20)
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
        assert looks(answer.json()) == [("png", (256, 256), "RGB")]
        assert None not in answer.json().values()

    def test_edit_files(self, gateway: Gateway, web: requests.Session, sim: OpenAISimulator) -> None:
        named = {"a.png": A, "b": B}  # requests gives no type to a name without an extension
        files = [*(("image[]", item) for item in named.items()), ("mask", ("mask.png", MASK))]
        data = {"model": "gpt-image-2", "prompt": "mix", "n": 1}
        answer = web.post(f"{gateway.base_url}/images/edits", data=data, files=files, timeout=20)
        assert looks(answer.json()) == [("png", (1024, 1024), "P")]
        assert [part.content_type for part in sim.requests[0].files] == ["image/png", "image/jpeg", "image/png"]

    def test_edit_by_data_url(self, gateway: Gateway, web: requests.Session, sim: OpenAISimulator) -> None:
        images = [{"image_url": pictures.data_url(A)}, {"image_url": pictures.data_url(B, "image/jpeg")}]
        body = {"model": "gpt-image-2", "prompt": "mix", "images": images, "mask": {"image_url": pictures.data_url(MASK)}}
        answer = web.post(f"{gateway.base_url}/images/edits", json=body, timeout=20)
        assert looks(answer.json()) == [("png", (1024, 1024), "P")]
        assert [part.data for part in sim.requests[0].files] == [A, B, MASK]

    def test_edit_by_our_own_url(self, gateway: Gateway, web: requests.Session) -> None:
        generated = {"prompt": "a harbour", "size": "320x256", "response_format": "url"}
        url = web.post(f"{gateway.base_url}/images/generations", json=generated, timeout=20).json()["data"][0]["url"]
        edit = {"prompt": "the same at night", "images": [{"image_url": url}]}
        answer = web.post(f"{gateway.base_url}/images/edits", json=edit, timeout=20)
        assert looks(answer.json()) == [("png", (320, 256), "RGB")]

    def test_stream(self, gateway: Gateway, web: requests.Session) -> None:
        body = {"prompt": "a", "images": [pictures.data_url(A)], "stream": True, "partial_images": 1}
        with web.post(f"{gateway.base_url}/images/edits", json=body, stream=True, timeout=20) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = "\n".join(answer.iter_lines(decode_unicode=True))
        assert [name for name, _ in frames(lines)] == ["image_edit.partial_image", "image_edit.completed"]

    @pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key"])
    def test_other_places_for_the_key(self, gateway: Gateway, header: str) -> None:
        key = gateway.authorization["Authorization"].removeprefix("Bearer ")
        answer = requests.get(f"{gateway.base_url}/models", headers={header: key}, timeout=20)
        assert answer.status_code == 200 and answer.json()["object"] == "list"

    @pytest.mark.parametrize("prefix", ["/v1", "/api/v1", "", "/openai/v1", "/openai/deployments/sandbox"])
    def test_every_base_url(self, gateway: Gateway, web: requests.Session, prefix: str) -> None:
        body = {"prompt": "a fox", "size": "64x64"}
        answer = web.post(f"{gateway.url}{prefix}/images/generations?api-version=2025-04-01", json=body, timeout=20)
        assert looks(answer.json()) == [("png", (64, 64), "RGB")]

    def test_head_range_and_etag_of_a_picture(self, gateway: Gateway, web: requests.Session) -> None:
        body = {"prompt": "a fox", "size": "256x256", "response_format": "url"}
        url = web.post(f"{gateway.base_url}/images/generations", json=body, timeout=20).json()["data"][0]["url"]
        whole = requests.get(url, timeout=20)
        head = requests.head(url, timeout=20)
        assert head.status_code == 200 and head.content == b""
        assert int(head.headers["content-length"]) == len(whole.content)
        assert head.headers["content-type"] == "image/png" and "inline" in head.headers["content-disposition"]
        part = requests.get(url, headers={"range": "bytes=0-7"}, timeout=20)
        assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")
        same = requests.get(url, headers={"if-none-match": head.headers["etag"]}, timeout=20)
        assert (same.status_code, same.content) == (304, b"")
        assert requests.get(url, headers=gateway.authorization, timeout=20).content == whole.content

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/v1/images/generations", 405, "method_not_allowed"),
            ("POST", "/v1/images/generation", 404, "unknown_url"),
            ("POST", "/v1/v1/images/generations", 404, "unknown_url"),
            ("POST", "/v1/images/generations/", 404, "unknown_url"),
            ("GET", "/i/none.png", 404, "picture_not_found"),
        ],
    )
    def test_wrong_addresses(
        self, gateway: Gateway, web: requests.Session, method: str, path: str, status: int, code: str
    ) -> None:
        answer = web.request(method, f"{gateway.url}{path}", timeout=20)
        assert answer.status_code == status and answer.headers["x-request-id"].startswith("req_")
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["code"] == code

    def test_health_needs_no_key(self, gateway: Gateway) -> None:
        for path in ("/healthz", "/readyz"):
            assert requests.get(f"{gateway.url}{path}", timeout=20).status_code == 200
            assert requests.head(f"{gateway.url}{path}", timeout=20).status_code == 200
