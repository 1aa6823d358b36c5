"""The stability adapter against its simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import orjson
import pytest

from imagegate.adapters.stability import StabilityAdapter
from imagegate.domain.events import CompletedImage
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, Failure, completed, mask, reference
from tests.adapters.simulated import WORDS, SimulatedBench, catalog, classified, form_of, same_error
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.stability import FUNCTIONS, StabilitySimulator
from tests.support import pictures


class StabilityBench(SimulatedBench):
    """A channel to the simulator."""

    words: ClassVar = {**WORDS, Failure.NO_PICTURE: "[json]"}
    cut = Reply(200, [Piece(b"\x89PNG\r\n\x1a\n")], {"content-type": "image/png"}, length=5000, ending=Ending.CLOSE)


def edited_size(service: str) -> tuple[int, int]:
    """What becomes of a picture of 64x64 (and a margin of 64 on the left)."""
    others = {"outpaint": (128, 64), "style": (1024, 1024), "fast": (256, 256), "conservative": (2048, 2048)}
    return next((size for word, size in others.items() if word in service), (64, 64))


class TestStability(AdapterContract):
    """The contract, and what is special to v2beta."""

    model = "stable-image-ultra"

    @pytest.fixture
    def simulator(self) -> Iterator[StabilitySimulator]:
        with StabilitySimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture
    def adapter(self) -> Iterator[StabilityAdapter]:
        with ThreadPoolExecutor(1) as executor:
            yield StabilityAdapter(catalog(), executor)

    @pytest.fixture
    def bench(self, simulator: StabilitySimulator, adapter: StabilityAdapter) -> Iterator[Bench]:
        yield StabilityBench(simulator, adapter, self.model)

    def at(self, bench: Bench, model: str, **options: Any) -> StabilityBench:
        assert isinstance(bench, StabilityBench)
        return StabilityBench(bench.simulator, bench.adapter, model, **options)

    async def test_a_generation_is_a_form_and_its_picture_bytes(self, bench: Bench, transport: Engine) -> None:
        asked = self.request(bench, size="1792x1024", output_format="jpg", extra={"seed": 7, "negative_prompt": "fog", "n": 4})
        seen = await self.run(bench, transport, asked)
        last = self.at(bench, self.model).last
        assert (last.path, last.headers["accept"]) == ("/v2beta/stable-image/generate/ultra", "image/*")
        assert form_of(last) == [
            ("seed", b"7"),
            ("negative_prompt", b"fog"),
            ("prompt", b"a red house"),
            ("aspect_ratio", b"16:9"),
            ("output_format", b"jpeg"),
        ]
        done = seen[0].event
        assert isinstance(done, CompletedImage)
        assert (done.details.output_format, done.details.extra) == ("jpeg", {"seed": 7})
        assert pictures.look(completed(seen)[0])[:2] == ("jpeg", (1344, 768))

    async def test_an_edit_says_its_strength_and_keeps_its_size(self, bench: Bench, transport: Engine) -> None:
        edit = {"operation": Operation.EDIT, "images": (reference(),), "size": "1024x1024"}
        await self.run(bench, transport, self.request(bench, **edit))
        assert [name for name, _ in form_of(self.at(bench, self.model).last)] == ["prompt", "strength", "image"]
        await self.run(bench, transport, self.request(bench, **edit, extra={"strength": 0.3}))
        assert form_of(self.at(bench, self.model).last)[0] == ("strength", b"0.3")
        large = self.at(bench, "sd3.5-large", strength=0.9)
        await self.run(large, transport, self.request(large, **edit))
        assert form_of(large.last)[:4] == [
            ("prompt", b"a red house"),
            ("model", b"sd3.5-large"),
            ("mode", b"image-to-image"),
            ("strength", b"0.9"),
        ]

    async def test_a_mask_is_white_where_it_was_transparent(self, bench: Bench, transport: Engine) -> None:
        inpaint = self.at(bench, "stable-inpaint")
        edit = self.request(inpaint, operation=Operation.EDIT, images=(reference(),), mask=mask(), extra={"grow_mask": 0})
        await self.run(inpaint, transport, edit)
        (_, _, _, (name, data)) = form_of(inpaint.last)
        assert (name, pictures.look(data).mode) == ("mask", "L")
        assert pictures.pixel(data, (32, 32))[:3] == (255, 255, 255)
        assert pictures.pixel(data, (1, 1))[:3] == (0, 0, 0)

    @pytest.mark.parametrize(
        ("model", "extra", "path", "names"),
        [
            ("stable-inpaint", {}, "edit/inpaint", ["prompt", "image"]),
            ("stable-erase", {}, "edit/erase", ["image"]),
            ("stable-outpaint", {"left": 64}, "edit/outpaint", ["left", "prompt", "image"]),
            (
                "stable-search-and-replace",
                {"search_prompt": "a"},
                "edit/search-and-replace",
                ["search_prompt", "prompt", "image"],
            ),
            (
                "stable-search-and-recolor",
                {"select_prompt": "a"},
                "edit/search-and-recolor",
                ["select_prompt", "prompt", "image"],
            ),
            ("stable-remove-background", {}, "edit/remove-background", ["image"]),
            ("stable-sketch", {"control_strength": 1}, "control/sketch", ["control_strength", "prompt", "image"]),
            ("stable-structure", {}, "control/structure", ["prompt", "image"]),
            ("stable-style", {"fidelity": 0.2}, "control/style", ["fidelity", "prompt", "image"]),
            ("stable-fast-upscale", {}, "upscale/fast", ["image"]),
            ("stable-conservative-upscale", {"creativity": 0.3}, "upscale/conservative", ["creativity", "prompt", "image"]),
        ],
    )
    async def test_each_function_has_a_name(
        self, bench: Bench, transport: Engine, model: str, extra: dict[str, Any], path: str, names: list[str]
    ) -> None:
        function = self.at(bench, model)
        asked = self.request(function, operation=Operation.EDIT, images=(reference(),), extra=extra)
        seen = await self.run(function, transport, asked)
        assert (function.last.path, [name for name, _ in form_of(function.last)]) == (f"/v2beta/stable-image/{path}", names)
        assert pictures.look(completed(seen)[0]).size == edited_size(path)

    def test_every_row_leads_to_an_endpoint(self, adapter: StabilityAdapter) -> None:
        for model in [*catalog().models("stability"), "sd3-medium", "stable-image-next"]:
            assert adapter.capabilities(model).extra["path"] in FUNCTIONS

    def test_what_only_edits_is_refused_a_generation(self, bench: Bench) -> None:
        with pytest.raises(ModelNotFound):
            self.request(self.at(bench, "stable-inpaint"))
        with pytest.raises(ModelNotFound):
            self.request(self.at(bench, "stable-image-core"), operation=Operation.EDIT, images=(reference(),))

    async def test_a_blurred_picture_is_a_refusal(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(ContentRefused):
            await self.run(bench, transport, self.request(bench, prompt="[filtered]"))

    async def test_the_callers_own_mistake_is_told(self, bench: Bench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(bench, transport, self.request(bench, extra={"seed": -1}))
        assert (caught.value.param, caught.value.code) == ("seed", "bad_request")
        replace = self.at(bench, "stable-search-and-replace")
        with pytest.raises(InvalidRequest) as caught:
            await self.run(replace, transport, self.request(replace, operation=Operation.EDIT, images=(reference(),)))
        assert caught.value.param == "search_prompt"

    @pytest.mark.parametrize(
        ("status", "name", "kind"),
        [
            (400, "bad_request", InvalidRequest),
            (401, "unauthorized", AuthFailed),
            (402, "payment_required", AuthFailed),
            (403, "content_moderation", ContentRefused),
            (403, "permission_denied", AuthFailed),
            (404, "not_found", Unavailable),
            (413, "payload_too_large", TooLarge),
            (422, "invalid_language", InvalidRequest),
            (429, "rate_limit_exceeded", RateLimited),
            (500, "internal_error", Ambiguous),
            (503, "service_unavailable", Unavailable),
            (302, "moved", BadResponse),
        ],
    )
    def test_refusals_by_name(self, adapter: StabilityAdapter, status: int, name: str, kind: type[GatewayError]) -> None:
        body = orjson.dumps({"id": "1", "name": name, "errors": ["It went wrong."]})
        same_error(classified(adapter, status, body), kind)

    @pytest.mark.parametrize("body", [b"", b"[]", b'"no"', b"{}", b'{"errors":null}', b'{"errors":[1,null]}', b'{"name":7}'])
    def test_odd_refusals(self, adapter: StabilityAdapter, body: bytes) -> None:
        same_error(classified(adapter, 400, body), InvalidRequest)
        same_error(classified(adapter, 403, body), AuthFailed)
