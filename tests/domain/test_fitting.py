from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imagegate.domain.capabilities import SizePolicy, SizeRule
from imagegate.domain.fitting import by_ratio, describe_rule, fit_size, satisfiable, satisfies, size_from
from imagegate.domain.sizes import Auto, PixelSize, Ratio, Size, Tier, flips, parse_size
from imagegate.errors import InvalidRequest

THREE = SizeRule(fixed=((1024, 1024), (1536, 1024), (1024, 1536)))
SQUARES = SizeRule(fixed=((1024, 1024), (512, 512), (256, 256)), auto=False)
FREE = SizeRule(min_edge=16, max_edge=3840, min_pixels=655_360, max_pixels=8_294_400, multiple=16, max_ratio=3)

edges = st.integers(1, 65_536)
pixel_sizes = st.builds(PixelSize, edges, edges)
ratios = st.builds(lambda w, h: Ratio(w // math.gcd(w, h), h // math.gcd(w, h)), st.integers(1, 100), st.integers(1, 100))
sizes: st.SearchStrategy[Size] = st.one_of(pixel_sizes, ratios, st.sampled_from(Tier), st.just(Auto()))
fixed_rules = st.lists(st.tuples(st.integers(64, 4096), st.integers(64, 4096)), min_size=1, max_size=8, unique=True).map(
    lambda listed: SizeRule(fixed=tuple(listed))
)


@st.composite
def free_rules(draw: st.DrawFn) -> SizeRule:
    """Also narrow and odd ones, such as a single size or a prime number of pixels."""
    low = draw(st.integers(1, 2000))
    high = draw(st.integers(low, 5000))
    least = draw(st.integers(1, high * high))
    most = draw(st.integers(least, 5000 * 5000))
    ratio = draw(st.floats(1, 40))
    rule = SizeRule((), low, high, least, most, draw(st.sampled_from([1, 2, 8, 16, 64, 100])), ratio, draw(st.booleans()))
    assume(satisfiable(rule))
    return rule


rules = st.one_of(fixed_rules, free_rules(), st.sampled_from([THREE, SQUARES, FREE]))
quick = settings(database=None, deadline=None, max_examples=150)


@given(sizes, rules)
@quick
def test_the_fitted_size_obeys_the_rule(asked: Size, rule: SizeRule) -> None:
    fitted = parse_size(fit_size(asked, rule))
    if isinstance(fitted, Auto):
        assert rule.auto
        assert asked == Auto()
    else:
        assert isinstance(fitted, PixelSize)
        assert satisfies(fitted, rule)


@given(sizes, rules)
@quick
def test_fitting_is_idempotent(asked: Size, rule: SizeRule) -> None:
    once = fit_size(asked, rule)
    assert fit_size(parse_size(once), rule) == once


@given(pixel_sizes | ratios, rules)
@quick
def test_orientation_is_kept_when_the_rule_allows_it(asked: PixelSize | Ratio, rule: SizeRule) -> None:
    fitted = parse_size(fit_size(asked, rule))
    assert isinstance(fitted, PixelSize)
    shape = asked.width / asked.height
    if flips(shape, fitted.width / fitted.height):
        assert rule.fixed
        assert all(flips(shape, width / height) for width, height in rule.fixed)


@given(st.integers(832, 2048), st.integers(832, 2048))
@quick
def test_a_size_within_the_bounds_moves_by_less_than_a_step(width: int, height: int) -> None:
    fitted = parse_size(fit_size(PixelSize(width, height), FREE))
    assert isinstance(fitted, PixelSize)
    assert abs(fitted.width - width) < FREE.multiple
    assert abs(fitted.height - height) < FREE.multiple


@given(pixel_sizes)
@quick
def test_a_size_out_of_bounds_keeps_its_ratio(asked: PixelSize) -> None:
    assume(max(asked.width, asked.height) <= 3 * min(asked.width, asked.height))
    fitted = parse_size(fit_size(asked, FREE))
    assert isinstance(fitted, PixelSize)
    assert abs(math.log(fitted.width / fitted.height * asked.height / asked.width)) < 0.04


@given(pixel_sizes, free_rules())
@quick
def test_turning_the_request_turns_the_result(asked: PixelSize, rule: SizeRule) -> None:
    fitted = parse_size(fit_size(asked, rule))
    turned = parse_size(fit_size(PixelSize(asked.height, asked.width), rule))
    assert isinstance(fitted, PixelSize)
    assert isinstance(turned, PixelSize)
    if asked.width != asked.height:
        assert turned == PixelSize(fitted.height, fitted.width)


@pytest.mark.parametrize(
    ("asked", "rule", "expected"),
    [
        ("1792x1024", THREE, "1536x1024"),
        ("512x512", THREE, "1024x1024"),
        ("1100x1000", THREE, "1024x1024"),
        ("9:16", THREE, "1024x1536"),
        ("4K", THREE, "1024x1024"),
        ("auto", THREE, "auto"),
        ("600x600", SQUARES, "512x512"),
        ("1920x1080", SQUARES, "1024x1024"),
        ("auto", SQUARES, "1024x1024"),
        ("512x512", FREE, "816x816"),
        ("1920x1080", FREE, "1920x1088"),
        ("8192x8192", FREE, "2880x2880"),
        ("2K", FREE, "2048x2048"),
        ("16:9", FREE, "1280x720"),
        ("9:16", FREE, "720x1280"),
        ("1x65536", SizeRule(max_edge=4096), "64x1024"),
        ("2800x1600", SizeRule(fixed=((1344, 768), (2752, 1536))), "2752x1536"),
        ("1010x1000", SizeRule(fixed=((3000, 1000), (900, 1000))), "3000x1000"),
    ],
)
def test_nearest(asked: str, rule: SizeRule, expected: str) -> None:
    assert fit_size(parse_size(asked), rule) == expected


@pytest.mark.parametrize(
    ("asked", "rule", "expected"),
    [
        ("1536x1024", THREE, "1536x1024"),
        ("3:2", THREE, "1536x1024"),
        ("1K", THREE, "1024x1024"),
        ("auto", THREE, "auto"),
        ("16:9", FREE, "1280x720"),
    ],
)
def test_strict_grants_what_the_model_makes(asked: str, rule: SizeRule, expected: str) -> None:
    assert fit_size(parse_size(asked), replace(rule, policy=SizePolicy.STRICT)) == expected


@pytest.mark.parametrize(
    ("asked", "rule", "hint"),
    [
        ("512x512", THREE, "1024x1024, 1536x1024, 1024x1536 or auto"),
        ("16:9", THREE, "1536x1024"),
        ("2K", THREE, "1024x1024"),
        ("auto", SQUARES, "1024x1024, 512x512, 256x256."),
        ("1000x1000", FREE, "steps of 16"),
        ("4096x4096", FREE, "3840"),
    ],
)
def test_strict_refuses_the_rest_and_says_what_is_allowed(asked: str, rule: SizeRule, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fit_size(parse_size(asked), replace(rule, policy=SizePolicy.STRICT))
    assert (caught.value.param, caught.value.code) == ("size", "invalid_size")
    assert hint in caught.value.message


@pytest.mark.parametrize("asked", ["7x7", "auto", "2K", "16:9"])
def test_passthrough_sends_it_on(asked: str) -> None:
    rule = replace(SQUARES, policy=SizePolicy.PASSTHROUGH)
    assert fit_size(parse_size(asked), rule) == asked


def test_a_size_from_ratio_and_area() -> None:
    assert size_from(Ratio(16, 9), Tier.K2, FREE) == PixelSize(2816, 1584)
    assert size_from(Ratio(1, 1), 1_000_000, SizeRule()) == PixelSize(1000, 1000)
    assert size_from(Ratio(16, 9), Tier.K1, THREE) == PixelSize(1536, 1024)
    assert size_from(Ratio(97, 89), Tier.K1, FREE) == PixelSize(1072, 976)


def test_a_rule_without_any_size_is_known_as_such() -> None:
    impossible = SizeRule(min_edge=65, max_edge=127, multiple=64)
    assert not satisfiable(impossible)
    assert satisfiable(THREE)
    assert not satisfiable(SizeRule(min_pixels=10_000, max_edge=50))
    with pytest.raises(ValueError, match="no size"):
        fit_size(PixelSize(100, 100), impossible)


def test_a_rule_with_one_far_off_size_is_still_served() -> None:
    prime = SizeRule(max_edge=9000, min_pixels=7919, max_pixels=7919, max_ratio=10_000)
    assert fit_size(PixelSize(100, 99), prime) == "7919x1"
    assert fit_size(PixelSize(99, 100), prime) == "1x7919"


def test_the_sentence_about_a_rule() -> None:
    assert describe_rule(SQUARES) == "1024x1024, 512x512, 256x256"
    assert describe_rule(FREE).endswith("a ratio of at most 3:1, or auto")


def test_sizes_that_stand_for_ratios() -> None:
    rule = by_ratio(["1:1", "16:9", "9:21"], SizeRule(policy=SizePolicy.PASSTHROUGH, auto=False))
    assert rule == SizeRule(fixed=((1024, 1024), (1280, 720), (672, 1568)), auto=False)
    assert by_ratio(["2:1"], SizeRule(fixed=((64, 64), (128, 64)))).fixed == ((128, 64),)
