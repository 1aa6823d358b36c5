"""Tencent's image APIs as a simulator: TokenHub's routes, and Cloud API 3.0 with its signature, jobs and errors in HTTP 200.

Source: cloud.tencent.com/document/product/1823, /document/api/1729, /document/api/1668, /document/api/213/30654 (signature).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.surface import Surface
from tests.support import pictures

KEY = "sk-simulator-0123456789abcdef"
Api = Literal["tokenhub", "hunyuan", "aiart"]
_VERSIONS = {"hunyuan": "2023-09-01", "aiart": "2022-12-29"}
_WIDE = {"640:1408", "704:1344", "768:1280", "832:1216", "896:1152", "960:1088", "1024:1024"}
_EIGHT = {"768:768", "768:1024", "1024:768", "1024:1024", "720:1280", "1280:720", "768:1280", "1280:768"}
_WITH_REFERENCE = {"768:768", "768:1024", "1024:768", "1024:1024"}
_RESOLUTIONS: Mapping[str, set[str]] = {
    "SubmitHunyuanImageJob": _EIGHT,
    "TextToImageLite": _EIGHT,
    "SubmitTextToImageProJob": _EIGHT,
    "SubmitTextToImageJob": _WIDE | {":".join(reversed(size.split(":"))) for size in _WIDE},
}
_COMMON = {"Prompt", "Resolution", "LogoAdd", "LogoParam", "Revise"}
_FIELDS: Mapping[str, set[str]] = {
    "SubmitHunyuanImageJob": {"NegativePrompt", "Style", "Num", "Clarity", "ContentImage", "Seed"},
    "TextToImageLite": {"NegativePrompt", "Style", "Seed", "RspImgType"},
    "SubmitTextToImageProJob": {"Style", "Engine"},
    "SubmitTextToImageJob": {"Seed", "Images"},
}
_ACTIONS: Mapping[str, set[str]] = {
    "hunyuan": {"SubmitHunyuanImageJob", "TextToImageLite"},
    "aiart": {"SubmitTextToImageProJob", "SubmitTextToImageJob", "TextToImageLite"},
}
_SEEDREAM = {"model", "prompt", "images", "size", "output_format", "response_format", "watermark", "layer_decomposition"}
_SEEDREAM_ROUTE = (_SEEDREAM | {"sequential_image_generation"}, 14)
_TOKENHUB: Mapping[str, tuple[set[str], int]] = {
    "wand/si-image/generation": _SEEDREAM_ROUTE,
    "wand/hunyuan-image/v3-generation": ({"model", "prompt", "images", "size", "seed", "footnote", "revise"}, 3),
    "images/generations": _SEEDREAM_ROUTE,
}
_HTTP: Mapping[str, Reply] = {
    "[rate]": Reply.json({"error": {"message": "The number of concurrent requests exceeds the limit."}}, status=429),
    "[busy]": Reply.json({"error": {"message": "Overloaded."}}, status=503),
    "[balance]": Reply.json({"error": {"message": "The account is in arrears."}}, status=402),
    "[content]": Reply.json({"error": {"message": "Input or output moderation failed."}}, status=422),
    "[content 200]": Reply.json({"error": {"type": "invalid_request_error", "code": "content_filter", "message": "rejected"}}),
    "[500]": Reply.json({"error": {"message": "Internal error."}}, status=500),
    "[no_data]": Reply.json({"id": "1", "created": 1, "data": []}),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}
_CODES = {
    "[rate]": "RequestLimitExceeded.JobNumExceed",
    "[busy]": "ResourceInsufficient",
    "[balance]": "ResourceUnavailable.InArrears",
    "[content]": "OperationDenied.TextIllegalDetected",
    "[500]": "InternalError",
    "[unknown]": "SomethingNew.Entirely",
}


def surfaces() -> list[Surface]:
    """TokenHub with an API key, and both products of API 3.0 with a pair of keys."""
    pair = "AKIDsimulator:0123456789abcdef"
    return [
        Surface(TencentSimulator(), ("seedream-*", "hy-*")),
        Surface(TencentSimulator(pair, "hunyuan"), ("hunyuan-*",), {"api": "hunyuan"}),
        Surface(TencentSimulator(pair, "aiart"), ("aiart-*",), {"api": "aiart"}),
    ]


def error(code: str, message: str = "It failed") -> Reply:
    """API 3.0's refusal: HTTP 200."""
    return Reply.json({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "req-1"}})


