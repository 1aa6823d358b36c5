"""``/images/generations``, ``/images/edits``, ``/images/variations``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegate.api.auth import Authenticator, check_model
from imagegate.api.body import read_json_object
from imagegate.api.context import RequestRecord, record_of
from imagegate.api.endpoint import Endpoint
from imagegate.api.openai.answer import AnswerPolicy, ImageAnswer
from imagegate.api.openai.protocol import ParsedRequest, ResponseFormat, parse
from imagegate.api.openai.uploads import UploadReader, Uploads, carries_pictures
from imagegate.api.openai.wire import Wire
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.keys import Caller
from imagegate.errors import GatewayError, UnsupportedMedia
from imagegate.media.spool import Spools
from imagegate.relay.conversion import Conversion
from imagegate.relay.delivery import Publisher, deliver
from imagegate.relay.relay import Relay, Report
from imagegate.routing.candidates import ModelTable

VARIATION_PROMPT = "Make a variation of this picture: the same subject and style, a different composition."
"""What a variation asks of a model; OpenAI retired the endpoint with dall-e-2, clients still call it."""


_URL_NAMES = "dall-e-*"


class PictureStore(Protocol):
    """Keeps pictures under a path of ours."""

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        """Store raw bytes; the signed path, such as ``/i/….png?…``."""
        ...


@dataclass(frozen=True, slots=True)
class OriginPublisher:
    """Makes the paths of a store absolute, on the origin that the client called."""

    store: PictureStore
    origin: str

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        """Store raw bytes; the absolute url."""
        return self.origin + await self.store.publish(chunks)


@dataclass(frozen=True, slots=True)
class ImagesServices:
    """What the endpoints work with; made once by the app."""

    authenticator: Authenticator
    table: ModelTable
    relay: Relay
    uploads: UploadReader
    new_spools: Callable[[], Spools]
    pictures: PictureStore
    conversion: Conversion
    policy: AnswerPolicy
    public_url: str | None
    json_bytes: int


class ImagesApi:
    """The image endpoints. Every GatewayError that is raised here becomes a JSON body in ``app``."""

    def __init__(self, services: ImagesServices) -> None:
        self._services = services

    def routes(self, prefix: str) -> list[Route]:
        """Routes below ``prefix`` + ``/images``; ``{deployment}`` in the prefix names the model.

        Plain Starlette routes: FastAPI's own cost a third of the throughput of small answers and would add nothing here.
        """
        endpoints = (("generations", self.generate), ("edits", self.edit), ("variations", self.vary))
        return [Route(f"{prefix}/images/{path}", Endpoint(handler), methods=["POST"]) for path, handler in endpoints]

    async def generate(self, request: Request) -> Response:
        """Pictures from a prompt. With ``image`` or ``mask`` in the body, as clients of other providers send them, an edit."""
        record, caller = self._begin(request, Operation.GENERATE)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"application/json", "", "text/json"}:
            raise UnsupportedMedia("Send a generation as application/json; pictures go to /v1/images/edits.")
        body = await read_json_object(request, self._services.json_bytes)
        if carries_pictures(body):
            return await self._edit(request, record, caller, lambda spools: self._services.uploads.from_json(body, spools))
        parsed = parse(body)
        model = self._model(request, parsed, caller)
        return self._answer(request, record, parsed, parsed.to_domain(Operation.GENERATE, model), AsyncExitStack())

    async def edit(self, request: Request) -> Response:
        """Pictures from a prompt and pictures."""
        record, caller = self._begin(request, Operation.EDIT)
        return await self._edit(request, record, caller, lambda spools: self._services.uploads.read(request, spools))

    async def vary(self, request: Request) -> Response:
        """Variations of one picture: an edit with a fixed instruction."""
        record, caller = self._begin(request, Operation.EDIT)
        read = self._services.uploads.read
        return await self._edit(request, record, caller, lambda spools: read(request, spools), VARIATION_PROMPT)

    async def _edit(
        self,
        request: Request,
        record: RequestRecord,
        caller: Caller,
        read: Callable[[Spools], Awaitable[Uploads]],
        prompt: str | None = None,
    ) -> Response:
        async with AsyncExitStack() as stack:
            spools = await stack.enter_async_context(self._services.new_spools())
            uploads = await read(spools)
            parsed = parse(uploads.fields if prompt is None else {**uploads.fields, "prompt": prompt})
            model = self._model(request, parsed, caller)
            asked = parsed.to_domain(Operation.EDIT, model, uploads.images, uploads.mask, uploads.markup)
            kept = AsyncExitStack()
            answer = self._answer(request, record, parsed, asked, kept)
            kept.push_async_callback(stack.pop_all().aclose)  # only now: what fails before must not keep the uploads
            return answer

    def _begin(self, request: Request, operation: Operation) -> tuple[RequestRecord, Caller]:
        record = record_of(request.scope)
        record.operation = operation
        caller = self._services.authenticator.caller(request.headers)
        record.key_name = caller.key_name
        return record, caller

    def _model(self, request: Request, parsed: ParsedRequest, caller: Caller) -> str:
        requested = _requested(request, parsed)
        model = self._services.table.resolve(requested, caller.default_model)
        check_model(caller, model, requested or model)
        return model

    def _answer(
        self, request: Request, record: RequestRecord, parsed: ParsedRequest, asked: ImageRequest, stack: AsyncExitStack
    ) -> Response:
        services = self._services
        report = Report(model=asked.model, left_out=parsed.dropped)
        record.report, record.stream = report, asked.stream
        usual = services.relay.capabilities(asked.model).default_response_format
        named = _requested(request, parsed) if record.operation is Operation.GENERATE else None
        form = parsed.response_format or _default_form(named, usual)
        public = services.public_url or (origin(request) if form == "url" else "")
        publisher: Publisher = OriginPublisher(services.pictures, public)
        events = deliver(services.relay.run(asked, report), form, publisher, report, services.conversion)

        def failed(error: GatewayError) -> None:
            record.error = error

        return ImageAnswer(
            events, Wire(asked, record.operation or asked.operation), report, services.policy, failed, stack.aclose
        )


def origin(request: Request) -> str:
    """Scheme, host and port as the client sees us (the server has already read X-Forwarded-Proto of trusted proxies)."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _requested(request: Request, parsed: ParsedRequest) -> str | None:
    """The model as the client named it, in the path or in the body."""
    return request.path_params.get("deployment") or parsed.fields.model


def _default_form(named: str | None, usual: str) -> ResponseFormat:
    """For a client that does not say: whoever generates with a DALL·E name, whatever draws now, waits for a url (LangChain).

    Edits answer base64 whatever their model is called, as the AI SDK needs it and cannot ask for it there.
    """
    return "url" if usual == "url" or fnmatchcase(named or "", _URL_NAMES) else "b64_json"
