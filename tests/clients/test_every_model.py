"""Every model of the catalog through the running gateway with openai-python: generate, edit, stream."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import openai
import pytest

from imagegate.adapters import registry
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule
from imagegate.domain.images import Operation
from imagegate.domain.output import CONVERTIBLE
from tests.simulators.base import Simulator
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings

CATALOG = Catalog.load()
REPRESENTED = {"huggingface": "MODELS"}
"""Simulators that know some models for each way in which a model is called; the table of those models."""
NEEDS_MORE = {"stability.stable-style-transfer-v1:0": "a second picture"}
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "bedrock": {
        "stability.stable-image-search-replace-v1:0": {"search_prompt": "the house"},
        "stability.stable-image-search-recolor-v1:0": {"select_prompt": "the house"},
    }
}
"""Fields without which a model does nothing; simulators may say them themselves as ``model_defaults``."""
OPTIONS: dict[str, dict[str, Any]] = {
    "cloudflare": {"account_id": "0123456789abcdef0123456789abcdef"},
    "vertex": {"project": "simulated-project", "location": "us-central1"},
}
"""What a channel needs beside a key; simulators may say it themselves as ``channel_options``."""


@dataclass(frozen=True, slots=True)
class Case:
    """One model of one adapter."""

    adapter: str
    model: str

    @property
    def public(self) -> str:
        """The name that clients use here: adapters share model names."""
        return f"{self.adapter}/{self.model}"

    @property
    def is_simulated(self) -> bool:
        """Whether the simulator can answer for it with one picture and a prompt."""
        if self.adapter not in REPRESENTED:
            return self.model not in NEEDS_MORE
        module = importlib.import_module(f"tests.simulators.{self.adapter}")
        return self.model in vars(module)[REPRESENTED[self.adapter]]

    @property
    def row(self) -> Capabilities:
        """What the model can do."""
        return CATALOG.capabilities(self.adapter, self.model)


WIDE = "1536x768"
"""A size whose ratio no model takes for another one."""
TODAY = datetime.now(UTC).date().isoformat()
CASES = [Case(name, model) for name in registry.ENTRIES for model in CATALOG.models(name)]
CASES = [case for case in CASES if not (case.row.retires and case.row.retires <= TODAY) and case.is_simulated]


def able(operation: Operation) -> pytest.MarkDecorator:
    """The cases that have the operation."""
    cases = [case for case in CASES if operation in case.row.operations]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.public)


def simulator_of(adapter: str) -> Any:
    """A simulator by the name of its adapter: the module's own subclass of Simulator."""
    module = importlib.import_module(f"tests.simulators.{adapter}")
    for item in vars(module).values():
        own = isinstance(item, type) and issubclass(item, Simulator) and item.__module__ == module.__name__
        if own and item.__name__.endswith("Simulator"):
            return item()
    raise AssertionError(f"tests/simulators/{adapter}.py has no …Simulator")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """One gateway with a channel to every provider's simulator."""
    with ExitStack() as stack:
        channels = [dict(SANDBOX, models={f"sandbox/{model}": {"upstream": model} for model in CATALOG.models("sandbox")})]
        for name in registry.ENTRIES:
            if name == "sandbox" or not CATALOG.models(name):  # a local server's models are what somebody put there
                continue
            simulator = stack.enter_context(simulator_of(name))
            defaults = {**DEFAULTS.get(name, {}), **getattr(simulator, "model_defaults", {})}
            models = {
                f"{name}/{model}": {"upstream": model, "defaults": defaults.get(model, {})} for model in CATALOG.models(name)
            }
            options = {**OPTIONS.get(name, {}), **getattr(simulator, "channel_options", {})}
            if "poll_seconds" in registry.Rows()[name].options.model_fields:
                options["poll_seconds"] = 0.02
            channels.append(
                {
                    "name": name,
                    "adapter": name,
                    "base_url": simulator.base_url,
                    "keys": [simulator.key] if simulator.key else [],
                    "models": models,
                    "options": options,
                }
            )
        settings = gateway_settings(tmp_path_factory.mktemp("every"), channels, defaults={"model": "sandbox/sandbox"}, aliases={})
        gateway = stack.enter_context(Gateway(settings))
        yield stack.enter_context(openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=60))


