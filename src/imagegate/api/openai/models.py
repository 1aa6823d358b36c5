"""``/models``: OpenAI's list, with what the models can do and cost for those who read more."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegate.api.auth import Authenticator
from imagegate.api.context import record_of
from imagegate.api.endpoint import Endpoint
from imagegate.catalog.describe import describe
from imagegate.domain.images import Operation
from imagegate.domain.keys import Caller
from imagegate.errors import ModelNotFound
from imagegate.relay.relay import Relay
from imagegate.routing.candidates import ModelTable


class ModelsApi:
    """Lists what the caller's key may use. ``started``: Unix seconds, shown as ``created``."""

    def __init__(self, authenticator: Authenticator, table: ModelTable, relay: Relay, started: int) -> None:
        self._authenticator = authenticator
        self._table = table
        self._relay = relay
        self._started = started

    def routes(self, prefix: str) -> list[Route]:
        """Routes below ``prefix`` + ``/models``."""
        return [
            Route(f"{prefix}/models", Endpoint(self.list_models), methods=["GET"]),
            Route(f"{prefix}/models/{{model:path}}", Endpoint(self.get_model), methods=["GET"]),
        ]

    async def list_models(self, request: Request) -> Response:
        """Every model that the key may use."""
        caller = self._caller(request)
        names = [name for name in self._table.names() if self._may_use(caller, name)]
        return JSONResponse({"object": "list", "data": [self._row(name) for name in names]})

    async def get_model(self, request: Request) -> Response:
        """One model, also one that only a glob or an alias serves."""
        caller = self._caller(request)
        name = str(request.path_params["model"])
        if not name.strip() or not self._may_use(caller, name):
            raise ModelNotFound(f"The model `{name[:100]}` is not served here; GET /v1/models lists what is.", param="model")
        return JSONResponse(self._row(name))

    def _caller(self, request: Request) -> Caller:
        caller = self._authenticator.caller(request.headers)
        record_of(request.scope).key_name = caller.key_name
        return caller

    def _may_use(self, caller: Caller, name: str) -> bool:
        """By the rule of ``check_model``: under this name, or under the one behind it. Raises ModelNotFound."""
        return caller.may_use(name) or caller.may_use(self._table.resolve(name))

    def _row(self, name: str) -> dict[str, Any]:
        resolved = self._table.resolve(name)
        candidates = self._table.candidates(resolved)
        capabilities = self._relay.capabilities(resolved)
        inputs = ["text", "image"] if Operation.EDIT in capabilities.operations else ["text"]
        return {
            "id": name,
            "object": "model",
            "created": self._started,
            "owned_by": candidates[0].channel.adapter,
            "mode": "image_generation",
            "supported_endpoint_types": ["image-generation"],
            "architecture": {"input_modalities": inputs, "output_modalities": ["image"]},
            "capabilities": describe(capabilities),
        }
