"""Knows how a process writes its log: one JSON event a line. Does not know what it says."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


def configure(level: str) -> None:
    """Send structlog and the standard library's log to standard error, as JSON lines.

    On a terminal they are coloured text instead. Credentials in URLs are cut, whoever logs them.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        cut_credentials,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer(default=str)
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(number)
    for chatty in ("aioice", "aiortc", "httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(number, logging.WARNING))


def cut_credentials(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Cut user:password@ from every text of an event: a second fence behind the parsers."""
    for name, value in event.items():
        if isinstance(value, str) and "://" in value:
            event[name] = CREDENTIALS.sub("", value)
    return event
