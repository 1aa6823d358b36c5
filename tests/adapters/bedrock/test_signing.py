"""AWS signatures."""

from __future__ import annotations

import pytest

from imagegate.adapters._bedrock.signing import AccessKey, is_pair, region_of, signed
from imagegate.errors import AuthFailed

URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a/invoke"
KEY = AccessKey("SIMULATEDACCESSKEY01", "secret-of-the-simulator")


def signature(content: bytes = b"{}", key: AccessKey = KEY, region: str = "us-east-1") -> str:
    return signed(URL, content, {"content-type": "application/json"}, key, region)["Authorization"].rpartition("Signature=")[2]


def test_the_scope_names_day_region_and_service() -> None:
    headers = signed(URL, b"{}", {"content-type": "application/json"}, KEY, "eu-west-1")
    day = headers["X-Amz-Date"][:8]
    assert f"Credential=SIMULATEDACCESSKEY01/{day}/eu-west-1/bedrock/aws4_request" in headers["Authorization"]
    assert headers["content-type"] == "application/json"


def test_body_key_and_region_change_the_signature() -> None:
    other = AccessKey(KEY.id, "another-secret")
    assert len({signature(), signature(b"{ }"), signature(key=other), signature(region="us-west-2")}) == 4


def test_a_session_goes_along() -> None:
    headers = signed(URL, b"", {}, AccessKey("a", "b", "token"), "us-east-1")
    assert headers["X-Amz-Security-Token"] == "token"


def test_keys_are_read_and_never_shown() -> None:
    key = AccessKey.parse("id:secret:session:with:colons")
    assert (key.id, key.secret, key.session) == ("id", "secret", "session:with:colons")
    assert "secret" not in repr(key)
    assert is_pair("a:b") and not is_pair("bedrock-api-key")


@pytest.mark.parametrize("text", ["", "alone", "id:", ":secret"])
def test_half_a_key_is_the_operators_mistake(text: str) -> None:
    with pytest.raises(AuthFailed):
        AccessKey.parse(text)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (URL, "us-east-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("http://127.0.0.1:1", "other"),
    ],
)
def test_the_host_names_the_region(url: str, region: str) -> None:
    assert region_of(url, "other") == region
