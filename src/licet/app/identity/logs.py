"""The log of a process that runs on: one line an event, whoever tells it."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from licet.diag.render.visible import visible

_HIDDEN = "(hidden)"
_SECRET_FIELDS = frozenset({"token", "secret", "passphrase", "password", "key", "private_key", "authorization"})
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?<=://)[^/@\s]+:[^/@\s]*(?=@)",
    re.DOTALL,
)
_FIRST = ("timestamp", "level", "logger", "event")


def configure(form: str, stream: TextIO | None = None, *, quiet: bool = False) -> None:
    """Have every event of this process written to the stream, standard error if none is given, once and for all.

    `form` is `json`, a JSON object a line; `text`, for people; or empty for what fits the stream. Events of libraries
    that log by the standard library go the same way. What is told of secrets is hidden. The
    `quiet` hear of warnings and errors alone.
    """
    stream = stream or sys.stderr
    form = form or ("text" if stream.isatty() else "json")
    if form == "json":
        # What gRPC's core has to say it writes past every logger, as lines of its own form.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    renderer: Processor = structlog.processors.JSONRenderer(default=repr) if form == "json" else _text
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_secrets, renderer],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("licet").setLevel(logging.WARNING if quiet else logging.INFO)
    logging.captureWarnings(True)


def _without_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event in its order, with what may be a secret left out: the last line of defence, not the first."""
    first = {name: event[name] for name in _FIRST if name in event}
    return _clean_fields({**first, **event})


def _clean_fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: _HIDDEN if name.lower() in _SECRET_FIELDS else _clean(value) for name, value in fields.items()}


def _clean(value: object) -> object:
    match value:
        case str():
            return _SECRET_TEXT.sub(_HIDDEN, value)
        case Mapping():
            return _clean_fields({str(name): each for name, each in value.items()})
        case list() | tuple() | set() | frozenset():
            return [_clean(each) for each in value]
        case _:
            return value


def _text(_logger: object, _method: str, event: EventDict) -> str:
    told = dict(event)
    timestamp, level, logger, said = (str(told.pop(name, "")) for name in _FIRST)
    exception = str(told.pop("exception", ""))
    facts = "".join(f"  {name}={value}" for name, value in told.items())
    line = visible(f"{timestamp}  {level:<7}  {logger}: {said}{facts}")
    return "\n".join([line, *map(visible, exception.splitlines())])