def check(item: Any, told: str | None) -> None:
    """The picture decodes and is as large as the answer says (simulators that draw small ones say so in the picture's ratio)."""
    data = base64.b64decode(item.b64_json)
    if b"<svg" in data[:5000]:
        return
    kind, size, _ = pictures.look(data)
    assert kind in {"png", "jpeg", "webp", "gif"}
    if told and "x" in told:
        width, height = (int(edge) for edge in told.split("x"))
        assert size[0] / size[1] == pytest.approx(width / height, rel=0.35), f"{size} is not {told}"


@able(Operation.GENERATE)
def test_generate(client: openai.OpenAI, case: Case) -> None:
    result = client.images.generate(model=case.public, prompt="一座红房子, a red house", response_format="b64_json")
    assert result.data is not None and len(result.data) == 1
    check(result.data[0], result.size)


@able(Operation.EDIT)
def test_edit(client: openai.OpenAI, case: Case) -> None:
    picture = ("a.png", pictures.png((1024, 1024)), "image/png")
    asked: dict[str, Any] = {"image": picture, "prompt": "the same at night", "model": case.public, "response_format": "b64_json"}
    if case.row.mask:
        asked["mask"] = ("mask.png", pictures.mask((1024, 1024)), "image/png")
    result = client.images.edit(**asked)
    assert result.data is not None and len(result.data) == 1
    check(result.data[0], result.size)


@able(Operation.GENERATE)
def test_a_generations_size_is_what_is_told(client: openai.OpenAI, case: Case) -> None:
    answer = client.images.with_raw_response.generate(
        model=case.public, prompt="a red house", size=WIDE, response_format="b64_json"
    )
    check_size(answer, [case.row.sizes])


@able(Operation.EDIT)
def test_an_edits_size_is_what_is_told(client: openai.OpenAI, case: Case) -> None:
    picture = ("a.png", pictures.png((1024, 1024)), "image/png")
    answer = client.images.with_raw_response.edit(
        image=picture, prompt="the same at night", model=case.public, size=WIDE, response_format="b64_json"
    )
    restyled = [SizeRule(decided_by=Decider.INPUT)] if case.row.extra.get("restyles") else []
    check_size(answer, [case.row.edit_sizes or case.row.sizes, *restyled])


def check_size(answer: Any, rules: list[SizeRule]) -> None:
    """A size that was told is the picture's, and one that could not be asked for is mentioned in the head."""
    result = answer.parse()
    data = base64.b64decode(result.data[0].b64_json)
    mention = answer.headers.get("x-imagegate-size")
    granted = mention.partition("->")[2] if mention else WIDE
    if granted in {Decider.INPUT, Decider.MODEL}:
        assert granted in {rule.decided_by for rule in rules}
    else:
        assert rules[0].decided_by is Decider.CALLER
        assert result.size is not None, f"{granted} was granted and not told"
    if result.size and b"<svg" not in data[:5000]:
        told = [int(edge) for edge in result.size.split("x")]
        drawn = pictures.look(data)[1]
        assert drawn[0] / drawn[1] == pytest.approx(told[0] / told[1], rel=0.2), f"{drawn} is not {result.size}"


@able(Operation.GENERATE)
def test_stream(client: openai.OpenAI, case: Case) -> None:
    with client.images.generate(
        model=case.public, prompt="a red house", stream=True, partial_images=1, response_format="b64_json"
    ) as stream:
        events = list(stream)
    assert events[-1].type == "image_generation.completed"
    assert {event.type for event in events} <= {"image_generation.partial_image", "image_generation.completed"}
    check(events[-1], None)


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


def one_each(operation: Operation) -> pytest.MarkDecorator:
    """One model of each adapter that has the operation."""
    first = {case.adapter: case for case in reversed(CASES) if operation in case.row.operations}
    return pytest.mark.parametrize("case", list(first.values()), ids=lambda case: case.public)


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
    most = min(case.row.max_references, 16)
    images = [(f"{number}.png", pictures.png((512, 512), (number * 15, 0, 90)), "image/png") for number in range(most + 1)]
    result = client.images.edit(model=case.public, prompt="together", image=images[:most], response_format="b64_json")
    assert result.data
    if most < 16:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(model=case.public, prompt="together", image=images)
        assert caught.value.code == "too_many_images"
