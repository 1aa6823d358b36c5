"""Logging belongs to the process; a test that configures it gives it back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_LOGGERS = ("", "uvicorn", "uvicorn.access", "uvicorn.error")


@contextmanager
def logging_given_back() -> Iterator[None]:
    """Whatever the block sets for structlog and the standard library's loggers ends with it."""
    before = structlog.get_config()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    states = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        structlog.configure(**before)
        for logger, handlers, level, propagate in states:
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