@dataclass(slots=True, eq=False)
class Job:
    """A submitted job. ``left``: looks until it is done."""

    action: str
    left: int
    fields: Mapping[str, Any]
    made: list[bytes] = field(default_factory=list)


class TencentSimulator(Simulator):
    """``api``: which surface ``base_url`` names. ``key``: an API key, or ``SecretId:SecretKey``. ``looks``: until a job is done.

    ``fails``: the code with which jobs end. ``kept_back``: the code of the pictures that did not pass, and how many.
    """

    def __init__(self, key: str = KEY, api: Api = "tokenhub") -> None:
        super().__init__()
        self.key = key
        self.api = api
        self.looks = 2
        self.fails: str | None = None
        self.kept_back: tuple[str, int] = ("", 0)
        self.jobs: dict[str, Job] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1" if self.api == "tokenhub" else self.url

    def routes(self) -> Sequence[RouteRow]:
        """Both surfaces, and where the urls of results point."""
        hub: list[RouteRow] = [("POST", f"/v1/{path}", self._hub) for path in _TOKENHUB]
        return [*hub, ("POST", "/", self._cloud), ("GET", "/files/{job}/{number}", self._file)]

    async def _hub(self, request: Recorded) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(Reply.json({"error": {"message": "Authentication failed."}}, status=401))
        fields = {name: value for name, value in request.json.items() if value is not None}
        allowed, most = _TOKENHUB[request.path.removeprefix("/v1/")]
        unknown = [name for name in fields if name not in allowed and not name.startswith("x_")]
        images = fields.get("images", [])
        if unknown or not fields.get("prompt") or len(images) > most or not all(map(_is_picture, images)):
            text = f"Invalid parameters {unknown}."
            raise Refused(Reply.json({"error": {"message": text, "code": "invalid_parameter"}}, status=400))
        for word, reply in _HTTP.items():
            if word in fields["prompt"]:
                raise Refused(reply)
        size = fields.get("size", "1024x1024")
        kind: pictures.Format = "jpeg" if fields.get("output_format") == "jpeg" else "png"
        job = Job("hub", 0, fields, [drawn(size, kind=kind)])
        item = {"url": self._url(request, job), "size": size, "revised_prompt": "An orange kitten"}
        told = {"request_id": "3aec3299", "tokenhub_usage": {"total_tokens": 1024}, "usage": {"total_tokens": 1024}}
        return Reply.json({"id": "4-WandImage-1", "created": int(time.time()), "data": [item], **told})

    async def _cloud(self, request: Recorded) -> Reply:
        self._check_signature(request)
        action, fields = request.headers["x-tc-action"], request.json
        if request.headers.get("x-tc-version") != _VERSIONS[self.api]:
            raise Refused(error("NoSuchVersion"))
        if action.startswith("Query"):
            return self._look(request, action, fields)
        if action not in _ACTIONS[self.api]:
            raise Refused(error("InvalidAction", f"The request action={action} is invalid or not found."))
        _check(action, fields)
        for word, code in _CODES.items():
            if word in fields["Prompt"]:
                raise Refused(error(code))
        if "[html]" in fields["Prompt"]:
            raise Refused(_HTTP["[html]"])
        job = Job(action, self.looks, fields)
        if action == "TextToImageLite":
            job.made = [drawn(_size(fields))]
            return Reply.json({"Response": {"ResultImage": self._url(request, job), "Seed": 7, "RequestId": "req-1"}})
        name = f"1250000000-{len(self.jobs)}"
        self.jobs[name] = job
        return Reply.json({"Response": {"JobId": name, "RequestId": "req-1"}})

    def _look(self, request: Recorded, action: str, fields: Mapping[str, Any]) -> Reply:
        job = self.jobs.get(str(fields.get("JobId")))
        if job is None or action != job.action.replace("Submit", "Query"):
            raise Refused(error("FailedOperation.JobNotExist", "The job does not exist."))
        job.left -= 1
        if job.left > 0:
            running = {"JobStatusCode": "2", "JobStatusMsg": "处理中", "JobErrorCode": "", "JobErrorMsg": ""}
            return Reply.json({"Response": {**running, "ResultImage": [], "RequestId": "req-1"}})
        if self.fails is not None:
            failed = {"JobStatusCode": "4", "JobErrorCode": self.fails, "JobErrorMsg": "处理失败"}
            return Reply.json({"Response": {**failed, "RequestId": "req-1"}})
        return Reply.json({"Response": {**self._done(request, job), "RequestId": "req-1"}})

    def _done(self, request: Recorded, job: Job) -> dict[str, Any]:
        code, missing = self.kept_back
        count = 0 if "[no_data]" in job.fields["Prompt"] else job.fields.get("Num", 1)
        job.made = [drawn(_size(job.fields), number) for number in range(count)]
        urls = ["" if number < missing else self._url(request, job, number) for number in range(count)]
        return {
            "JobStatusCode": "5",
            "JobStatusMsg": "处理完成",
            "ResultImage": urls,
            "ResultDetails": [code if number < missing else "Success" for number in range(count)],
            "RevisedPrompt": [f"{job.fields['Prompt']}!"] * count,
        }

    def _url(self, request: Recorded, job: Job, number: int = 0) -> str:
        if not any(known is job for known in self.jobs.values()):
            self.jobs[f"file-{len(self.jobs)}"] = job
        name = next(name for name, known in self.jobs.items() if known is job)
        return f"http://{request.headers['host']}/files/{name}/{number}"

    async def _file(self, request: Recorded) -> Reply:
        job = self.jobs[request.path_params["job"]]
        return Reply.raw(job.made[int(request.path_params["number"])], "image/png")

    def _check_signature(self, request: Recorded) -> None:
        match = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=([^/]+)/([\d-]+)/(\w+)/tc3_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})",
            request.headers.get("authorization", ""),
        )
        if match is None:
            raise Refused(error("AuthFailure.InvalidAuthorization"))
        identity, date, service, signed, signature = match.groups()
        known, _, secret = self.key.partition(":")
        if identity != known:
            raise Refused(error("AuthFailure.SecretIdNotFound"))
        stamp = int(request.headers["x-tc-timestamp"])
        if abs(time.time() - stamp) > 300 or date != datetime.fromtimestamp(stamp, UTC).date().isoformat():
            raise Refused(error("AuthFailure.SignatureExpire"))
        headers = {**request.headers, "x-tc-action": request.headers["x-tc-action"].lower()}
        lines = "".join(f"{name}:{headers[name]}\n" for name in signed.split(";"))
        body = hashlib.sha256(request.body).hexdigest()
        canonical = hashlib.sha256(f"POST\n{request.path}\n\n{lines}\n{signed}\n{body}".encode()).hexdigest()
        text = f"TC3-HMAC-SHA256\n{stamp}\n{date}/{service}/tc3_request\n{canonical}"
        by_date = hmac.digest(f"TC3{secret}".encode(), date.encode(), "sha256")
        by_service = hmac.digest(hmac.digest(by_date, service.encode(), "sha256"), b"tc3_request", "sha256")
        if hmac.digest(by_service, text.encode(), "sha256").hex() != signature or service != self.api:
            raise Refused(error("AuthFailure.SignatureFailure"))


