"""Pictures by way of chat: a message in, and an answer whose pictures are ``data:`` urls, cut through.

Source: openrouter.ai/docs (image generation, chat completions).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters.shape import answers
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageDetails, ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import invalid_size
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Answer
from imagegate.upstream.inline import InlineImage
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd, Token

_CARGO = frozenset({"url"})
_DATA = re.compile(rb"data:image/([a-z0-9.+-]+)(?:;[a-z]+=[^;,]*)*;base64,", re.IGNORECASE)
_LONGEST_HEAD = 256
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""What a size becomes for models whose row says nothing about it; chat has no pixels."""
PARAMETERS = frozenset({"user"})
"""OpenAI's optional fields that chat has."""
OURS = frozenset({"messages", "modalities"})
"""Fields of chat that only the gateway writes."""
_CONFIG = {"aspect_ratio": "aspect_ratio", "resolution": "image_size"}
"""What ``image_config`` calls the two parts of a size."""
_NOT_JSON = "The provider answered with something that is not the JSON it should be."
_FILTERED = ("content_filter", "SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST")
"""Reasons to finish that mean a refusal, OpenRouter's own and those of the provider behind it."""


def fields(request: ImageRequest, said: Mapping[str, Any], size: Mapping[str, Any]) -> dict[str, Any]:
    """The body for one picture. ``said``: the row's ``extra``; ``size``: ``aspect_ratio`` and ``resolution``.

    Raises InvalidRequest for a size that chat has no words for.
    """
    content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
    content += [{"type": "image_url", "image_url": {"url": InlineImage(image, as_url=True)}} for image in request.images]
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": "user", "content": content}],
        "modalities": said.get("modalities", ["image", "text"]),
    }
    told = request.extra.get("image_config")
    if unsaid := [word for name, word in size.items() if name not in _CONFIG]:
        raise invalid_size(f"Size '{unsaid[0]}' is not understood; use pixels such as '1024x1024', or a ratio such as '16:9'.")
    sized = {_CONFIG[name]: value for name, value in ({**request.extra, **size}).items() if name in _CONFIG}
    if config := {**(told if isinstance(told, Mapping) else {}), **sized}:
        body["image_config"] = config
    if request.user is not None:
        body["user"] = request.user
    return body


def unplaced(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Unknown fields that are not part of ``image_config``."""
    return {name: value for name, value in extra.items() if name not in _CONFIG}


async def events(answer: Answer, on_error: Callable[[Mapping[str, Any]], GatewayError]) -> AsyncGenerator[ImageEvent]:
    """The first picture of the answer, and what was said about it. Raises BadResponse, ContentRefused, or ``on_error``'s."""
    scanner = CargoScanner(_CARGO)
    made = False
    try:
        async with aclosing(_tokens(answer, scanner)) as tokens:
            async for token in tokens:
                if isinstance(token, CargoStart) and not made:
                    found, rest = await _head(tokens)
                    if found:
                        made = True
                        details = ImageDetails(output_format=found)
                        yield CompletedImage(ImageBytes(_picture(rest, tokens)), details)
        document = scanner.close()
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error
    yield finished(document, on_error, made=made)


def finished(document: Any, on_error: Callable[[Mapping[str, Any]], GatewayError], *, made: bool) -> Finished:
    """Usage and time of the answer; raises why there is no picture."""
    if not isinstance(document, Mapping):
        raise BadResponse(_NOT_JSON)
    choices = document.get("choices")
    known = [choice for choice in choices if isinstance(choice, Mapping)] if isinstance(choices, list) else []
    for told in (document, *known):
        if told.get("error"):
            raise on_error(told)
    if not made:
        if any(choice.get(name) in _FILTERED for choice in known for name in ("finish_reason", "native_finish_reason")):
            raise ContentRefused("The provider's safety system refused this request.")
        raise BadResponse("The provider answered without a picture.")
    created = document.get("created")
    return Finished(usage=answers.read_usage(document.get("usage")), created=created if isinstance(created, int) else None)


async def _tokens(answer: Answer, scanner: CargoScanner) -> AsyncGenerator[Token]:
    """Raises BadResponse, also to whoever drains the picture."""
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    yield token
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


async def _head(tokens: AsyncIterator[Token]) -> tuple[str, bytes]:
    """The format of the picture that begins, and what came of it; no format for a url of another kind."""
    head = b""
    async for token in tokens:
        if not isinstance(token, bytes):
            break
        head += token
        if found := _DATA.match(head):
            return found.group(1).decode().lower(), head[found.end() :]
        if len(head) > _LONGEST_HEAD:
            break
    return "", b""


async def _picture(rest: bytes, tokens: AsyncIterator[Token]) -> AsyncIterator[bytes]:
    if rest:
        yield rest
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, ObjectEnd):
            return
    raise BadResponse(_NOT_JSON)  # the text ended inside the picture
