from __future__ import annotations

from imagegate.settings.shorthand import expand
from imagegate.settings.yamlfile import parse_document


def test_empty_sections_are_left_out_and_empty_values_are_not() -> None:
    document = parse_document(
        "channels:\nserver:\naliases:\nstorage: {path: }\nserver2:\nlog: {level: null}\n",
        "c.yaml",
    )
    expand(document)
    assert document.data == {"storage": {"path": None}, "server2": None, "log": {"level": None}}


def test_empty_sections_of_channels() -> None:
    document = parse_document(
        "channels:\n  - name: a\n    base_url:\n    timeout:\n    models: {x: , y: {upstream: }}\n", "c.yaml"
    )
    expand(document)
    assert document.data["channels"] == [{"name": "a", "base_url": None, "models": {"x": None, "y": {"upstream": None}}}]


def test_a_list_of_models_becomes_a_mapping_with_places() -> None:
    document = parse_document("channels:\n  - models: [a, 5, a, b]\n", "c.yaml")
    expand(document)
    assert document.data == {"channels": [{"models": {"a": {}, "b": {}}}]}
    assert document.values["channels", 0, "models", "b"].column == 23
    assert [str(problem) for problem in document.problems] == [
        "c.yaml:2:17 channels[0].models[1]: must be a model name; write models as a mapping to give a model settings",
        'c.yaml:2:20 channels[0].models[2]: model "a" is in this list twice',
    ]
