"""Missing and wrong keys: one constant answer each, whatever else is wrong, and nothing is read or called."""

from __future__ import annotations

import json

import pytest

from tests.api.bad_requests import EDITS, FORM, GENERATIONS, JSON, VARIATIONS, Lab, check_shape
from tests.support.gateway import KEY

PATHS = [GENERATIONS, EDITS, VARIATIONS, "/images/generations", "/api/v1/images/edits", "/openai/v1/images/generations"]
PATHS += ["/openai/deployments/gpt-image-2/images/generations"]

NO_KEY: dict[str, dict[str, str | None]] = {
    "nothing": {"Authorization": None},
    "empty": {"Authorization": ""},
    "bearer alone": {"Authorization": "Bearer "},
    "basic": {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
    "basic with the key": {"Authorization": f"Basic {KEY}"},
    "digest": {"Authorization": 'Digest username="x"'},
    "an empty other header": {"Authorization": None, "x-api-key": ""},
    "as cookie": {"Authorization": None, "Cookie": f"api_key={KEY}"},
}
WRONG_KEY: dict[str, dict[str, str | None]] = {
    "another": {"Authorization": "Bearer sk-wrong"},
    "too short by one": {"Authorization": f"Bearer {KEY[:-1]}"},
    "too long by one": {"Authorization": f"Bearer {KEY}x"},
    "upper case": {"Authorization": f"Bearer {KEY.upper()}"},
    "last byte wrong": {"Authorization": f"Bearer {KEY[:-1]}!"},
    "x-api-key": {"Authorization": None, "x-api-key": "wrong"},
    "api-key": {"Authorization": None, "api-key": "wrong"},
    "x-goog-api-key": {"Authorization": None, "x-goog-api-key": "wrong"},
    "wrong before right": {"Authorization": "Bearer wrong", "x-api-key": KEY},
    "sql": {"Authorization": "Bearer ' OR (SELECT pg_sleep(8))--"},
    "a glob": {"Authorization": "Bearer *"},
    "not ascii": {"Authorization": "Bearer \xfe\xff\xe9"},
    "10 KB": {"Authorization": "Bearer " + "x" * 10_000},
}


@pytest.mark.parametrize("headers", NO_KEY.values(), ids=NO_KEY)
def test_without_a_key(lab: Lab, headers: dict[str, str | None]) -> None:
    answer = lab.send("POST", GENERATIONS, b"{}", {**JSON, **headers})
    lab.refused(answer, 401, "missing_api_key", says="Authorization: Bearer")


@pytest.mark.parametrize("headers", WRONG_KEY.values(), ids=WRONG_KEY)
def test_with_a_wrong_key(lab: Lab, headers: dict[str, str | None]) -> None:
    answer = lab.send("POST", GENERATIONS, b"{}", {**JSON, **headers})
    lab.refused(answer, 401, "invalid_api_key", says="not known here")


def test_every_wrong_key_gets_the_same_bytes(lab: Lab) -> None:
    bodies = {lab.send("POST", GENERATIONS, b"{}", {**JSON, **headers}).body for headers in WRONG_KEY.values()}
    assert len(bodies) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [JSON, FORM, {"Content-Type": "text/plain"}], ids=lambda kind: kind["Content-Type"][:10])
def test_the_key_is_looked_at_first(lab: Lab, path: str, kind: dict[str, str]) -> None:
    """Not the body, the content type, or the model: a stranger learns nothing about them."""
    answer = lab.send("POST", path, b"neither JSON nor a form", {**kind, "Authorization": "Bearer wrong"})
    lab.refused(answer, 401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-image-2", "/v1/models/nope", "/models", "/api/v1/models"])
def test_models_need_a_key_too(lab: Lab, path: str) -> None:
    lab.refused(lab.send("GET", path, headers={"Authorization": "Bearer wrong"}), 401, "invalid_api_key")


def test_a_large_upload_with_a_wrong_key_is_not_kept(lab: Lab) -> None:
    answer = lab.send("POST", EDITS, b"x" * 5_000_000, {**FORM, "Authorization": "Bearer wrong"})
    lab.refused(answer, 401, "invalid_api_key")


def test_who_asks_whether_to_send_the_body_gets_the_refusal_first(lab: Lab) -> None:
    """``Expect: 100-continue`` (curl, large uploads): no 100 for a stranger."""
    head = (
        f"POST {EDITS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n"
    )
    lab.refused(lab.raw(f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()), 401, "invalid_api_key")


def with_headers(*lines: bytes) -> bytes:
    body = b'{"prompt": 5}'
    head = [f"POST {GENERATIONS} HTTP/1.1".encode(), b"Host: x", *lines, b"Content-Length: %d" % len(body), b"", b""]
    return b"\r\n".join(head) + body


def test_a_header_of_one_megabyte(lab: Lab) -> None:
    answer = lab.raw(with_headers(b"Authorization: Bearer " + b"x" * 1_000_000))
    assert answer.status in {400, 401, 431}, answer
    lab.nothing_left()


@pytest.mark.parametrize("value", [b"a\0b", b"a\x0bb\x7f", b"\x01"])
def test_control_characters_in_a_key(lab: Lab, value: bytes) -> None:
    answer = lab.raw(with_headers(b"Authorization: Bearer " + value))
    assert answer.status in {400, 401}, answer
    lab.nothing_left()


def test_of_several_authorizations_the_first_counts(lab: Lab) -> None:
    right, wrong = f"Authorization: Bearer {KEY}".encode(), b"Authorization: Bearer wrong"
    lab.refused(lab.raw(with_headers(wrong, right)), 401, "invalid_api_key")
    lab.refused(lab.raw(with_headers(right, wrong)), 400, "invalid_type", "prompt")


def test_a_key_in_query_or_body_does_not_count(lab: Lab) -> None:
    body = json.dumps({"prompt": "a cat", "model": "sandbox", "api_key": KEY}).encode()
    answer = lab.send("POST", f"{GENERATIONS}?api_key={KEY}&key={KEY}", body, {**JSON, "Authorization": None})
    check_shape(answer, 401)
    lab.nothing_left()
