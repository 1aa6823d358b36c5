"""What every simulator inherits, seen from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import httpx2
import pytest

from tests.simulators.base import Ending, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.support.waiting import until, wait_until

SHORT = httpx2.Timeout(5, read=0.05)


class Echo(Simulator):
    def routes(self) -> Sequence[RouteRow]:
        return [("POST", "/echo/{name}", self._echo), ("POST", "/refuse", self._refuse), ("POST", "/fail", self._fail)]

    async def _echo(self, request: Recorded) -> Reply:
        return Reply.json({"name": request.path_params["name"], "length": len(request.body)})

    async def _refuse(self, request: Recorded) -> Reply:
        raise Refused(Reply.json({"no": True}, status=418))

    async def _fail(self, request: Recorded) -> Reply:
        raise ValueError("a mistake in the simulator")


@pytest.fixture
def sim() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


@pytest.fixture
def web(sim: Echo) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.url, verify=False) as client:
        yield client


def test_records_every_request(sim: Echo, web: httpx2.Client) -> None:
    assert web.post("/echo/a?q=1", json={"a": 1}, headers={"X-Two": "x"}).json() == {"name": "a", "length": 7}
    assert web.get("/nowhere").status_code == web.get("/echo/a").status_code == 404
    first = sim.requests[0]
    assert (first.method, first.path, first.query, first.headers["x-two"]) == ("POST", "/echo/a", {"q": "1"}, "x")
    assert first.json == {"a": 1} and first.complete and not first.is_form
    assert (len(sim.requests), sim.calls) == (3, 1)


def test_records_forms(sim: Echo, web: httpx2.Client) -> None:
    web.post("/echo/a", data={"prompt": "x"}, files={"image": ("a.png", b"123", "image/png")})
    assert sim.requests[0].fields == {"prompt": "x"}
    assert [(part.name, part.filename, part.data) for part in sim.requests[0].files] == [("image", "a.png", b"123")]


def test_scripts_are_used_up_in_order_and_by_path(sim: Echo, web: httpx2.Client) -> None:
    sim.fail_next(503, {"e": 1}, {"retry-after": "3"}, path="/echo/b")
    sim.fail_next(500, b"plain", times=2)
    assert [web.post("/echo/a").status_code, web.post("/echo/a").status_code, web.post("/echo/a").status_code] == [500, 500, 200]
    scripted = web.post("/echo/b")
    assert (scripted.status_code, scripted.json(), scripted.headers["retry-after"]) == (503, {"e": 1}, "3")
    assert sim.calls == 4


def test_a_handler_as_script_and_a_refusal(sim: Echo, web: httpx2.Client) -> None:
    async def other(request: Recorded) -> Reply:
        return Reply.raw(request.path.encode(), "text/plain")

    sim.script(other)
    assert web.post("/echo/a").text == "/echo/a"
    assert web.post("/refuse").status_code == 418


def test_delays(sim: Echo, web: httpx2.Client) -> None:
    sim.delay = 0.03
    sim.script(Reply.raw(b"x", "text/plain", delay=0.03))
    started = time.monotonic()
    web.post("/echo/a")
    assert time.monotonic() - started > 0.06


@pytest.mark.parametrize(("ending", "error"), [(Ending.CLOSE, httpx2.RemoteProtocolError), (Ending.RESET, httpx2.ReadError)])
@pytest.mark.parametrize("length", [None, 100])
def test_endings(sim: Echo, web: httpx2.Client, ending: Ending, error: type[Exception], length: int | None) -> None:
    sim.script(Reply(pieces=[Piece(b"abc"), Piece(b"def")], length=length, ending=ending, cut_after=4))
    got = b""
    with pytest.raises(error), web.stream("POST", "/echo/a") as answer:
        for chunk in answer.iter_raw():
            got += chunk
    assert got == b"abcd" and not sim.requests[0].client_gone
    assert web.post("/echo/a").status_code == 200


async def test_a_client_that_leaves_is_noticed(sim: Echo) -> None:
    sim.script(Reply.silence())
    sim.script(Reply(pieces=[Piece(b"abc"), Piece(b"def", pause=60)]))
    async with httpx2.AsyncClient(base_url=sim.url) as web:
        with pytest.raises(httpx2.ReadTimeout):
            await web.post("/echo/a", timeout=SHORT)
        await until(lambda: sim.requests[0].client_gone)
        async with web.stream("POST", "/echo/a") as answer:
            assert await anext(answer.aiter_raw()) == b"abc"
        await until(lambda: sim.requests[1].client_gone)
        assert sim.requests[1].delivery.body_bytes == 3


async def test_hold_and_release(sim: Echo) -> None:
    sim.hold()
    async with httpx2.AsyncClient(base_url=sim.url, timeout=SHORT) as web:
        with pytest.raises(httpx2.ReadTimeout):
            await web.post("/echo/a")
        await until(lambda: sim.requests[0].client_gone)
        sim.release()
        assert (await web.post("/echo/a", timeout=5)).status_code == 200


def test_times_of_labelled_pieces(sim: Echo, web: httpx2.Client) -> None:
    sim.script(Reply(pieces=[Piece(b"a", 0.02, "one"), Piece(b"b", 0.0), Piece(b"c", 0.02, "two")]))
    assert web.post("/echo/a").text == "abc"
    one, two = sim.events_sent
    assert (one.label, two.label) == ("one", "two")
    assert one.started_at <= one.sent_at < one.sent_at + 0.015 < two.started_at <= two.sent_at
    assert sim.last_byte_sent_at and two.sent_at <= sim.last_byte_sent_at


def test_a_mistake_in_a_simulator_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="simulator itself failed"), Echo() as sim:
        assert httpx2.post(f"{sim.url}/fail").status_code == 500


def test_an_upload_that_breaks_off_is_recorded_as_such(sim: Echo) -> None:
    def cut() -> Iterator[bytes]:
        yield b"x" * 1000
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        httpx2.post(f"{sim.url}/echo/a", content=cut())
    wait_until(lambda: sim.requests and sim.requests[0].client_gone)
    assert not sim.requests[0].complete and sim.calls == 1
