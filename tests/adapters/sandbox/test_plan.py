from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._sandbox.plan import make_plan
from imagegate.domain.images import Operation
from imagegate.errors import InvalidRequest
from tests.adapters.sandbox.samples import SIZES, plan, request


def test_what_was_not_said() -> None:
    quiet = plan(size=None)
    assert (quiet.size, quiet.quality, quiet.background, quiet.output_format) == ((1024, 1024), "medium", "auto", "png")
    assert (quiet.compression, quiet.previews, quiet.frames) == (None, 0, 1)


@pytest.mark.parametrize(
    ("text", "size"), [("auto", (1024, 1024)), ("640x480", (640, 480)), ("8x8", (16, 16)), ("9000x4500", (4096, 2048))]
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert plan(size=text).size == size


def test_an_edit_takes_its_size_from_the_first_reference_later() -> None:
    assert plan(operation=Operation.EDIT, size="auto").size is None
    assert plan(operation=Operation.EDIT, size="96x64").size == (96, 64)


@pytest.mark.parametrize(("quality", "detail"), [("low", 1), ("standard", 2), ("hd", 3), ("high", 3), ("xhigh", 4), ("max", 5)])
def test_quality_is_detail(quality: str, detail: int) -> None:
    assert (plan(quality=quality).quality, plan(quality=quality).detail) == (quality, detail)


def test_previews_only_when_streamed() -> None:
    assert plan(partial_images=3).previews == 0
    assert plan(partial_images=3, stream=True).previews == 3


def test_seeds_come_from_the_prompt_or_the_caller() -> None:
    assert plan().seed == plan(quality="max", model="other").seed
    assert plan().seed != plan(prompt="A fox in the rain").seed
    assert plan(extra={"seed": "42"}).seed == 42
    assert plan(prompt="\ud800").seed >= 0


def test_parameters_are_noted() -> None:
    notes = plan(style="vivid", moderation="low", extra={"seed": 1, "negative_prompt": "blur", "rows": [1]}).notes
    assert notes == ("style vivid", "moderation low", "negative_prompt blur", "rows")


def test_notes_are_short() -> None:
    notes = plan(extra={str(number): "long " * 50 for number in range(50)}).notes
    assert len(notes) <= 6
    assert all(len(note) <= 40 for note in notes)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"background": "transparent", "output_format": "jpg"}, "background"),
        ({"output_format": "svg"}, "output_format"),
        ({"extra": {"seed": "many"}}, "seed"),
        ({"size": "huge"}, "size"),
        ({"size": "4096x4096", "output_format": "gif", "frame_count": 16}, "frame_count"),
    ],
)
def test_refusals_name_the_field(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan(**changes)
    assert caught.value.param == param


def test_frames_are_for_gif() -> None:
    assert plan(frame_count=8).frames == 1
    animated = plan(frame_count=8, frame_duration_ms=1, output_format="gif")
    assert (animated.frames, animated.frame_ms) == (8, 20)


def test_the_operators_overrides_win() -> None:
    changed = make_plan(request(quality="max", n=2), {"quality": "low", "seed": 5, "n": 9, "prompt": "mine"}, SIZES)
    assert (changed.quality, changed.seed, changed.n, changed.prompt) == ("low", 5, 2, "A fox in the snow")
