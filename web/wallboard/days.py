"""What the day has come to so far, by queue: computed once in a few seconds for all walls."""

from __future__ import annotations

import logging
import math
import threading

import msgspec
from flask import current_app

from appliance.errors import SwitchroomError
from appliance.figures import report
from appliance.figures.report import Line, Question
from web.app import services

log = logging.getLogger("web")
KEEP_SECONDS = 5.0


class Today(msgspec.Struct):
    """`until`: by the monotonic clock."""

    lines: dict[str, Line] = {}
    until: float = -math.inf


_lock = threading.Lock()


def today() -> dict[str, Line]:
    """By the queue's name. What was last known where it cannot be computed now."""
    box = services()
    with _lock:
        kept: Today = current_app.extensions.setdefault("wallboard", Today())
        now = box.clock.mono()
        if now < kept.until:
            return kept.lines
        try:
            made = report.ask_for(Question(period="today", by="queue"), box.figures.sources(box.config), box.config)
        except (SwitchroomError, OSError):
            log.exception("the figures of the day cannot be computed")
        else:
            kept.lines = {line.key: line for line in made.rows}
        kept.until = now + KEEP_SECONDS
        return kept.lines
