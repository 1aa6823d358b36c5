"""What went wrong on the way to a provider, as our errors.

The one question that matters: may the call be repeated without paying twice? Only when nothing was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from imagegate.errors import Ambiguous, BadResponse, Unavailable

_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError)


@contextmanager
def sending() -> Iterator[None]:
    """Around connecting, sending and waiting for the answer's head. Raises Unavailable (nothing was sent) or Ambiguous."""
    try:
        yield
    except _NOTHING_SENT as error:
        raise Unavailable("The provider could not be reached; try again shortly.") from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Ambiguous("The provider did not answer in time; it may still have done the work.", timed_out=True) from error
    except (httpx2.TransportError, OSError) as error:
        raise Ambiguous("The connection to the provider broke before it answered; it may still have done the work.") from error


@contextmanager
def reading() -> Iterator[None]:
    """Around reading the answer's body. Raises Ambiguous on silence, BadResponse when it is cut short."""
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Ambiguous("The provider stopped in the middle of its answer.", timed_out=True) from error
    except (httpx2.TransportError, httpx2.DecodingError, OSError) as error:
        raise BadResponse("The provider's answer was cut short.") from error
