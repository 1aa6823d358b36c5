"""glibc's allocator for a server whose buffers are a quarter of a megabyte and come by the thousand."""

from __future__ import annotations

import ctypes
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""mallopt(3)."""
_MIB = 1024 * 1024


def tune(libc: Any = None) -> bool:
    """One arena, and no page is given back to the kernel just to be asked for again with the next piece of an upload.

    By default each thread has an arena of its own, and buffers that one thread fills and another frees spread over all of them;
    and what is larger than 128 KiB is mapped, cleared and unmapped each time. ``libc``: the C library, for tests. False where
    it is not glibc, and nothing is changed.
    """
    try:
        mallopt = (libc or ctypes.CDLL(None)).mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 4 * _MIB), (_TRIM_THRESHOLD, 4 * _MIB))
    done = [mallopt(option, value) for option, value in wanted]
    return all(done)
