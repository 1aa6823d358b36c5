"""Pydantic's errors as short plain sentences that name what was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imagegate.settings.fields import at, choices, section
from imagegate.settings.model import Settings
from imagegate.settings.problems import Finding, KeyPath, did_you_mean, dotted, nearest

_NUMBERS = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_SHAPES = {
    "model_type": "a mapping (name: value)",
    "model_attributes_type": "a mapping (name: value)",
    "dict_type": "a mapping (name: value)",
    "tuple_type": "a list",
    "list_type": "a list",
}


def explain(
    error: ValidationError,
    root: type[BaseModel] = Settings,
    prefix: KeyPath = (),
    veiled: Callable[[KeyPath], bool] = lambda _: True,
) -> list[Finding]:
    """What pydantic found in ``root``, which stands at ``prefix``. Values for which ``veiled`` is true are not quoted."""
    findings: list[Finding] = []
    for details in error.errors(include_url=False):
        path = (*prefix, *details["loc"])
        if details["type"] == "extra_forbidden":
            findings.append(_unknown_key(root, prefix, details["loc"]))
        else:
            missing = details["type"] == "missing"
            findings.append(Finding(path, _sentence(details, root, quote=not veiled(path)), missing=missing))
    return findings


def _unknown_key(root: type[BaseModel], prefix: KeyPath, location: KeyPath) -> Finding:
    path, key = (*prefix, *location), str(location[-1])
    model = section(at(root, location[:-1]))
    known = model.model_fields if model else {}
    similar = nearest(key, known)
    if similar:
        return Finding(path, f'unknown key "{key}", did you mean "{similar}"?', at_key=True, instead=(*path[:-1], similar))
    elsewhere = _home(root, key)
    if elsewhere:
        return Finding(path, f'unknown key "{key}", did you mean "{dotted(elsewhere)}"?', at_key=True)
    names = f"; known here: {', '.join(known)}" if known else ""
    return Finding(path, f'unknown key "{key}"{names}', at_key=True)


def _home(root: type[BaseModel], key: str) -> KeyPath | None:
    """The section below ``root`` that has this key."""
    for name, field in root.model_fields.items():
        model = section(field.annotation)
        if model and key in model.model_fields:
            return (name, key)
    return None


def _sentence(details: ErrorDetails, root: type[BaseModel], quote: bool) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "missing":
        return "is required, but missing"
    if kind in _NUMBERS:
        return f"must be {_NUMBERS[kind]}" + (f", not {_shown(value)}" if quote else "")
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {context[bound]:g}" + (f", not {_shown(value)}" if quote else "")
    if kind in _SHAPES:
        return f"must be {_SHAPES[kind]}, not {_kind(value)}"
    if kind == "string_type":
        quotes = "; put it in quotes" if isinstance(value, (int, float)) else ""
        return f"must be text, not {_kind(value)}{quotes}"
    if kind == "literal_error":
        return _choice(at(root, details["loc"]), context, value, quote)
    if kind == "string_pattern_mismatch":
        return f"is not allowed as it is written; it must match {context['pattern']}"
    if kind == "value_error":
        return str(context["error"])
    return details["msg"][:1].lower() + details["msg"][1:]


def _choice(annotation: Any, context: Mapping[str, Any], value: Any, quote: bool) -> str:
    allowed = [str(choice) for choice in choices(annotation)]
    sentence = f"must be {_either(allowed)}" if allowed else f"must be {context['expected']}"
    if not quote:
        return sentence
    hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
    return f"{sentence}, not {_shown(value)}{hint}"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else "a long text"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else _kind(value)


def _kind(value: Any) -> str:
    """The value's type in the words of the file; never the value."""
    names = {dict: "a mapping", list: "a list", tuple: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
