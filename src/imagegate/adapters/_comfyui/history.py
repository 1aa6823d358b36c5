"""A job that is done, as ComfyUI's history tells it: its files, or that it failed.

Source: ComfyUI server.py (/history, /view).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from imagegate.adapters._comfyui.options import ComfyuiOptions
from imagegate.domain.events import CompletedImage, ImageLink
from imagegate.errors import Ambiguous, BadResponse


def _results(job: Mapping[str, Any], n: int, options: ComfyuiOptions, base_url: str) -> list[CompletedImage]:
    """At most ``n`` files of a job that is done: those that were saved, previews only when nothing was."""
    outputs = job.get("outputs")
    nodes = outputs if isinstance(outputs, Mapping) else {}
    chosen = [nodes.get(options.output_node)] if options.output_node else list(nodes.values())
    files = [file for node in chosen if isinstance(node, Mapping) for file in node.get("images") or () if _is_file(file)]
    saved = [file for file in files if file.get("type", "output") == "output"] or files
    return [CompletedImage(ImageLink(f"{base_url}/view?{_query(file)}")) for file in saved[:n]]


def done(entry: Mapping[str, Any], n: int, options: ComfyuiOptions, base_url: str) -> list[CompletedImage]:
    """The files of a finished job, at most ``n``. Raises Ambiguous when the workflow failed, BadResponse without a picture."""
    status = entry.get("status")
    if isinstance(status, Mapping) and status.get("status_str") == "error":
        raise Ambiguous("The provider's workflow failed.")
    made = _results(entry, n, options, base_url)
    if not made:
        raise BadResponse("The provider answered without a picture.")
    return made


def _is_file(file: Any) -> bool:
    return isinstance(file, Mapping) and isinstance(file.get("filename"), str)


def _query(file: Mapping[str, Any]) -> str:
    return urlencode(
        {name: str(file.get(name) or "") for name in ("filename", "subfolder")} | {"type": file.get("type", "output")}
    )
