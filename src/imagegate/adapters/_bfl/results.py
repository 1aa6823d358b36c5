"""Where BFL's results are asked for. Its clusters do not share jobs: the region that took one names its own host.

Source: docs.bfl.ai/api_integration/integration_guidelines (the ``polling_url`` is to be used as it is).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote, urlsplit

from imagegate.errors import BadResponse
from imagegate.upstream.client import Answer, Upstream

_HOST = re.compile(r"[a-z0-9.-]+")


class Results:
    """Where a job's result is asked for: the ``polling_url`` of the region that does the work, when its host is a known one.

    Without such a url, ``get_result`` at the channel's own. Raises BadResponse for a host that must not see the key.
    """

    def __init__(self, upstream: Upstream, job: Any, hosts: Iterable[str]) -> None:
        told = job if isinstance(job, Mapping) else {}
        number, url = told.get("id"), told.get("polling_url")
        if not isinstance(number, str) or not number:
            raise BadResponse("The provider took the job and did not name it.")
        named = f"id={quote(number, safe='')}"
        self._upstream, self._url = upstream, f"/get_result?{named}"
        if isinstance(url, str) and url:
            origin, path, query = _split(url)
            wanted = query if "id=" in query else "&".join(filter(None, (query, named)))
            self._url = f"{origin}{path}?{wanted}"
            if not upstream.owns(self._url):
                self._upstream = upstream.at(_vouched(origin, upstream.base_url, hosts))

    def look(self) -> AbstractAsyncContextManager[Answer]:
        """One look."""
        return self._upstream.get(self._url)


def _split(url: str) -> tuple[str, str, str]:
    """Origin, path and query, put together anew so that nothing else can be read from them."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host) or "@" in parts.netloc:
        raise BadResponse("The provider named an address that cannot be read.")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}", parts.path, parts.query


def _vouched(origin: str, base_url: str, hosts: Iterable[str]) -> str:
    """The origin, when it is the provider's own and as safe as the channel's. Raises BadResponse."""
    host = urlsplit(origin).hostname or ""
    known = any(host == name or host.endswith(f".{name}") for name in hosts)
    if not known or urlsplit(origin).scheme != urlsplit(base_url).scheme:
        raise BadResponse("The provider named an address that is not its own.")
    return origin
