"""Requests in the words of each provider behind the router."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._huggingface.dialects import DIALECTS, ProviderName
from imagegate.domain.images import ImageRequest, InputImage, Operation
from imagegate.errors import InvalidRequest, ModelMissing
from imagegate.upstream.inline import InlineImage
from tests.support.held import held_image

PICTURE = held_image(b"a")
URL = InlineImage(PICTURE, as_url=True)
VERSION = "0123456789abcdef" * 4


def request(model: str = "a/b", size: str | None = None, images: tuple[InputImage, ...] = ()) -> ImageRequest:
    return ImageRequest(Operation.EDIT if images else Operation.GENERATE, model, "a cat", size=size, images=images)


@pytest.mark.parametrize(
    ("provider", "asked", "fields"),
    [
        ("hf-inference", request(), {}),
        ("hf-inference", request(size="8x4"), {"width": 8, "height": 4}),
        ("hf-inference", request(size="auto"), {}),
        ("hf-inference", request(images=(PICTURE,)), {"prompt": "a cat"}),
        ("nscale", request(size="8x4"), {"model": "a/b", "prompt": "a cat", "response_format": "b64_json", "size": "8x4"}),
        ("fal-ai", request(images=(PICTURE,)), {"prompt": "a cat", "image_url": URL, "image_urls": [URL]}),
        ("fal-ai", request(size="8x4"), {"prompt": "a cat", "image_size": {"width": 8, "height": 4}}),
        ("replicate", request(size="8x4"), {"prompt": "a cat", "width": 8, "height": 4}),
    ],
)
def test_fields(provider: ProviderName, asked: ImageRequest, fields: dict[str, Any]) -> None:
    assert DIALECTS[provider].fields(asked) == fields


@pytest.mark.parametrize(
    ("model", "name"),
    [("black-forest-labs/FLUX.1-Kontext-pro", "image_url"), ("black-forest-labs/FLUX.2-pro", "reference_images")],
)
def test_together_has_two_names_for_pictures(model: str, name: str) -> None:
    fields = DIALECTS["together"].fields(request(model, images=(PICTURE,)))
    assert fields[name] in (URL, [URL])
    assert len({"image_url", "reference_images"} & fields.keys()) == 1


def test_bodies_around_the_fields() -> None:
    inference = DIALECTS["hf-inference"]
    assert inference.body(request(), {}) == {"inputs": "a cat"}
    assert inference.body(request(images=(PICTURE,)), {"seed": 1}) == {"inputs": InlineImage(PICTURE), "parameters": {"seed": 1}}
    with pytest.raises(InvalidRequest):
        inference.body(request(images=(PICTURE, PICTURE)), {})
    assert DIALECTS["together"].body(request(), {"num_inference_steps": 4, "seed": 1}) == {"steps": 4, "seed": 1}
    assert DIALECTS["replicate"].body(request(f"a/b:{VERSION}"), {"seed": 1}) == {"input": {"seed": 1}, "version": VERSION}


@pytest.mark.parametrize(
    ("provider", "model", "path"),
    [
        ("hf-inference", "a/b", "/hf-inference/models/a/b"),
        ("endpoint", "a/b", ""),
        ("together", "a/b", "/together/v1/images/generations"),
        ("fal-ai", "fal-ai/flux/dev", "/fal-ai/fal-ai/flux/dev"),
        ("replicate", "a/b", "/replicate/v1/models/a/b/predictions"),
        ("replicate", f"a/b:{VERSION}", "/replicate/v1/predictions"),
    ],
)
def test_paths(provider: ProviderName, model: str, path: str) -> None:
    assert DIALECTS[provider].path(model) == path


@pytest.mark.parametrize("provider", ["hf-inference", "fal-ai", "replicate"])
@pytest.mark.parametrize("model", ["", "../a", "a/../b", "a?b", "a//b", "/a/b", "https://a/b", "a b"])
def test_a_name_that_leads_elsewhere_is_none(provider: ProviderName, model: str) -> None:
    with pytest.raises(ModelMissing):
        DIALECTS[provider].path(model)
