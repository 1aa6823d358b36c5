"""sdapi's answers: pictures with their seeds, and what a refusal says.

Source: AUTOMATIC1111 modules/api/{api,models}.py (error envelope), modules/processing.py (info).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, held
from imagegate.errors import BadResponse

_TOLD = ("sd_model_name", "sampler_name", "steps", "cfg_scale")


def pictures(document: Any, n: int) -> Iterator[ImageEvent]:
    """The pictures with their seeds. A grid may stand before them, and masks behind. Raises BadResponse."""
    images = document.get("images") if isinstance(document, Mapping) else None
    if not isinstance(images, list):
        raise BadResponse("The provider answered without a picture.")
    info = _info(document.get("info"))
    first = info.get("index_of_first_image")
    start = first if isinstance(first, int) and 0 <= first < len(images) else 0
    made = [image for image in images[start : start + n] if isinstance(image, str) and image]
    if not made:
        raise BadResponse("The provider answered without a picture.")
    seeds = info.get("all_seeds")
    for index, image in enumerate(made):
        text = image.partition(",")[2] if image.startswith("data:") else image
        yield CompletedImage(held(text.encode()), ImageDetails(extra=_seed(seeds, index)))
    yield Finished(extra={**_seed([info.get("seed")], 0), **{name: info[name] for name in _TOLD if name in info}})


def _info(text: Any) -> dict[str, Any]:
    """``info`` is a JSON document written into a string."""
    try:
        info = orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError:
        return {}
    return info if isinstance(info, dict) else {}


def _seed(seeds: Any, index: int) -> dict[str, int]:
    known: Sequence[Any] = seeds if isinstance(seeds, list) else []
    return {"seed": known[index]} if index < len(known) and isinstance(known[index], int) else {}


def message(detail: Any) -> Any:
    """A sentence, or what FastAPI's validation says of the first field."""
    return detail[0].get("msg") if _validation(detail) else detail


def param(detail: Any) -> Any:
    """The field that FastAPI's validation means; None for a sentence."""
    place = detail[0].get("loc") if _validation(detail) else None
    return place[-1] if isinstance(place, list) and place else None


def _validation(detail: Any) -> bool:
    return isinstance(detail, list) and bool(detail) and isinstance(detail[0], Mapping)
