"""What docker/smoke asks of the running container, through openai-python. Prints a line for each check that holds.

OPENAI_BASE_URL and OPENAI_API_KEY say where it is. Modes: wait, drive, drain, return.
"""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Event
from urllib.parse import SplitResult, urlsplit

import requests
from openai import AuthenticationError, OpenAI
from PIL import Image, ImageChops

SIZE = (512, 512)
SIZE_NAME = "512x512"
HOLE = (128, 128, 384, 384)
"""The part of the mask that is transparent: left, top, right, bottom."""
START_SECONDS = 60


def main(mode: str, *arguments: str) -> None:
    client = OpenAI(max_retries=0, timeout=60)
    modes: dict[str, Callable[..., None]] = {"wait": wait, "drive": drive, "drain": drain, "return": come_back}
    modes[mode](client, *arguments)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def wait(client: OpenAI, started_at: str) -> None:
    """Until the server answers. ``started_at``: when the engine started the container, as it says."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(client):
        assert time.monotonic() < deadline, f"no answer within {START_SECONDS} s"
        time.sleep(0.02)
    elapsed = datetime.now(UTC) - datetime.fromisoformat(started_at)
    say(f"server answers {elapsed.total_seconds():.1f} s after the start of the container")


def drive(client: OpenAI, url_file: str) -> None:
    """A generation, a masked edit, a stream, a url, a wrong key. The url's path is left in ``url_file``."""
    original = generate(client)
    edit(client, original)
    stream(client)
    Path(url_file).write_text(url(client))
    try:
        client.with_options(api_key="not-the-key-0123456789").models.list()
    except AuthenticationError:
        say("a wrong key is refused with 401")
    else:
        raise AssertionError("a wrong key was accepted")


def generate(client: OpenAI) -> Image.Image:
    result = client.images.generate(model="sandbox", prompt="a lighthouse at dawn", size=SIZE_NAME)
    assert result.data and result.usage
    image = decoded(result.data[0].b64_json)
    assert image.size == SIZE
    say(f"openai-python generates: {image.format}, {image.width}x{image.height}, {result.usage.total_tokens} tokens")
    return image


def edit(client: OpenAI, original: Image.Image) -> None:
    mask = Image.new("RGBA", SIZE, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), HOLE)
    result = client.images.edit(
        model="sandbox",
        prompt="a red boat on the water",
        image=("original.png", png(original), "image/png"),
        mask=("mask.png", png(mask), "image/png"),
        size=SIZE_NAME,
    )
    assert result.data
    changed = ImageChops.difference(original.convert("RGB"), decoded(result.data[0].b64_json).convert("RGB")).getbbox()
    assert changed, "the edit changed nothing"
    assert changed[0] >= HOLE[0] and changed[1] >= HOLE[1] and changed[2] <= HOLE[2] and changed[3] <= HOLE[3], changed
    say("openai-python edits with a mask: changed inside its hole, untouched outside")


def stream(client: OpenAI) -> None:
    with client.images.generate(
        model="sandbox-slow", prompt="a lighthouse at dawn", size=SIZE_NAME, stream=True, partial_images=2
    ) as events:
        seen = [(event.type.removeprefix("image_generation."), decoded(event.b64_json).size) for event in events]
    assert seen == [("partial_image", SIZE), ("partial_image", SIZE), ("completed", SIZE)], seen
    say("openai-python streams: two partial images, then the finished one")


def url(client: OpenAI) -> str:
    """The path and query of a picture's url."""
    result = client.images.generate(model="sandbox", prompt="a harbour", size=SIZE_NAME, response_format="url")
    assert result.data and result.data[0].url
    parts = urlsplit(result.data[0].url)
    assert parts.netloc == origin(client).netloc, result.data[0].url
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    fetch(client, path)
    say("url answer: the picture is served on the port that the client called, without a key")
    return path


def drain(client: OpenAI) -> None:
    """Says "in flight" when a JSON and an SSE request run; then somebody sends SIGTERM, and both must complete."""
    prompt = "a lighthouse at dawn sandbox:slow=4"
    closed = Event()

    def as_json() -> None:
        result = client.images.generate(model="sandbox-slow", prompt=prompt, size=SIZE_NAME)
        assert result.data and decoded(result.data[0].b64_json).size == SIZE
        assert closed.is_set(), "it was over before SIGTERM"

    def as_stream() -> None:
        with client.images.generate(model="sandbox-slow", prompt=prompt, size=SIZE_NAME, stream=True, partial_images=1) as events:
            types: list[str] = []
            for event in events:
                if not types:
                    say("in flight")
                types.append(event.type)
        assert types == ["image_generation.partial_image", "image_generation.completed"], types
        assert closed.is_set(), "it was over before SIGTERM"

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(as_json), pool.submit(as_stream)]
        while answers(client) and not all(call.done() for call in running):
            time.sleep(0.05)
        closed.set()
        for call in running:
            call.result()
    say("SIGTERM: new connections are refused, the JSON request in flight completes")
    say("SIGTERM: the stream in flight completes, with its last event")


def come_back(client: OpenAI, url_file: str, after: str) -> None:
    """With the old volume: the key that the log shows opens, and the url of before still leads to the picture."""
    models = {model.id for model in client.models.list()}
    assert {"sandbox", "sandbox-slow"} <= models
    fetch(client, Path(url_file).read_text())
    say(f"after {after}: the key from the log opens, the url of a picture from before still answers")


def answers(client: OpenAI) -> bool:
    """Whether a new connection is served."""
    try:
        return requests.get(origin(client)._replace(path="/healthz").geturl(), timeout=2).status_code == 200
    except requests.RequestException:
        return False


def fetch(client: OpenAI, path: str) -> None:
    answer = requests.get(f"{origin(client).scheme}://{origin(client).netloc}{path}", timeout=10)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png", answer.status_code
    assert Image.open(BytesIO(answer.content)).size == SIZE


def origin(client: OpenAI) -> SplitResult:
    return urlsplit(str(client.base_url))


def decoded(b64_json: str | None) -> Image.Image:
    assert b64_json
    image = Image.open(BytesIO(base64.b64decode(b64_json)))
    image.load()
    return image


def png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
