from __future__ import annotations

import pytest

from tests.support.multipart import Part, parse

TYPE = 'multipart/form-data; boundary="b1"'


def test_text_and_binary() -> None:
    data = bytes(range(256)) + b"\r\n--b\r\n\r\n"
    body = (
        b'--b1\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na "cat" \xc3\xa4\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + data
        + b"\r\n--b1--\r\n"
    )
    text, image = parse(TYPE, body)
    assert (text.name, text.text, text.filename, text.content_type) == ("prompt", 'a "cat" ä', None, None)
    assert image == Part("image[]", data, "a.png", "image/png", image.headers)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--b1--\r\n"),
        (TYPE, b""),
        (TYPE, b"x--b1--\r\n"),
        (TYPE, b'--b1\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n'),
        (TYPE, b"--b1\r\nContent-Disposition: form-data\r\n\r\nv\r\n--b1--\r\n"),
        (TYPE, b"--b1\r\nv\r\n--b1--\r\n"),
    ],
)
def test_wrong_framing(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(content_type, body)
