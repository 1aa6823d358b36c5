"""Every model of the catalog through the running gateway with openai-python: generate, edit, stream.

A picture must decode and be exactly what the answer says of it. Simulators draw what the provider would for what arrived there,
reckoned by themselves, so a size that was mapped wrongly shows here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from imagegate.domain.images import Operation
from imagegate.domain.output import CONVERTIBLE
from tests.clients.every_model import PICTURE, Case, Told, able, check, check_decided, every_model, looked, one_each, one_list
from tests.support import pictures

PROMPT = "一座红房子, a red house sandbox:slow=0.05"
"""The end tells the sandbox's slow model that it need not be."""


_PICTURE, _MASK = pictures.png(PICTURE), pictures.mask(PICTURE)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """One gateway with a channel to every provider's simulator."""
    with every_model(tmp_path_factory.mktemp("every")) as client:
        yield client


@able(Operation.GENERATE)
@pytest.mark.parametrize("size", [None, "1536x1024", "1024x1536"])
def test_generate(client: openai.OpenAI, case: Case, size: str | None) -> None:
    asked: Any = {} if size is None else {"size": size}
    raw = client.images.with_raw_response.generate(model=case.public, prompt=PROMPT, response_format="b64_json", **asked)
    result = raw.parse()
    assert result.data is not None and len(result.data) == 1
    told = Told.by(result, raw.headers, size)
    check(result.data[0], told)
    if size:
        check_decided(told, case.row.sizes)


@one_list
def test_every_listed_size_is_made(client: openai.OpenAI, case: Case) -> None:
    """Sizes that a ratio, a tier or a word of the provider's stands for."""
    wrong = {}
    for edges in case.row.sizes.fixed:
        size: Any = "{}x{}".format(*edges)
        raw = client.images.with_raw_response.generate(model=case.public, prompt=PROMPT, response_format="b64_json", size=size)
        result = raw.parse()
        assert result.data is not None
        data = base64.b64decode(result.data[0].b64_json or "")
        made = "{}x{}".format(*(looked(data)[1] if b"<svg" in data[:200] else pictures.stated_size(data)))
        if made != size or "x-imagegate-size" in raw.headers:
            wrong[size] = made
    assert not wrong


@able(Operation.EDIT)
@pytest.mark.parametrize("size", [None, "1024x1536"])
def test_edit(client: openai.OpenAI, case: Case, size: str | None) -> None:
    asked: dict[str, Any] = {"image": [(f"{number}.png", _PICTURE, "image/png") for number in range(case.pictures[0])]}
    if case.row.mask:
        asked["mask"] = ("mask.png", _MASK, "image/png")
    if size:
        asked["size"] = size
    raw = client.images.with_raw_response.edit(model=case.public, prompt=PROMPT, response_format="b64_json", **asked)
    result = raw.parse()
    assert result.data is not None and len(result.data) == 1
    told = Told.by(result, raw.headers, size)
    check(result.data[0], told)
    if size:
        check_decided(told, case.edit_sizes)


@able(Operation.GENERATE)
def test_stream(client: openai.OpenAI, case: Case) -> None:
    asked: dict[str, Any] = {"model": case.public, "prompt": PROMPT, "partial_images": 1, "response_format": "b64_json"}
    with client.images.generate(stream=True, size="1536x1024", **asked) as stream:
        headers, events = stream.response.headers, list(stream)
    *previews, last = events
    assert last.type == "image_generation.completed"
    check(last, Told.by(last, headers, "1536x1024"))
    for event in previews:
        assert event.type == "image_generation.partial_image"
        check(event, Told(None, event.output_format))


@able(Operation.GENERATE)
def test_formats(client: openai.OpenAI, case: Case) -> None:
    """What the catalog says that the provider makes comes from it as it is; the rest is converted."""
    native = case.row.formats
    theirs = [name for name in CONVERTIBLE if name in native]
    ours = [name for name in ("webp", "jpeg", "png") if name not in native]
    make: Any = client.images.with_raw_response.generate
    for asked in [*theirs, *ours[:1]]:
        if native == ("svg",):
            with pytest.raises(openai.BadRequestError) as caught:
                make(model=case.public, prompt="a red house", output_format=asked)
            assert caught.value.param == "output_format"
            continue
        answer = make(model=case.public, prompt="a red house", output_format=asked, response_format="b64_json")
        result = answer.parse()
        assert result.data is not None
        kind = pictures.look(base64.b64decode(result.data[0].b64_json or "")).format
        assert (kind, result.output_format) == (asked, asked)
        if asked in native:
            assert "x-imagegate-output-format" not in answer.headers, "the provider was not asked, or did something else"
        assert "output_format" not in answer.headers.get("x-imagegate-dropped-params", "")


@one_each(Operation.GENERATE)
def test_the_longest_prompt_is_taken_and_a_longer_one_refused(client: openai.OpenAI, case: Case) -> None:
    longest = min(case.row.max_prompt, 32_000)
    result = client.images.generate(model=case.public, prompt="猫" * longest, response_format="b64_json")
    assert result.data
    if case.row.max_prompt <= 32_000:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(model=case.public, prompt="猫" * (longest + 1))
        assert (caught.value.param, caught.value.code) == ("prompt", "string_above_max_length")


@one_each(Operation.EDIT)
def test_as_many_references_as_the_model_takes_and_no_more(client: openai.OpenAI, case: Case) -> None:
    most = case.pictures[1]
    images = [(f"{number}.png", pictures.png((512, 512), (number * 15, 0, 90)), "image/png") for number in range(most + 1)]
    result = client.images.edit(model=case.public, prompt="together", image=images[:most], response_format="b64_json")
    assert result.data
    if most < 16:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(model=case.public, prompt="together", image=images)
        assert caught.value.code == "too_many_images"
