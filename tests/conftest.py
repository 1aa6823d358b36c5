"""What every test has: asyncio as the loop, and no way off this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.support.network_guard import NetworkGuard

_GUARD = pytest.StashKey[NetworkGuard]()


def _silent(*_: object) -> str:
    raise structlog.DropEvent


def pytest_configure(config: pytest.Config) -> None:
    """Put the guard up before anything is imported for a test."""
    structlog.configure(processors=[_silent])  # whoever tests log lines configures them
    guard = NetworkGuard()
    guard.install()
    config.stash[_GUARD] = guard


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Plain asyncio for every async test."""
    return "asyncio"


@pytest.fixture(scope="session")
def network_guard(pytestconfig: pytest.Config) -> NetworkGuard:
    """The guard of this process; a test that provokes a violation clears ``violations`` itself."""
    return pytestconfig.stash[_GUARD]


@pytest.fixture(autouse=True)
def stays_on_this_machine(network_guard: NetworkGuard) -> Iterator[None]:
    """Fails a test whose code tried to leave the machine, even if the code swallowed the error."""
    yield
    violations, network_guard.violations = network_guard.violations, []
    assert not violations, f"tried to leave the machine: {violations}"
