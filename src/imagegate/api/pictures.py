"""``GET /i/{id}.{ext}``: finished pictures by signed link, without a key."""

from __future__ import annotations

import re
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from imagegate.errors import RouteNotFound
from imagegate.media.blobs import BlobStore, OpenBlob, StoredBlob
from imagegate.media.links import LinkSigner

_SINGLE_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII | re.IGNORECASE)

SAFETY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Access-Control-Allow-Origin": "*",
}
"""A picture may be shown anywhere, as the link is the permission, but it can never act as a page of ours."""


class Pictures:
    """Serves stored pictures; an ASGI endpoint.

    A link that is unknown, altered or expired raises ``errors.RouteNotFound`` with code ``picture_not_found``, which the
    app turns into a JSON body; the three cases look the same from outside.
    """

    def __init__(self, blobs: BlobStore, signer: LinkSigner) -> None:
        self._blobs = blobs
        self._signer = signer

    def routes(self) -> list[Route]:
        """To be added to the app; everything below ``/i/`` belongs to it, so that odd paths get the same 404."""
        return [Route("/i/{name:path}", self, methods=["GET", "HEAD"], name="picture")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200, 206, 304 or 416. HEAD sends the same headers and no body."""
        request = Request(scope, receive)
        id, _, extension = str(request.path_params["name"]).partition(".")
        seconds = self._signer.remaining(id, extension, request.query_params)
        blob = await self._blobs.open(id, extension) if seconds else None
        if blob is None:
            raise RouteNotFound("There is no picture here, or its link has expired; make it again.", code="picture_not_found")
        await _answer(request, blob, _headers(blob.stored, seconds))(scope, receive, send)


class _PieceResponse(StreamingResponse):
    """Bytes ``start`` to ``stop`` of a picture; the reading ends with the response, whatever ends that."""

    def __init__(self, blob: OpenBlob, start: int, stop: int, *, status_code: int, headers: dict[str, str]) -> None:
        self._pieces = blob.chunks(start, stop)
        super().__init__(self._pieces, status_code=status_code, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._pieces):
            await super().__call__(scope, receive, send)


def _headers(stored: StoredBlob, seconds: int) -> dict[str, str]:
    name = f"{stored.id}.{stored.extension}"
    return {
        "Content-Type": stored.media_type,
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": f"private, max-age={seconds}",
        "ETag": f'"{stored.id}"',
        "Accept-Ranges": "bytes",
        **SAFETY_HEADERS,
    }


def _answer(request: Request, blob: OpenBlob, headers: dict[str, str]) -> Response:
    size = blob.stored.size
    if _matches(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    asked = _wanted(request, size, headers["ETag"])
    if asked is not None and asked[0] >= asked[1]:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, stop = asked or (0, size)
    headers["Content-Length"] = str(stop - start)
    if asked is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 200 if asked is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return _PieceResponse(blob, start, stop, status_code=status, headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    """RFC 9110 §13.1.2: ``*``, or our tag in the list, weak or not."""
    tags = if_none_match.split(",", 64)
    return any(tag.strip().removeprefix("W/") in ("*", etag) for tag in tags)


def _wanted(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """First byte and the one behind the last; None is the whole file, an empty span is one that the file does not have.

    Several ranges, units other than bytes and an ``If-Range`` of another picture give the whole file, as RFC 9110 §14.2
    allows; so ten thousand ranges cost no more than one look.
    """
    span = _SINGLE_RANGE.fullmatch(request.headers.get("range", "").strip())
    if span is None or request.headers.get("if-range", etag) != etag:
        return None
    first, last = span.groups()
    if first:
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, size) if last else size
    if not last:
        return None
    return (max(0, size - int(last)), size) if int(last) else (size, size)
