"""Where a simulator leaves its pictures: urls on its own origin that need no key."""

from __future__ import annotations

from tests.simulators.base import Piece, Recorded, Reply, RouteRow


class Hosted:
    """Pictures behind urls. Give ``route`` to a simulator's ``routes``."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    @property
    def route(self) -> RouteRow:
        """GET of a picture."""
        return ("GET", "/files/{name}", self._file)

    def keep(self, request: Recorded, data: bytes, kind: str = "png") -> str:
        """A signed-looking url for ``data``."""
        name = f"{len(self._files)}.{kind}"
        self._files[name] = data
        return f"http://{request.headers['host']}/files/{name}?Expires=1795219200&Signature=c2ln%2Bbg%3D"

    async def _file(self, request: Recorded) -> Reply:
        data = self._files.get(request.path_params["name"])
        if data is None:
            return Reply(404, [Piece(b"<Error><Code>NoSuchKey</Code></Error>")], {"content-type": "application/xml"})
        return Reply.raw(data, f"image/{request.path.rpartition('.')[2]}")
