"""A gateway that refuses, shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.bad_requests import Lab


@pytest.fixture(scope="module")
def _running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("gateway")) as lab:
        yield lab


@pytest.fixture
def lab(_running_lab: Lab) -> Lab:
    """A gateway with tight limits in front of a simulator that has seen nothing yet."""
    _running_lab.simulator.requests.clear()
    return _running_lab
