from __future__ import annotations

from typing import Any

from imagegate.settings.model import Settings
from imagegate.settings.schema import config_schema
from tests.settings.samples import ADAPTERS

REFERENCE = {"type": "string", "pattern": r"\$\{|^os\.environ/|^file:"}


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = config_schema(ADAPTERS)["$defs"][name]
    return found


def test_it_describes_the_whole_file() -> None:
    schema = config_schema(ADAPTERS)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:imagegate:config"
    assert schema["title"] == "imagegate configuration"
    assert list(schema["properties"]) == list(Settings.model_fields)
    assert schema["additionalProperties"] is False
    assert "Settings" not in schema["$defs"]


def test_every_reference_in_it_leads_somewhere() -> None:
    schema = config_schema(ADAPTERS)

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} <= set(schema["$defs"])


def test_numbers_truth_values_and_choices_may_be_references() -> None:
    assert definition("Server")["properties"]["port"]["anyOf"] == [{"type": "integer", "minimum": 0, "maximum": 65535}, REFERENCE]
    assert definition("Uploads")["properties"]["sniff"]["anyOf"] == [{"type": "boolean"}, REFERENCE]
    assert REFERENCE in definition("Logging")["properties"]["level"]["anyOf"]
    assert definition("Server")["properties"]["host"]["type"] == "string"


def test_short_forms_are_allowed() -> None:
    models = definition("ChannelSettings")["properties"]["models"]["anyOf"]
    assert models[0]["additionalProperties"]["anyOf"] == [{"$ref": "#/$defs/ModelSettings"}, {"type": "null"}]
    assert models[1] == {"type": "array", "items": {"type": "string"}, "uniqueItems": True}


def test_options_follow_the_adapter() -> None:
    channel = definition("ChannelSettings")
    assert channel["properties"]["adapter"]["enum"] == ["openai", "vendor", "sandbox"]
    (rule,) = [rule for rule in channel["allOf"] if rule["if"]["properties"]["adapter"]["const"] == "vendor"]
    assert rule["then"] == {"properties": {"options": {"$ref": "#/$defs/VendorOptions"}}}
    assert list(definition("VendorOptions")["properties"]) == ["region", "passes", "signing_secret"]
