"""The row of an adapter."""

from __future__ import annotations

import pytest

from imagegate.adapters.base import AdapterRow, origin_of


@pytest.mark.parametrize(
    ("check", "base_url", "url"),
    [
        (None, "https://a.example/v1", None),
        ("/models?pageSize=1", "https://a.example/v1", "/models?pageSize=1"),
        ("{origin}/v1/user", "https://a.example/v2/images", "https://a.example/v1/user"),
        ("{origin}/v1/user", "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/user"),
    ],
)
def test_where_the_free_check_is(check: str | None, base_url: str, url: str | None) -> None:
    row = AdapterRow("acme", lambda _: pytest.fail("not made"), free_check=check)
    assert row.check_url(base_url) == url


def test_an_origin_has_no_path() -> None:
    assert origin_of("https://a.example:8443/v1/x?y=/z") == "https://a.example:8443"
