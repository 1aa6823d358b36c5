"""The contract for providers with a call that costs nothing and wants the key: ``imagegate channels test`` makes it first."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from imagegate.adapters.base import AdapterRow
from imagegate.errors import AuthFailed
from imagegate.upstream.client import Account, Upstream
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, NoOutside
from tests.adapters.simulated import SimulatedBench


class CheckedContract(AdapterContract):
    """As its base; ``row`` is the adapter's."""

    row: ClassVar[AdapterRow]

    async def test_the_free_check_costs_nothing_and_wants_the_key(self, bench: Bench, transport: Engine) -> None:
        assert isinstance(bench, SimulatedBench) and self.row.free_check is not None
        account = Account(bench.channel.base_url, bench.adapter.headers(bench.channel, SECRET), bench.adapter.failure)
        upstream = Upstream(transport, account, NoOutside(), asyncio.get_running_loop().time() + 5)
        async with upstream.get(self.row.free_check) as answer:
            assert answer.status == 200 and await answer.json()
        vars(bench.simulator)["key"] = "another-key"
        with pytest.raises(AuthFailed):
            async with upstream.get(self.row.free_check):
                pass
        assert bench.simulator.calls == 0
