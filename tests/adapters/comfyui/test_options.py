"""Workflows of a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from imagegate.adapters._comfyui.options import ComfyuiOptions
from tests.simulators.comfyui import workflow


def test_workflows_from_files_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_bytes(orjson.dumps(workflow()))
    read = ComfyuiOptions.model_validate({"workflow_file": str(path), "edit_workflow": orjson.dumps(workflow()).decode()})
    assert read.workflow == read.edit_workflow == workflow() and read.mask_workflow is None
    path.write_text("{")
    wrongs: tuple[dict[str, Any], ...] = (
        {"workflow_file": str(path)},
        {"workflow_file": str(tmp_path / "none.json")},
        {"workflow_file": str(path), "workflow": workflow()},
        {"workflow": {"nodes": [], "links": []}},
        {"workflow": "["},
    )
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            ComfyuiOptions.model_validate(wrong)
