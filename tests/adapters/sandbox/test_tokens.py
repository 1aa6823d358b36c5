from __future__ import annotations

from imagegate.adapters._sandbox.tokens import usage

SQUARE = (1024, 1024)


def test_sums_are_consistent() -> None:
    counted = usage("A fox in the snow", [(512, 512), (64, 64)], SQUARE, 3, 2, first=True)
    assert counted.input_tokens == counted.input_text_tokens + counted.input_image_tokens
    assert counted.output_tokens == counted.output_image_tokens
    assert counted.total_tokens == counted.input_tokens + counted.output_tokens
    assert (counted.input_text_tokens, counted.input_image_tokens) == (5, 256 + 4)


def test_output_grows_with_size_quality_and_previews() -> None:
    small = usage("x", [], (512, 512), 2, 0, first=True).output_tokens
    assert small < usage("x", [], SQUARE, 2, 0, first=True).output_tokens
    by_detail = [usage("x", [], SQUARE, detail, 0, first=True).output_tokens for detail in range(1, 6)]
    assert by_detail == sorted(set(by_detail))
    assert usage("x", [], (512, 512), 2, 3, first=True).output_tokens == small + 300


def test_the_input_is_counted_once() -> None:
    later = usage("x", [SQUARE], SQUARE, 2, 0, first=False)
    assert (later.input_tokens, later.total_tokens) == (0, later.output_tokens)


def test_huge_references_are_capped() -> None:
    assert usage("x", [(8000, 6000)], SQUARE, 2, 0, first=True).input_image_tokens == 1536


def test_any_text_has_a_length() -> None:
    assert usage("\ud800", [], SQUARE, 2, 0, first=True).input_text_tokens == 1
