"""Large JSON answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from imagegate.adapters.shape.documents import large_json
from imagegate.errors import BadResponse
from tests.simulators.base import Recorded, Reply, RouteRow, Simulator
from tests.upstream.accounts import account


class Printer(Simulator):
    """Answers what it was told to."""

    body = b""

    def routes(self) -> list[RouteRow]:
        return [("GET", "/", self.answer)]

    async def answer(self, request: Recorded) -> Reply:
        return Reply.raw(self.body, "application/json")


@pytest.mark.parametrize("size", [10, 20_000_000])
async def test_documents_of_any_size(size: int) -> None:
    with Printer() as printer, ThreadPoolExecutor(1) as executor:
        printer.body = orjson.dumps({"picture": "A" * size})
        async with account(printer.url) as upstream, upstream.get("/") as answer:
            assert len((await large_json(answer, executor))["picture"]) == size


@pytest.mark.parametrize("body", [b"<html>", b"<" * 100_000, b""])
async def test_what_is_no_json(body: bytes) -> None:
    with Printer() as printer, ThreadPoolExecutor(1) as executor:
        printer.body = body
        async with account(printer.url) as upstream, upstream.get("/") as answer:
            with pytest.raises(BadResponse):
                await large_json(answer, executor)
