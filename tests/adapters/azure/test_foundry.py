"""Fields of FLUX.2 and MAI; where they go is tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._azure.foundry import flux2_fields, mai_fields, with_usage
from imagegate.domain.events import Finished, Usage
from imagegate.domain.images import ImageRequest, Operation
from imagegate.upstream.inline import InlineImage
from tests.adapters.contract import reference


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        (Usage(1, 2, 3, 1, 0, None, 2), Usage(1, 2, 3, 1, 0, None, 2)),
        (Usage(extra={"output_image_tokens": 5, "x": 1}), Usage(0, 5, 5, 0, 0, None, 5, {"x": 1})),
        (Usage(extra={"num_input_text_tokens": 4, "num_output_tokens": "?"}), Usage(4, 0, 4, 4, 0, None, 0)),
        (Usage(4, 6, 10, extra={"num_output_tokens": 6}), Usage(4, 6, 10, 0, 0, None, 6)),
    ],
)
def test_usage(given: Usage | None, wanted: Usage | None) -> None:
    assert with_usage(Finished(usage=given)).usage == wanted


def test_flux_numbers_its_pictures() -> None:
    first, second = reference(), reference(color=(1, 2, 3))
    asked = ImageRequest(Operation.EDIT, "FLUX.2-pro", "a cat", images=(first, second), size="1024x768", output_format="png")
    assert flux2_fields(asked) == {
        "model": "FLUX.2-pro",
        "prompt": "a cat",
        "num_images": 1,
        "width": 1024,
        "height": 768,
        "output_format": "png",
        "input_image": InlineImage(first),
        "input_image_2": InlineImage(second),
    }


@pytest.mark.parametrize(("size", "edges"), [(None, (1024, 1024)), ("auto", (1024, 1024)), ("768x1024", (768, 1024))])
def test_mai_always_has_edges(size: str | None, edges: tuple[int, int]) -> None:
    fields: dict[str, Any] = mai_fields(ImageRequest(Operation.GENERATE, "MAI-Image-2", "a cat", size=size))
    assert (fields["width"], fields["height"]) == edges
