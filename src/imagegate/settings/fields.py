"""Walks the types of the settings models along a key path: to name neighbours and to read text as the right type."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from imagegate.settings.problems import KeyPath

_CONTAINERS = (tuple, list, dict)


def bare(annotation: Any) -> Any:
    """The type without ``Annotated`` and ``| None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not NoneType]
        return bare(choices[0]) if len(choices) == 1 else annotation
    return annotation


def optional(annotation: Any) -> bool:
    """Whether null is a value of this type."""
    return annotation is Any or (get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation))


def section(annotation: Any) -> type[BaseModel] | None:
    """The model behind a type, when it is one."""
    kind = bare(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def is_list(annotation: Any) -> bool:
    """Whether the type is a list in the file."""
    return get_origin(bare(annotation)) in (tuple, list)


def is_container(annotation: Any) -> bool:
    """Whether the type is a mapping or a list in the file."""
    return section(annotation) is not None or get_origin(bare(annotation)) in _CONTAINERS


def choices(annotation: Any) -> tuple[Any, ...]:
    """The allowed values, when the type lists them."""
    kind = bare(annotation)
    return get_args(kind) if get_origin(kind) is Literal else ()


def child(annotation: Any, step: str | int) -> Any | None:
    """The type one step down; None when there is no such step."""
    kind = bare(annotation)
    if kind is Any:
        return Any
    model = section(kind)
    if model is not None:
        field = model.model_fields.get(str(step))
        return None if field is None else field.annotation
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is dict:
        return arguments[1]
    return arguments[0] if origin in (tuple, list) and isinstance(step, int) else None


def at(root: Any, path: KeyPath) -> Any | None:
    """The type at the end of a path; None when the path leaves the models."""
    kind: Any | None = root
    for step in path:
        if kind is None:
            return None
        kind = child(kind, step)
    return kind


def fitted(annotation: Any, text: str) -> Any:
    """Text from a variable as the number that a list of choices asks for; pydantic converts text for all other types."""
    return next((choice for choice in choices(annotation) if str(choice) == text), text)
