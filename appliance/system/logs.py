"""Structured logs: one JSON object a line for machines, a short coloured line on a terminal.

Fields are given as `extra={"call": ...}`; the call id goes end to end. Secrets never reach a log: what may hold one
(SIP authentication, PINs, passwords) is not logged at all rather than masked.
"""

from __future__ import annotations

import json
import logging
import sys
import time

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def plain(text: str) -> str:
    """Text as a terminal may have it. Far ends choose names and reason phrases: none may steer the screen that shows them."""
    return "".join(c if c.isprintable() else "?" for c in text)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": record.name,
            "text": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str, ensure_ascii=False)
        return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}


class TerminalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = plain(" ".join(f"{k}={v}" for k, v in vars(record).items() if k not in _STANDARD))
        colour = _COLOURS.get(record.levelname, "")
        said = plain(record.getMessage())
        text = f"{time.strftime('%H:%M:%S')} {record.name:<8} {colour}{said}{colour and chr(27) + '[0m'} {extra}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text.rstrip()


_chosen = ""
"""The level that whoever started us asked for; the configuration does not change it then."""


def set_up(level: str | None = None) -> None:
    """Log to stderr: journald, the supervisor or a person reads it there. Without `level` the configuration says which
    messages (`follow`)."""
    global _chosen  # noqa: PLW0603 - there is one log, as in the logging module itself
    _chosen = level or ""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=(level or "info").upper(), handlers=[handler], force=True)


def follow(level: str) -> None:
    """Log as `[log] level` says, unless a level was asked for at the start."""
    if not _chosen:
        logging.getLogger().setLevel(level.upper())
