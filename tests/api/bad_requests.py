"""A gateway in front of a simulator for requests that must fail, and the rules that every refusal keeps."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.api.openai import shapes
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings, openai_channel
from tests.support.waiting import wait_until

GENERATIONS, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
MODEL = "gpt-image-2"
NARROW_KEY = "narrow-key-for-one-model-only"
"""A key that may use only ``gpt-image-1.5`` and, by its glob, ``dall-e-…``."""
MIB = 1024 * 1024
IMAGE_LIMIT, JSON_LIMIT, ROOM = MIB, 2 * MIB, 16 * MIB
"""Bytes of one picture, of a JSON body, and of all uploads together."""
BOUNDARY = "the-boundary"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
UPLOADS = {"max_image_bytes": IMAGE_LIMIT, "max_json_bytes": JSON_LIMIT, "spool_bytes": ROOM}

Parts = list[tuple[str, bytes]]
TEXTS: Parts = [shapes.text("model", MODEL), shapes.text("prompt", "a cat")]
"""The text fields of a good edit."""

_TYPES = {401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
_OURS = re.compile(r"req_[0-9a-f]{24}")
_NEVER_TOLD = (KEY, NARROW_KEY, PROVIDER_KEY, "Traceback", "pydantic", "orjson", "/src/", "site-packages")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Lab:
    """Context manager: an OpenAI simulator and the sandbox behind a gateway with tight limits and no default model.

    Models: ``gpt-image-2``, ``gpt-image-1.5``, ``any-*`` (a glob), ``sandbox``, and those of ``spare_model``.
    """

    def __init__(self, folder: Path, spare_models: int = 0, **sections: Mapping[str, Any]) -> None:
        self.simulator = OpenAISimulator()
        self._spare = [f"spare-{number}" for number in range(spare_models)]
        self._folder = folder
        self._sections = sections
        self._stack = ExitStack()
        self._gateway: Gateway | None = None

    @property
    def gateway(self) -> Gateway:
        """The running gateway."""
        assert self._gateway is not None, "not started"
        return self._gateway

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.simulator)
            models = {MODEL: {}, "gpt-image-1.5": {}, "any-*": {"upstream": MODEL}}
            sections: dict[str, Mapping[str, Any]] = {
                "uploads": UPLOADS,
                "defaults": {"model": None},
                "aliases": {"dall-e-*": MODEL},
                "auth": {"keys": [{"name": "test", "key": KEY}, _NARROW]},
                **self._sections,
            }
            channels = [openai_channel(self.simulator.base_url, PROVIDER_KEY, models), SANDBOX, *map(self._channel, self._spare)]
            self._gateway = stack.enter_context(Gateway(gateway_settings(self._folder, channels, **sections)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exit_: Any) -> None:
        self._stack.__exit__(*exit_)

    def spare_model(self) -> str:
        """A model with a channel of its own that nobody has used: a key that rests afterwards holds up nobody else.

        The channel waits 0.25 s for an answer.
        """
        return self._spare.pop()

    def _channel(self, name: str) -> dict[str, Any]:
        timeout = {"connect": 1, "first_byte": 0.25, "idle": 1, "total": 5}
        row = openai_channel(self.simulator.base_url, PROVIDER_KEY, {name: {"upstream": MODEL}}, timeout=timeout)
        return {**row, "name": name}

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None) -> Answer:
        """One request with the good key; an ``Authorization`` of None in ``headers`` takes it away. Iterators go out chunked."""
        merged: Mapping[str, str | None] = {**self.gateway.authorization, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            return _read(connection.getresponse())

    def post_json(self, path: str, document: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a document as JSON."""
        return self.send("POST", path, json.dumps(document).encode(), {**JSON, **(headers or {})})

    def generate(self, **fields: Any) -> Answer:
        """A generation that is good but for ``fields``."""
        return self.post_json(GENERATIONS, {"model": MODEL, "prompt": "a cat", **fields})

    def edit(self, **fields: Any) -> Answer:
        """A JSON edit that is good but for ``fields``; it has no pictures of its own."""
        return self.post_json(EDITS, {"model": MODEL, "prompt": "a cat", **fields})

    def post_form(self, parts: Parts, path: str = EDITS) -> Answer:
        """A form with exactly these parts."""
        return self.send("POST", path, shapes.encode(BOUNDARY, parts), FORM)

    def raw(self, data: bytes) -> Answer:
        """Send bytes as they are; the first answer."""
        with self.connected(data) as sock, contextlib.closing(http.client.HTTPResponse(sock)) as response:
            response.begin()
            return _read(response)

    def raw_to_the_end(self, data: bytes) -> list[Answer]:
        """Send bytes as they are; every answer until the server closes the connection."""
        with self.connected(data) as sock:
            stream = _Replay(b"".join(iter(lambda: sock.recv(65536), b"")))
        return list(_answers(stream))

    def leave_after(self, data: bytes) -> None:
        """Send bytes as they are and close the connection."""
        with self.connected(data):
            pass

    @contextlib.contextmanager
    def connected(self, data: bytes) -> Iterator[socket.socket]:
        """A connection on which ``data`` has been sent."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=10) as sock:
            sock.sendall(data)
            yield sock

    def refused(self, answer: Answer, status: int, code: str, param: str | None = None, *, says: str = "") -> None:
        """The answer keeps every rule of a refusal, nothing was asked of the provider, and nothing of the request is left."""
        check_shape(answer, status)
        error = answer.json["error"]
        assert (error["code"], error["param"]) == (code, param), error
        assert error["type"] == _TYPES.get(status, "invalid_request_error"), error
        assert says in error["message"], error
        self.nothing_left()

    def nothing_left(self) -> None:
        """No provider was called, no temporary file is open or named, and all room for uploads is free again."""
        assert self.simulator.calls == 0, "a provider was called"
        wait_until(lambda: not self.open_spools(), what="temporary files are still open")
        assert not list(self.gateway.spool.iterdir())
        wait_until(self._room_is_free, what="room for uploads is still held")

    def open_spools(self) -> list[str]:
        """Temporary files that the gateway, which runs in this process, holds open."""
        found = []
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.append(str(descriptor.readlink()))
        return [target for target in found if target.startswith(str(self.gateway.spool))]

    def _room_is_free(self) -> bool:
        """A form of unknown length takes all the room there is; this one is refused for its missing prompt, or for no room."""
        answer = self.send("POST", EDITS, iter([shapes.encode(BOUNDARY, [])]), FORM)
        assert answer.status in {400, 429}, answer
        return answer.status == 400


def check_shape(answer: Answer, status: int) -> None:
    """An error as OpenAI writes it: JSON, all four keys, one sentence, our request id, no secret and no internals."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json", answer
    assert _OURS.fullmatch(answer.headers["x-request-id"]), answer
    document = answer.json
    assert set(document) == {"error"}
    error = document["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    message = error["message"]
    assert isinstance(message, str) and 15 <= len(message) <= 500, error
    assert message.endswith(".") or len(message) == 500, error
    assert message.isprintable(), error
    told = repr(answer)
    assert not [secret for secret in _NEVER_TOLD if secret in told], answer


def _read(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


class _Replay(io.BytesIO):
    """Received bytes in place of a socket; reading one answer does not close it for the next."""

    def makefile(self, _: str) -> Self:
        return self

    def close(self) -> None:
        """Stay open."""


def _answers(stream: _Replay) -> Iterator[Answer]:
    while stream.tell() < len(stream.getvalue()):
        response = http.client.HTTPResponse(stream)  # type: ignore[arg-type]  # it only calls makefile
        response.begin()
        yield _read(response)


_NARROW = {"name": "narrow", "key": NARROW_KEY, "models": ["gpt-image-1.5", "dall-e-*"]}
