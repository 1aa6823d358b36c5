"""ComfyUI's HTTP API as a simulator, with four kinds of nodes.

Source: ComfyUI server.py, execution.py (validate_prompt), nodes.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

Nodes = Mapping[str, Mapping[str, Any]]

MODEL = "sdxl"
"""The checkpoint that is there."""
PICTURES = {MODEL: (1, 1)}
"""Fewest and most pictures that the workflow for edits shows."""


def workflow(*, picture: bool = False, mask: bool = False) -> dict[str, Any]:
    """A template in API format."""
    nodes: dict[str, Any] = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{{model}}.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "photo of {{prompt}}", "clip": ["1", 1]}},
        "3": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": "{{width}}", "height": "{{height}}", "batch_size": "{{ n }}"},
        },
        "4": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "negative": "{{negative_prompt}}", "steps": 20}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["4", 0]}},
    }
    if picture:
        nodes["5"] = {"class_type": "LoadImage", "inputs": {"image": "{{image_0}}"}}
    if mask:
        nodes["6"] = {"class_type": "LoadImage", "inputs": {"image": "{{mask}}"}}
    return nodes


def _refused(kind: str, message: str, nodes: Mapping[str, Any] | None = None) -> Refused:
    error = {"type": kind, "message": message, "details": "", "extra_info": {}}
    return Refused(Reply.json({"error": error, "node_errors": nodes or {}}, status=400))


TRIGGERS: Mapping[str, Reply] = {
    "[500]": Reply.raw(b"500 Internal Server Error\n\nServer got itself in trouble", "text/plain", status=500),
    "[html]": Reply.raw(b"<!doctype html><title>ComfyUI</title>", "text/html"),
    "[unnamed]": Reply.json({"number": 1, "node_errors": {}}),
}
"""A prompt that contains one of these words gets this answer to its order."""


class ComfyuiSimulator(Simulator):
    """Jobs are done after ``looks`` looks. ``key``: of a proxy before it; ``/view`` wants none."""

    channel_options: ClassVar[Mapping[str, Any]] = {
        "workflow": workflow(),
        "edit_workflow": workflow(picture=True),
        "mask_workflow": workflow(picture=True, mask=True),
    }

    def __init__(self, key: str = "") -> None:
        super().__init__()
        self.key = key
        self.looks = 2
        self.files: dict[str, bytes] = {}
        self.results: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self._jobs: dict[str, tuple[Nodes, int]] = {}

    @property
    def base_url(self) -> str:
        """The server's origin."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints."""
        return [
            ("POST", "/prompt", self._with_key(self._prompt)),
            ("GET", "/history/{job}", self._with_key(self._history)),
            ("GET", "/view", self._view),
            ("POST", "/upload/image", self._with_key(self._upload)),
            ("POST", "/queue", self._with_key(self._queue)),
            ("GET", "/system_stats", self._with_key(self._stats)),
        ]

    async def _prompt(self, request: Recorded) -> Reply:
        nodes: Nodes = request.json.get("prompt") or {}
        if not nodes:
            raise _refused("no_prompt", "No prompt provided")
        self._check(nodes)
        for word, reply in TRIGGERS.items():
            if word in nodes["2"]["inputs"]["text"]:
                raise Refused(reply)
        job = f"00000000-aaaa-4bbb-8ccc-{len(self._jobs):012}"
        self._jobs[job] = (nodes, self.looks)
        return Reply.json({"prompt_id": job, "number": len(self._jobs), "node_errors": {}})

    def _check(self, nodes: Nodes) -> None:
        if not any(node["class_type"] == "SaveImage" for node in nodes.values()):
            raise _refused("prompt_no_outputs", "Prompt has no outputs")
        for name, node in nodes.items():
            inputs = node["inputs"]
            if node["class_type"] == "LoadImage" and inputs["image"] not in self.files:
                raise _fault(name, "custom_validation_failed", "image", f"Invalid image file: {inputs['image']}")
            if node["class_type"] == "CheckpointLoaderSimple" and inputs["ckpt_name"] != "sdxl.safetensors":
                raise _fault(name, "value_not_in_list", "ckpt_name", "Value not in list")
            for edge in ("width", "height"):
                if node["class_type"] == "EmptyLatentImage" and not isinstance(inputs[edge], int):
                    raise _fault(name, "invalid_input_type", edge, f"Failed to convert {edge}")
            if node["class_type"] == "KSampler" and int(inputs["seed"]) < 0:
                raise _fault(name, "value_smaller_than_min", "seed", "Value -1 smaller than min of 0")

    async def _history(self, request: Recorded) -> Reply:
        job = request.path_params["job"]
        nodes, left = self._jobs.get(job, ({}, 1))
        if left > 0:
            self._jobs[job] = (nodes, left - 1)
            return Reply.json({})
        text = nodes["2"]["inputs"]["text"]
        if "[broken]" in text:
            told = ["execution_error", {"prompt_id": job, "exception_type": "torch.OutOfMemoryError", "node_id": "4"}]
            status = {"status_str": "error", "completed": False, "messages": [told]}
            return Reply.json({job: {"prompt": [], "outputs": {}, "status": status}})
        outputs = {} if "[empty]" in text else self._outputs(job, nodes)
        return Reply.json({job: {"prompt": [], "outputs": outputs, "status": {"status_str": "success", "completed": True}}})

    def _outputs(self, job: str, nodes: Nodes) -> dict[str, Any]:
        latent = nodes["3"]["inputs"]
        files = []
        for number in range(int(latent["batch_size"])):
            name = f"{job[-3:]} {number}&_.png"
            self.results[name] = drawn(f"{latent['width']}x{latent['height']}", number)
            files.append({"filename": name, "subfolder": "", "type": "output"})
        preview = {"images": [{"filename": "p.png", "subfolder": "", "type": "temp"}]}
        return {"8": preview, "9": {"images": files}, "10": {"text": ["a"]}}

    async def _view(self, request: Recorded) -> Reply:
        data = self.results.get(request.query.get("filename", ""))
        return Reply(404, [Piece(b"")]) if data is None else Reply.raw(data, "image/png")

    async def _upload(self, request: Recorded) -> Reply:
        part = next(part for part in request.files if part.name == "image")
        pictures.look(part.data)
        assert part.filename
        self.files[part.filename] = part.data
        return Reply.json({"name": part.filename, "subfolder": "", "type": request.fields.get("type", "input")})

    async def _queue(self, request: Recorded) -> Reply:
        self.deleted += request.json.get("delete", [])
        return Reply(200)

    async def _stats(self, request: Recorded) -> Reply:
        return Reply.json({"system": {"os": "posix"}, "devices": []})

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(Reply.raw(b"Unauthorized", "text/plain", status=401))
            return await handler(request)

        return checked


def _fault(node: str, kind: str, name: str, message: str) -> Refused:
    fault = {"type": kind, "message": message, "details": name, "extra_info": {"input_name": name}}
    nodes = {node: {"errors": [fault], "dependent_outputs": ["9"], "class_type": "x"}}
    return _refused("prompt_outputs_failed_validation", "Prompt outputs failed validation", nodes)
