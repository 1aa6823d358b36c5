from __future__ import annotations

import pytest

from imagegate.settings.model import Settings
from imagegate.settings.names import check_names, is_glob, served
from imagegate.settings.problems import dotted

CHANNELS = [
    {"name": "one", "adapter": "a", "models": {"gpt-image-2": {}, "sandbox": {}}},
    {"name": "two", "adapter": "a", "models": {"flux-*": {}}},
]


def settings(**sections: object) -> Settings:
    return Settings.model_validate({"channels": CHANNELS, **sections})


def findings(**sections: object) -> list[str]:
    return [f"{dotted(finding.path)}: {finding.message}" for finding in check_names(settings(**sections))]


def test_globs() -> None:
    assert is_glob("flux-*")
    assert is_glob("a[bc]")
    assert not is_glob("flux-1.1")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-image-2", True),
        ("flux-pro", True),
        ("gpt-image-2:one", True),
        ("flux-pro:two", True),
        ("gpt-image-2:two", False),
        ("gpt-image-3", False),
        (":one", False),
    ],
)
def test_who_is_served(model: str, expected: bool) -> None:
    assert served(settings(), model) is expected


def test_good_names() -> None:
    aliases = {"dall-e-*": "gpt-image-2", "best": "nice", "nice": "flux-pro", "gpt-image-2": "sandbox", "pinned": "flux-x:two"}
    key = {"name": "k", "key": "0123456789abcdef", "default_model": "flux-a"}
    assert findings(aliases=aliases, defaults={"model": "dall-e-3"}, auth={"keys": [key]}) == []


def test_names_that_no_channel_serves() -> None:
    key = {"name": "k", "key": "0123456789abcdef", "default_model": "sandbocks"}
    assert findings(aliases={"old": "gpt-imge-2"}, defaults={"model": "zzz"}, auth={"keys": [key]}) == [
        'aliases.old: no channel serves model "gpt-imge-2", did you mean "gpt-image-2"?',
        'defaults.model: no channel serves model "zzz"',
        'auth.keys[0].default_model: no channel serves model "sandbocks", did you mean "sandbox"?',
    ]


def test_circles_are_told_once() -> None:
    assert findings(aliases={"a": "b", "b": "c", "c": "a"}) == ["aliases.a: aliases run in a circle: a → b → c → a"]
    assert findings(aliases={"x": "a", "a": "b", "b": "a"}) == ["aliases.x: aliases run in a circle: a → b → a"]
    assert findings(aliases={"a*": "b1", "b*": "a1"}) == ['aliases["a*"]: aliases run in a circle: b1 → a1 → b1']
    assert findings(aliases={"a": "a"}) == ["aliases.a: an alias may not point at itself"]


def test_a_glob_may_hold_its_own_target() -> None:
    assert findings(aliases={"gpt-image-*": "gpt-image-2"}) == []
    assert findings(aliases={"gpt-*": "gpt-x"}) == ['aliases["gpt-*"]: no channel serves model "gpt-x"']
