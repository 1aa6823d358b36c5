"""Bodies of Qianfan-Image's jobs; the jobs themselves are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._qianfan.tasks import body
from imagegate.catalog.loader import Catalog
from imagegate.domain.images import ImageRequest, Operation
from imagegate.upstream.inline import InlineImage
from tests.adapters.contract import reference

CATALOG = Catalog.load()


@pytest.mark.parametrize(("model", "name"), [("v3-base", "image"), ("v3o", "image_list")])
def test_where_a_picture_goes(model: str, name: str) -> None:
    picture = reference()
    asked = ImageRequest(Operation.EDIT, model, "a cat", images=(picture,))
    sent: Any = body(asked, CATALOG.capabilities("qianfan", model), {})["model_parameters"][name]
    assert sent == InlineImage(picture) if name == "image" else sent == [{"image": InlineImage(picture)}]


@pytest.mark.parametrize(
    ("overrides", "top", "inside"),
    [
        ({}, {}, {}),
        ({"n": 2, "type": "omni"}, {"type": "omni"}, {"n": 2}),
        ({"n": 2, "model_parameters": {"n": 3, "seed": 1}}, {}, {"n": 3, "seed": 1}),
    ],
)
def test_overrides(overrides: dict[str, Any], top: dict[str, Any], inside: dict[str, Any]) -> None:
    asked = ImageRequest(Operation.GENERATE, "v3-base", "a cat")
    made = body(asked, CATALOG.capabilities("qianfan", "v3-base"), overrides)
    assert made == {"model": "v3-base", "type": "generations", **top, "model_parameters": {"prompt": "a cat", **inside}}
