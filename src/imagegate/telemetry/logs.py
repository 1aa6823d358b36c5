"""Structured logs: one line a request, JSON or readable; no prompt, picture or key is ever in them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog

Level = Literal["debug", "info", "warning", "error"]
_LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_NOISY = ("uvicorn", "uvicorn.access", "uvicorn.error")


def configure(level: Level, form: Literal["auto", "json", "console"], stream: TextIO | None = None) -> None:
    """Send our own logger and the standard library's to ``stream`` (stderr) in one form.

    Our lines do not pass the standard library: a request's line costs a tenth of what it would there.
    """
    target = stream or sys.stderr
    console = form == "console" or (form == "auto" and target.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = _for_people(target) if console else _json_line
    structlog.configure(
        processors=[*shared, renderer] if console else [_quick_json_line],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _configure_standard(level, target, shared, renderer)


def _configure_standard(
    level: Level, target: TextIO, shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor
) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    for name in _NOISY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def _for_people(target: TextIO) -> structlog.dev.ConsoleRenderer:
    """Plain tracebacks: pretty ones show local variables, and keys are among them."""
    return structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _quick_json_line(logger: Any, level: str, event: structlog.typing.EventDict) -> str:
    """All of the above for our own lines in one step: there is one for every request."""
    event["level"] = level
    event["ts"] = datetime.now(UTC).isoformat().removesuffix("+00:00") + "Z"
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, level, event)
    return _json_line(logger, level, event)


def _json_line(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    try:
        return orjson.dumps(event, default=repr).decode()
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return json.dumps(event, default=repr)
