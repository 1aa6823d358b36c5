"""The JSON schema of the configuration file, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from imagegate.settings.model import Settings
from imagegate.settings.semantics import AdapterFacts

_REFERENCE: JsonSchemaValue = {"type": "string", "pattern": r"\$\{|^os\.environ/|^file:"}
"""What may stand in place of a number, a truth value or a choice."""


class _WithReferences(GenerateJsonSchema):
    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_reference(super().int_schema(schema))

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_reference(super().float_schema(schema))

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _or_reference(super().bool_schema(schema))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return _or_reference(super().literal_schema(schema))


def config_schema(adapters: Mapping[str, AdapterFacts]) -> dict[str, Any]:
    """The schema (draft 2020-12) of the whole file; ``options`` of a channel follow its adapter."""
    models: list[type[BaseModel]] = [Settings, *dict.fromkeys(facts.options for facts in adapters.values())]
    references, whole = models_json_schema(
        [(model, _MODE) for model in models],
        schema_generator=_WithReferences,
        title="imagegate configuration",
        description="Read from --config, IMAGEGATE_CONFIG or ./imagegate.yaml.",
    )
    definitions = whole["$defs"]
    _extend_channel(definitions["ChannelSettings"], adapters, {model: references[model, _MODE] for model in models})
    settings = definitions.pop("Settings")
    about = {"$schema": GenerateJsonSchema.schema_dialect, "$id": _ID, "title": whole["title"]}
    return {**about, **settings, **about, "description": whole["description"], "$defs": definitions}


_MODE: JsonSchemaMode = "validation"
_ID = "urn:imagegate:config"


def _or_reference(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, _REFERENCE]}


def _extend_channel(
    channel: dict[str, Any], adapters: Mapping[str, AdapterFacts], options: Mapping[type, JsonSchemaValue]
) -> None:
    properties = channel["properties"]
    properties["adapter"]["enum"] = list(adapters)
    mapping = properties["models"]
    mapping["additionalProperties"] = {"anyOf": [mapping["additionalProperties"], {"type": "null"}]}
    names = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    properties["models"] = {"title": mapping.pop("title", "Models"), "anyOf": [mapping, names]}
    channel["allOf"] = [
        {
            "if": {"properties": {"adapter": {"const": name}}, "required": ["adapter"]},
            "then": {"properties": {"options": options[facts.options]}},
        }
        for name, facts in adapters.items()
    ]
