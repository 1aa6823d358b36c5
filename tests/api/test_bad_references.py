"""Pictures by reference in JSON edits and in text parts of forms: bad ones, and those that must never be fetched."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from tests.api.bad_requests import EDITS, JSON, JSON_LIMIT, TEXTS, Lab
from tests.api.openai import shapes
from tests.support import pictures
from tests.support.raw_server import silent
from tests.support.server import RawServer

GOOD = pictures.data_url(shapes.PNG)
OBJECT = {"image_url": GOOD}

NO_PICTURES: list[dict[str, Any]] = [{}, {"images": []}, {"images": None}, {"image": []}, {"mask": GOOD}]


@pytest.mark.parametrize("fields", NO_PICTURES, ids=str)
def test_an_edit_needs_a_picture(lab: Lab, fields: dict[str, Any]) -> None:
    lab.refused(lab.edit(**fields), 400, "missing_required_parameter", "image", says="at least one image")


@pytest.mark.parametrize(
    "fields", [{"images": [OBJECT] * 17}, {"image": [GOOD] * 17}, {"images": [GOOD] * 9, "image": [GOOD] * 8}]
)
def test_17_pictures(lab: Lab, fields: dict[str, Any]) -> None:
    lab.refused(lab.edit(**fields), 400, "too_many_images", "images", says="at most 16")


def test_a_million_pictures_take_nobodys_time(lab: Lab) -> None:
    """They are counted, not read: about 0.02 s, where reading them would hold up everybody for a second or more."""
    body = b'{"prompt": "a cat", "images": [' + b"1," * 950_000 + b"1]}"
    started = time.monotonic()
    answer = lab.send("POST", EDITS, body, JSON)
    assert time.monotonic() - started < 0.5
    lab.refused(answer, 400, "too_many_images", "images")


BAD_FORMS: list[tuple[Any, str, str]] = [
    ({"image_url": GOOD, "file_id": "file-1"}, "invalid_image_reference", "images[1]"),
    ({}, "invalid_image_reference", "images[1]"),
    ({"image_url": None}, "invalid_image_reference", "images[1]"),
    ({"image_url": 5}, "invalid_image_reference", "images[1]"),
    ({"image_url": [GOOD]}, "invalid_image_reference", "images[1]"),
    ({"image_url": {"url": 5}}, "invalid_image_reference", "images[1]"),
    ({"image_url": {}}, "invalid_image_reference", "images[1]"),
    ({"image_url": {"url": GOOD, "detail": "high"}}, "unknown_parameter", "images[1].image_url.detail"),
    ({"image_url": GOOD, "colour": "red"}, "unknown_parameter", "images[1].colour"),
    ({"picture": GOOD}, "unknown_parameter", "images[1].picture"),
    ({"file_id": "file-does-not-exist"}, "file_id_not_supported", "images[1]"),
    ({"file_id": 5}, "file_id_not_supported", "images[1]"),
    (None, "invalid_image_reference", "images[1]"),
    (5, "invalid_image_reference", "images[1]"),
    (True, "invalid_image_reference", "images[1]"),
    ([GOOD], "invalid_image_reference", "images[1]"),
    ("", "invalid_image_reference", "images[1]"),
    ("  \n", "invalid_image_reference", "images[1]"),
]


@pytest.mark.parametrize(("reference", "code", "param"), BAD_FORMS, ids=lambda value: str(value)[:40])
def test_references_that_name_no_picture(lab: Lab, reference: Any, code: str, param: str) -> None:
    lab.refused(lab.edit(images=[OBJECT, reference]), 400, code, param)


BAD_DATA: list[tuple[str, str]] = [
    ("data:text/html;base64,PHNjcmlwdD4=", "unsupported_image"),
    ("data:image/svg+xml;base64,PHN2Zy8+", "unsupported_image"),
    ("data:;base64,aGVsbG8=", "unsupported_image"),
    ("data:application/octet-stream;base64,aGVsbG8=", "unsupported_image"),
    ("data:image/png;base64,", "invalid_base64"),
    ("data:image/png;base64,@@@@", "invalid_base64"),
    ("data:image/png;base64,aGVs bG8=", "invalid_base64"),
    ("data:image/png;base64,aGVsbG8=aGVsbG8=", "invalid_base64"),
    ("data:image/png;base64,ö" * 2, "invalid_base64"),
    ("data:image/png,aGVsbG8=", "invalid_image_url"),
    ("data:image/png;charset=utf-8,hello", "invalid_image_url"),
    ("data:image/png;base64", "invalid_image_url"),
    ("data:", "invalid_image_url"),
    ("@@@", "invalid_base64"),
    ("not base64 at all", "invalid_base64"),
    ("a", "invalid_base64"),
    ("//127.0.0.1/cat.png", "invalid_base64"),
    ("aGVsbG8=", "unsupported_image"),
    (pictures.data_url(b"<script>alert(1)</script>"), "unsupported_image"),
    (pictures.data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "unsupported_image"),
    (pictures.data_url(pictures.gif()), "unsupported_image"),
    (pictures.data_url(shapes.PNG[:-4]), "invalid_image_file"),
    (base64.b64encode(shapes.PNG[:20]).decode(), "invalid_image_file"),
]


@pytest.mark.parametrize(("url", "code"), BAD_DATA, ids=lambda value: value[:40])
def test_data_that_is_no_picture_of_ours(lab: Lab, url: str, code: str) -> None:
    lab.refused(lab.edit(images=[{"image_url": url}]), 400, code, "images[0]")
    lab.refused(lab.edit(image=url), 400, code, "image[0]")
    lab.refused(lab.edit(images=[OBJECT], mask={"image_url": url}), 400, code, "mask")


@pytest.mark.parametrize("url", [url for url, _ in BAD_DATA[:6]])
def test_the_same_as_text_in_a_form(lab: Lab, url: str) -> None:
    answer = lab.post_form([*TEXTS, shapes.text("image", url)])
    lab.refused(answer, 400, dict(BAD_DATA)[url], "image[0]")


def test_a_picture_above_the_limit_in_base64(lab: Lab) -> None:
    picture = base64.b64encode(pictures.noise_png(JSON_LIMIT * 6 // 10)).decode()
    lab.refused(lab.edit(images=[picture]), 413, "image_too_large", "images[0]", says="1 MiB")


def test_an_address_longer_than_any_server_takes(lab: Lab) -> None:
    answer = lab.edit(images=[{"image_url": "https://example.test/" + "x" * 9000}])
    lab.refused(answer, 400, "image_url_too_long", "images[0]", says="8,192")


MASKS: list[tuple[Any, str]] = [
    (pictures.data_url(pictures.mask((16, 16))), "invalid_mask_dimensions"),
    ({"image_url": pictures.data_url(pictures.jpeg((8, 8)), "image/jpeg")}, "invalid_mask"),
    (pictures.data_url(shapes.PNG), "invalid_mask"),
    ({"file_id": "file-1"}, "file_id_not_supported"),
    ([GOOD], "invalid_image_reference"),
    (5, "invalid_image_reference"),
]


@pytest.mark.parametrize(("mask", "code"), MASKS, ids=[code for _, code in MASKS])
def test_masks(lab: Lab, mask: Any, code: str) -> None:
    lab.refused(lab.edit(images=[OBJECT], mask=mask), 400, code, "mask")


NOT_FETCHED = [
    "file:///etc/passwd",
    "ftp://example.test/cat.png",
    "gopher://127.0.0.1:6379/_PING",
    "dict://127.0.0.1:11211/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "s3://bucket/cat.png",
]


@pytest.mark.parametrize("url", NOT_FETCHED)
def test_other_schemes(lab: Lab, url: str) -> None:
    lab.refused(lab.edit(images=[{"image_url": url}]), 400, "invalid_image_url", "images[0]", says="must start with https://")


PRIVATE = [
    "http://127.0.0.1/cat.png",
    "https://127.0.0.1/cat.png",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/cat.png",
    "http://LOCALHOST./cat.png",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://metadata/computeMetadata/v1/",
    "http://①⑥⑨.254.169.254/",
    "http://169。254。169。254/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://user:password@example.test/cat.png",
    "http://example.test\\@127.0.0.1/",
    "http:127.0.0.1/",
    "http:///cat.png",
    "http://",
    "http://example.test:22/",
    "http://example.test:6379/",
    "http://nowhere.invalid/cat.png",
]
UNIFORM = "The image url could not be fetched; use a public https url of a PNG, JPEG or WebP picture."


@pytest.mark.parametrize("url", PRIVATE)
def test_what_is_not_public_is_refused_in_one_and_the_same_sentence(lab: Lab, url: str) -> None:
    answer = lab.edit(images=[{"image_url": url}])
    lab.refused(answer, 400, "invalid_image_url", "images[0]", says=UNIFORM)
    in_form = lab.post_form([*TEXTS, shapes.text("image", url)])
    lab.refused(in_form, 400, "invalid_image_url", "image[0]", says=UNIFORM)
    as_mask = lab.edit(images=[OBJECT], mask=url)
    lab.refused(as_mask, 400, "invalid_image_url", "mask", says=UNIFORM)


def test_a_server_on_this_machine_sees_no_connection(lab: Lab) -> None:
    with RawServer(silent) as server:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"):
            answer = lab.edit(images=[{"image_url": f"http://{host}:{server.port}/cat.png"}])
            lab.refused(answer, 400, "invalid_image_url", "images[0]", says=UNIFORM)
        own = lab.edit(images=[{"image_url": f"{lab.gateway.url}/healthz"}])
        lab.refused(own, 400, "invalid_image_url", "images[0]", says=UNIFORM)
        provider = lab.edit(images=[{"image_url": f"{lab.simulator.url}/files/x"}])
        lab.refused(provider, 400, "invalid_image_url", "images[0]", says=UNIFORM)
        assert server.connections == 0
    assert not lab.simulator.requests


def test_one_bad_reference_among_good_ones_fails_the_edit(lab: Lab) -> None:
    answer = lab.edit(images=[OBJECT, OBJECT, {"image_url": "http://10.0.0.1/"}, OBJECT])
    lab.refused(answer, 400, "invalid_image_url", "images[2]")
