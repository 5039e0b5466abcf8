"""The server's log: one JSON object a line, on stderr. Questions and answers are not in it."""

import logging
import sys
import traceback
from datetime import UTC, datetime

import msgspec

_QUIET = ("httpx", "asyncio", "watchfiles")


class JsonFormatter(logging.Formatter):
    """A line for each record; what goes in `extra={"fields": {…}}` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON of a record."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return msgspec.json.encode(line, enc_hook=str).decode()


def set_up() -> None:
    """Send the log of everything to stderr, as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
