from __future__ import annotations

import logging

import pytest

from imagegate.api.openai.form_limits import FormLimits
from imagegate.api.openai.form_parts import PartData, PartEnd, PartEvent, PartParser, PartStart, boundary_of
from imagegate.errors import InvalidRequest, UnsupportedMedia

LIMITS = FormLimits()
NAMED = 'Content-Disposition: form-data; name="a"'


def parse(body: bytes, boundary: bytes = b"B", limits: FormLimits = LIMITS) -> list[PartEvent]:
    parser = PartParser(boundary, limits)
    events = parser.feed(body)
    parser.finish()
    return events


def started(headers: str) -> PartStart:
    first = parse(f"--B\r\n{headers}\r\n\r\nx\r\n--B--\r\n".encode())[0]
    assert isinstance(first, PartStart)
    return first


def refused(body: bytes, limits: FormLimits = LIMITS) -> str:
    with pytest.raises(InvalidRequest) as error:
        parse(body, limits=limits)
    assert (error.value.code, error.value.http_status) == ("invalid_multipart", 400)
    return error.value.message


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="abc"', b"abc"),
        ("Multipart/Form-Data;BOUNDARY=abc", b"abc"),
        ("multipart/form-data; charset=utf-8; boundary=a=b_c", b"a=b_c"),
        (f'multipart/form-data; boundary="{"=_" * 35}"', b"=_" * 35),
        (f"multipart/form-data; boundary={'x' * 200}", b"x" * 200),
    ],
)
def test_boundaries(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type, LIMITS) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary*=utf-8''abc",
        f"multipart/form-data; boundary={'x' * 201}",
        "multipart/form-data; boundary=日本",
        "multipart/form-data; boundary=abc" + ";" * 65,
    ],
)
def test_no_boundary_that_we_take(content_type: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        boundary_of(content_type, LIMITS)
    assert error.value.code == "invalid_multipart"


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "multipart/mixed; boundary=abc"])
def test_other_types(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        boundary_of(content_type, LIMITS)


def test_events_in_order() -> None:
    body = f"--B\r\n{NAMED.lower()}\r\n\r\none\r\n--B\r\n{NAMED}; x=y\r\n\r\n\r\n--B--".encode()
    assert parse(body) == [PartStart("a", None), PartData(b"one"), PartEnd(), PartStart("a", None), PartEnd()]


@pytest.mark.parametrize("gap", [b"\r\n", b"\r\n\r\n"])
def test_line_ends_before_and_text_behind(gap: bytes) -> None:
    body = gap + f"--B\r\n{NAMED}\r\n\r\nx\r\n--B--\r\nepilogue".encode()
    assert parse(body) == [PartStart("a", None), PartData(b"x"), PartEnd()]


def test_a_form_without_parts() -> None:
    assert parse(b"--B--\r\n") == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (NAMED, PartStart("a", None)),
        ("Content-Disposition: form-data; name=a", PartStart("a", None)),
        ("CONTENT-DISPOSITION: Form-Data;name=a;filename=b", PartStart("a", "b")),
        ('Content-Disposition: form-data; name="a"; filename=""', PartStart("a", "")),
        ('Content-Disposition: form-data; filename="b.png"; name="a"', PartStart("a", "b.png")),
        ('Content-Disposition: form-data; name="a;b=c"; filename="d;e.png"', PartStart("a;b=c", "d;e.png")),
        (r'Content-Disposition: form-data; name="a"; filename="\"b\".png"', PartStart("a", '"b".png')),
        ('Content-Disposition: form-data; name="ä"; filename="ö.png"', PartStart("ä", "ö.png")),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''c", PartStart("a", "b")),
        ("Content-Disposition: form-data; name=a; filename*=utf-8''c", PartStart("a", None)),
        ("Content-Disposition: form-data; name=a; name*=utf-8''b", PartStart("a", None)),
        (f"X-A: 1\r\n{NAMED}\r\nContent-Type: text/plain", PartStart("a", None)),
    ],
)
def test_dispositions(headers: str, expected: PartStart) -> None:
    assert started(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Type: text/plain",
        "Content-Disposition: form-data",
        'Content-Disposition: form-data; name=""',
        'Content-Disposition: form-data; filename="b"',
        "Content-Disposition: form-data; name*=utf-8''a",
        'Content-Disposition: attachment; name="a"',
        f"{NAMED}\r\n{NAMED}",
        f'{NAMED}\r\ncontent-disposition: form-data; name="b"',
        f'Content-Disposition: form-data; name="{"a" * 257}"',
        NAMED + ";" * 65,
        f"{NAMED}\r\nno colon",
        f"{NAMED}\r\n: empty",
        f"{NAMED}\r\nX-A: 1\rX-B: 2",
        "",
    ],
)
def test_dispositions_that_we_refuse(headers: str) -> None:
    refused(f"--B\r\n{headers}\r\n\r\nx\r\n--B--\r\n".encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Example data",
        b"--C\r\n",
        b"--B",
        b"--B\r\n",
        b"--B-\r\n",
        b"--Bx\r\n",
        b"--B\r\nContent-Disp",
        f"--B\r\n{NAMED}\r\n\r\nx".encode(),
        f"--B\r\n{NAMED}\r\n\r\nx\r\n--B".encode(),
        f"--B\r\n{NAMED}\r\n\r\nx\r\n--B-".encode(),
        f"--B\r\n{NAMED}\r\n\r\nx\r\n--B\r\n".encode(),
        f"--B\n{NAMED}\n\nx\n--B--\n".encode(),
    ],
)
def test_a_form_that_does_not_end_or_begin(body: bytes) -> None:
    refused(body)


