from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.domain.sizes import MAX_EDGE, Auto, PixelSize, Ratio, Tier, aspect_ratio, parse_ratio, parse_size, reduced, tier
from imagegate.errors import InvalidRequest

COMMON_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "9:19.5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", Auto()),
        (" AUTO ", Auto()),
        ("1024x768", PixelSize(1024, 768)),
        ("1024X768", PixelSize(1024, 768)),
        ("1024*768", PixelSize(1024, 768)),
        ("1024×768", PixelSize(1024, 768)),
        (" 1024 x 768 ", PixelSize(1024, 768)),
        ("65536x1", PixelSize(65536, 1)),
        ("16x9", PixelSize(16, 9)),
        ("512", Tier.K0_5),
        ("1K", Tier.K1),
        ("1.5k", Tier.K1_5),
        ("2k", Tier.K2),
        ("3K", Tier.K3),
        ("4K", Tier.K4),
        ("16:9", Ratio(16, 9)),
        ("32 : 18", Ratio(16, 9)),
        ("9:19.5", Ratio(6, 13)),
    ],
)
def test_every_spelling_is_read(text: str, expected: object) -> None:
    assert parse_size(text) == expected


NO_SIZES = """
0x0|0x512|512x0|-1x512|512x-1|65537x1|99999999999999999999x1|1024|x|1024x|big|8K|0:1|1:0|1:2:3|1024x1024x1024|10.5x20|١٠٢٤x١٠٢٤
"""


@pytest.mark.parametrize("text", [*NO_SIZES.strip().split("|"), "", "1024x1024\n-", "9" * 5000])
def test_impossible_sizes_are_the_callers_fault(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_size(text)
    assert (caught.value.param, caught.value.code) == ("size", "invalid_size")
    assert len(caught.value.message) < 200


@given(st.text(max_size=30))
@settings(database=None, deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        size = parse_size(text)
    except InvalidRequest as error:
        assert error.param == "size"
    else:
        assert isinstance(size, Auto | PixelSize | Tier | Ratio)


@given(st.integers(1, MAX_EDGE), st.integers(1, MAX_EDGE))
@settings(database=None, deadline=None)
def test_pixels_print_as_they_are_read(width: int, height: int) -> None:
    size = PixelSize(width, height)
    assert parse_size(str(size)) == size


def test_a_tier_knows_its_edge() -> None:
    assert [item.edge for item in Tier] == [512, 1024, 1536, 2048, 3072, 4096]


def test_ratios_are_reduced() -> None:
    assert str(reduced(PixelSize(1536, 1024))) == "3:2"
    assert str(reduced(PixelSize(1792, 1024))) == "7:4"
    assert parse_ratio("16x9") == Ratio(16, 9)
    assert parse_ratio("wide") is None


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (PixelSize(1024, 1024), "1:1"),
        (PixelSize(1920, 1080), "16:9"),
        (PixelSize(1080, 1920), "9:16"),
        (PixelSize(1536, 1024), "3:2"),
        (PixelSize(1792, 1024), "16:9"),
        (PixelSize(1179, 2556), "9:19.5"),
        (Ratio(5, 1), "16:9"),
        (Ratio(1, 9), "9:19.5"),
    ],
)
def test_the_nearest_ratio_of_a_list(size: PixelSize | Ratio, expected: str) -> None:
    assert aspect_ratio(size, COMMON_RATIOS) == expected


def test_a_ratio_keeps_the_providers_spelling_and_the_orientation() -> None:
    assert aspect_ratio(PixelSize(1920, 1080), ("1x1", "16x9")) == "16x9"
    assert aspect_ratio(PixelSize(1100, 1000), ("10:1", "9:10")) == "10:1"


def test_ties_go_to_the_first() -> None:
    assert aspect_ratio(Ratio(1, 1), ("3:2", "2:3")) == "3:2"
    assert aspect_ratio(Ratio(1, 1), ("2:3", "3:2")) == "2:3"


def test_a_list_of_nonsense_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="wide"):
        aspect_ratio(Ratio(1, 1), ("wide",))


@pytest.mark.parametrize(
    ("size", "allowed", "expected"),
    [
        (PixelSize(1024, 1024), ("1K", "2K", "4K"), "1K"),
        (PixelSize(1792, 1024), ("1K", "2K", "4K"), "1K"),
        (PixelSize(1920, 1080), ("1K", "2K", "4K"), "2K"),
        (PixelSize(3840, 2160), ("1K", "2K", "4K"), "4K"),
        (PixelSize(100, 100), ("512", "1K", "2K"), "512"),
        (PixelSize(1536, 1536), ("1k", "1.5k", "2k"), "1.5k"),
        (Tier.K4, ("1k", "2k"), "2k"),
        (Tier.K0_5, ("1K", "2K"), "1K"),
    ],
)
def test_the_nearest_tier_of_a_list(size: PixelSize | Tier, allowed: tuple[str, ...], expected: str) -> None:
    assert tier(size, allowed) == expected
