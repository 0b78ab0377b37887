"""What the processes write to standard error: one JSON line an event, and never what somebody typed or where they are."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import structlog


def configure() -> None:
    """Send events to standard error as JSON lines. Call once in each process."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(ensure_ascii=False)],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def event(name: str, **facts: Any) -> None:
    """Write an event. Facts are names, counts and opaque ids only."""
    structlog.get_logger().info(name, **facts)


def failure(name: str, error: BaseException, **facts: Any) -> None:
    """Write what failed and where in the code: the kind of error and the frames, never its message, which may quote a source."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    kinds = []
    seen: BaseException | None = error
    while seen is not None:
        kinds.append(type(seen).__name__)
        seen = seen.__cause__ or seen.__context__
    structlog.get_logger().error(name, error=kinds, frames=frames[-12:], **facts)
