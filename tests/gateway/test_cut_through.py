"""Pictures leave while they still arrive, and cost no memory."""

from __future__ import annotations

import base64
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.gateway.stream_client import post
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator, Streaming
from tests.support import pictures
from tests.support.gateway import KEY, openai_channel
from tests.support.server import ServerProcess, free_port

MODEL = "gpt-image-2"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        simulator.picture = pictures.noise_png(20 * MIB)
        simulator.preview = pictures.png()
        yield simulator


@pytest.fixture(autouse=True)
def calm(simulator: OpenAISimulator) -> Iterator[None]:
    yield
    simulator.pace(MIB, 0)
    simulator.streaming = Streaming()


@pytest.fixture(scope="module")
def gateway(simulator: OpenAISimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    port = free_port()
    config = {
        "server": {"port": port},
        "storage": {"path": str(folder / "files")},
        "auth": {"keys": [{"name": "test", "key": KEY}]},
        "channels": [openai_channel(simulator.base_url, PROVIDER_KEY, [MODEL])],
    }
    file = folder / "imagegate.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "imagegate", "serve", "--config", str(file)]
    with ServerProcess(command, port=port, cwd=folder) as process:
        yield process


def port_of(gateway: ServerProcess) -> int:
    return int(gateway.url.rpartition(":")[2])


def body_of(data: bytes) -> bytes:
    """A chunked body, joined."""
    rest, body = data.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        rest = rest[length + 2 :]
    return body


@pytest.mark.parametrize("stream", [False, True])
def test_a_20_mb_picture_costs_less_than_8_mib_and_arrives_whole(
    gateway: ServerProcess, simulator: OpenAISimulator, stream: bool
) -> None:
    assert simulator.picture is not None
    asked = {"model": MODEL, "prompt": "a cat", "stream": stream}
    with post(port_of(gateway), "/v1/images/generations", {**asked, "prompt": "warm up"}) as warm:
        warm.read_all()
    before = gateway.rss()
    gateway.reset_peak_rss()
    with post(port_of(gateway), "/v1/images/generations", asked) as connection:
        content = body_of(connection.read_all())
    grown = gateway.peak_rss() - before
    print(f"20 MB {'SSE' if stream else 'JSON'}: memory grew by {grown / MIB:.2f} MiB")
    assert grown < 8 * MIB
    if stream:
        content = content.partition(b"image_generation.completed\ndata: ")[2]
    encoded = json.loads(content)["b64_json"] if stream else json.loads(content)["data"][0]["b64_json"]
    assert base64.b64decode(encoded) == simulator.picture


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_byte_is_here_before_the_provider_has_sent_the_last(
    gateway: ServerProcess, simulator: OpenAISimulator, stream: bool
) -> None:
    simulator.pace(4 * MIB, 0.05)
    with post(port_of(gateway), "/v1/images/generations", {"model": MODEL, "prompt": "a cat", "stream": stream}) as connection:
        seen_at = connection.read_until(b"iVBORw0KGgo")
        sent_at = simulator.last_byte_sent_at
        connection.read_all()
    assert sent_at is None, "the simulator was done before the client had anything"
    last = simulator.last_byte_sent_at
    assert last is not None
    print(f"{'SSE' if stream else 'JSON'}: first byte {(last - seen_at) * 1000:.0f} ms before the provider's last")


def test_partial_images_are_passed_on_when_they_come(gateway: ServerProcess, simulator: OpenAISimulator) -> None:
    simulator.streaming = Streaming(pause=0.05)
    picture, simulator.picture = simulator.picture, pictures.png()
    delays: list[float] = []
    try:
        for _ in range(7):
            asked = {"model": MODEL, "prompt": "a cat", "stream": True, "partial_images": 3}
            with post(port_of(gateway), "/v1/images/generations", asked) as connection:
                seen = [connection.read_until(f'"partial_image_index":{index}'.encode()) for index in range(3)]
                connection.read_all()
            sent = [mark.started_at for mark in simulator.events_sent[:3]]
            delays += [at - start for at, start in zip(seen, sent, strict=True)]
    finally:
        simulator.picture = picture
    print(f"partial images: median delay {statistics.median(delays) * 1000:.2f} ms over {len(delays)}")
    assert max(delays) < 0.05, "a partial image waited for the next one"


def test_the_log_has_no_prompt_no_key_and_one_line_a_request(gateway: ServerProcess, tmp_path: Path) -> None:
    with post(port_of(gateway), "/v1/images/generations", {"model": MODEL, "prompt": "a very secret prompt"}) as connection:
        connection.read_all()
    output = gateway.output()
    assert "secret prompt" not in output and PROVIDER_KEY not in output and KEY not in output and "iVBOR" not in output
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert lines[-1]["path"] == "/v1/images/generations"
    assert lines[-1]["request_id"].startswith("req_")
