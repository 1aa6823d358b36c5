"""Redirects of the guarded fetcher, by the numbers of the hardening catalogue."""

from __future__ import annotations

import pytest

from tests.upstream.lab import GOOD, METADATA, OTHER, Lab, read, refused
from tests.upstream.origin import Behaviour, Origin, head, picture, raw, redirect

URL = "http://good.test/"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://other.test/end", "//other.test/end", "/end", "end"])
async def test_b01_redirects_are_followed(status: int, location: str) -> None:
    lab = Lab({"good.test": [GOOD], "other.test": [OTHER]})
    async with Origin({"/start": redirect(status, location), "/end": picture()}) as origin:
        lab.serve(origin, (GOOD, 80), (OTHER, 80))
        assert await read(lab.fetcher(), "http://good.test/start") == b"picture"
        assert [visit.method for visit in origin.visits] == ["GET", "GET"]
        assert dict(origin.visits[1].headers)["Host"] == ("other.test" if "other" in location else "good.test")
    assert len(lab.dialled) == 2
    assert all(stream.closed for stream in lab.streams)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_b01_each_hop_is_judged_anew(status: int) -> None:
    targets = [
        f"http://{METADATA}/",
        "http://private.test/",
        "http://[::1]/",
        "ftp://good.test/",
        "http://good.test:6379/",
        "http://localhost/",
    ]
    targets += [
        "http://user:pw@good.test/",
        "http://good.test\\@10.0.0.5/",
        "//10.0.0.5/",
        "http:x",
        "data:,x",
        "http://2130706433/",
        "",
    ]
    lab = Lab({"good.test": [GOOD], "private.test": ["10.0.0.5"]})
    for target in targets:
        async with Origin({"*": redirect(status, target)}) as origin:
            lab.serve(origin, (GOOD, 80), (METADATA, 80), ("10.0.0.5", 80), ("127.0.0.1", 80))
            await refused(lab.fetcher(), URL)
            assert origin.connections == 1, target
    assert set(lab.dialled) == {(GOOD, 80)}


async def test_b01_at_most_three_hops() -> None:
    routes: dict[str, Behaviour] = {f"/{n}": redirect(302, f"/{n - 1}") for n in range(1, 5)}
    async with Origin({**routes, "/0": picture()}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert await read(lab.fetcher(), "http://good.test/3") == b"picture"
        await refused(lab.fetcher(), "http://good.test/4")
    assert len(lab.dialled) == 8
    assert lab.denied == [("more than 3 redirects", "good.test")]


@pytest.mark.parametrize("locations", [[], ["Location: /a", "Location: /b"], ["Location: /\xe9 b"], ["Location: /\xe9\udce9"]])
async def test_b01_a_redirect_needs_one_readable_location(locations: list[str]) -> None:
    async with Origin({"*": raw(head(302, "Content-Length: 0", *locations))}) as origin:
        lab = Lab()
        lab.serve(origin)
        await refused(lab.fetcher(), URL)
        assert origin.connections == 1


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 305, 400, 401, 404, 500])
async def test_other_answers_than_200_are_refused(status: int) -> None:
    async with Origin({"*": raw(head(status, "Content-Length: 0", "Location: /next"))}) as origin:
        lab = Lab()
        lab.serve(origin)
        await refused(lab.fetcher(), URL)
    assert lab.denied == [(f"the origin answered {status}", "good.test")]
