"""The log of a service: one JSON object a line on standard error, its own lines and those of uvicorn alike."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from service.signs import safe_json

CITEWELL = "citewell"  # the logger
FIELDS = "fields"  # what `log` calls its fields within a record


def log(level: int, message: str, fields: Mapping[str, Any], *, logger: str = CITEWELL) -> None:
    """Write a line with fields of its own beside the message."""
    own = logging.getLogger(logger)
    if own.isEnabledFor(level):
        own.log(level, "%s", message, extra={FIELDS: fields})


class Lines(logging.Formatter):
    """Writes a record as one line of JSON; what is in it can neither end the line nor steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level and message, then the fields that the record has."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return safe_json(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str))


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self.stream = sys.stderr
        super().emit(record)


def config() -> dict[str, Any]:
    """Give what `logging.config.dictConfig` needs to have all lines written so."""
    loggers = {"uvicorn": {"propagate": False}, CITEWELL: {}}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Lines}},
        "handlers": {"stderr": {"()": StandardError, "formatter": "lines"}},
        "loggers": {name: {"handlers": ["stderr"], "level": "INFO", **more} for name, more in loggers.items()},
    }
