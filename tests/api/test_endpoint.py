"""A handler as an application."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Message, Scope

from imagegate.api.endpoint import Endpoint
from imagegate.errors import InvalidRequest


async def sent_by(endpoint: Endpoint, path: str = "/models/a/b") -> list[Message]:
    """What a GET through a route sends."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"a body", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await Router([Route("/models/{name:path}", endpoint, methods=["GET"])])(scope, receive, send)
    return messages


async def test_the_handler_gets_the_request_and_its_answer_is_sent() -> None:
    async def handler(request: Request) -> Response:
        return JSONResponse({"name": request.path_params["name"], "body": (await request.body()).decode()}, 201)

    start, body = await sent_by(Endpoint(handler))
    assert start["status"] == 201
    assert body["body"] == b'{"name":"a/b","body":"a body"}'


async def test_what_the_handler_raises_is_raised_before_anything_is_sent() -> None:
    async def handler(_: Request) -> Response:
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        await sent_by(Endpoint(handler))
