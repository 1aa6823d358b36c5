from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFilter

from imagegate.adapters._sandbox import references
from imagegate.adapters._sandbox.references import Canvas
from imagegate.adapters._sandbox.rendering import Base64, Rendered, render
from tests.adapters.sandbox.samples import checkered, file_of, opened, plan, round_hole


def decoded(text: Base64) -> Image.Image:
    return opened(base64.b64decode(b"".join(text), validate=True))


def rendered(canvas: Canvas | None = None, **changes: Any) -> Rendered:
    return render(plan(**{"size": "256x256", **changes}), 0, canvas)


def sharpness(picture: Image.Image) -> float:
    edges = picture.convert("L").filter(ImageFilter.FIND_EDGES).histogram()
    return sum(level * count for level, count in enumerate(edges))


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "gif"])
def test_bytes_repeat(output_format: str) -> None:
    one, other = (rendered(output_format=output_format, stream=True, partial_images=2) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("count", [1, 2, 3])
def test_previews_get_sharper(count: int) -> None:
    drawn = rendered(stream=True, partial_images=count)
    pictures = [decoded(text) for text in (*drawn.previews, drawn.picture)]
    assert len(pictures) == count + 1
    assert {picture.size for picture in pictures} == {(256, 256)}
    assert [*map(sharpness, pictures)] == sorted({*map(sharpness, pictures)})


def test_previews_of_tiny_pictures() -> None:
    drawn = rendered(size="16x16", stream=True, partial_images=3)
    assert len({*drawn.previews, drawn.picture}) == 4


def test_previews_keep_what_the_mask_protects() -> None:
    reference = checkered((256, 256))
    hole = references.hole(file_of(round_hole((256, 256))), (256, 256))
    drawn = rendered(Canvas(reference, ((256, 256),), hole), stream=True, partial_images=1)
    preview = decoded(drawn.previews[0])
    protected = Image.composite(Image.new("RGB", (256, 256)), ImageChops.difference(preview, reference), hole)
    assert protected.getbbox() is None
    assert decoded(drawn.picture).tobytes() != preview.tobytes()


def test_whether_one_can_see_through() -> None:
    assert not rendered().transparent
    assert rendered(background="transparent", output_format="webp").transparent
    clear = Canvas(Image.new("RGBA", (256, 256)), ((256, 256),))
    assert rendered(clear).transparent
    assert not rendered(clear, output_format="jpeg").transparent


def test_animations() -> None:
    assert getattr(decoded(rendered(output_format="gif", frame_count=3).picture), "n_frames", 1) == 3


def test_drawing_is_cheap() -> None:
    """Eighty at once have to be bearable; the bound is generous, because the machine may be busy and slow."""
    spent = []
    for _ in range(3):
        start = time.thread_time()
        rendered(size="1024x1024")
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.4
