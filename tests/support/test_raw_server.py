from __future__ import annotations

import time

import httpx2
import pytest

from tests.support.raw_server import HEAD_200, RawConnection, RawServer, answering, cutting, silent


def test_a_proper_answer_and_what_was_asked() -> None:
    with RawServer(answering(b"<html>", headers=b"content-type: text/html\r\n")) as raw:
        answer = httpx2.post(f"{raw.url}/a?b=1", content=iter([b"one", b"two"]))
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"<html>", "text/html")
        assert (raw.requests[0].method, raw.requests[0].path, raw.requests[0].body) == ("POST", "/a?b=1", b"onetwo")
        httpx2.post(raw.url, content=b"three")
        assert raw.requests[1].body == b"three" and raw.connections == 2
    assert not raw.failures


@pytest.mark.parametrize(("reset", "error"), [(False, httpx2.RemoteProtocolError), (True, httpx2.ReadError)])
@pytest.mark.parametrize("sent", [b"", HEAD_200[:20], HEAD_200 + b"content-length: 100\r\n\r\n{"])
def test_cuts(sent: bytes, reset: bool, error: type[Exception]) -> None:
    with RawServer(cutting(sent, reset=reset)) as raw:
        with pytest.raises(error):
            httpx2.get(raw.url)
        assert raw.connections == len(raw.requests) == 1


def test_silence_ends_with_the_client_or_the_server() -> None:
    with RawServer(silent) as raw:
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(raw.url, timeout=httpx2.Timeout(5, read=0.05))
        raw.script = RawConnection.silence
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(raw.url, timeout=httpx2.Timeout(5, read=0.05))


def test_drips_and_scripts_by_connection_number() -> None:
    async def script(connection: RawConnection) -> None:
        await connection.request()
        await connection.drip(HEAD_200 + b"content-length: 1\r\n\r\n" + str(connection.number).encode(), 20, 0.01)

    with RawServer(script) as raw:
        started = time.monotonic()
        assert [httpx2.get(raw.url).text for _ in range(2)] == ["0", "1"]
        assert time.monotonic() - started > 0.06


def test_what_a_script_raised_is_kept() -> None:
    async def script(connection: RawConnection) -> None:
        raise ValueError("on purpose")

    with RawServer(script) as raw:
        with pytest.raises(httpx2.TransportError):
            httpx2.get(raw.url)
        assert [str(failure) for failure in raw.failures] == ["on purpose"]
