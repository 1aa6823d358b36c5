"""From a document to settings: all complaints of all steps, or a value that needs no further check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from imagegate.settings.document import Document
from imagegate.settings.explain import explain
from imagegate.settings.interpolation import interpolate_document
from imagegate.settings.model import Settings
from imagegate.settings.overrides import apply_overrides
from imagegate.settings.problems import KeyPath
from imagegate.settings.semantics import AdapterFacts, check_parts, check_semantics
from imagegate.settings.shorthand import expand

_NAME_SECTIONS = frozenset({"channels", "aliases", "defaults", "auth"})


def settle(
    document: Document,
    environ: Mapping[str, str],
    adapters: Mapping[str, AdapterFacts] | None = None,
    complete: Callable[[Settings], Settings] = lambda settings: settings,
) -> Settings:
    """The settings of a document, with overrides and references applied.

    Without ``adapters`` the checks across fields are left out. ``complete`` fills in what follows from the rest. Raises
    ConfigError with all that is wrong, as far as it can be told.
    """
    expand(document)
    apply_overrides(document, environ)
    expand(document)
    interpolate_document(document, environ)
    try:
        settings = complete(Settings.model_validate(document.data))
    except ValidationError as error:
        document.report(explain(error, veiled=document.is_veiled))
        if adapters is not None:
            _check_rest(document, error, adapters)
    else:
        if adapters is not None:
            names_known = _NAME_SECTIONS.isdisjoint(step for path in document.covered for step in path[:1])
            document.report(check_semantics(settings, adapters) if names_known else check_parts(settings, adapters))
    document.stop_if_wrong()
    return settings


def _check_rest(document: Document, error: ValidationError, adapters: Mapping[str, AdapterFacts]) -> None:
    """Runs the checks across fields on what is left of a broken document without its broken values."""
    data = deepcopy(document.data)
    for details in error.errors(include_url=False, include_input=False):
        _remove(data, details["loc"])
    try:
        rest = Settings.model_validate(data)
    except ValidationError:
        return
    document.report(check_parts(rest, adapters))


def _remove(data: dict[str, Any], location: KeyPath) -> None:
    """Takes out the broken setting (the whole of a list). A channel keeps its index: required values get a stand-in."""
    if location[0] != "channels" or len(location) < 2:
        holder: Any = data if len(location) == 1 else data[str(location[0])]
        holder.pop(location[:2][-1], None)
        return
    channels, index = data["channels"], int(location[1])
    stand_in = {"name": f"channel-{index}", "adapter": "", "models": {"*": {}}}
    if len(location) == 2:
        channels[index] = stand_in
    elif location[2] in stand_in:
        channels[index][location[2]] = stand_in[str(location[2])]
    else:
        channels[index].pop(location[2], None)
