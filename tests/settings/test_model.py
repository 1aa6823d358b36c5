"""The sections of the file: their defaults, their bounds, and that nothing slips through."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from imagegate.settings.model import ChannelSettings, ModelSettings, Section, Settings, StaticKey

SECTIONS = sorted(Section.__subclasses__(), key=lambda kind: kind.__name__)
CHANNEL = {"name": "main", "adapter": "sandbox", "models": ["a"]}


def refused(document: dict[str, Any]) -> str:
    """Where a document is wrong, as a dotted path."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(document)
    (error,) = caught.value.errors()
    return ".".join(str(step) for step in error["loc"])


def test_an_empty_document_is_all_defaults() -> None:
    settings = Settings.model_validate({})
    assert settings == Settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080), "nobody outside reaches a fresh server"
    assert settings.auth.required
    assert not settings.routing.retry_ambiguous, "no call is paid twice unless the operator says so"


@pytest.mark.parametrize("kind", SECTIONS)
def test_no_section_takes_an_unknown_key_or_a_change(kind: type[Section]) -> None:
    assert kind.model_config["extra"] == "forbid"
    assert kind.model_config["frozen"]
    assert kind.__doc__


def test_what_was_read_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"sever": {}}, "sever"),
        ({"server": {"prot": 1}}, "server.prot"),
        ({"server": {"port": -1}}, "server.port"),
        ({"server": {"port": 65536}}, "server.port"),
        ({"server": {"workers": 0}}, "server.workers"),
        ({"server": {"drain_seconds": 0}}, "server.drain_seconds"),
        ({"server": {"drain_seconds": float("inf")}}, "server.drain_seconds"),
        ({"server": {"drain_seconds": float("nan")}}, "server.drain_seconds"),
        ({"storage": {"max_bytes": 0}}, "storage.max_bytes"),
        ({"routing": {"retries": 3}}, "routing.retries"),
        ({"routing": {"strategy": "magic"}}, "routing.strategy"),
        ({"relay": {"on_disconnect": "ignore"}}, "relay.on_disconnect"),
        ({"errors": {"content_policy_status": 418}}, "errors.content_policy_status"),
        ({"log": {"level": "trace"}}, "log.level"),
        ({"uploads": {"max_images": 65}}, "uploads.max_images"),
        ({"fetch": {"ports": [443, 0, 65536]}}, "fetch.ports.2"),
        ({"channels": [{**CHANNEL, "timeout": {"idle": -1}}]}, "channels.0.timeout.idle"),
        ({"channels": [{**CHANNEL, "weight": 0}]}, "channels.0.weight"),
        ({"channels": [{**CHANNEL, "models": {"a": {"upstrem": "b"}}}]}, "channels.0.models.a.upstrem"),
        ({"channels": [{**CHANNEL, "models": "a"}]}, "channels.0.models"),
        ({"channels": [{**CHANNEL, "models": [1]}]}, "channels.0.models"),
    ],
)
def test_bad_values_are_told_where_they_stand(document: dict[str, Any], place: str) -> None:
    assert refused(document) == place


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a:b", "ä", "a" * 65, "a\n"])
def test_a_channels_name_can_stand_in_a_header_and_behind_a_colon(name: str) -> None:
    assert refused({"channels": [{**CHANNEL, "name": name}]}) == "channels.0.name"


@pytest.mark.parametrize("name", ["a", "openai-1", "A.b_c", "9", "a" * 64])
def test_good_names_of_channels(name: str) -> None:
    assert ChannelSettings.model_validate({**CHANNEL, "name": name}).name == name


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["a", "b"], {"a": ModelSettings(), "b": ModelSettings()}),
        ({"a": None, "b": {}}, {"a": ModelSettings(), "b": ModelSettings()}),
        (
            {"a": {"upstream": "x", "defaults": {"quality": "low"}}},
            {"a": ModelSettings(upstream="x", defaults={"quality": "low"})},
        ),
    ],
)
def test_models_may_be_a_list_of_names(models: Any, expected: dict[str, ModelSettings]) -> None:
    assert ChannelSettings.model_validate({**CHANNEL, "models": models}).models == expected


@pytest.mark.parametrize(("key", "good"), [("x" * 15, False), ("x" * 16, True)])
def test_a_key_that_could_be_guessed_is_refused_with_a_way_to_make_one(key: str, good: bool) -> None:
    if good:
        assert StaticKey(name="dev", key=SecretStr(key)).key.get_secret_value() == key
        return
    with pytest.raises(ValidationError, match="openssl rand"):
        StaticKey(name="dev", key=SecretStr(key))


def test_no_credential_is_printed() -> None:
    secret = "sk-very-secret-0123456789"
    document = {"auth": {"keys": [{"name": "dev", "key": secret}]}, "channels": [{**CHANNEL, "keys": [secret]}]}
    settings = Settings.model_validate(document)
    assert secret not in repr(settings)
    assert secret not in settings.model_dump_json()


def test_every_field_of_every_section_can_be_left_out_but_names_and_keys() -> None:
    needed = {f"{kind.__name__}.{name}" for kind in SECTIONS for name, row in _fields(kind) if row.is_required()}
    assert needed == {
        "ChannelSettings.name",
        "ChannelSettings.adapter",
        "ChannelSettings.models",
        "StaticKey.name",
        "StaticKey.key",
    }


def _fields(kind: type[BaseModel]) -> list[tuple[str, Any]]:
    return list(kind.model_fields.items())
