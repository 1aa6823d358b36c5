"""The configuration file as pydantic models. Unknown keys are errors; everything is frozen once read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class Section(BaseModel):
    """A mapping of the file: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Server(Section):
    """Where the gateway listens. ``public_url``: origin of picture urls when the client's own view of us is not it."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None
    drain_seconds: Seconds = 330
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    cors_origins: tuple[str, ...] = ()


class Storage(Section):
    """Where result pictures for ``response_format: url`` live, and how long (seconds)."""

    path: str = "data/files"
    url_ttl: Seconds = 3600
    max_bytes: Annotated[int, Field(gt=0)] = 10 * 1024**3


class StaticKey(Section):
    """A gateway key written in the file. ``models``: globs of public names. ``default_model``: when a request names none."""

    name: str
    key: SecretStr
    models: tuple[str, ...] = ("*",)
    default_model: str | None = None

    @field_validator("key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 16:
            raise ValueError("a key needs at least 16 characters; make one with `openssl rand -hex 24`")
        return value


class Auth(Section):
    """Who may call. ``required: false`` lets everybody in and is for loopback only."""

    required: bool = True
    keys: tuple[StaticKey, ...] = ()


class TimeoutSettings(Section):
    """Deadlines of a channel, in seconds."""

    connect: Seconds = 5
    first_byte: Seconds = 300
    idle: Seconds = 120
    total: Seconds = 600


class ModelSettings(Section):
    """One public model on a channel; ``upstream`` is the provider's name when it differs."""

    upstream: str | None = None
    defaults: dict[str, Any] = Field(default_factory=dict)
    overrides: dict[str, Any] = Field(default_factory=dict)


class ChannelSettings(Section):
    """An upstream account. ``options`` is checked by the adapter's own model."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    adapter: str
    base_url: str | None = None
    keys: tuple[SecretStr, ...] = ()
    models: dict[str, ModelSettings]
    priority: int = 0
    weight: Annotated[int, Field(ge=1)] = 1
    timeout: TimeoutSettings = TimeoutSettings()
    headers: dict[str, str] = Field(default_factory=dict)
    overrides: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("models", mode="before")
    @classmethod
    def _list_is_shorthand(cls, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: ({} if row is None else row) for name, row in value.items()}
        return value


class Defaults(Section):
    """What to use when a request leaves it out."""

    model: str | None = None


class Routing(Section):
    """``retries``: attempts after the first. ``retry_ambiguous``: also repeat calls that may have been paid; off is safe."""

    retries: Annotated[int, Field(ge=0, le=2)] = 2
    strategy: Literal["priority"] = "priority"
    retry_ambiguous: bool = False


class RelaySettings(Section):
    """``on_disconnect``: what becomes of a paid call whose client left; ``finish`` reads it on for ``finish_seconds`` at most."""

    on_disconnect: Literal["finish", "cancel"] = "finish"
    finish_seconds: Seconds = 60
    heartbeat_seconds: Seconds = 10


class Fetch(Section):
    """Outside urls. ``allow``: ``host:port`` of private hosts that you trust. ``http``: plain http is allowed too."""

    allow: tuple[str, ...] = ()
    http: bool = True
    ports: tuple[Port, ...] = (80, 443)
    max_bytes: Annotated[int, Field(gt=0)] = 50 * 1024**2
    total_seconds: Seconds = 20


class Uploads(Section):
    """Uploads and request bodies, in bytes. ``sniff: false`` accepts files that are no pictures (for test suites)."""

    sniff: bool = True
    formats: tuple[str, ...] = ("png", "jpeg", "webp")
    max_image_bytes: Annotated[int, Field(gt=0)] = 50 * 1024**2
    max_images: Annotated[int, Field(ge=1, le=64)] = 16
    max_pixels: Annotated[int, Field(gt=0)] = 50_000_000
    max_json_bytes: Annotated[int, Field(gt=0)] = 64 * 1024**2
    spool_bytes: Annotated[int, Field(gt=0)] = 8 * 1024**3
    spool_dir: str | None = None


class Convert(Section):
    """Pictures that a provider does not make in the wanted format. ``workers``: processes, started when they are needed."""

    workers: Annotated[int, Field(ge=1, le=64)] = 2
    max_pixels: Annotated[int, Field(gt=0)] = 50_000_000


class ErrorSettings(Section):
    """``content_policy_status``: 403 tells a refusal apart from a bad field; 400 is OpenAI's own."""

    content_policy_status: Literal[400, 403] = 403


class Logging(Section):
    """``format: auto`` is readable on a terminal and JSON lines elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(Section):
    """The whole file."""

    server: Server = Server()
    storage: Storage = Storage()
    auth: Auth = Auth()
    channels: tuple[ChannelSettings, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    defaults: Defaults = Defaults()
    routing: Routing = Routing()
    relay: RelaySettings = RelaySettings()
    fetch: Fetch = Fetch()
    uploads: Uploads = Uploads()
    convert: Convert = Convert()
    errors: ErrorSettings = ErrorSettings()
    log: Logging = Logging()
