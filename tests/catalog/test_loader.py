from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from imagegate.catalog.loader import PERMISSIVE, Catalog, CatalogRow
from imagegate.domain.capabilities import Capabilities, SizePolicy
from imagegate.domain.fitting import fit_size
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import adjust
from imagegate.domain.sizes import parse_size

GENERATE = frozenset({Operation.GENERATE})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load(today=lambda: date(2026, 11, 21))


def written(folder: Path, text: str) -> Path:
    (folder / "acme.yaml").write_text(text, "utf-8")
    return folder


def row(pattern: str, max_n: int = 1, retires: str | None = None) -> CatalogRow:
    return CatalogRow("acme", pattern, Capabilities(GENERATE, max_n=max_n, retires=retires))


def test_the_most_specific_row_wins() -> None:
    catalog = Catalog([row("*", 1), row("art-*", 2), row("art-2*", 3), row("art-2", 4)])
    found = {model: catalog.capabilities("acme", model).max_n for model in ("art-2", "art-2b", "art-1", "other")}
    assert found == {"art-2": 4, "art-2b": 3, "art-1": 2, "other": 1}


def test_without_a_row_everything_passes() -> None:
    catalog = Catalog([row("art-1")])
    assert catalog.row("acme", "other") is None
    assert catalog.capabilities("acme", "other") is PERMISSIVE
    assert catalog.capabilities("nobody", "art-1") is PERMISSIVE
    assert PERMISSIVE.sizes.policy is SizePolicy.PASSTHROUGH
    assert PERMISSIVE.max_n == 10


@pytest.mark.parametrize(("day", "expected"), [(1, ("b", "a")), (2, ("b", "a")), (3, ("a", "b"))])
def test_retired_models_come_last(day: int, expected: tuple[str, ...]) -> None:
    rows = [row("a", retires="2026-01-01"), row("b", retires="2026-01-03"), row("c-*")]
    assert Catalog(rows, today=lambda: date(2026, 1, day)).models("acme") == expected


def test_a_file_is_read(tmp_path: Path) -> None:
    text = """
    models:
      art-1: &art
        operations: [generate]
        sizes: {fixed: [64x32], auto: false, policy: strict}
        retires: 2026-01-02
        price: {date: 2026-01, source: a page, text_input: 5}
        notes: a guess
      art-2:
        <<: *art
        max_n: 3
    """
    catalog = Catalog.load(written(tmp_path, text))
    second = catalog.row("acme", "art-2")
    assert second is not None
    assert second.notes == "a guess"
    capabilities = second.capabilities
    assert (capabilities.max_n, capabilities.retires, capabilities.operations) == (3, "2026-01-02", GENERATE)
    assert (capabilities.sizes.fixed, capabilities.sizes.auto, capabilities.sizes.policy) == (
        ((64, 32),),
        False,
        SizePolicy.STRICT,
    )
    assert capabilities.price is not None
    assert (capabilities.price.date, capabilities.price.text_input, capabilities.price.image_input) == ("2026-01", 5, None)
    assert catalog.adapters == ("acme",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models:\n  a:\n    operations: [generate]\n    max_m: 3\n", "acme.yaml:4: models.a.max_m: "),
        ("models:\n  a:\n    operations: [generate]\n    max_n: '3'\n", "acme.yaml:4: models.a.max_n: "),
        ("models:\n  a:\n    operations: [paint]\n", "acme.yaml:3: models.a.operations.0: "),
        ("models:\n  a:\n    max_n: 1\n", "acme.yaml:2: models.a.operations: Field required"),
        ("models:\n  a:\n    operations: [edit]\n    sizes:\n      step: 8\n", "acme.yaml:5: models.a.sizes.step: "),
        (
            "models:\n  a:\n    operations: [edit]\n    parameters:\n      - seed\n",
            "acme.yaml:4: models.a.parameters: unknown parameter seed",
        ),
        ("models:\n  a: {operations: [edit]}\n  a: {operations: [edit]}\n", "acme.yaml:3: a: written twice"),
        ("models:\n  a: &x {operations: [edit], max_m: 3}\n  b:\n    <<: *x\n", "acme.yaml:2: models.b.max_m: "),
        ("models:\n  a: [\n", "acme.yaml:3: "),
        ("model: {}\n", "acme.yaml:1: model: "),
        ("", "acme.yaml:1: file: "),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^acme\.yaml:") as caught:
        Catalog.load(written(tmp_path, text))
    assert problem in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "models:\n  a: {operations: [edit], max_m: 3}\n  b: {operations: [edit], max_n: 0}\n"
    with pytest.raises(ValueError, match="max_m") as caught:
        Catalog.load(written(tmp_path, text))
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == ["acme.yaml:2", "acme.yaml:3"]


def test_openai_models_current_ones_first(catalog: Catalog) -> None:
    models = catalog.models("openai")
    assert set(models[-3:]) == {"gpt-image-1", "dall-e-2", "dall-e-3"}
    assert {"gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "chatgpt-image-latest"} <= set(models[:-3])


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        ("gpt-image-2", "gpt-image-2"),
        ("gpt-image-2-2026-04-21", "gpt-image-2-*"),
        ("gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-*"),
        ("gpt-image-2.6-flare-2027-01-01", "gpt-image-2.6-*"),
        ("gpt-image-1.5-2025-12-16", "gpt-image-1.5-*"),
        ("gpt-image-1-mini-2025-10-06", "gpt-image-1-mini-*"),
        ("gpt-image-1-2025-04-15", "gpt-image-1-*"),
        ("gpt-image-9", "*"),
        ("somebody/else", "*"),
    ],
)
def test_openai_rows_by_name(catalog: Catalog, model: str, pattern: str) -> None:
    found = catalog.row("openai", model)
    assert found is not None
    assert found.pattern == pattern


