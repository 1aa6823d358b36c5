"""Names, aliases and pins."""

from __future__ import annotations

import pytest

from imagegate.domain.channels import Channel, ModelRoute, Secret
from imagegate.errors import InvalidRequest, ModelNotFound
from imagegate.routing.candidates import ModelTable


def channel(name: str, models: dict[str, str], priority: int = 0, keys: tuple[str, ...] = ("k1",)) -> Channel:
    routes = {public: ModelRoute(upstream) for public, upstream in models.items()}
    return Channel(name, "openai", "https://x.test", tuple(Secret(key) for key in keys), routes, priority)


TABLE = ModelTable(
    [
        channel("second", {"m": "m-up"}, priority=5, keys=("a", "b")),
        channel("first", {"m": "m", "flux-*": "flux-*", "gate:x": "gate"}, keys=()),
    ],
    {"old-*": "m", "chain": "old-1", "loop-a": "loop-b", "loop-b": "loop-a", "named": "m"},
    default_model="m",
)


def test_candidates_come_by_priority_one_for_each_key() -> None:
    found = TABLE.candidates("m")
    assert [(c.channel.name, c.key.reveal() if c.key else None, c.route.upstream) for c in found] == [
        ("first", None, "m"),
        ("second", "a", "m-up"),
        ("second", "b", "m-up"),
    ]


def test_a_glob_keeps_the_name_that_was_asked_for() -> None:
    assert TABLE.candidates("flux-2-pro")[0].route.upstream == "flux-2-pro"


@pytest.mark.parametrize(
    ("asked", "resolved"),
    [
        ("old-9", "m"),
        ("chain", "m"),
        ("named", "m"),
        (None, "m"),
        (" ", "m"),
        ("m", "m"),
        ("unknown", "unknown"),
        ("old-1:second", "m:second"),
    ],
)
def test_aliases_and_defaults(asked: str | None, resolved: str) -> None:
    assert TABLE.resolve(asked) == resolved


def test_a_callers_own_default_comes_before_the_servers() -> None:
    assert TABLE.resolve(None, "flux-x") == "flux-x"


def test_an_alias_loop_ends() -> None:
    assert TABLE.resolve("loop-a") in {"loop-a", "loop-b"}


def test_a_pin_leaves_one_channel_and_a_colon_in_a_name_is_no_pin() -> None:
    assert {c.channel.name for c in TABLE.candidates("m:second")} == {"second"}
    assert TABLE.candidates("gate:x")[0].route.upstream == "gate"


@pytest.mark.parametrize("model", ["unknown", "m:nowhere", "flux"])
def test_a_model_that_nobody_serves_is_named(model: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        TABLE.candidates(model)
    assert model in caught.value.message
    assert caught.value.param == "model"


def test_no_model_at_all_is_a_missing_parameter() -> None:
    with pytest.raises(InvalidRequest) as caught:
        ModelTable([], {}, None).resolve("")
    assert (caught.value.param, caught.value.code) == ("model", "missing_required_parameter")


def test_names_are_listed_without_globs() -> None:
    assert TABLE.names() == ["m", "gate:x", "chain", "loop-a", "loop-b", "named"]


@pytest.mark.parametrize("name", ["x" * 257, "any\r\nset-cookie: a=b", "any\x00", "any\u202ething"])
def test_what_cannot_stand_in_a_header_is_no_name_even_where_a_glob_serves_everything(name: str) -> None:
    everything = ModelTable([channel("wide", {"*": "*"})], {}, None)
    with pytest.raises(ModelNotFound) as error:
        everything.resolve(name)
    assert error.value.message.isprintable() and len(error.value.message) < 200
    assert everything.resolve("x" * 256) == "x" * 256
