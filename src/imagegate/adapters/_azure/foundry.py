"""FLUX.2 and MAI on Microsoft Foundry: their fields for a request, and MAI's counters.

Source: litellm 1.109.1 (llms/azure_ai), Microsoft Learn (Foundry: MAI, FLUX).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from imagegate.domain.events import Finished, Usage
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.upstream.inline import InlineImage


def flux2_fields(request: ImageRequest) -> dict[str, Any]:
    """FLUX.2's fields; the pictures are ``input_image``, ``input_image_2``, … in base64. It makes one picture."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "num_images": 1, **_pixels(request.size)}
    if request.output_format is not None:
        body["output_format"] = request.output_format
    for number, image in enumerate(request.images, 1):
        body["input_image" if number == 1 else f"input_image_{number}"] = InlineImage(image)
    return body


def mai_fields(request: ImageRequest) -> dict[str, Any]:
    """MAI's fields for a generation. It makes one picture, and an edit takes no size."""
    pixels = _pixels(request.size) or {"width": 1024, "height": 1024}
    return {"model": request.model, "prompt": request.prompt, **pixels}


def _pixels(size: str | None) -> dict[str, int]:
    wanted = parse_size(size) if size else None
    return {"width": wanted.width, "height": wanted.height} if isinstance(wanted, PixelSize) else {}


def with_usage(event: Finished) -> Finished:
    """MAI's counters (``num_input_text_tokens``, …) under their usual names."""
    usage = event.usage
    if usage is None or not any(name.startswith("num_") or name == "output_image_tokens" for name in usage.extra):
        return event
    rest = dict(usage.extra)
    text, image = _taken(rest, "num_input_text_tokens"), _taken(rest, "num_input_image_tokens")
    made, made_too = _taken(rest, "num_output_tokens"), _taken(rest, "output_image_tokens")
    inputs, output = usage.input_tokens or text + image, usage.output_tokens or made or made_too
    total = usage.total_tokens or inputs + output
    counted = Usage(inputs, output, total, text, image, usage.output_text_tokens, output, rest)
    return replace(event, usage=counted)


def _taken(counters: dict[str, Any], name: str) -> int:
    value = counters.pop(name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
