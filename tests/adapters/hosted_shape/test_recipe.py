"""A request in the words of each model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from imagegate.adapters.hosted_shape.recipe import Recipe, fields, references, shape
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import VendorFields
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest

RATIOS = ("1:1", "16:9", "9:16", "3:2")


def request(**given: Any) -> ImageRequest:
    return ImageRequest(Operation.GENERATE, "a/b", "a cat", **given)


@pytest.mark.parametrize(
    ("recipe", "size", "sent"),
    [
        (Recipe(), "1024x1024", {}),
        (Recipe(size="ratio", ratios=RATIOS), None, {}),
        (Recipe(size="ratio", ratios=RATIOS), "auto", {}),
        (Recipe(size="ratio", ratios=RATIOS), "1920x1080", {"aspect_ratio": "16:9"}),
        (Recipe(size="ratio", ratios=("4:3", "5:4")), "1152x896", {"aspect_ratio": "5:4"}),
        (Recipe(size="ratio", ratios=("4:3", "5:4"), shapes={"1152x896": "4:3"}), "1152x896", {"aspect_ratio": "4:3"}),
        (Recipe(size="ratio", ratios=RATIOS), "9:19.5", {"aspect_ratio": "9:19.5"}),
        (Recipe(size="tier", ratios=RATIOS, tiers=("1K", "2K")), "2048x2048", {"aspect_ratio": "1:1", "resolution": "2K"}),
        (
            Recipe(size="tier", ratios=RATIOS, tiers=("1k", "2k"), tier_field="size"),
            "1024x1024",
            {"aspect_ratio": "1:1", "size": "1k"},
        ),
        (Recipe(size="tier", tier_field="size"), "4K", {"size": "4K"}),
        (Recipe(size="pixels"), "640x480", {"width": 640, "height": 480}),
        (Recipe(size="custom", size_field="aspect_ratio"), "640x480", {"aspect_ratio": "custom", "width": 640, "height": 480}),
        (Recipe(size="object"), "640x480", {"image_size": {"width": 640, "height": 480}}),
        (Recipe(size="object"), "square_hd", {"image_size": "square_hd"}),
        (Recipe(size="word", size_field="size"), "640x480", {"size": "640x480"}),
    ],
)
def test_sizes(recipe: Recipe, size: str | None, sent: dict[str, Any]) -> None:
    assert shape(size, recipe, edits=False) == sent


def test_an_edit_without_a_size_follows_its_picture() -> None:
    recipe = Recipe(size="ratio", ratios=RATIOS, follow="match_input_image")
    assert shape(None, recipe, edits=True) == shape("auto", recipe, edits=True) == {"aspect_ratio": "match_input_image"}
    assert shape(None, recipe, edits=False) == {}
    assert shape("1024x1024", recipe, edits=True) == {"aspect_ratio": "1:1"}


@pytest.mark.parametrize(
    ("recipe", "pictures", "sent"),
    [
        (Recipe(), [], {}),
        (Recipe(), ["a"], {"image": "a"}),
        (Recipe(images="x", several="list"), ["a"], {"x": ["a"]}),
        (Recipe(images="x", several="list"), ["a", "b"], {"x": ["a", "b"]}),
        (Recipe(images="x", several="numbered"), ["a", "b", "c"], {"x": "a", "x_2": "b", "x_3": "c"}),
        (Recipe(images="x", several="both"), ["a", "b"], {"x": "a", "xs": ["a", "b"]}),
    ],
)
def test_references(recipe: Recipe, pictures: list[str], sent: dict[str, Any]) -> None:
    assert references(recipe, pictures) == sent


def test_a_picture_that_has_no_place_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="one reference picture"):
        references(Recipe(), ["a", "b"])


def test_the_other_fields() -> None:
    recipe = Recipe(count="num", compression="q", spelled={"jpeg": "jpg"}, plain=("quality", "style"), mask="hole")
    asked = request(n=2, output_format="jpeg", output_compression=0, quality="low", background="opaque")
    sent = {"prompt": "a cat", "num": 2, "output_format": "jpg", "q": 0, "quality": "low", "image": "a", "hole": "m"}
    assert fields(asked, recipe, ["a"], "m") == sent
    assert fields(request(output_format="png"), recipe) == {"prompt": "a cat", "output_format": "png"}
    assert fields(request(output_format="png", output_compression=5, n=3), Recipe(prompt="", format="")) == {}


def test_names_of_the_channel_win() -> None:
    assert Recipe(images="a", count="n").named(images="b", count=None, mask="m") == Recipe(images="b", count="n", mask="m")


def test_a_catalog_that_says_nonsense_is_an_error() -> None:
    with pytest.raises(ValidationError):
        Recipe.of(Catalog([]).capabilities("x", "y").__class__(frozenset(), extra={"sizes": "ratio"}))


@pytest.mark.parametrize("adapter", ["replicate", "fal"])
def test_every_row_is_a_recipe(adapter: str) -> None:
    catalog = Catalog.load()
    for model in [*catalog.models(adapter), "somebody/something"]:
        row = catalog.capabilities(adapter, model)
        recipe = Recipe.of(row)
        assert (recipe.size in {"ratio", "tier"}) == bool(recipe.ratios), model
        assert bool(recipe.mask) == row.mask, model
        assert recipe.count or row.max_n == 1, model
        assert (recipe.several != "one") == (row.max_references > 1) or model == "somebody/something", model
        assert not set(recipe.plain) - (row.parameters or set()) - ({"quality"} if row.qualities else set()), model


def test_a_callers_own_ratio_stands_before_the_pictures() -> None:
    recipe = Recipe(size="ratio", ratios=("1:1",), follow="match_input_image")
    asked = request(extra={"aspect_ratio": "21:9"})
    assert fields(replace(asked, extra={}), recipe, ["url"])["aspect_ratio"] == "match_input_image"
    assert "aspect_ratio" not in fields(asked, recipe, ["url"])


@pytest.mark.parametrize(
    ("words", "sizes", "never"),
    [
        ({}, set(), set()),
        ({"size": "tier", "tier_field": "resolution", "count": "num_images"}, {"aspect_ratio", "resolution"}, {"num_images"}),
        ({"size": "custom", "size_field": "aspect_ratio"}, {"aspect_ratio", "width", "height"}, set()),
        ({"size": "object"}, {"image_size"}, set()),
    ],
)
def test_what_gives_way_and_what_is_ours(words: dict[str, Any], sizes: set[str], never: set[str]) -> None:
    assert Recipe(**words).taken() == VendorFields(never=frozenset(never), sizes=frozenset(sizes))
