"""The whole gateway on a loopback port, with settings that tests write as they would write the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from imagegate.app import adapter_facts, create_app
from imagegate.settings.model import Settings
from imagegate.settings.semantics import check_semantics
from tests.support.server import ServerThread

KEY = "gateway-test-key-0123456789"
"""The key that a gateway of ``gateway_settings`` takes."""

SANDBOX: Mapping[str, Any] = {"name": "sandbox", "adapter": "sandbox", "models": ["sandbox", "sandbox-slow"], "priority": 100}


def openai_channel(base_url: str, key: str, models: Sequence[str] | Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A channel to a server that speaks OpenAI's protocol, such as ``OpenAISimulator().base_url``."""
    return {"name": "openai", "adapter": "openai", "base_url": base_url, "keys": [key], "models": models, **more}


def gateway_settings(folder: Path, channels: Sequence[Mapping[str, Any]] = (SANDBOX,), **sections: Mapping[str, Any]) -> Settings:
    """Checked settings; everything that is written goes below ``folder``.

    ``sections`` lie over the defaults here, key by key: one key (``KEY``), the sandbox as default model and for ``dall-e-*``,
    uploads spooled in ``folder/spool``. ``aliases`` replaces them all. For example ``uploads={"max_images": 2}``.
    """
    spool = folder / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "channels": list(channels),
        "storage": {"path": str(folder / "files")},
        "uploads": {"spool_dir": str(spool)},
        "auth": {"keys": [{"name": "test", "key": KEY}]},
        "aliases": {"dall-e-*": "sandbox"} if SANDBOX in channels else {},
        "defaults": {"model": "sandbox"} if SANDBOX in channels else {},
    }
    for name, section in sections.items():
        document[name] = dict(section) if name == "aliases" else {**document.get(name, {}), **section}
    settings = Settings.model_validate(document)
    findings = check_semantics(settings, adapter_facts())
    assert not findings, f"settings that no file could hold: {findings}"
    return settings


class Gateway:
    """Context manager: the app with these settings, served over a socket by a thread of its own.

    Leaving it fails when the app let an exception out.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._server = ServerThread(create_app(settings))
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Origin without a trailing slash."""
        return self._server.url

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._server.port

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    @property
    def authorization(self) -> dict[str, str]:
        """The header that opens the gateway."""
        return {"Authorization": f"Bearer {KEY}"}

    @property
    def spool(self) -> Path:
        """Where uploads lie while a request runs; empty when nothing runs."""
        assert self.settings.uploads.spool_dir, "these settings name no folder"
        return Path(self.settings.uploads.spool_dir)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._server)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        assert kind is not None or not self._server.failures, f"the gateway let out: {self._server.failures!r}"
