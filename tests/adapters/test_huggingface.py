"""The huggingface adapter against its simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.base import Adapter
from imagegate.adapters.huggingface import HuggingFaceAdapter
from imagegate.catalog.loader import Catalog
from imagegate.domain.events import CompletedImage, ImageBytes
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    ModelNotFound,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.absent import ABSENT
from tests.adapters.contract import SECRET, Bench, Failure, completed, reference
from tests.adapters.linked import LinkedContract
from tests.adapters.simulated import SimulatedBench, classified, same_error
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.huggingface import VERSION, HuggingFaceSimulator
from tests.support import pictures

SCHNELL = "black-forest-labs/FLUX.1-schnell"
KONTEXT = "black-forest-labs/FLUX.1-Kontext-dev"


@pytest.fixture(scope="module")
def adapter() -> Iterator[HuggingFaceAdapter]:
    with ThreadPoolExecutor(1) as executor:
        yield HuggingFaceAdapter(Catalog.load(), executor)


class HuggingFaceBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar[Mapping[Failure, str]] = {
        Failure.RATE_LIMIT: "[rate_limit]",
        Failure.OVERLOADED: "[503]",
        Failure.NO_CREDIT: "[quota]",
        Failure.SERVER: "[500]",
        Failure.NO_PICTURE: "[no_data]",
        Failure.NOT_JSON: "[html]",
    }
    cut = Reply(200, [Piece(b"\x89PNG\r\n\x1a\n")], {"content-type": "image/png"}, length=5000, ending=Ending.CLOSE)

    def __init__(self, simulator: Any, adapter: Adapter, model: str = SCHNELL, **options: Any) -> None:
        super().__init__(simulator, adapter, model, **options)
        if options.get("provider") == "fal-ai":
            vars(self)["words"] = {**self.words, Failure.CONTENT: "[policy]"}
        else:
            vars(self)["unheard_of"] = frozenset(ABSENT["huggingface"])
        if options.get("provider", "hf-inference") not in {"hf-inference", "endpoint"}:
            vars(self)["cut"] = Reply.raw(b'{"data":[{"b64_json":"iVBORw0KGgo', "application/json")


class TestHuggingFace(LinkedContract):
    """The contract with each provider, and what is special to the router."""

    @pytest.fixture
    def simulator(self) -> Iterator[HuggingFaceSimulator]:
        with HuggingFaceSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(
        params=[
            ("hf-inference", SCHNELL),
            ("together", "black-forest-labs/FLUX.2-dev"),
            ("fal-ai", "fal-ai/flux/dev"),
            ("replicate", "black-forest-labs/flux-dev"),
        ],
        ids=lambda param: param[0],
    )
    def bench(
        self, simulator: HuggingFaceSimulator, adapter: HuggingFaceAdapter, request: pytest.FixtureRequest
    ) -> Iterator[Bench]:
        provider, model = request.param
        yield HuggingFaceBench(simulator, adapter, model, provider=provider)

    @pytest.fixture
    def inference(self, simulator: HuggingFaceSimulator, adapter: HuggingFaceAdapter) -> HuggingFaceBench:
        return HuggingFaceBench(simulator, adapter)

    def at(self, bench: Bench, model: str, provider: str) -> HuggingFaceBench:
        assert isinstance(bench, HuggingFaceBench)
        return HuggingFaceBench(bench.simulator, bench.adapter, model, provider=provider)

    @pytest.mark.parametrize(
        ("provider", "model", "given", "path", "sent"),
        [
            ("hf-inference", SCHNELL, {}, f"/hf-inference/models/{SCHNELL}", {"inputs": "a red house"}),
            (
                "hf-inference",
                SCHNELL,
                {"size": "640x320", "extra": {"seed": "7", "width": 9, "guidance_scale": 2}},
                f"/hf-inference/models/{SCHNELL}",
                {"inputs": "a red house", "parameters": {"width": 640, "height": 320, "seed": 7, "guidance_scale": 2}},
            ),
            (
                "endpoint",
                "anything",
                {"size": "640x320"},
                "/",
                {"inputs": "a red house", "parameters": {"width": 640, "height": 320}},
            ),
            (
                "together",
                "black-forest-labs/FLUX.1-schnell-Free",
                {"size": "640x320", "extra": {"num_inference_steps": 4, "model": "x"}},
                "/together/v1/images/generations",
                {
                    "model": "black-forest-labs/FLUX.1-schnell-Free",
                    "prompt": "a red house",
                    "response_format": "base64",
                    "width": 640,
                    "height": 320,
                    "steps": 4,
                },
            ),
            (
                "nscale",
                "some/model",
                {"size": "640x320"},
                "/nscale/v1/images/generations",
                {"model": "some/model", "prompt": "a red house", "response_format": "b64_json", "size": "640x320"},
            ),
            (
                "fal-ai",
                "fal-ai/flux/dev",
                {"size": "640x320", "extra": {"seed": 3}},
                "/fal-ai/fal-ai/flux/dev",
                {"prompt": "a red house", "image_size": {"width": 640, "height": 320}, "seed": 3},
            ),
            (
                "replicate",
                "some/model",
                {"extra": {"go_fast": True}},
                "/replicate/v1/models/some/model/predictions",
                {"input": {"prompt": "a red house", "go_fast": True}},
            ),
            (
                "replicate",
                f"some/model:{VERSION}",
                {},
                "/replicate/v1/predictions",
                {"input": {"prompt": "a red house"}, "version": VERSION},
            ),
        ],
    )
    async def test_bodies(
        self,
        inference: HuggingFaceBench,
        transport: Engine,
        provider: str,
        model: str,
        given: Mapping[str, Any],
        path: str,
        sent: Mapping[str, Any],
    ) -> None:
        bench = self.at(inference, model, provider)
        seen = await self.run(bench, transport, self.request(bench, **given))
        assert (bench.last.path, bench.last.json) == (path, sent)
        assert pictures.look(completed(seen)[0]).size == ((640, 320) if "size" in given else (1024, 1024))

    async def test_an_edit_of_hf_inference(self, inference: HuggingFaceBench, transport: Engine) -> None:
        bench = self.at(inference, KONTEXT, "hf-inference")
        picture = reference()
        edit = self.request(bench, operation=Operation.EDIT, images=(picture,), size="512x512", extra={"prompt": "no"})
        seen = await self.run(bench, transport, edit)
        assert bench.last.json == {
            "inputs": base64.b64encode(await picture.content.read()).decode(),
            "parameters": {"prompt": "a red house", "target_size": {"width": 512, "height": 512}},
        }
        event = seen[0].event
        assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
        assert (event.source.encoding, event.details.output_format) == ("raw", "png")

    @pytest.mark.parametrize(
        ("provider", "model", "names"),
        [
            ("together", "black-forest-labs/FLUX.1-kontext-pro", {"image_url"}),
            ("together", "google/flash-image-2.5", {"reference_images"}),
            ("fal-ai", "fal-ai/nano-banana/edit", {"image_url", "image_urls"}),
            ("replicate", "google/nano-banana", {"image", "images", "input_image", "input_images"}),
        ],
    )
    async def test_edits_of_providers(
        self, inference: HuggingFaceBench, transport: Engine, provider: str, model: str, names: set[str]
    ) -> None:
        bench = self.at(inference, model, provider)
        picture = reference()
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=(picture,)))
        body = bench.last.json
        url = pictures.data_url(await picture.content.read())
        found = {name: value for name, value in body.get("input", body).items() if value in (url, [url])}
        assert found.keys() == names

    async def test_pictures_that_have_no_place_are_refused(self, inference: HuggingFaceBench, transport: Engine) -> None:
        several = {"operation": Operation.EDIT, "images": (reference(), reference())}
        bench = self.at(inference, "some/model", "hf-inference")
        with pytest.raises(InvalidRequest, match="one reference picture"):
            await self.run(bench, transport, self.request(bench, **several))
        bench = self.at(inference, "some/model", "nscale")
        with pytest.raises(ModelNotFound):
            await self.run(bench, transport, self.request(bench, **several))
        assert bench.simulator.calls == 0

    async def test_a_prediction_that_is_not_done(
        self, inference: HuggingFaceBench, simulator: HuggingFaceSimulator, transport: Engine
    ) -> None:
        simulator.unfinished = True
        bench = self.at(inference, "some/model", "replicate")
        with pytest.raises(Ambiguous) as caught:
            await self.run(bench, transport, self.request(bench))
        assert caught.value.timed_out
        simulator.script(Reply.json(["odd"]))
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("word", "error", "told"),
        [
            ("[503]", Unavailable, {"retry_after": 20.5}),
            ("[gone]", ModelMissing, {}),
            ("[gated]", AuthFailed, {}),
            ("[list]", InvalidRequest, {"message": "Error in `parameters.width`: must be smaller."}),
            ("[object]", InvalidRequest, {"param": "size"}),
            ("[detail]", InvalidRequest, {"param": "seed", "message": "Bad seed."}),
        ],
    )
    async def test_refusals_of_every_shape(
        self, inference: HuggingFaceBench, transport: Engine, word: str, error: type[GatewayError], told: Mapping[str, Any]
    ) -> None:
        with pytest.raises(error) as caught:
            await self.run(inference, transport, self.request(inference, prompt=word))
        same_error(caught.value, error, **told)

    async def test_an_unknown_model(self, inference: HuggingFaceBench, transport: Engine) -> None:
        bench = self.at(inference, "nobody/nothing", "hf-inference")
        with pytest.raises(ModelMissing):
            await self.run(bench, transport, self.request(bench))

    async def test_channel_overrides_win(self, inference: HuggingFaceBench, transport: Engine) -> None:
        inference.channel = replace(inference.channel, overrides={"seed": 1, "width": 512}, headers={"x-hf-bill-to": "org"})
        await self.run(inference, transport, self.request(inference, size="256x256", extra={"seed": 2}))
        assert inference.last.json["parameters"] == {"seed": 1, "width": 512, "height": 256}
        assert inference.last.headers["x-hf-bill-to"] == "org"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "Bad"}, InvalidRequest),
        (400, {"error": None}, InvalidRequest),
        (400, {"error": []}, InvalidRequest),
        (400, {"message": "Bad"}, InvalidRequest),
        (401, {"error": "Invalid"}, AuthFailed),
        (402, {}, AuthFailed),
        (404, {}, ModelMissing),
        (422, {"title": "Input validation failed", "detail": "- input.x: no"}, InvalidRequest),
        (429, {}, RateLimited),
        (500, {}, Ambiguous),
        (503, {"estimated_time": "soon"}, Unavailable),
        (503, {"estimated_time": -4}, Unavailable),
        (302, {}, BadResponse),
    ],
)
def test_refusals(adapter: HuggingFaceAdapter, status: int, body: Mapping[str, Any], kind: type[GatewayError]) -> None:
    same_error(classified(adapter, status, orjson.dumps(body)), kind)
    same_error(classified(adapter, status, b"<html>"), GatewayError)