def test_openai_facts(catalog: Catalog) -> None:
    two, flare = catalog.capabilities("openai", "gpt-image-2"), catalog.capabilities("openai", "gpt-image-2.5-flare")
    assert ("max" in flare.qualities, "max" in two.qualities) == (True, False)
    assert (flare.markup, two.markup) == (True, False)
    assert two.parameters is not None
    assert "input_fidelity" not in two.parameters
    assert (two.partial_images, two.max_n, two.max_references) == (3, 10, 16)
    assert catalog.capabilities("openai", "dall-e-3").default_response_format == "url"
    assert catalog.capabilities("openai", "dall-e-3").operations == GENERATE
    assert two.default_response_format == "b64_json"


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gpt-image-1.5", "512x512", "1024x1024"),
        ("gpt-image-1.5", "1792x1024", "1536x1024"),
        ("gpt-image-2", "3840x2160", "3840x2160"),
        ("gpt-image-2", "4096x4096", "2880x2880"),
        ("dall-e-3", "1536x1024", "1792x1024"),
        ("dall-e-2", "300x300", "256x256"),
        ("gpt-image-2.6-flare", "4096x4096", "4096x4096"),
    ],
)
def test_openai_sizes(catalog: Catalog, model: str, asked: str, sent: str) -> None:
    assert fit_size(parse_size(asked), catalog.capabilities("openai", model).sizes) == sent


def test_prices_are_dated_and_unknown_is_not_zero(catalog: Catalog) -> None:
    price = catalog.capabilities("openai", "gpt-image-1").price
    assert price is not None
    assert (price.text_input, price.image_output, price.text_output) == (5, 40, None)
    assert price.per_image["medium/1536x1024"] == 0.063
    assert price.date
    assert price.source
    mini = catalog.capabilities("openai", "gpt-image-1-mini").price
    assert mini is not None
    assert "high/1024x1024" not in mini.per_image
    assert catalog.capabilities("openai", "gpt-image-2.6-flare").price is None


def test_the_sandbox_is_free_and_bounded(catalog: Catalog) -> None:
    assert catalog.models("sandbox") == ("sandbox", "sandbox-slow")
    for model in ("sandbox", "sandbox-slow", "anything"):
        capabilities = catalog.capabilities("sandbox", model)
        assert capabilities.price is not None
        assert (capabilities.price.source, capabilities.price.image_output) == ("local", 0)
        assert fit_size(parse_size("60000x30000"), capabilities.sizes) == "4096x2048"
        assert fit_size(parse_size("123x457"), capabilities.sizes) == "123x457"


@pytest.mark.parametrize("model", ["gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.6-flare", "sandbox"])
def test_the_sdks_fullest_generation_is_taken(catalog: Catalog, model: str) -> None:
    """Every parameter at once, as openai-python's own tests send it."""
    asked: dict[str, Any] = {
        "background": "transparent",
        "complexity": "low",
        "frame_count": 2,
        "frame_duration_ms": 20,
        "moderation": "low",
        "output_compression": 100,
        "output_format": "png",
        "partial_images": 1,
        "quality": "medium",
        "safety_identifier": "s",
        "size": "1024x1024",
        "stream": True,
        "style": "vivid",
        "svg": {"model": "m", "reasoning": {"effort": "none"}},
        "user": "user-1234",
    }
    adapter = "sandbox" if model == "sandbox" else "openai"
    adjusted = adjust(ImageRequest(Operation.GENERATE, model, "an otter", **asked), catalog.capabilities(adapter, model))
    assert {"frame_count", "frame_duration_ms", "svg", "output_compression"} <= set(adjusted.dropped)
    assert not adjusted.mapped
    assert adjusted.request.background == "transparent"
