"""The table and the router give the same answers."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.testclient import TestClient

from imagegate.api.direct import Direct


async def fixed(request: Request) -> Response:
    return PlainTextResponse(f"fixed {request.method}")


async def second(_: Request) -> Response:
    return PlainTextResponse("second")


async def named(request: Request) -> Response:
    return PlainTextResponse(f"named {request.path_params['name']}")


ROUTES = [
    Route("/fixed", fixed, methods=["GET", "POST"]),
    Route("/fixed", second, methods=["GET"]),
    Route("/things/{name}", named),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/fixed", "/fixed/", "/things/one", "/nothing", "/fixed?a=b", "/Fixed"])
def test_the_same_answer_as_the_routers(method: str, path: str) -> None:
    router = Router(ROUTES)
    answers = [TestClient(app).request(method, path, follow_redirects=False) for app in (router, Direct(router, ROUTES))]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].content == answers[1].content


def test_the_router_is_not_asked_where_the_path_is_fixed() -> None:
    assert TestClient(Direct(Router([]), ROUTES)).get("/fixed").text == "fixed GET"
    assert TestClient(Direct(Router([]), ROUTES)).get("/things/one").status_code == 404
    assert TestClient(Direct(Router(ROUTES), ROUTES), root_path="/below").get("/below/fixed").text == "fixed GET"