def _check(action: str, fields: Mapping[str, Any]) -> None:
    unknown = [name for name in fields if name not in _COMMON | _FIELDS[action]]
    if unknown:
        raise Refused(error("UnknownParameter", f"The parameter `{unknown[0]}` is not recognized."))
    if not fields.get("Prompt"):
        raise Refused(error("MissingParameter", "The request is missing a required parameter `Prompt`."))
    if len(fields["Prompt"]) > (100 if "Pro" in action else 1024):
        raise Refused(error("InvalidParameterValue.TextLengthExceed", "The text is too long."))
    resolution = fields.get("Resolution", "1024:1024")
    if resolution not in (_WITH_REFERENCE if "ContentImage" in fields else _RESOLUTIONS[action]):
        raise Refused(error("InvalidParameterValue", "Resolution is invalid."))
    if fields.get("LogoAdd", 1) not in {0, 1} or not 1 <= fields.get("Num", 1) <= 4:
        raise Refused(error("InvalidParameterValue", "LogoAdd or Num is invalid."))
    if "ContentImage" in fields and not _is_picture(fields["ContentImage"].get("ImageBase64", "")):
        raise Refused(error("FailedOperation.ImageDecodeFailed", "The image could not be decoded."))


def _size(fields: Mapping[str, Any]) -> str:
    return str(fields.get("Resolution", "1024:1024")).replace(":", "x")


def _is_picture(reference: str) -> bool:
    if reference.startswith(("http://", "https://")):
        return True
    try:
        return pictures.look(base64.b64decode(re.sub(r"^data:image/\w+;base64,", "", reference), validate=True)).size > (0, 0)
    except (ValueError, OSError):
        return False
