"""Tencent's signature against the example of its documentation."""

from __future__ import annotations

import hashlib

from imagegate.adapters._tencent.signing import Call, signed_headers

BODY = r'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
STARS = "*" * 32


def test_the_documented_example() -> None:
    call = Call("cvm", "2017-03-12", "DescribeInstances", "ap-guangzhou", "cvm.tencentcloudapi.com")
    digest = hashlib.sha256(BODY.encode()).hexdigest()
    assert digest == "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
    headers = signed_headers(call, f"AKID{STARS}:{STARS}", digest, 1551113065, "application/json; charset=utf-8")
    assert headers == {
        "authorization": (
            f"TC3-HMAC-SHA256 Credential=AKID{STARS}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, "
            "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
        ),
        "content-type": "application/json; charset=utf-8",
        "x-tc-action": "DescribeInstances",
        "x-tc-version": "2017-03-12",
        "x-tc-region": "ap-guangzhou",
        "x-tc-timestamp": "1551113065",
    }


def test_everything_that_is_signed_matters() -> None:
    call = Call("hunyuan", "2023-09-01", "A", "ap-guangzhou", "h.test")
    variants = [
        signed_headers(call, "id:secret", "0" * 64, 1),
        signed_headers(call, "id:other", "0" * 64, 1),
        signed_headers(call, "id:secret", "1" * 64, 1),
        signed_headers(call, "id:secret", "0" * 64, 2),
        signed_headers(Call("hunyuan", "2023-09-01", "B", "ap-guangzhou", "h.test"), "id:secret", "0" * 64, 1),
        signed_headers(Call("hunyuan", "2023-09-01", "A", "ap-guangzhou", "i.test"), "id:secret", "0" * 64, 1),
        signed_headers(Call("hunyuan", "2023-09-01", "A", "ap-guangzhou", "h.test", "/p/"), "id:secret", "0" * 64, 1),
        signed_headers(Call("aiart", "2023-09-01", "A", "ap-guangzhou", "h.test"), "id:secret", "0" * 64, 1),
    ]
    assert len({headers["authorization"][-64:] for headers in variants}) == len(variants)
