"""Every model of the catalog behind one gateway, each at its provider's simulator; and what an answer says of its picture."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest

from imagegate.adapters import registry
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule
from imagegate.domain.images import Operation
from tests.simulators.base import Simulator
from tests.simulators.surface import Surface
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings

CATALOG = Catalog.load()
PICTURE = (1280, 960)
"""The picture of edits: neither square nor of a usual size, so that what follows the picture is seen to."""


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
    def row(self) -> Capabilities:
        """What the model can do."""
        return CATALOG.capabilities(self.adapter, self.model)

    @property
    def pictures(self) -> tuple[int, int]:
        """The fewest and the most reference pictures of an edit: one and the catalog's, where the simulator's ``PICTURES`` say
        nothing else."""
        said: Mapping[str, tuple[int, int]] = getattr(simulator_module(self.adapter), "PICTURES", {})
        return said.get(self.model, (1, min(self.row.max_references, 16)))

    @property
    def edit_sizes(self) -> SizeRule:
        """The rule for edits, with a mask where there are masks."""
        return (self.row.mask_sizes if self.row.mask else None) or self.row.edit_sizes or self.row.sizes

    @property
    def retired(self) -> bool:
        """Whether the provider no longer serves it."""
        return bool(self.row.retires and self.row.retires <= datetime.now(UTC).date().isoformat())


def simulator_module(adapter: str) -> ModuleType | None:
    """None for the sandbox, which is its own."""
    found = importlib.util.find_spec(f"tests.simulators.{adapter}")
    return importlib.import_module(found.name) if found else None


def models(adapter: str) -> tuple[str, ...]:
    """Names that a channel of the adapter serves here; of a server whose models somebody put there, its simulator's ``MODEL``."""
    return CATALOG.models(adapter) or (vars(simulator_module(adapter))["MODEL"],)


CASES = [case for name in registry.ENTRIES for case in (Case(name, model) for model in models(name)) if not case.retired]


def able(operation: Operation) -> pytest.MarkDecorator:
    """The cases that have the operation."""
    cases = [case for case in CASES if operation in case.row.operations]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.public)


def one_each(operation: Operation) -> pytest.MarkDecorator:
    """One model of each adapter that has the operation."""
    first = {case.adapter: case for case in reversed(CASES) if operation in case.row.operations}
    return pytest.mark.parametrize("case", list(first.values()), ids=lambda case: case.public)


def _lists() -> list[Case]:
    """Of the models that have a list of sizes one for each list and way to be called."""
    generating = [case for case in CASES if case.row.sizes.fixed and Operation.GENERATE in case.row.operations]
    return list({(case.adapter, case.row.sizes.fixed, repr(case.row.extra)): case for case in reversed(generating)}.values())


one_list = pytest.mark.parametrize("case", _lists(), ids=lambda case: case.public)
"""For tests that ask for every size of a list."""


@contextmanager
def every_model(folder: Path) -> Iterator[openai.OpenAI]:
    """A client of one gateway with a channel to every provider's simulator."""
    with ExitStack() as stack:
        sandbox = dict(SANDBOX, models={f"sandbox/{model}": {"upstream": model} for model in CATALOG.models("sandbox")})
        channels = [sandbox, *(channel for name in registry.ENTRIES if name != "sandbox" for channel in _channels(name, stack))]
        settings = gateway_settings(folder, channels, defaults={"model": "sandbox/sandbox"}, aliases={})
        gateway = stack.enter_context(Gateway(settings))
        yield stack.enter_context(openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=60))


def _channels(name: str, stack: ExitStack) -> Iterator[dict[str, Any]]:
    for number, surface in enumerate(surfaces(name)):
        simulator = stack.enter_context(surface.simulator)
        defaults: Mapping[str, Any] = getattr(simulator, "model_defaults", {})
        options = {**getattr(simulator, "channel_options", {}), **surface.options}
        if "poll_seconds" in registry.Rows()[name].options.model_fields:
            options["poll_seconds"] = 0.02
        served = [model for model in models(name) if any(fnmatchcase(model, pattern) for pattern in surface.models)]
        yield {
            "name": f"{name}-{number}",
            "adapter": name,
            "base_url": simulator.base_url,
            "keys": [simulator.key] if simulator.key else [],
            "models": {f"{name}/{model}": {"upstream": model, "defaults": defaults.get(model, {})} for model in served},
            "options": options,
        }


def surfaces(adapter: str) -> list[Surface]:
    """The simulators of an adapter: those that its module names, else the module's own subclass of Simulator."""
    module: Any = simulator_module(adapter)
    named: list[Surface] = module.surfaces() if hasattr(module, "surfaces") else []
    for item in vars(module).values():
        own = isinstance(item, type) and issubclass(item, Simulator) and item.__module__ == module.__name__
        if own and item.__name__.endswith("Simulator") and not named:
            return [Surface(item())]
    assert named, f"tests/simulators/{adapter}.py has no …Simulator"
    return named


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says: size and format, and the size that a header says was asked of the provider in place of ours."""

    size: str | None
    output_format: str | None
    sent: str | None = None

    @classmethod
    def by(cls, body: Any, headers: Mapping[str, str], asked: str | None = None) -> Told:
        """``body``: with ``size`` and ``output_format``. ``asked``: the size in the request."""
        mapped = headers.get("x-imagegate-size")
        assert mapped is None or mapped.startswith(f"{asked}->"), f"{mapped} is not about {asked}"
        return cls(body.size, body.output_format, mapped.partition("->")[2] if mapped else asked)


def check_decided(told: Told, rule: SizeRule) -> None:
    """A size that nobody can ask for is told as one."""
    assert rule.decided_by is Decider.CALLER or told.sent == rule.decided_by


def check(item: Any, told: Told) -> None:
    """The picture decodes, and is of the size and format that the answer tells; sizes that are no pixels tell nothing."""
    kind, size = looked(base64.b64decode(item.b64_json, validate=True))
    assert told.output_format in {None, kind}, f"{kind} is not {told.output_format}"
    for name, said in (("reported", told.size), ("header", told.sent)):
        if said and re.fullmatch(r"\d+x\d+", said):
            assert "{}x{}".format(*size) == said, f"the picture is {size}, {name}: {said}"


def looked(data: bytes) -> tuple[str, pictures.Size]:
    """Format and size in pixels of a whole picture."""
    if b"<svg" not in data[:200]:
        look = pictures.look(data)
        return look.format, look.size
    assert data.rstrip().endswith((b"</svg>", b"/>"))
    box = re.search(rb'viewBox="0 0 (\d+) (\d+)"', data)
    assert box, "an svg without its size"
    return "svg", (int(box[1]), int(box[2]))
