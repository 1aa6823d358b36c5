"""What went wrong on the way to a provider, as our errors.

The one question that matters: may the call be repeated without paying twice? Only when nothing was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import httpx2

from imagegate.errors import Ambiguous, BadResponse, GatewayError, Unavailable

_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError)


def sending() -> Translated:
    """Around connecting, sending and waiting for the answer's head. Raises Unavailable (nothing was sent) or Ambiguous."""
    return _SENDING


def reading() -> Translated:
    """Around reading the answer's body. Raises Ambiguous on silence, BadResponse when it is cut short."""
    return _READING


class Translated:
    """A context that raises other exceptions in place of some. Has no state: one instance serves everybody.

    ``translate`` gives the exception to raise, or None to let one pass.
    """

    def __init__(self, translate: Callable[[BaseException], Exception | None]) -> None:
        self._translate = translate

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            return
        other = self._translate(error)
        if other is not None:
            raise other from error


def _while_sending(error: BaseException) -> GatewayError | None:
    if isinstance(error, _NOTHING_SENT):
        return Unavailable("The provider could not be reached; try again shortly.")
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return Ambiguous("The provider did not answer in time; it may still have done the work.", timed_out=True)
    if isinstance(error, (httpx2.TransportError, OSError)):
        return Ambiguous("The connection to the provider broke before it answered; it may still have done the work.")
    return None


def _while_reading(error: BaseException) -> GatewayError | None:
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return Ambiguous("The provider stopped in the middle of its answer.", timed_out=True)
    if isinstance(error, (httpx2.TransportError, httpx2.DecodingError, OSError)):
        return BadResponse("The provider's answer was cut short.")
    return None


_SENDING = Translated(_while_sending)
_READING = Translated(_while_reading)