def test_headers_are_limited() -> None:
    def with_headers(count: int, value: int) -> bytes:
        lines = "".join(f"X-{number}: {'v' * value}\r\n" for number in range(count))
        return f"--B\r\n{NAMED}\r\n{lines}\r\nx\r\n--B--\r\n".encode()

    assert len(parse(with_headers(15, 500))) == 3
    refused(with_headers(16, 1))
    assert "8192" in refused(with_headers(15, 550))
    refused(with_headers(1, 9000))


def test_bytes_that_belong_to_no_part_are_limited() -> None:
    limits = FormLimits(max_padding_bytes=1000)
    part = f"--B\r\n{NAMED}\r\n\r\nx\r\n".encode()
    for body in (
        part + b"--B--\r\n" + b"e" * 1100,
        b"\r\n" * 550 + part + b"--B--",
        part + b"--B" + b" " * 1100 + part[3:] + b"--B--",
        part.replace(b"Disposition: ", b"Disposition:" + b" " * 1100) + b"--B--",
        part + b"--B--" + b"-" * 1100,
    ):
        assert "too many bytes" in refused(body, limits)
        parse(body)


def test_parts_do_not_use_up_the_padding() -> None:
    limits = FormLimits(max_padding_bytes=100)
    body = f"--B\r\n{NAMED}\r\nX-A: b\r\nX-C:d\r\n\r\n{'x' * 2000}\r\n".encode() * 300 + b"--B--\r\n"
    parser = PartParser(b"B", limits)
    for start in range(0, len(body), 1000):
        parser.feed(body[start : start + 1000])
    parser.finish()


def test_a_boundary_that_fills_the_data_is_refused() -> None:
    start = f"--B\r\n{NAMED}\r\n\r\n".encode()
    assert "another boundary" in refused(start + b"\r\n--Bx" * 1100 + b"\r\n--B--")
    assert parse(start + b"\r\n--Bx" * 900 + b"\r\n--B--")[1] == PartData(b"\r\n--Bx" * 900)


def test_the_log_stays_empty(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refused(b"--C\r\n")
    assert caplog.records == []
