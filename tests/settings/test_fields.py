from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, SecretStr

from imagegate.settings import fields
from imagegate.settings.model import ChannelSettings, Settings, TimeoutSettings
from imagegate.settings.problems import KeyPath


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("server", "port"), int),
        (("channels", 3, "timeout"), TimeoutSettings),
        (("channels", 3), ChannelSettings),
        (("channels", 3, "keys", 0), SecretStr),
        (("channels", 3, "models", "any", "upstream"), str),
        (("aliases", "anything"), str),
        (("channels", 3, "options", "a", "b"), Any),
    ],
)
def test_types_are_found_along_a_path(path: KeyPath, kind: Any) -> None:
    assert fields.bare(fields.at(Settings, path)) is kind


@pytest.mark.parametrize("path", [("sever",), ("server", "port", "x"), ("channels", "name"), ("sever", "port")])
def test_nothing_is_found_outside_the_models(path: KeyPath) -> None:
    assert fields.at(Settings, path) is None


def test_shapes() -> None:
    assert fields.is_list(tuple[str, ...])
    assert not fields.is_list(dict[str, str])
    assert fields.is_container(Annotated[dict[str, int], Field()])
    assert fields.is_container(TimeoutSettings | None)
    assert not fields.is_container(str | None)
    assert fields.optional(str | None)
    assert not fields.optional(TimeoutSettings)
    assert fields.bare(int | str) == int | str


def test_text_fits_numeric_choices() -> None:
    assert fields.fitted(Literal[400, 403], "400") == 400
    assert fields.fitted(Literal[400, 403], "500") == "500"
    assert fields.fitted(int, "5") == "5"
    assert fields.fitted(None, "5") == "5"
