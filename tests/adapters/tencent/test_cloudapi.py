"""Fields, answers and codes of Tencent Cloud API 3.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from imagegate.adapters._tencent import cloudapi
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageLink
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    Unavailable,
)


@pytest.mark.parametrize(
    ("given", "extra", "sent"),
    [
        ({}, {}, {"LogoAdd": 0}),
        ({}, {"watermark": True}, {"LogoAdd": 1}),
        ({"size": "1280x720"}, {}, {"LogoAdd": 0, "Resolution": "1280:720"}),
        ({"size": "auto"}, {}, {"LogoAdd": 0}),
        ({"n": 3, "style": "riman"}, {}, {"LogoAdd": 0, "Num": 3, "Style": "riman"}),
        ({}, {"seed": 7, "negative_prompt": "fog"}, {"LogoAdd": 0, "Seed": 7, "NegativePrompt": "fog"}),
        ({}, {"revise": False}, {"LogoAdd": 0, "Revise": 0}),
    ],
)
def test_fields(given: Mapping[str, Any], extra: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    request = ImageRequest(Operation.GENERATE, "hunyuan-image", "a cat", **given)
    assert cloudapi.fields(request, extra, logo=False) == {"Prompt": "a cat", **sent}


def test_only_names_in_tencents_spelling_are_passed() -> None:
    assert cloudapi.passed({"Clarity": "x2", "steps": 3, "": 1}) == {"Clarity": "x2"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("OperationDenied.TextIllegalDetected", ContentRefused),
        ("OperationDenied.ImageIllegalDetected", ContentRefused),
        ("OperationDenied.Other", AuthFailed),
        ("RequestLimitExceeded", RateLimited),
        ("RequestLimitExceeded.JobNumExceed", RateLimited),
        ("LimitExceeded", RateLimited),
        ("ResourceUnavailable.InArrears", AuthFailed),
        ("ResourceUnavailable.LowBalance", AuthFailed),
        ("AuthFailure.SignatureFailure", AuthFailed),
        ("UnauthorizedOperation", AuthFailed),
        ("InvalidParameterValue.TextLengthExceed", InvalidRequest),
        ("InvalidParameter", InvalidRequest),
        ("FailedOperation.ImageDecodeFailed", InvalidRequest),
        ("FailedOperation.GenerateImageFailed", Ambiguous),
        ("FailedOperation.RequestTimeout", Ambiguous),
        ("InternalError", Ambiguous),
        ("ResourceInsufficient", Unavailable),
        ("InvalidAction", ModelMissing),
        ("SomethingNew", BadResponse),
        (None, BadResponse),
    ],
)
def test_each_code_is_its_error(code: str | None, expected: type[GatewayError]) -> None:
    with pytest.raises(expected) as caught:
        cloudapi.response({"Response": {"Error": {"Code": code, "Message": "It failed"}, "RequestId": "r"}})
    assert type(caught.value) is expected
    assert caught.value.message.endswith(".")
    with pytest.raises(expected):
        cloudapi.finished({"JobStatusCode": "4", "JobErrorCode": code, "JobErrorMsg": "It failed"})


@pytest.mark.parametrize("document", [None, [], {}, {"Response": []}, {"Response": None}])
def test_no_response_at_all(document: Any) -> None:
    with pytest.raises(BadResponse):
        cloudapi.response(document)


@pytest.mark.parametrize(("status", "done"), [("1", False), ("2", False), (2, False), ("5", True), (5, True), (None, False)])
def test_when_a_job_is_done(status: Any, done: bool) -> None:
    assert cloudapi.finished({"JobStatusCode": status}) is done


def test_pictures_of_a_job() -> None:
    job = {"ResultImage": ["https://x.test/0", "", "https://x.test/2"], "RevisedPrompt": ["one", "two"], "Seed": 7}
    assert list(cloudapi.pictures(job)) == [
        CompletedImage(ImageLink("https://x.test/0"), ImageDetails(revised_prompt="one")),
        CompletedImage(ImageLink("https://x.test/2")),
        Finished(extra={"Seed": 7}),
    ]
    assert list(cloudapi.pictures({"ResultImage": "https://x.test/0"}))[:1] == [CompletedImage(ImageLink("https://x.test/0"))]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({}, BadResponse),
        ({"ResultImage": None, "ResultDetails": None}, BadResponse),
        ({"ResultImage": ["file:///etc/passwd"], "ResultDetails": ["Success"]}, BadResponse),
        ({"ResultImage": [""], "ResultDetails": ["OperationDenied.ImageIllegalDetected"]}, ContentRefused),
        ({"ResultImage": [""], "ResultDetails": ["SomethingNew"]}, BadResponse),
    ],
)
def test_no_pictures(job: Mapping[str, Any], expected: type[GatewayError]) -> None:
    with pytest.raises(expected):
        list(cloudapi.pictures(job))
