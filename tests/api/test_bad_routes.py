"""Paths and methods that do not exist: a 404 or 405 that names the way out, with the same shape as everything else."""

from __future__ import annotations

import pytest

from tests.api.bad_requests import EDITS, GENERATIONS, VARIATIONS, Lab
from tests.api.openai import shapes
from tests.support import pictures

UNKNOWN: dict[str, str] = {
    "/": "origin followed by /v1",
    "/v1": "origin followed by /v1",
    "/nothing": "origin followed by /v1",
    "/v1/images": "origin followed by /v1",
    "/v1/chat/completions": "origin followed by /v1",
    "/v2/images/generations": "origin followed by /v1",
    "/v1/images/generations/extra": "origin followed by /v1",
    "/V1/IMAGES/GENERATIONS": "origin followed by /v1",
    "/.env": "",
    "/openapi.json": "",
    "/docs": "",
    "/..%2f..%2fetc%2fpasswd": "",
    "/v1/../../etc/passwd": "",
    "/%00": "",
    "/%ff%fe": "",
    "/%0d%0aSet-Cookie:%20a=b": "",
    "/v1/models/gpt-image-2%0d%0ax:y": "",
    "//v1/images/generations": "",
    "/v1//images/generations": "",
    "/<script>alert(1)</script>".replace("<", "%3C"): "",
    "/v1/v1/images/generations": "/v1 stands twice",
    "/v1/v1/models": "/v1 stands twice",
    "/api/v1/v1/images/edits": "/v1 stands twice",
    "/v1/images/generations/": "slash at the end",
    "/v1/images/edits/": "slash at the end",
    "/openai/deployments/gpt-image-2/images/generations/": "slash at the end",
    "/openai/deployments//images/generations": "",
    "/openai/deployments/a%2fb/images/generations": "",
    "/openai/deployments/gpt-image-2/chat/completions": "",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("path", "says"), UNKNOWN.items(), ids=UNKNOWN)
def test_unknown_paths(lab: Lab, path: str, says: str, method: str) -> None:
    answer = lab.send(method, path, b"{}" if method == "POST" else None)
    lab.refused(answer, 404, "unknown_url", says=says)
    assert f"{method} /" in answer.json["error"]["message"]
    assert not {"location", "set-cookie"} & set(answer.headers)


WRONG_METHODS: dict[str, tuple[str, list[str]]] = {
    GENERATIONS: ("POST", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]),
    EDITS: ("POST", ["GET", "PUT", "DELETE", "OPTIONS"]),
    VARIATIONS: ("POST", ["GET", "PUT", "DELETE", "OPTIONS"]),
    "/images/generations": ("POST", ["GET", "HEAD"]),
    "/openai/deployments/gpt-image-2/images/edits": ("POST", ["GET", "PUT"]),
    "/v1/models": ("GET", ["POST", "PUT", "DELETE", "OPTIONS"]),
    "/v1/models/gpt-image-2": ("GET", ["POST", "DELETE", "PATCH"]),
    "/healthz": ("GET", ["POST", "DELETE"]),
    "/i/picture.png": ("GET", ["POST", "PUT", "DELETE", "OPTIONS"]),
}


@pytest.mark.parametrize(
    ("path", "right", "method"),
    [(path, right, method) for path, (right, methods) in WRONG_METHODS.items() for method in methods],
)
def test_wrong_methods_are_told_the_right_one(lab: Lab, path: str, right: str, method: str) -> None:
    answer = lab.send(method, path)
    assert right in answer.headers["allow"].split(", ")
    if method == "HEAD":
        assert (answer.status, answer.body) == (405, b"")
        assert answer.headers["x-request-id"].startswith("req_")
    else:
        lab.refused(answer, 405, "method_not_allowed", says=f"does not take {method}; use {answer.headers['allow']}.")


def test_a_head_of_nothing(lab: Lab) -> None:
    answer = lab.send("HEAD", "/nothing")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.headers["x-request-id"].startswith("req_")


JUNK = ["", "x", "x.png", "..%2f..%2fetc%2fpasswd", "%00.png", "a/b/c.png", "a" * 32 + ".png?e=1&s=2", ".png", "x." + "y" * 3000]


@pytest.mark.parametrize("name", JUNK, ids=lambda name: name[:30])
def test_there_is_no_picture_under_a_made_up_link(lab: Lab, name: str) -> None:
    lab.refused(lab.send("GET", f"/i/{name}", headers={"Authorization": None}), 404, "picture_not_found", says="no picture here")


LONG = ["/" + "a" * 50_000, "/v1/models/" + "m" * 50_000, "/i/" + "p" * 50_000, "/v1" * 10_000, "/nothing?" + "q=1&" * 10_000]


@pytest.mark.parametrize("path", LONG, ids=lambda path: path[:12])
def test_very_long_paths_get_a_short_answer(lab: Lab, path: str) -> None:
    answer = lab.send("GET", path)
    assert answer.status == 404
    assert len(answer.body) < 1000
    code = answer.json["error"]["code"]
    lab.refused(answer, 404, code, "model" if code == "model_not_found" else None)


@pytest.mark.parametrize("name", ["nope", "gpt-image-2/x", "..%2f..%2fx", "%20", "", "any-%00"])
def test_models_that_do_not_exist(lab: Lab, name: str) -> None:
    lab.refused(lab.send("GET", f"/v1/models/{name}"), 404, "model_not_found", "model")


@pytest.mark.parametrize("path", [VARIATIONS, EDITS])
@pytest.mark.parametrize("query", ["?model=sandbox&n=99", "?%ff%fe=%00", "?" + "a[b][c]=1&" * 200, "?;;;&&==", "?stream=true"])
def test_the_query_means_nothing(lab: Lab, path: str, query: str) -> None:
    answer = lab.post_json(
        path + query, {"prompt": "a cat", "model": "gpt-image-2", "n": 0, "image": pictures.data_url(shapes.PNG)}
    )
    lab.refused(answer, 400, "invalid_value", "n")
