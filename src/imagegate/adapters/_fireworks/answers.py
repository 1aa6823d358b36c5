"""Fireworks' answers: raw pictures with what their head says, and JSON where bytes were asked for.

Source: docs.fireworks.ai (text_to_image).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.domain.events import CompletedImage, ImageDetails, held
from imagegate.errors import BadResponse, ContentRefused
from imagegate.upstream.client import Answer


def details(answer: Answer) -> ImageDetails:
    """What the head of a raw picture says. Raises ContentRefused."""
    if answer.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise refused()
    seed = answer.headers.get("seed", "")
    told = {"seed": int(seed)} if seed.isdecimal() else {}
    return ImageDetails(output_format=answer.content_type.removeprefix("image/"), extra=told)


def from_json(document: Any) -> CompletedImage:
    """``{id, base64: […], finishReason, seed}``, where bytes were asked for. Raises ContentRefused or BadResponse."""
    fields = document if isinstance(document, Mapping) else {}
    if fields.get("finishReason") == "CONTENT_FILTERED":
        raise refused()
    pictures = fields.get("base64")
    first = pictures[0] if isinstance(pictures, list) and pictures else pictures
    if not isinstance(first, str) or not first:
        raise BadResponse("The provider answered without a picture.")
    told = {"seed": fields["seed"]} if isinstance(fields.get("seed"), int) else {}
    return CompletedImage(held(first.rpartition(",")[2].encode()), ImageDetails(extra=told))


def refused() -> ContentRefused:
    """What a moderated request comes to."""
    return ContentRefused("The provider's safety system refused this request.", code="content_policy_violation")
