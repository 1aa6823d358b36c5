"""Waiting for something to become true, with an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_STEP = 0.002


async def until(condition: Callable[[], object], seconds: float = 5.0, what: str = "") -> None:
    """Return once ``condition()`` is true. Raises AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(_STEP)


def wait_until(condition: Callable[[], object], seconds: float = 5.0, what: str = "") -> None:
    """``until`` for tests without a loop."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        time.sleep(_STEP)
