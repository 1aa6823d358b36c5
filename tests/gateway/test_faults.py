"""What a client sees when the provider breaks, over sockets, with the provider's calls counted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.gateway.stream_client import Connection, post
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator, Streaming
from tests.support import pictures
from tests.support.gateway import KEY, Gateway, gateway_settings, openai_channel
from tests.support.raw_server import silent
from tests.support.server import RawServer

MODEL = "gpt-image-2"
PATH = "/v1/images/generations"


@pytest.fixture
def first() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        yield simulator


@pytest.fixture
def second() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        yield simulator


@pytest.fixture
def gateway(first: OpenAISimulator, second: OpenAISimulator, tmp_path: Path) -> Iterator[Gateway]:
    """Two channels for one model: the first is preferred."""
    channels = [channel("one", first.base_url), channel("two", second.base_url, priority=1)]
    with Gateway(gateway_settings(tmp_path, channels)) as gateway:
        yield gateway


def channel(name: str, base_url: str, **more: Any) -> dict[str, Any]:
    return {**openai_channel(base_url, PROVIDER_KEY, [MODEL], **more), "name": name}


def ask(gateway: Gateway, **given: Any) -> Connection:
    with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat", **given}) as connection:
        connection.read_all()
        return connection


def error_of(connection: Connection) -> dict[str, Any]:
    body = connection.data.partition(b"\r\n\r\n")[2]
    found = json.loads(body)["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return dict(found)


def read_answer(connection: Connection) -> bytes:
    """The answer until its Content-Length is here."""
    connection.read_until(b"\r\n\r\n")
    length = int(connection.headers["content-length"])
    while len(connection.data.partition(b"\r\n\r\n")[2]) < length:
        assert connection.read_some()
    return connection.data


def refused(gateway: Gateway, **given: Any) -> Connection:
    with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat", **given}) as connection:
        read_answer(connection)
        return connection


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"retry-after": "7"}), (503, {}), (529, {}), (401, {}), (402, {}), (403, {}), (404, {})]
)
def test_a_refusal_before_work_goes_to_the_next_channel(
    gateway: Gateway, first: OpenAISimulator, second: OpenAISimulator, status: int, headers: dict[str, str], stream: bool
) -> None:
    first.fail_next(status, {"error": {"message": "no", "type": "x", "param": None, "code": None}}, headers)
    connection = ask(gateway, stream=stream)
    assert (connection.status, connection.complete) == (200, True)
    assert (first.calls, second.calls) == (1, 1)
    assert connection.headers["x-imagegate-channel"] == "two"
    assert connection.headers["x-imagegate-attempts"] == "2"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply.raw(b"oops", "text/plain", status=500), 502),
        (Reply.raw(b"oops", "text/plain", status=502), 502),
        (Reply.raw(b"oops", "text/plain", status=504), 504),
        (Reply.raw(b"<html>Attention required</html>", "text/html"), 502),
        (Reply.raw(b"\xef\xbb\xbf{}", "application/json"), 502),
        (Reply.json({"created": 1, "data": []}), 502),
        (Reply.json({"created": 1, "data": [{"b64_json": "PGh0bWw+aGVsbG88L2h0bWw+"}]}), 502),
        (Reply.json({"error": {"message": "internal", "type": "server_error", "param": None, "code": None}}), 502),
        (Reply(200, [], {"content-type": "application/json"}, ending=Ending.RESET), 502),
        (Reply(200, [Piece(b'{"created":')], {"content-type": "application/json"}, length=500, ending=Ending.CLOSE), 502),
        (Reply.raw(b"", "text/plain", status=302, headers={"location": "http://127.0.0.1:9/"}), 502),
    ],
)
def test_what_may_have_been_paid_is_never_repeated(
    gateway: Gateway, first: OpenAISimulator, second: OpenAISimulator, reply: Reply, status: int, stream: bool
) -> None:
    first.script(reply)
    connection = refused(gateway, stream=stream)
    assert connection.status == status
    assert connection.headers["x-should-retry"] == "false"
    assert connection.headers["content-type"] == "application/json"
    assert "oops" not in error_of(connection)["message"]
    assert (first.calls, second.calls) == (1, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_in_the_middle_of_the_picture_is_final_and_seen(
    gateway: Gateway, first: OpenAISimulator, second: OpenAISimulator, stream: bool
) -> None:
    first.picture = pictures.noise_png(300_000)
    content = base64.b64encode(first.picture)
    if stream:
        first.streaming = Streaming(cut_after_events=0, cut_inside=True, reset=True)
    else:
        start = b'{"created":1,"data":[{"b64_json":"' + content[:200_000]
        first.script(Reply(200, [Piece(start)], {"content-type": "application/json"}, ending=Ending.RESET))
    with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat", "stream": stream}) as connection:
        connection.read_all()
    assert connection.status == 200
    assert (first.calls, second.calls) == (1, 0)
    if stream:
        assert connection.data.count(b'"error":{') == 1
        assert connection.complete
    else:
        assert not connection.complete, "an unfinished body tells the client"


def test_a_stream_that_breaks_after_a_partial_ends_with_one_error_event(
    gateway: Gateway, first: OpenAISimulator, second: OpenAISimulator
) -> None:
    first.streaming = Streaming(cut_after_events=1, reset=True)
    client = openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=2)
    with client, client.images.generate(model=MODEL, prompt="a cat", stream=True, partial_images=2) as stream:
        events = iter(stream)
        assert next(events).type == "image_generation.partial_image"
        with pytest.raises(openai.APIError) as caught:
            next(events)
    assert caught.value.code == "upstream_invalid_response"
    assert (first.calls, second.calls) == (1, 0)


def test_a_providers_error_event_after_a_partial_is_passed_on_as_ours(gateway: Gateway, first: OpenAISimulator) -> None:
    first.streaming = Streaming(error_after=1)
    connection = ask(gateway, stream=True, partial_images=2)
    assert connection.data.count(b"event: error") == 1
    assert b"image_generation.completed" not in connection.data


def test_an_error_event_before_the_first_picture_is_a_plain_error(gateway: Gateway, first: OpenAISimulator) -> None:
    first.streaming = Streaming(error_after=0)
    connection = refused(gateway, stream=True, partial_images=2)
    assert connection.status == 502
    assert error_of(connection)["code"] == "upstream_invalid_response"


@pytest.mark.parametrize("stream", [False, True])
def test_silence_is_a_timeout_that_says_not_to_retry(tmp_path: Path, stream: bool) -> None:
    with RawServer(silent) as provider:
        timeout = {"connect": 1, "first_byte": 0.5}
        settings = gateway_settings(tmp_path, [channel("one", provider.url, timeout=timeout)])
        with Gateway(settings) as gateway:
            connection = refused(gateway, stream=stream)
    assert connection.status == 504
    assert connection.headers["x-should-retry"] == "false"
    assert error_of(connection)["code"] == "upstream_timeout"
    assert len(provider.requests) == 1


def test_an_address_where_nobody_listens_goes_to_the_next_channel(second: OpenAISimulator, tmp_path: Path) -> None:
    dead = channel("dead", "http://127.0.0.1:1/v1")
    with Gateway(gateway_settings(tmp_path, [dead, channel("two", second.base_url, priority=1)])) as gateway:
        assert ask(gateway).status == 200
    with Gateway(gateway_settings(tmp_path, [dead])) as gateway:
        connection = refused(gateway)
    assert (connection.status, error_of(connection)["code"]) == (503, "upstream_unavailable")


def test_a_limited_key_is_left_alone_until_its_time(tmp_path: Path, first: OpenAISimulator) -> None:
    first.fail_next(
        429, {"error": {"message": "x", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}, {"retry-after": "900"}
    )
    with Gateway(gateway_settings(tmp_path, [channel("one", first.base_url)])) as gateway:
        one, two = refused(gateway), refused(gateway)
    assert (one.status, two.status) == (429, 429)
    assert first.calls == 1, "the second request did not bother the provider"
    assert 1 <= int(two.headers["retry-after"]) <= 120


def test_heartbeats_come_while_the_provider_thinks(tmp_path: Path, first: OpenAISimulator) -> None:
    first.delay = 0.7
    settings = gateway_settings(tmp_path, [channel("one", first.base_url)], relay={"heartbeat_seconds": 0.2})
    with Gateway(settings) as gateway:
        connection = ask(gateway, stream=True)
        assert connection.status == 200
        assert connection.data.count(b"\n: ") + connection.data.count(b"\n\n: ") >= 2
        assert connection.data.index(b": ") < connection.data.index(b"image_generation.completed")
        first.script(Reply.raw(b"", "text/plain", status=500))
        late = ask(gateway, stream=True)
    assert late.status == 200, "a heartbeat had gone out"
    assert late.data.count(b"event: error") == 1


def test_the_sdk_does_not_repeat_a_call_that_may_have_been_paid(gateway: Gateway, first: OpenAISimulator) -> None:
    first.fail_next(500, b"x", times=5)
    client = openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=2)
    with client, pytest.raises(openai.InternalServerError):
        client.images.generate(model=MODEL, prompt="a cat")
    assert first.calls == 1
