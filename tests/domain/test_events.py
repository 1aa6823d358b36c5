"""Pictures that are held, and tokens that add up."""

from __future__ import annotations

import pytest

from imagegate.domain.events import CompletedImage, Finished, ImageDetails, Usage, add_usage, held, one_chunk

ONE = Usage(1, 2, 3, 4, 5, None, 7, {"cached": 1, "a": "x"})
TWO = Usage(10, 20, 30, 40, 50, 60, None, {"cached": 2})


async def test_a_held_picture_is_one_chunk_that_can_be_read_once() -> None:
    source = held(b"QUJD")
    assert source.encoding == "base64"
    assert [chunk async for chunk in source.chunks] == [b"QUJD"]
    assert [chunk async for chunk in source.chunks] == []
    assert [chunk async for chunk in one_chunk(b"")] == [b""]


def test_usage_adds_up_and_what_nobody_counted_stays_unknown() -> None:
    assert add_usage(ONE, TWO) == Usage(11, 22, 33, 44, 55, 60, 7, {"cached": 3, "a": "x"})
    assert add_usage(Usage(1), Usage(2)) == Usage(3)
    nobody = add_usage(Usage(), Usage())
    assert nobody is not None
    assert (nobody.output_text_tokens, nobody.output_image_tokens) == (None, None)


@pytest.mark.parametrize(("one", "other", "both"), [(None, None, None), (ONE, None, ONE), (None, ONE, ONE)])
def test_usage_of_one_alone(one: Usage | None, other: Usage | None, both: Usage | None) -> None:
    assert add_usage(one, other) == both


def test_adding_changes_neither() -> None:
    add_usage(ONE, TWO)
    assert ONE.extra == {"cached": 1, "a": "x"}
    assert TWO.extra == {"cached": 2}


def test_no_two_events_share_their_details() -> None:
    one, other = CompletedImage(held(b"")), CompletedImage(held(b""))
    one.details.extra["seed"] = 1
    assert other.details == ImageDetails()
    Finished().extra["x"] = 1
    assert Finished().extra == {}
