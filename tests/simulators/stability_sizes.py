"""Pixels that Stability AI's services make, on its own platform and on Bedrock.

Source: platform.stability.ai/docs/api-reference (v2beta: aspect_ratio, outpaint, upscale, style). Core makes about 1.5 megapixels
there; which is not told for each ratio, so it draws one here as the others do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators.ratios import about

RATIOS: Mapping[str, str] = {
    "1:1": "1024x1024",
    "16:9": "1344x768",
    "9:16": "768x1344",
    "3:2": "1216x832",
    "2:3": "832x1216",
    "5:4": "1088x896",
    "4:5": "896x1088",
    "21:9": "1536x640",
    "9:21": "640x1536",
}


def made(service: str, fields: Mapping[str, Any], picture: str | None) -> str:
    """``WxH``. ``service``: any name of it. ``picture``: the size of what goes in."""
    if picture is None or "style-guide" in service or service.endswith("control/style"):
        return RATIOS[fields.get("aspect_ratio", "1:1")]
    width, height = (int(edge) for edge in picture.split("x"))
    if "upscale" in service:
        return f"{width * 4}x{height * 4}" if "fast" in service else about(picture, 4 * 1024 * 1024, 1)
    across, down = (sum(int(fields.get(name, 0)) for name in pair) for pair in (("left", "right"), ("up", "down")))
    return f"{width + across}x{height + down}"
