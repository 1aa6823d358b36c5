"""Requests that lie about their length, or are hardly HTTP: the server stays well and keeps nothing."""

from __future__ import annotations

import pytest

from tests.api.bad_requests import BOUNDARY, EDITS, GENERATIONS, TEXTS, Lab, check_shape
from tests.api.openai import shapes
from tests.support import pictures
from tests.support.gateway import KEY
from tests.support.waiting import wait_until

GOOD_FORM = shapes.encode(BOUNDARY, [*TEXTS, shapes.file("image", "a.png", pictures.noise_png(700_000))])
GOOD_JSON = b'{"prompt": "a cat", "model": "gpt-image-2"}'
AS_JSON = "Content-Type: application/json"
AS_FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"


def request(path: str, *headers: str, host: str = "Host: x", body: bytes = b"") -> bytes:
    """A POST with the good key and these header lines."""
    lines = [f"POST {path} HTTP/1.1", host, f"Authorization: Bearer {KEY}", *headers, "", ""]
    return "\r\n".join(line for line in lines[:-2] if line).encode("latin-1") + b"\r\n\r\n" + body


def is_well(lab: Lab) -> None:
    """It answers, and nothing of what came before is left."""
    assert lab.send("GET", "/healthz").status == 200
    lab.nothing_left()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (request(GENERATIONS, AS_JSON, "Content-Length: 1000"), GOOD_JSON),
        (request(GENERATIONS, AS_JSON, "Transfer-Encoding: chunked"), b"2b\r\n" + GOOD_JSON[:20]),
        (request(EDITS, AS_FORM, "Content-Length: 5000000"), GOOD_FORM),
        (request(EDITS, AS_FORM, "Content-Length: 800000"), GOOD_FORM[:600_000]),
        (request(EDITS, AS_FORM, "Transfer-Encoding: chunked"), b"%x\r\n" % len(GOOD_FORM) + GOOD_FORM[:600_000]),
        (request(EDITS, AS_FORM, "Content-Length: 100"), b""),
        (b"POST /v1/images/generations HT", b""),
        (b"", b""),
    ],
    ids=["json", "chunked json", "whole form", "cut form", "chunked form", "no form", "half a line", "nothing"],
)
def test_a_client_that_closes_before_all_has_come(lab: Lab, head: bytes, body: bytes) -> None:
    lab.leave_after(head + body)
    is_well(lab)


def test_while_a_form_is_still_coming_its_room_is_taken_and_then_it_is_free(lab: Lab) -> None:
    """So that the checks above mean something."""
    head = request(EDITS, AS_FORM, "Content-Length: 14000000")
    with lab.connected(head + GOOD_FORM[:650_000]):
        wait_until(lab.open_spools, what="the upload is not spooled")
    is_well(lab)


LIES = ["-1", "+5", "abc", "5, 6", "0x10", "1_0", "99999999999999999999999", "5 5"]


@pytest.mark.parametrize("path", [GENERATIONS, EDITS])
@pytest.mark.parametrize("value", LIES)
def test_lengths_that_are_no_number(lab: Lab, path: str, value: str) -> None:
    """The server's own parser refuses these, before there is a request."""
    assert lab.raw(request(path, AS_JSON, f"Content-Length: {value}", body=GOOD_JSON)).status == 400
    is_well(lab)


@pytest.mark.parametrize(("path", "kind"), [(GENERATIONS, AS_JSON), (EDITS, AS_JSON), (EDITS, AS_FORM)])
@pytest.mark.parametrize("length", [10**9, 10**18])
def test_a_length_beyond_the_limit_is_refused_before_the_body(lab: Lab, path: str, kind: str, length: int) -> None:
    lab.refused(lab.raw(request(path, kind, f"Content-Length: {length}")), 413, "request_too_large")


def test_a_length_shorter_than_the_body_cuts_it_and_ends_the_connection(lab: Lab) -> None:
    answers = lab.raw_to_the_end(request(GENERATIONS, AS_JSON, "Content-Length: 10", body=GOOD_JSON))
    assert {answer.status for answer in answers} == {400}
    is_well(lab)


SMUGGLING = {
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunks twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "unknown coding": ["Transfer-Encoding: xchunked"],
    "a space before the colon": ["Content-Length : 5"],
    "a folded header": ["X-Long: a\r\n b", "Content-Length : 5"],
    "a NUL in a header": ["X-Odd: a\0b", "Content-Length: 2"],
    "a header without a name": [": value", "Content-Length: 2"],
}


@pytest.mark.parametrize("headers", SMUGGLING.values(), ids=SMUGGLING)
def test_ambiguous_framing_is_refused_and_the_connection_closed(lab: Lab, headers: list[str]) -> None:
    answers = lab.raw_to_the_end(request(GENERATIONS, *headers, body=b"{}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert [answer.status for answer in answers] == [400]
    is_well(lab)


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"2\r\n{}XX"])
def test_damaged_chunks(lab: Lab, chunk: bytes) -> None:
    answers = lab.raw_to_the_end(request(GENERATIONS, AS_JSON, "Transfer-Encoding: chunked", body=chunk))
    assert [answer.status for answer in answers] in ([400], [])
    is_well(lab)


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"FOO / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
]
NO_HTTP += [b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT a:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 1000]
NO_HTTP += [b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nothing?\xff HTTP/1.1\r\nHost: x\r\n\r\n"]


@pytest.mark.parametrize("data", NO_HTTP, ids=lambda data: repr(data[:16]))
def test_what_is_no_http(lab: Lab, data: bytes) -> None:
    assert [answer.status for answer in lab.raw_to_the_end(data)] == [400]
    is_well(lab)


HOSTS = ["Host: [", "Host: a/x?y=#z", "Host: user@evil.test", "Host: a\\b", "Host: \xff", "Host:", "", "Host: " + "h" * 5000]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host[:20])
def test_odd_hosts_change_nothing(lab: Lab, host: str) -> None:
    """Neither for paths that do not exist nor where the host would become part of an answer."""
    body = b'{"prompt": "a cat", "model": "gpt-image-2", "n": 0, "response_format": "url"}'
    nothing = lab.raw(request("/nothing", "Content-Length: 0", host=host))
    lab.refused(nothing, 404, "unknown_url")
    wrong = lab.raw(request(GENERATIONS, AS_JSON, f"Content-Length: {len(body)}", host=host, body=body))
    lab.refused(wrong, 400, "invalid_value", "n")


def test_an_upgrade_is_not_taken(lab: Lab) -> None:
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==", AS_JSON]
    check_shape(lab.raw(request(GENERATIONS, *upgrade, "Content-Length: 2", body=b"{}")), 400)
    lab.nothing_left()
