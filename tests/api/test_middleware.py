"""The outermost layer: what every answer has, and what a stranger never sees."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegate.api.context import RequestRecord, record_of
from imagegate.api.errors import ErrorWriter
from imagegate.api.middleware import RequestFrame
from imagegate.errors import GatewayError, InvalidRequest, RateLimited, Unavailable
from tests.support.server import ServerThread

OURS = re.compile(r"req_[0-9a-f]{24}")


@dataclass
class Framed:
    """One request through a frame: what was sent, logged and reported as a crash."""

    sent: list[Message] = field(default_factory=list)
    logged: list[tuple[RequestRecord, str, str]] = field(default_factory=list)
    crashes: int = 0
    escaped: BaseException | None = None

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        names = [name for name, _ in self.sent[0]["headers"]]
        assert len(names) == len(set(names)), names
        return {name.decode(): value.decode("latin-1") for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def record(self) -> RequestRecord:
        ((record, _, _),) = self.logged
        return record

    def crashed(self) -> None:
        self.crashes += 1

    def log(self, record: RequestRecord, method: str, path: str) -> None:
        self.logged.append((record, method, path))


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def through(
    app: ASGIApp, path: str = "/v1/images/generations", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Framed:
    """Send one request through a frame around ``app``."""
    framed = Framed()

    async def send(message: Message) -> None:
        framed.sent.append(message)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"key=secret", "headers": pairs}
    frame = RequestFrame(app, ErrorWriter(), framed.log, framed.crashed)
    try:
        await frame(scope, nothing, send)
    except BaseException as error:
        framed.escaped = error
    return framed


def answering(status: int = 200, body: bytes = b"fine") -> ASGIApp:
    return Response(body, status)


def raising(error: BaseException, before: Sequence[Message] = ()) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in before:
            await send(message)
        raise error

    return app


START: Message = {"type": "http.response.start", "status": 200, "headers": []}
PIECE: Message = {"type": "http.response.body", "body": b"half of it", "more_body": True}


class TestEveryAnswer:
    async def test_has_an_id_of_its_own_and_openais_headers(self) -> None:
        framed = await through(answering(201))
        assert framed.status == 201
        assert framed.body == b"fine"
        assert OURS.fullmatch(framed.headers["x-request-id"])
        assert framed.headers["openai-version"] == "2020-10-01"
        assert int(framed.headers["openai-processing-ms"]) < 1000
        assert framed.headers["content-length"] == "4"

    async def test_no_two_have_the_same_id(self) -> None:
        assert len({(await through(answering())).headers["x-request-id"] for _ in range(100)}) == 100

    @pytest.mark.parametrize("given", ["my-id-1", "a" * 128, "trace:1/2.3_4"])
    async def test_a_clients_id_is_kept_for_the_log_and_never_ours(self, given: str) -> None:
        framed = await through(answering(), headers={"x-request-id": given})
        assert framed.headers["x-request-id"] != given
        assert framed.record.client_id == given

    @pytest.mark.parametrize("given", ["", "a" * 129, "a b", 'x"}', "a\tb", "\xe9", "{}", "\x1b[31m"])
    async def test_an_id_that_could_do_something_else_is_forgotten(self, given: str) -> None:
        assert (await through(answering(), headers={"x-request-id": given})).record.client_id is None

    async def test_handlers_find_the_record(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            record_of(scope).key_name = "dev"
            await Response(b"12345")(scope, receive, send)

        framed = await through(app)
        assert (framed.record.key_name, framed.record.status, framed.record.sent_bytes) == ("dev", 200, 5)
        assert framed.record.id == framed.headers["x-request-id"]


class TestLogLine:
    async def test_one_a_request_without_the_query(self) -> None:
        framed = await through(answering(), "/v1/models")
        assert [(method, path) for _, method, path in framed.logged] == [("POST", "/v1/models")]

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    async def test_none_for_probes(self, path: str) -> None:
        assert (await through(answering(), path)).logged == []

    async def test_a_path_cannot_act_on_a_terminal(self) -> None:
        framed = await through(answering(), "/v1/\x1b[31m\nfake=1\u202e")
        assert framed.logged[0][2] == "/v1/?[31m?fake=1?"

    async def test_also_when_the_server_stops_the_request(self) -> None:
        framed = await through(raising(KeyboardInterrupt()))
        assert isinstance(framed.escaped, KeyboardInterrupt)
        assert len(framed.logged) == 1


class TestErrors:
    async def test_one_of_ours_is_written_with_its_hints(self) -> None:
        framed = await through(raising(RateLimited("Slow down.", retry_after=7, param="n")))
        assert framed.escaped is None
        assert framed.status == 429
        assert json.loads(framed.body)["error"]["message"] == "Slow down."
        assert framed.headers["retry-after"] == "7"
        assert OURS.fullmatch(framed.headers["x-request-id"])
        assert framed.record.line()["error"] == "RateLimited"
        assert framed.crashes == 0

    async def test_an_unforeseen_one_is_500_without_a_trace(self) -> None:
        framed = await through(raising(KeyError("sk-secret at /srv/app.py")))
        assert framed.escaped is None
        assert framed.status == 500
        error = json.loads(framed.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "server_error"
        assert "x-request-id" in error["message"]
        told = repr(framed.sent)
        assert not [word for word in ("sk-secret", "KeyError", "app.py", "Traceback") if word in told]
        assert framed.crashes == 1
        assert framed.record.status == 500

    @pytest.mark.parametrize("error", [KeyError("sk-secret"), Unavailable("gone")])
    async def test_after_the_headers_nothing_more_is_sent(self, error: Exception) -> None:
        framed = await through(raising(error, [START, PIECE]))
        assert [message["type"] for message in framed.sent] == ["http.response.start", "http.response.body"]
        assert framed.record.line()["error"] == ("GatewayError" if isinstance(error, KeyError) else "Unavailable")
        assert framed.crashes == isinstance(error, KeyError)

    async def test_a_client_that_left_is_no_error(self) -> None:
        framed = await through(raising(ClientDisconnect()))
        assert (framed.sent, framed.escaped, framed.crashes) == ([], None, 0)
        assert framed.record.status == 499

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("/v2/images", "followed by /v1"),
            ("/v1/v1/images/generations", "/v1 stands twice"),
            ("/v1/images/generations/", "leave out the slash at the end"),
            ("/", "followed by /v1"),
        ],
    )
    async def test_a_path_that_nobody_serves_gets_a_hint(self, path: str, says: str) -> None:
        framed = await through(raising(HTTPException(404)), path)
        assert framed.status == 404
        error = json.loads(framed.body)["error"]
        assert (error["code"], error["type"]) == ("unknown_url", "invalid_request_error")
        assert says in error["message"]
        assert f"POST {path}" in error["message"]

    async def test_a_wrong_method_is_told_the_right_one(self) -> None:
        framed = await through(raising(HTTPException(405, headers={"Allow": "POST"})), method="GET")
        assert framed.status == 405
        assert framed.headers["allow"] == "POST"
        error = json.loads(framed.body)["error"]
        assert error["code"] == "method_not_allowed"
        assert error["message"] == "/v1/images/generations does not take GET; use POST."

    async def test_a_long_or_odd_path_is_cut_and_cleaned(self) -> None:
        framed = await through(raising(HTTPException(404)), "/" + "\n" * 5 + "x" * 5000)
        message = json.loads(framed.body)["error"]["message"]
        assert "\n" not in message
        assert len(message) < 300


def whole(port: int) -> bool:
    """Whether the answer to a GET comes to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/models")
        try:
            connection.getresponse().read()
        except http.client.IncompleteRead:
            return False
        return True


async def test_other_scopes_pass_through() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    framed = Framed()

    async def send(_: Message) -> None:
        raise AssertionError("nothing to send")

    await RequestFrame(app, ErrorWriter(), framed.log, framed.crashed)({"type": "lifespan"}, nothing, send)
    assert (seen, framed.logged) == (["lifespan"], [])


def test_over_a_socket_a_crash_after_the_headers_is_seen_as_a_cut_body() -> None:
    framed = Framed()
    broken = RequestFrame(raising(GatewayError("late"), [START, PIECE]), ErrorWriter(), framed.log, framed.crashed)
    refusing = RequestFrame(raising(InvalidRequest("early")), ErrorWriter(), framed.log, framed.crashed)
    with ServerThread(broken, lifespan="off") as server:
        assert not whole(server.port)
    with ServerThread(refusing, lifespan="off") as server:
        assert whole(server.port)
    assert server.failures == []
