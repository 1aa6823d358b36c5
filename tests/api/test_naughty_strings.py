"""Texts that programs trip over, in every place where a client can put them: carried exactly or refused, never a 5xx."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import yaml

from tests.api.bad_requests import BOUNDARY, GENERATIONS, JSON, MODEL, Answer, Lab, check_shape
from tests.api.naughty import NAUGHTY
from tests.api.openai import shapes
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.support.gateway import KEY, SANDBOX, openai_channel
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until

WISH = "a wish that nobody else may read"
every_text = pytest.mark.parametrize("text", NAUGHTY.values(), ids=NAUGHTY)


def fine_or_refused(answer: Answer) -> bool:
    """Whether it was served; if not, it is a proper refusal of the caller's request."""
    assert answer.headers["x-request-id"].startswith("req_")
    assert "set-cookie" not in answer.headers
    if answer.status == 200:
        assert answer.json["data"][0]["b64_json"]
        return True
    assert 400 <= answer.status < 500, answer
    check_shape(answer, answer.status)
    return False


@every_text
def test_prompts_reach_the_provider_unchanged(lab: Lab, text: str) -> None:
    assert fine_or_refused(lab.generate(prompt=text, user=text, safety_identifier=text))
    sent = lab.simulator.requests[0].json
    assert (sent["prompt"], sent["user"], sent["safety_identifier"]) == (text, text, text)


@pytest.mark.parametrize("text", [text for text in NAUGHTY.values() if BOUNDARY not in text], ids=ascii)
def test_prompts_in_forms_reach_the_provider_unchanged(lab: Lab, text: str) -> None:
    parts = [shapes.text("model", MODEL), shapes.text("prompt", text), shapes.text("user", text)]
    assert fine_or_refused(lab.post_form([*parts, shapes.file("image", "a.png", shapes.PNG)]))
    assert lab.simulator.requests[0].fields == {"model": MODEL, "prompt": text, "user": text}


@every_text
def test_the_sandbox_draws_every_prompt(lab: Lab, text: str) -> None:
    assert fine_or_refused(lab.generate(model="sandbox", size="64x64", prompt=text))


@every_text
@pytest.mark.parametrize("name", ["model", "size", "quality", "background", "output_format", "response_format", "n", "stream"])
def test_other_fields_are_refused_by_name(lab: Lab, name: str, text: str) -> None:
    answer = lab.generate(**{name: text})
    assert not fine_or_refused(answer)
    assert answer.json["error"]["param"] == name
    assert lab.simulator.calls == 0


@every_text
def test_names_and_values_that_nobody_knows(lab: Lab, text: str) -> None:
    """The simulator, like OpenAI, refuses unknown fields; what matters is that the gateway carries them without harm."""
    answer = lab.generate(**{text: {text: [text]}})
    assert 400 <= answer.status < 500
    assert answer.json["error"]["code"] == "unknown_parameter"
    assert lab.simulator.requests[0].json[text] == {text: [text]}


@every_text
def test_file_names_and_types_stay_here(lab: Lab, text: str) -> None:
    name = text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")  # as browsers do
    picture = shapes.file("image", name, shapes.PNG, "image/" + ascii(text)[1:41])
    answer = lab.post_form([shapes.text("model", MODEL), shapes.text("prompt", "a cat"), picture])
    if fine_or_refused(answer):
        sent = lab.simulator.requests[0].files[0]
        assert (sent.filename, sent.content_type, sent.data) == ("image-0.png", "image/png", shapes.PNG)
    else:
        lab.nothing_left()


@every_text
@pytest.mark.parametrize("name", ["User-Agent", "X-Request-Id", "Accept", "Content-Language", "Idempotency-Key", "Referer"])
def test_headers(lab: Lab, name: str, text: str) -> None:
    value = text.encode()[:8000].translate(None, b"\0\r\n").strip()
    body = json.dumps({"model": MODEL, "prompt": "a cat"}).encode()
    head = f"POST {GENERATIONS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n{name}: "
    answer = lab.raw(head.encode() + value + b"\r\n\r\n" + body)
    if answer.headers.get("content-type", "").startswith("text/plain"):
        assert answer.status == 400  # the server's own parser: a control character in a header
    else:
        assert fine_or_refused(answer)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The product as a process that logs JSON, with a channel that serves any model name."""
    folder = tmp_path_factory.mktemp("process")
    port = free_port()
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        config = {
            "server": {"port": port},
            "storage": {"path": str(folder / "files")},
            "auth": {"keys": [{"name": "test", "key": KEY}]},
            "channels": [openai_channel(simulator.base_url, PROVIDER_KEY, {"*": {"upstream": MODEL}}), dict(SANDBOX)],
            "log": {"format": "json", "level": "debug"},
        }
        file = folder / "imagegate.yaml"
        file.write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "imagegate", "serve", "--config", str(file)]
        with ServerProcess(command, port=port, cwd=folder) as running:
            yield running


def paths(text: str) -> list[str]:
    """The text as a path, as a model's path, as a deployment's, as a picture's name, and in a query."""
    quoted = quote(text[:3000], safe="")
    return [
        f"/{quoted}",
        f"/v1/models/{quoted}",
        f"/openai/deployments/{quoted}/images/generations",
        f"/i/{quoted}",
        f"/?{quoted}",
    ]


def statuses(port: int, text: str) -> Iterator[int]:
    """What the text gets in all places that could come into the log."""
    harmless = text.encode().translate(None, bytes(range(32)) + b"\x7f").decode().strip()[:2000]
    headers = {"Authorization": f"Bearer {KEY}", **JSON, "X-Request-Id": harmless, "User-Agent": harmless, "Referer": harmless}
    bodies = [
        {"model": text},
        {"model": MODEL, "prompt": f"{text} {WISH}"},
        {"model": "sandbox", "prompt": "", text: text},
        {"size": text},
    ]
    asked = [(GENERATIONS, body) for body in bodies] + [(path, {}) for path in paths(text)]
    for path, fields in asked:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            body = json.dumps({"prompt": "a cat", **fields})
            connection.request("POST", path, body, {name: value.encode() for name, value in headers.items()})
            yield connection.getresponse().status


def test_every_request_is_one_json_line_whatever_it_says(process: ServerProcess) -> None:
    answered = [status for text in NAUGHTY.values() for status in statuses(process.port, text)]
    assert {200, 400, 404} <= set(answered)
    assert max(answered) < 500
    wait_until(lambda: process.output().count('"request_id"') >= len(answered), what="lines are missing")
    lines = [line for line in process.output().split("\n") if line]
    started = next(number for number, line in enumerate(lines) if line.startswith("{"))
    records = [json.loads(line) for line in lines[started:]]
    assert sum(record["event"] == "request" for record in records) == len(answered)
    assert not [record for record in records if record["level"] in {"error", "critical"}]
    assert not [record for record in records if not record.get("path", "").isprintable()]
    assert max(len(line) for line in lines) < 2000
    assert not [secret for secret in (KEY, PROVIDER_KEY, WISH, "\x1b") if secret in process.output()]
