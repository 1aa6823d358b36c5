"""Extras of a comfyui channel: the workflows, written into the configuration or read from files when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, field_validator, model_validator

from imagegate.adapters import base

_KINDS = ("workflow", "edit_workflow", "mask_workflow")


class ComfyuiOptions(base.Options):
    """Extras of a ``comfyui`` channel. A workflow is in ComfyUI's API format: node ids to ``class_type`` and ``inputs``."""

    workflow: dict[str, Any] | None = Field(None, description="for generations")
    edit_workflow: dict[str, Any] | None = Field(None, description="for edits")
    mask_workflow: dict[str, Any] | None = Field(None, description="for edits with a mask")
    workflow_file: str | None = Field(None, description="a JSON file with `workflow`")
    edit_workflow_file: str | None = Field(None, description="a JSON file with `edit_workflow`")
    mask_workflow_file: str | None = Field(None, description="a JSON file with `mask_workflow`")
    output_node: str | None = Field(None, description="id of the node whose pictures count; else those of all nodes that save")
    default_size: str = Field("1024x1024", pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$", description="when a request names none")
    poll_seconds: float = Field(1.0, gt=0, description="between two looks at a job")

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: Any) -> Any:
        """Put the files' content where the inline workflows stand."""
        if not isinstance(given, Mapping):
            return given
        read = {kind: _read(given[f"{kind}_file"]) for kind in _KINDS if isinstance(given.get(f"{kind}_file"), str)}
        twice = [kind for kind in read if given.get(kind) is not None]
        if twice:
            raise ValueError(f"give either {twice[0]} or {twice[0]}_file")
        return {**given, **read}

    @field_validator(*_KINDS, mode="before")
    @classmethod
    def _api_format(cls, value: Any) -> Any:
        """Also JSON in a text; refuses the format of the editor."""
        nodes = _parsed(value) if isinstance(value, str) else value
        if nodes is None:
            return None
        if not isinstance(nodes, dict) or not nodes or not all(isinstance(n, dict) and "class_type" in n for n in nodes.values()):
            raise ValueError("is not a workflow in API format; use ComfyUI's menu: Workflow, Export (API)")
        return nodes


def _read(name: str) -> Any:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the workflow file {name} cannot be read") from error
    return _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError("the workflow is not JSON") from error
