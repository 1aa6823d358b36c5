"""Answers that are one JSON document with whole pictures inside, where they cannot be cut through."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

import orjson

from imagegate.errors import BadResponse
from imagegate.upstream.client import ANSWER_LIMIT, Answer

_AT_ONCE = 64 * 1024
"""Bytes that are parsed on the event loop: less than a millisecond."""


async def large_json(answer: Answer, executor: Executor) -> Any:
    """The whole body as JSON; a large one is parsed in ``executor``. Raises BadResponse."""
    body = await answer.read(ANSWER_LIMIT)
    try:
        if len(body) <= _AT_ONCE:
            return orjson.loads(body)
        return await asyncio.get_running_loop().run_in_executor(executor, orjson.loads, body)
    except orjson.JSONDecodeError as error:
        raise BadResponse("The provider answered with something that is not JSON.") from error
