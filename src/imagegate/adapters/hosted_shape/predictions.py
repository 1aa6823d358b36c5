"""Replicate's prediction documents: where the work stands, its pictures, and why there are none.

Source: replicate 1.0.7 (prediction.py), replicate.com/docs/reference/http.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal

_ENDED = frozenset({"succeeded", "successful", "failed", "canceled", "aborted"})
_CODE = re.compile(r"\((E\d{3,5})\)")
_NSFW = re.compile(r"\bNSFW\b", re.IGNORECASE)
_CODES: Mapping[str, Verdict] = {"E005": Verdict.CONTENT, "E006": Verdict.CALLER}
_INSIDE = Refusal(200, {}, b"")


def ended(prediction: Mapping[str, Any]) -> bool:
    """Whether the work is over, well or not. ``Prefer: wait`` may answer ``processing`` and hold the result."""
    return prediction.get("status") in _ENDED or _one_result(prediction)


def pictures(prediction: Mapping[str, Any]) -> Iterator[ImageEvent]:
    """The pictures of an ended prediction and what was measured. Raises the reason when there are none."""
    if prediction.get("status") not in {"succeeded", "successful"} and not _one_result(prediction):
        raise reason(prediction)
    links = list(_links(prediction.get("output")))
    if not links:
        raise BadResponse("The provider answered without a picture.")
    for link in links:
        yield CompletedImage(ImageLink(link), ImageDetails())
    metrics = prediction.get("metrics")
    if isinstance(metrics, Mapping) and metrics:
        yield Finished(extra={"metrics": dict(metrics)})


def reason(prediction: Mapping[str, Any]) -> GatewayError:
    """Why it failed. A failed prediction has no code field; the code, if any, stands in its text: ``… (E005)``."""
    text = prediction.get("error")
    told = text if isinstance(text, str) else ""
    found = _CODE.search(told)
    verdict = _CODES.get(found[1]) if found else None
    if verdict is None and _NSFW.search(told):
        verdict = Verdict.CONTENT
    return judged(verdict or Verdict.SERVER, {"message": told, "code": found[1] if found else None}, _INSIDE)


def _one_result(prediction: Mapping[str, Any]) -> bool:
    """A lone url is the whole result; a list may still grow."""
    return prediction.get("status") == "processing" and isinstance(prediction.get("output"), str)


def _links(output: Any) -> Iterator[str]:
    """``output`` is a url, a list of them, or objects that hold one."""
    if isinstance(output, str) and output.startswith(("http://", "https://", "data:")):
        yield output
    elif isinstance(output, list):
        for item in output:
            yield from _links(item)
    elif isinstance(output, Mapping):
        yield from _links(output.get("url") or output.get("image") or output.get("images"))
