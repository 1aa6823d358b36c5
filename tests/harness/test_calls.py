from __future__ import annotations

import base64
import json

import pytest

from benchmarks import calls
from benchmarks.answers import KB, MB, Answer, readable, slug
from imagegate.media.dimensions import Dimensions, dimensions
from imagegate.media.sniff import sniff


def test_the_model_says_what_the_stub_answers() -> None:
    assert Answer(4 * KB).model == "bench-s4096"
    assert Answer(4 * KB, delay=5000).model == "bench-s4096-d5000"
    assert Answer(2 * MB, partials=2, partial_size=MB, pause=50).model == "bench-s2097152-p2-q1048576-w50"


def test_sizes_read_well() -> None:
    assert [readable(size) for size in (4 * KB, 2 * MB)] == ["4 KB", "2 MB"]
    assert slug(20 * MB) == "20mb"


@pytest.mark.parametrize("size", [1000, 64 * KB])
def test_a_picture_has_its_size_and_passes_for_one(size: int) -> None:
    picture = calls.picture(size)
    assert len(picture) == size
    assert sniff(picture[:64]) == "image/png"
    assert dimensions(picture) == Dimensions(1024, 1024, has_alpha=False, frames=1)


def test_a_request_says_its_length() -> None:
    raw = calls.generation(Answer()).with_headers({"x-key": "k"}).raw(8080)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert b"x-key: k" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["model"] == "bench-s4096"


def test_both_edits_hold_all_pictures() -> None:
    form, as_json = (make(Answer(), 2, 1000) for make in (calls.edit_form, calls.edit_json))
    assert form.body.count(calls.picture(1000)) == 2
    assert form.uploaded == as_json.uploaded == 2000
    urls = [image["image_url"] for image in json.loads(as_json.body)["images"]]
    assert [base64.b64decode(url.partition(",")[2]) for url in urls] == [calls.picture(1000)] * 2
