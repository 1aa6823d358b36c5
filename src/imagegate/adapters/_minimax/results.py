"""MiniMax's answers: pictures and counts, and errors with HTTP 200 in ``base_resp``.

Source: platform.minimax.io/docs (image generation, error codes) as read in public copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape import answers, failures, verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink, held
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Refusal

VERDICTS: Mapping[str, Verdict] = {
    "1000": Verdict.SERVER,
    "1001": Verdict.TIMEOUT,
    "1002": Verdict.RATE,
    "1004": Verdict.KEY,
    "1008": Verdict.ACCOUNT,
    "1013": Verdict.SERVER,
    "1024": Verdict.SERVER,
    "1026": Verdict.CONTENT,
    "1027": Verdict.CONTENT,
    "1033": Verdict.SERVER,
    "1039": Verdict.RATE,
    "1041": Verdict.RATE,
    "2013": Verdict.CALLER,
    "2045": Verdict.RATE,
    "2049": Verdict.KEY,
    "2056": Verdict.ACCOUNT,
}


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The answer of ``/image_generation`` as events. Raises what its ``base_resp`` says; counts may be written as text."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    if told(document).get("code") not in {None, "0"}:
        raise failed(document)
    data, counts = _mapping(document.get("data")), _mapping(document.get("metadata"))
    urls = [url for url in data.get("image_urls") or () if isinstance(url, str) and url]
    texts = [text for text in data.get("image_base64") or () if isinstance(text, str) and text]
    if not urls and not texts:
        if _count(counts.get("failed_count")):
            raise ContentRefused("The provider's safety system kept every picture back.", code="content_policy_violation")
        raise BadResponse("The provider answered without a picture.")
    yield from (CompletedImage(ImageLink(url)) for url in urls)
    yield from (CompletedImage(held(text.encode())) for text in texts)
    beside = {"id": document.get("id"), "metadata": {name: _count(value) for name, value in counts.items()}}
    yield Finished(extra={name: value for name, value in beside.items() if value})


def failed(document: Mapping[str, Any]) -> GatewayError:
    """An error in a 200, of the whole answer or of one picture."""
    error = told(document)
    verdict = VERDICTS.get(str(error.get("code")))
    return verdicts.judged(verdict, error, Refusal(200, {}, b"")) if verdict else failures.openai_error_inside(document)


def empty(document: Mapping[str, Any]) -> GatewayError:
    """Why an answer of the OpenAI-like routes has no picture: a ``base_resp`` may say."""
    return failed(document) if _mapping(document.get("base_resp")) else answers.no_picture(document)


def told(document: Any) -> dict[str, Any]:
    """Code and message, whichever way the answer is spelt; code ``0`` is success."""
    base = _mapping(_mapping(document).get("base_resp"))
    if base:
        return {"code": str(base.get("status_code")), "message": base.get("status_msg")}
    return failures.error_object(document)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0
