from __future__ import annotations

import pytest

from imagegate.domain.output import Output, converted


@pytest.mark.parametrize(
    ("output", "found", "met"),
    [
        (Output("png"), "png", True),
        (Output("jpeg", 40), "jpeg", True),  # the provider was asked for it
        (Output("jpeg", 40, anew=True), "jpeg", False),
        (Output("jpeg"), "png", False),
        (Output("png"), None, False),
    ],
)
def test_whether_a_picture_can_be_handed_on_as_it_is(output: Output, found: str | None, met: bool) -> None:
    assert output.is_met_by(found) is met


@pytest.mark.parametrize(
    ("formats", "ours"),
    [
        ((), ("png", "jpeg", "webp")),
        (("png",), ("jpeg", "webp")),
        (("gif", "webp"), ("png", "jpeg")),
        (("png", "jpeg", "webp"), ()),
        (("svg",), ()),
    ],
)
def test_what_is_made_beside_the_formats_of_a_model(formats: tuple[str, ...], ours: tuple[str, ...]) -> None:
    assert converted(formats) == ours
