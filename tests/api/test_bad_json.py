"""Bodies that are no JSON object, too large, or of another type: refused alike for generations and edits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.bad_requests import EDITS, FORM, GENERATIONS, JSON, JSON_LIMIT, MODEL, VARIATIONS, Lab
from tests.api.openai import shapes
from tests.support import pictures

BROKEN = {
    "cut off": (b'{"prompt": "a cat"', "unexpected end"),
    "single quotes": (b"{'prompt': 'a cat'}", "line 1, column 2"),
    "two documents": (b'{"prompt": "a cat"} {}', "unexpected content"),
    "a form": (b"prompt=a+cat&model=gpt-image-2", "not valid JSON"),
    "with a byte order mark": (b'\xef\xbb\xbf{"prompt": "a cat"}', "byte order mark"),
    "utf-16": ('{"prompt": "a cat"}'.encode("utf-16"), "UTF-8"),
    "latin-1": (b'{"prompt": "\xe9t\xe9"}', "UTF-8"),
    "half a surrogate pair": (b'{"prompt": "\\ud800"}', "surrogate"),
    "not a number": (b'{"prompt": "a cat", "n": NaN}', "unexpected character"),
    "an infinite number": (b'{"prompt": "a cat", "n": 1e999}', "infinity"),
    "a raw line break in a text": (b'{"prompt": "a\ncat"}', "line 1"),
    "a thousand levels": (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "depth"),
    "a comment": (b'{"prompt": "a cat" /* n */}', "not valid JSON"),
    "binary": (bytes(range(256)), "not valid JSON"),
    "nothing": (b"", "empty"),
    "white space": (b" \r\n ", "not valid JSON"),
    "an array": (b'[{"prompt": "a cat"}]', "must be a JSON object"),
    "a text": (b'"a cat"', "must be a JSON object"),
    "a number": (b"5", "must be a JSON object"),
    "null": (b"null", "must be a JSON object"),
    "true": (b"true", "must be a JSON object"),
}


@pytest.mark.parametrize("path", [GENERATIONS, EDITS, VARIATIONS])
@pytest.mark.parametrize(("body", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_json_object_is_refused_with_the_reason(lab: Lab, path: str, body: bytes, says: str) -> None:
    lab.refused(lab.send("POST", path, body, JSON), 400, "invalid_json", says=says)


@pytest.mark.parametrize("path", [GENERATIONS, EDITS])
def test_the_reason_does_not_repeat_the_body(lab: Lab, path: str) -> None:
    answer = lab.send("POST", path, b'{"prompt": "my secret wish", x}', JSON)
    lab.refused(answer, 400, "invalid_json")
    assert b"secret" not in answer.body


OTHER_TYPES = [
    "text/plain",
    "text/html",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/jsonp",
    "application/octet-stream",
    "image/png",
    "*/*",
    "json",
    "\xff\xfe",
]


@pytest.mark.parametrize("path", [GENERATIONS, EDITS, VARIATIONS])
@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_other_content_types_are_refused_by_name_of_the_right_ones(lab: Lab, path: str, kind: str) -> None:
    answer = lab.send("POST", path, b'{"prompt": "a cat", "model": "gpt-image-2"}', {"Content-Type": kind})
    lab.refused(answer, 415, "unsupported_content_type", says="application/json")


def test_a_generation_as_a_form_is_sent_to_the_edits(lab: Lab) -> None:
    answer = lab.send("POST", GENERATIONS, b"--x--\r\n", FORM)
    lab.refused(answer, 415, "unsupported_content_type", says="/v1/images/edits")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": ""}, {"Content-Type": "application/json; charset=latin-9"}])
def test_without_a_content_type_or_with_an_odd_charset_the_body_is_still_read_as_json(lab: Lab, headers: dict[str, str]) -> None:
    lab.refused(lab.send("POST", GENERATIONS, b'{"prompt": 5}', headers), 400, "invalid_type", "prompt")


def too_long() -> bytes:
    return b'{"prompt": "' + b"x" * JSON_LIMIT + b'"}'


def in_pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


@pytest.mark.parametrize("path", [GENERATIONS, EDITS])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_too_large(lab: Lab, path: str, chunked: bool) -> None:
    body = too_long()
    answer = lab.send("POST", path, in_pieces(body) if chunked else body, JSON)
    lab.refused(answer, 413, "request_too_large", says=str(JSON_LIMIT))


EXTENTS = {
    "depth": (b"[" * 500 + b"]" * 500, "nested deeper"),
    "depth of objects": (b'{"a":' * 500 + b"5" + b"}" * 500, "nested deeper"),
    "number": (b"[" + b"1," * 200_000 + b"1]", "more than 100000 values"),
    "number of lists": (b"[" + b"[]," * 200_000 + b"1]", "more than 100000 values"),
}


@pytest.mark.parametrize(("value", "says"), EXTENTS.values(), ids=EXTENTS)
@pytest.mark.parametrize("path", [GENERATIONS, EDITS])
def test_unknown_values_beyond_what_any_provider_takes(lab: Lab, path: str, value: bytes, says: str) -> None:
    picture = pictures.data_url(shapes.PNG).encode()
    body = b'{"prompt": "a cat", "model": "gpt-image-2", "later": ' + value
    answer = lab.send("POST", path, body + (b', "images": ["' + picture + b'"]}' if path == EDITS else b"}"), JSON)
    lab.refused(answer, 400, "invalid_value", "later", says=says)


def test_many_small_unknown_fields_count_together(lab: Lab) -> None:
    fields = {f"field-{number}": [0] * 1000 for number in range(101)}
    answer = lab.generate(**fields)
    lab.refused(answer, 400, "invalid_value", "field-100", says="more than 100000 values")


@pytest.mark.parametrize("path", [GENERATIONS, EDITS])
@pytest.mark.parametrize("nested", [False, True])
def test_more_than_1000_fields(lab: Lab, path: str, nested: bool) -> None:
    many = {f"field-{number}": None for number in range(1001)}
    fields = {"extra_body": many} if nested else many
    answer = lab.post_json(path, {"model": MODEL, "prompt": "a cat", "image": pictures.data_url(shapes.PNG), **fields})
    lab.refused(answer, 400, "too_many_fields", says="at most 1000")
