"""How many tokens a picture would have cost: plausible, consistent, and the same every time."""

from __future__ import annotations

from collections.abc import Sequence

from imagegate.domain.events import Usage

_OUTPUT_PATCH = 16
_INPUT_PATCH = 32
_MOST_INPUT = 1536
_PREVIEW = 100
"""Tokens of one partial image; OpenAI counts as many."""
_CHARACTERS = 4
"""Bytes of UTF-8 in one token of text."""
_SHARES = {1: 1 / 16, 2: 1 / 4, 3: 1.0, 4: 1.5, 5: 2.0}
"""Tokens of one patch of 16 by 16 pixels by detail; close to what OpenAI's image models count for low, medium and high."""


def usage(
    prompt: str, references: Sequence[tuple[int, int]], size: tuple[int, int], detail: int, previews: int, *, first: bool
) -> Usage:
    """Tokens of one picture; the input is counted with the ``first`` of a request, so that sums come out right."""
    text = max(1, -(-len(prompt.encode("utf-8", "surrogatepass")) // _CHARACTERS)) if first else 0
    images = sum(min(_patches(reference, _INPUT_PATCH), _MOST_INPUT) for reference in references) if first else 0
    output = max(1, round(_patches(size, _OUTPUT_PATCH) * _SHARES[detail])) + _PREVIEW * previews
    return Usage(
        input_tokens=text + images,
        output_tokens=output,
        total_tokens=text + images + output,
        input_text_tokens=text,
        input_image_tokens=images,
        output_text_tokens=0,
        output_image_tokens=output,
    )


def _patches(size: tuple[int, int], edge: int) -> int:
    width, height = size
    return -(-width // edge) * -(-height // edge)
