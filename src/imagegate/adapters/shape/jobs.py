"""Submit-and-poll: after the submit the work is ordered, so no failure may lead to ordering it again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagegate.errors import Ambiguous, UpstreamError


@contextmanager
def paid() -> Iterator[None]:
    """Around everything after the submit. Errors that would let the relay try another candidate become Ambiguous."""
    try:
        yield
    except UpstreamError as error:
        if not error.next_candidate:
            raise
        raise Ambiguous("The provider took the job and then could not be asked about it.") from error
