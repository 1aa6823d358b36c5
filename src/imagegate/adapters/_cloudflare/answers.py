"""Workers AI's answers: a picture as it is, or as base64 in JSON, and errors by their codes.

Source: developers.cloudflare.com/workers-ai/platform/errors, developers.cloudflare.com/fundamentals/api.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Answer, Refusal
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd, Token

_NO_PICTURE = "The provider answered without a picture."
_CODES: Mapping[Verdict, tuple[int, ...]] = {
    Verdict.CONTENT: (3030,),
    Verdict.CALLER: (3003, 5004, 5006),
    Verdict.TOO_LARGE: (3006,),
    Verdict.KEY: (7000, 7003, 9106, 9109, 10000, 10001),
    Verdict.ACCOUNT: (3023, 3036, 3041, 5016, 5018),
    Verdict.MODEL: (3042, 5007),
    Verdict.BUSY: (3040,),
    Verdict.TIMEOUT: (3007, 3008),
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}


async def pictures(answer: Answer) -> AsyncGenerator[ImageEvent]:
    """The bytes as they come, or ``result.image`` cut out of the JSON around it. Raises BadResponse, or what the JSON says."""
    kind, _, form = answer.content_type.partition("/")
    if kind == "image":
        async with aclosing(answer.chunks()) as chunks:
            yield CompletedImage(ImageBytes(chunks, "raw"), ImageDetails(output_format=form))
        return
    scanner = CargoScanner(frozenset({"image"}))
    made = False
    async with aclosing(_tokens(answer, scanner)) as tokens:
        async for token in tokens:
            if isinstance(token, CargoStart) and not made:
                made = True
                yield CompletedImage(ImageBytes(_cargo(tokens)))
    document = _closed(scanner)
    if not made:
        raise failure(document, Refusal(200, {}, b"")) if _refused(document) else BadResponse(_NO_PICTURE)


async def _tokens(answer: Answer, scanner: CargoScanner) -> AsyncGenerator[Token]:
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    yield token
    except InvalidJson as error:
        raise BadResponse("The provider answered with something that is not JSON.") from error


async def _cargo(tokens: AsyncIterator[Token]) -> AsyncIterator[bytes]:
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, ObjectEnd):
            return
    raise BadResponse("The provider's answer was cut short.")


def _closed(scanner: CargoScanner) -> Any:
    try:
        return scanner.close()
    except InvalidJson as error:
        raise BadResponse("The provider answered with something that is not JSON.") from error


def _refused(document: Any) -> bool:
    return isinstance(document, Mapping) and (document.get("success") is False or bool(document.get("errors")))


def failure(document: Any, refusal: Refusal) -> GatewayError:
    """``{"errors": [{"code", "message"}]}`` as one of our errors, by the first code that is known."""
    errors = document.get("errors") if isinstance(document, Mapping) else None
    listed = [item for item in errors if isinstance(item, Mapping)] if isinstance(errors, list) else []
    coded = [(item, _VERDICTS.get(_whole(item.get("code")))) for item in listed]
    error, verdict = next(((item, verdict) for item, verdict in coded if verdict), (listed[0] if listed else {}, None))
    told = {"message": error.get("message"), "code": str(error["code"]) if "code" in error else None}
    return judged(verdict, told, refusal) if verdict else by_status(told, refusal)


def _whole(value: Any) -> int:
    """A code, also one written as text; 0 for what is none."""
    return int(value) if isinstance(value, (int, str)) and re.fullmatch(r"\d{1,9}", str(value)) else 0
