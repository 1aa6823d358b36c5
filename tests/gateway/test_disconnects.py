"""Clients that leave."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.stream_client import post
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator, Streaming
from tests.support.gateway import KEY, Gateway, gateway_settings, openai_channel
from tests.support.waiting import wait_until

MODEL = "gpt-image-2"
PATH = "/v1/images/generations"


@pytest.fixture
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        yield simulator


def gateway_for(simulator: OpenAISimulator, folder: Path, **relay: Any) -> Gateway:
    return Gateway(gateway_settings(folder, [openai_channel(simulator.base_url, PROVIDER_KEY, [MODEL])], relay=relay))


@pytest.mark.parametrize("stream", [False, True])
def test_a_paid_call_is_read_to_its_end_when_the_client_leaves_while_waiting(
    simulator: OpenAISimulator, tmp_path: Path, stream: bool
) -> None:
    simulator.hold()
    with gateway_for(simulator, tmp_path) as gateway:
        with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat", "stream": stream}) as connection:
            wait_until(lambda: simulator.calls == 1, 3)
            connection.reset()
        time.sleep(0.1)
        simulator.release()
        wait_until(lambda: simulator.last_byte_sent_at is not None, 3)
        assert not simulator.requests[0].client_gone
    assert simulator.calls == 1


def test_a_paid_stream_is_read_to_its_end_when_the_client_leaves_after_a_partial(
    simulator: OpenAISimulator, tmp_path: Path
) -> None:
    simulator.streaming = Streaming(pause=0.15)
    with gateway_for(simulator, tmp_path) as gateway:
        asked = {"model": MODEL, "prompt": "a cat", "stream": True, "partial_images": 3}
        with post(gateway.port, PATH, asked) as connection:
            connection.read_until(b"partial_image_index")
            connection.reset()
        wait_until(lambda: simulator.last_byte_sent_at is not None, 3)
        assert not simulator.requests[0].client_gone
    assert simulator.calls == 1


@pytest.mark.parametrize("stream", [False, True])
def test_cancel_closes_the_providers_connection(simulator: OpenAISimulator, tmp_path: Path, stream: bool) -> None:
    simulator.delay = 5
    with gateway_for(simulator, tmp_path, on_disconnect="cancel") as gateway:
        with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat", "stream": stream}) as connection:
            wait_until(lambda: simulator.calls == 1, 3)
            connection.reset()
        wait_until(lambda: simulator.requests[0].client_gone, 3)


def test_finishing_is_bounded_in_time(simulator: OpenAISimulator, tmp_path: Path) -> None:
    simulator.delay = 10
    with gateway_for(simulator, tmp_path, finish_seconds=0.3) as gateway:
        with post(gateway.port, PATH, {"model": MODEL, "prompt": "a cat"}) as connection:
            wait_until(lambda: simulator.calls == 1, 3)
            connection.reset()
        wait_until(lambda: simulator.requests[0].client_gone, 3)


def test_a_client_that_leaves_in_the_middle_of_its_upload_costs_nothing(simulator: OpenAISimulator, tmp_path: Path) -> None:
    with gateway_for(simulator, tmp_path) as gateway:
        head = (
            f"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        )
        with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
            sock.sendall(head.encode() + b"\x89PNG\r\n\x1a\n" + b"\0" * 2_000_000)
            time.sleep(0.2)
        wait_until(lambda: not list(gateway.spool.iterdir()), 3)
        with post(gateway.port, PATH, {"model": MODEL, "prompt": "still alive"}) as connection:
            connection.read_all()
        assert connection.status == 200
    assert simulator.calls == 1
