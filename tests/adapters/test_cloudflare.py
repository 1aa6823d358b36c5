"""The cloudflare adapter against its simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest

from imagegate.adapters.base import Adapter
from imagegate.adapters.cloudflare import CloudflareAdapter, Recipe, run_path
from imagegate.catalog.loader import Catalog
from imagegate.domain.channels import Secret
from imagegate.domain.events import CompletedImage, ImageBytes
from imagegate.domain.images import Operation
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.engine import Engine
from tests.adapters.contract import SECRET, AdapterContract, Bench, completed, mask, reference
from tests.adapters.simulated import SimulatedBench, classified, form_of, same_error
from tests.simulators.base import Ending, Piece, Reply
from tests.simulators.cloudflare import ACCOUNT, MODELS, CloudflareSimulator
from tests.support import pictures

SCHNELL = "@cf/black-forest-labs/flux-1-schnell"
FLUX_2 = "@cf/black-forest-labs/flux-2-dev"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
LUCID = "@cf/leonardo/lucid-origin"


@pytest.fixture(scope="module")
def adapter() -> Iterator[CloudflareAdapter]:
    with ThreadPoolExecutor(1) as executor:
        yield CloudflareAdapter(Catalog.load(), executor)


class CloudflareBench(SimulatedBench):
    """A channel to the simulator."""

    cut = Reply.raw(b'{"result":{"image":"iVBORw0KGgo', "application/json")

    def __init__(self, simulator: Any, adapter: Adapter, model: str = SDXL, **options: Any) -> None:
        super().__init__(simulator, adapter, model, **{"account_id": ACCOUNT, **options})


class TestCloudflare(AdapterContract):
    """The contract, and what is special to Workers AI."""

    @pytest.fixture
    def simulator(self) -> Iterator[CloudflareSimulator]:
        with CloudflareSimulator(SECRET) as simulator:
            yield simulator

    @pytest.fixture(params=[SDXL, FLUX_2])
    def bench(
        self, simulator: CloudflareSimulator, adapter: CloudflareAdapter, request: pytest.FixtureRequest
    ) -> Iterator[Bench]:
        yield CloudflareBench(simulator, adapter, request.param)

    @pytest.fixture
    def sdxl(self, simulator: CloudflareSimulator, adapter: CloudflareAdapter) -> CloudflareBench:
        return CloudflareBench(simulator, adapter)

    def at(self, bench: Bench, model: str, **options: Any) -> CloudflareBench:
        assert isinstance(bench, CloudflareBench)
        return CloudflareBench(bench.simulator, bench.adapter, model, **options)

    @pytest.mark.parametrize(
        ("model", "given", "sent"),
        [
            (SCHNELL, {}, {}),
            (SCHNELL, {"size": "1024x1024"}, {}),
            (SCHNELL, {"extra": {"steps": "8", "seed": 3, "guidance": 2}}, {"steps": 8, "seed": 3}),
            (SDXL, {"size": "1536x1024"}, {"width": 1536, "height": 1024}),
            (SDXL, {"size": "auto", "quality": "high", "user": "u"}, {}),
            (
                SDXL,
                {"extra": {"negative_prompt": "42", "num_steps": "9", "strength": "0.5", "n": 4, "steps": 7}},
                {"negative_prompt": "42", "num_steps": 9, "strength": 0.5},
            ),
            (SDXL, {"size": "512x512", "extra": {"width": 9, "seed": 1}}, {"width": 512, "height": 512, "seed": 1}),
            (LUCID, {"extra": {"guidance": 4.5, "steps": 20}}, {"guidance": 4.5, "steps": 20}),
        ],
    )
    async def test_json(
        self, sdxl: CloudflareBench, transport: Engine, model: str, given: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> None:
        bench = self.at(sdxl, model)
        await self.run(bench, transport, self.request(bench, **given))
        assert bench.last.json == {"prompt": "a red house", **sent}
        assert bench.last.path == f"/client/v4/accounts/{ACCOUNT}/ai/run/{model}"

    async def test_flux_2_wants_a_form(self, sdxl: CloudflareBench, transport: Engine) -> None:
        bench = self.at(sdxl, FLUX_2)
        asked = self.request(bench, size="1024x768", extra={"steps": 25, "seed": "7", "n": 2, "strength": 1})
        await self.run(bench, transport, asked)
        assert form_of(bench.last) == [
            ("steps", b"25"),
            ("seed", b"7"),
            ("prompt", b"a red house"),
            ("width", b"1024"),
            ("height", b"768"),
        ]

    @pytest.mark.parametrize(("edge", "sizes"), [(512, [(512, 256), (64, 64)]), (0, [(1024, 512), (64, 64)])])
    async def test_references_of_flux_2_are_small(
        self, sdxl: CloudflareBench, transport: Engine, edge: int, sizes: list[tuple[int, int]]
    ) -> None:
        bench = self.at(sdxl, FLUX_2, max_reference_edge=edge)
        bench.simulator.script(Reply.raw(pictures.png(), "image/png"))
        images = (reference(1024, 512), reference(name="image-1.png"))
        await self.run(bench, transport, self.request(bench, operation=Operation.EDIT, images=images))
        assert [part.name for part in bench.last.files] == ["input_image_0", "input_image_1"]
        assert [pictures.look(part.data).size for part in bench.last.files] == sizes

    async def test_an_edit_and_its_mask_in_json(self, sdxl: CloudflareBench, transport: Engine) -> None:
        picture = reference()
        await self.run(sdxl, transport, self.request(sdxl, operation=Operation.EDIT, images=(picture,), mask=mask()))
        body = sdxl.last.json
        assert base64.b64decode(body["image_b64"]) == await picture.content.read()
        drawn = bytes(body["mask"])
        assert pictures.pixel(drawn, (32, 32))[:3] == (255, 255, 255)
        assert pictures.pixel(drawn, (1, 1))[:3] == (0, 0, 0)

    async def test_raw_bytes_and_base64(self, sdxl: CloudflareBench, simulator: CloudflareSimulator, transport: Engine) -> None:
        for model, encoding, output_format in ((SDXL, "raw", "png"), (SCHNELL, "base64", None)):
            bench = self.at(sdxl, model)
            seen = await self.run(bench, transport, self.request(bench))
            event = seen[0].event
            assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
            assert (event.source.encoding, event.details.output_format) == (encoding, output_format)
            assert pictures.look(completed(seen)[0]).size == (1024, 1024)

    async def test_a_picture_is_handed_on_before_its_end(
        self, sdxl: CloudflareBench, simulator: CloudflareSimulator, transport: Engine
    ) -> None:
        simulator.picture = pictures.noise_png(400_000)
        simulator.pace(64 * 1024, 0.02)
        bench = self.at(sdxl, SCHNELL)
        events = self.start(bench, transport, self.request(bench))
        event = await anext(events)
        assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
        first = await anext(event.source.chunks)
        assert simulator.last_byte_sent_at is None
        rest = b"".join([chunk async for chunk in event.source.chunks])
        assert base64.b64decode(first + rest) == simulator.picture
        await events.aclose()

    @pytest.mark.parametrize(
        ("model", "cut"),
        [
            (SDXL, Reply(200, [Piece(b"\x89PNG\r\n")], {"content-type": "image/png"}, length=5000, ending=Ending.CLOSE)),
            (SCHNELL, Reply.raw(b'{"result":{"image":"AAAA"', "application/json")),
            (SCHNELL, Reply.raw(b'{"result":{"image":"AAAA"}', "application/json")),
            (SCHNELL, Reply.raw(b"}", "application/json")),
        ],
    )
    async def test_answers_that_break_off(self, sdxl: CloudflareBench, transport: Engine, model: str, cut: Reply) -> None:
        bench = self.at(sdxl, model)
        bench.simulator.script(cut)
        with pytest.raises(BadResponse):
            await self.run(bench, transport, self.request(bench))

    @pytest.mark.parametrize(
        ("word", "error"),
        [
            ("[refused_200]", ContentRefused),
            ("[odd_200]", BadResponse),
            ("[null]", BadResponse),
            ("[blocked]", AuthFailed),
            ("[busy]", Unavailable),
            ("[timeout]", Ambiguous),
        ],
    )
    async def test_other_ways_to_say_no(
        self, sdxl: CloudflareBench, transport: Engine, word: str, error: type[GatewayError]
    ) -> None:
        with pytest.raises(error):
            await self.run(sdxl, transport, self.request(sdxl, prompt=word))

    async def test_the_callers_own_mistake_is_told(self, sdxl: CloudflareBench, transport: Engine) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await self.run(sdxl, transport, self.request(sdxl, extra={"strength": 7}))
        assert caught.value.code == "5006" and "'/strength'" in caught.value.message

    async def test_the_account_may_stand_in_the_key(self, sdxl: CloudflareBench, transport: Engine) -> None:
        bench = self.at(sdxl, SDXL, account_id=None)
        bench.channel = replace(bench.channel, keys=(Secret(f"{ACCOUNT}:{SECRET}"),))
        assert completed(await self.run(bench, transport, self.request(bench)))
        assert bench.last.headers["authorization"] == f"Bearer {SECRET}"
        bench.channel = replace(bench.channel, keys=(Secret(SECRET),))
        with pytest.raises(AuthFailed, match="account_id"):
            await self.run(bench, transport, self.request(bench))
        wrong = self.at(sdxl, SDXL, account_id="f" * 32)
        with pytest.raises(AuthFailed):
            await self.run(wrong, transport, self.request(wrong))

    async def test_channel_overrides_win(self, sdxl: CloudflareBench, transport: Engine) -> None:
        sdxl.channel = replace(sdxl.channel, overrides={"num_steps": 4}, headers={"cf-aig-metadata": "a"})
        await self.run(sdxl, transport, self.request(sdxl, extra={"num_steps": 20}))
        assert (sdxl.last.json["num_steps"], sdxl.last.headers["cf-aig-metadata"]) == (4, "a")

    def test_every_row_is_known_here(self) -> None:
        assert set(Catalog.load().models("cloudflare")) == set(MODELS)

    @pytest.mark.parametrize("model", sorted(MODELS))
    async def test_every_row_works(self, sdxl: CloudflareBench, transport: Engine, model: str) -> None:
        bench = self.at(sdxl, model)
        row = self.capabilities(bench)
        assert Recipe.model_validate(row.extra)
        for operation in sorted(row.operations):
            images = (reference(),) if operation is Operation.EDIT else ()
            asked = self.request(bench, operation=operation, images=images, size="1024x1024")
            assert pictures.look(completed(await self.run(bench, transport, asked))[0]).size == (1024, 1024)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 3003, InvalidRequest),
        (400, 5004, InvalidRequest),
        (400, 5006, InvalidRequest),
        (400, 5007, ModelMissing),
        (404, 3042, ModelMissing),
        (403, 5016, AuthFailed),
        (403, 5018, AuthFailed),
        (403, 3023, AuthFailed),
        (403, 3041, AuthFailed),
        (401, 10000, AuthFailed),
        (404, 7003, AuthFailed),
        (400, 7000, AuthFailed),
        (413, 3006, TooLarge),
        (408, 3007, Ambiguous),
        (408, 3008, Ambiguous),
        (429, 3036, AuthFailed),
        (429, 3040, Unavailable),
        (429, 971, RateLimited),
        (400, 3030, ContentRefused),
        (400, "3030", ContentRefused),
        (400, 12345, InvalidRequest),
        (500, 1031, Ambiguous),
        (503, None, Unavailable),
        (302, [], BadResponse),
    ],
)
def test_refusals_by_code(adapter: CloudflareAdapter, status: int, code: Any, kind: type[GatewayError]) -> None:
    body = orjson.dumps({"success": False, "errors": [None, {"code": code, "message": "It went wrong"}], "result": None})
    same_error(classified(adapter, status, body), kind)


@pytest.mark.parametrize("body", [b"", b"[]", b'"no"', b"{}", b'{"errors":null}', b'{"errors":[1,null]}', b'{"errors":[{}]}'])
def test_odd_refusals(adapter: CloudflareAdapter, body: bytes) -> None:
    same_error(classified(adapter, 400, body), InvalidRequest)
    same_error(classified(adapter, 429, body), RateLimited)


@pytest.mark.parametrize("model", ["", "a", "../a", "@cf/a/../b", "@cf/a?b", "@cf//a", "/@cf/a", "https://a/b", "@cf/a b"])
def test_a_name_that_leads_elsewhere_is_none(model: str) -> None:
    with pytest.raises(ModelMissing):
        run_path(ACCOUNT, model)


@pytest.mark.parametrize("account", ["", "a/b", "a?b", ".."])
def test_an_account_that_is_none(account: str) -> None:
    with pytest.raises(AuthFailed):
        run_path(account, SDXL)
