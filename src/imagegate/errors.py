"""The exception tree. No HTTP, no provider: only what went wrong and whether another try can mend it.

::

    GatewayError
    ├── RequestError                 the caller's; never tried again
    │   ├── InvalidRequest      400
    │   ├── Unauthenticated     401
    │   ├── PermissionDenied    403
    │   ├── ContentRefused      403  (or ``errors.content_policy_status``)
    │   ├── ModelNotFound       404
    │   ├── RouteNotFound       404 or 405
    │   ├── RequestTimeout      408
    │   ├── TooLarge            413
    │   ├── UnsupportedMedia    415
    │   ├── LimitExceeded       429
    │   └── InsufficientQuota   429
    ├── UpstreamError
    │   ├── RateLimited         429  next candidate
    │   ├── Unavailable         503  next candidate; the provider did no work
    │   ├── ModelMissing        503  next candidate; the operator has to look
    │   ├── AuthFailed          503  next candidate; the key rests
    │   ├── Ambiguous           502 or 504, final: the provider may have worked and may charge
    │   └── BadResponse         502  final: the provider answered nonsense
    ├── PictureNotKept          503  made and paid, but there is no room for its url
    ├── PictureNotConverted     503  made and paid, but the gateway could not bring it into the wanted format
    └── NoChannel               503

A class exists only where status, code or the way on differ.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """Base of everything that reaches a client as an error body.

    ``message``: one sentence that says what to do, free of secrets and provider text.
    ``param``: the request field at fault. ``code``: machine-readable. ``retry_after``: seconds.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    should_retry: ClassVar[bool | None] = None
    """Sent as ``x-should-retry``; None leaves the decision to the SDK."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.retry_after = retry_after

    @property
    def http_status(self) -> int:
        """The status to answer with; a subclass may choose per instance."""
        return self.status


class RequestError(GatewayError):
    """The caller's doing: the same request would fail again."""

    status = 400
    type = "invalid_request_error"


class InvalidRequest(RequestError):
    """A field is missing, wrong or impossible; ``param`` names it."""

    default_code = "invalid_value"


class Unauthenticated(RequestError):
    """No key, or one that we do not know."""

    status = 401
    default_code = "invalid_api_key"


class PermissionDenied(RequestError):
    """The key is known, but may not do this."""

    status = 403
    type = "permission_error"
    default_code = "permission_denied"


class ContentRefused(RequestError):
    """The provider's safety system refused prompt or picture; ``code`` is the provider's."""

    status = 403
    type = "image_generation_user_error"
    default_code = "moderation_blocked"


class ModelNotFound(RequestError):
    """No channel serves this model, or this operation of it."""

    status = 404
    default_code = "model_not_found"


class RouteNotFound(RequestError):
    """No such path or method; ``http_status`` is 404 or 405."""

    status = 404
    default_code = "unknown_url"

    def __init__(self, message: str, *, method_only: bool = False, code: str | None = None) -> None:
        super().__init__(message, code=code or ("method_not_allowed" if method_only else None))
        self.method_only = method_only

    @property
    def http_status(self) -> int:
        """405 when the path exists and only the method is wrong."""
        return 405 if self.method_only else 404


class RequestTimeout(RequestError):
    """The client stopped sending in the middle of its request."""

    status = 408
    default_code = "request_timeout"
    should_retry = False


class TooLarge(RequestError):
    """Body, file, picture or field above its limit."""

    status = 413
    default_code = "request_too_large"


class UnsupportedMedia(RequestError):
    """The body's content type is not one that the endpoint reads."""

    status = 415
    default_code = "unsupported_content_type"


class LimitExceeded(RequestError):
    """A rate, image or concurrency limit of the key, or a server-wide one."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class InsufficientQuota(RequestError):
    """The key's budget is spent."""

    status = 429
    type = "insufficient_quota"
    default_code = "insufficient_quota"
    should_retry = False


class UpstreamError(GatewayError):
    """A provider failed. ``next_candidate`` says whether another one may be tried without paying twice."""

    type = "upstream_error"
    next_candidate: ClassVar[bool] = False


class RateLimited(UpstreamError):
    """The provider refused for load (429) before doing any work."""

    status = 429
    type = "rate_limit_error"
    default_code = "upstream_rate_limited"
    next_candidate = True


class Unavailable(UpstreamError):
    """Nothing was sent (DNS, connect, TLS), or the provider refused before work (503, 529, overloaded)."""

    status = 503
    default_code = "upstream_unavailable"
    next_candidate = True


class ModelMissing(Unavailable):
    """The provider does not have the model or endpoint that the channel names: a mistake that no retry mends."""

    default_code = "upstream_model_not_found"
    should_retry = False


class AuthFailed(UpstreamError):
    """The provider refused our key, account or model access; never the caller's fault."""

    status = 503
    default_code = "upstream_auth_failed"
    should_retry = False
    next_candidate = True


class Ambiguous(UpstreamError):
    """The request went out and no clean answer came back: the provider may have done, and may charge for, the work."""

    status = 502
    default_code = "upstream_ambiguous"
    should_retry = False

    def __init__(self, message: str, *, timed_out: bool = False, code: str | None = None) -> None:
        super().__init__(message, code=code or ("upstream_timeout" if timed_out else None))
        self.timed_out = timed_out

    @property
    def http_status(self) -> int:
        """504 when a deadline passed, else 502."""
        return 504 if self.timed_out else 502


class BadResponse(UpstreamError):
    """The provider answered success with something that is no picture."""

    status = 502
    default_code = "upstream_invalid_response"
    should_retry = False


class PictureNotKept(GatewayError):
    """A url was asked for and the picture could not be stored; it has been made and paid, so nobody should ask again."""

    status = 503
    default_code = "storage_unavailable"
    should_retry = False


class PictureNotConverted(GatewayError):
    """Another format was asked for than the provider makes, and the gateway failed to convert the picture, which is paid."""

    status = 503
    default_code = "conversion_failed"
    should_retry = False


class NoChannel(GatewayError):
    """Channels exist for the model, but none can be used now."""

    status = 503
    type = "server_error"
    default_code = "no_channel_available"
