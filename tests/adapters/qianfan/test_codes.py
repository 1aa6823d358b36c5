"""Qianfan's codes in both spellings; which error each becomes is tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._qianfan import codes
from imagegate.errors import ContentRefused, RateLimited
from tests.adapters.simulated import same_error


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        ({"error": {"code": "prompt_unsafe", "message": "no"}}, "prompt_unsafe", "no"),
        ({"error": {"code": None, "message": "no"}}, "", "no"),
        ({"error_code": 18, "error_msg": "slow"}, "18", "slow"),
        ({"error_code": 0, "error_msg": ""}, "", ""),
        ({"error": "gone"}, "", "gone"),
        ([], "", None),
        (None, "", None),
    ],
)
def test_what_an_answer_tells(document: Any, code: str, message: str | None) -> None:
    assert codes.told(document) == {"code": code, "message": message}


def test_families_and_strangers() -> None:
    same_error(_error("audio_url_unsafe"), ContentRefused)
    same_error(_error("tpm_rate_limit_exceeded"), RateLimited)
    assert codes.by_code({"code": "new_code"}, codes.INSIDE) is None


def _error(code: str) -> Any:
    return codes.by_code({"code": code, "message": "why"}, codes.INSIDE)
