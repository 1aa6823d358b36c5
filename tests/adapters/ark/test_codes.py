"""Which verdict an Ark code has; the errors are tested with the adapter."""

from __future__ import annotations

import pytest

from imagegate.adapters._ark.codes import inside, told, verdict_of
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.errors import BadResponse, ContentRefused


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("InputImageSensitiveContentDetected.PrivacyInformation", Verdict.CONTENT),
        ("OutputImageRiskDetection", Verdict.CONTENT),
        ("RateLimitExceeded.EndpointRPMExceeded", Verdict.RATE),
        ("RequestBurstTooFast", Verdict.RATE),
        ("InvalidEndpointOrModel.NotFound", Verdict.MODEL),
        ("SensitiveContentDetectedNot", None),
        (None, None),
    ],
)
def test_the_first_part_counts(code: str | None, verdict: Verdict | None) -> None:
    assert verdict_of({"code": code}) is verdict


def test_an_error_inside() -> None:
    assert isinstance(inside({"error": {"code": "OutputImageSensitiveContentDetected"}}), ContentRefused)
    assert isinstance(inside({"error": {"code": "New"}}), BadResponse)
    assert told({"error": {"message": "No size Request id: 0123abc"}}) == {"message": "No size"}
