"""Queueing the figures that are due to be mailed: `python -m appliance.mail.figures_due --data DIR`, a process of its own, so
that computing them holds up nobody.

The mail's id is made of its time, so that one queued before a kill is not queued again after it.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from appliance.clock import Clock
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.mail.figures import queue_report
from appliance.mail.figures_marks import begin_try, due, end_rest, put_marks, rests_of, settle
from appliance.system import process

log = logging.getLogger("figures")


def queue_all(data: Path, config: Config, clock: Clock) -> int:
    """Queue what is due; how many mails that were. One that fails holds up its own later ones alone: it is due still and
    rests a while; what was wrong with the first is raised once the others are queued (SwitchroomError, OSError, or what a report
    stumbled over)."""
    now, queued = clock.utc(), 0
    marks = settle(data, config, now)
    failed: dict[str, Exception] = {}
    for moment, wanted in due(config, marks, now, rests_of(data)):
        if wanted.name in failed:
            continue
        try:
            begin_try(data, wanted, clock.utc())
            queued += queue_report(data, config, wanted, moment, clock)
        except Exception as problem:
            log.exception("figures cannot be mailed now", extra={"report": wanted.name})
            failed[wanted.name] = problem
            continue
        marks[wanted.name] = moment
        put_marks(data, marks)
        end_rest(data, wanted.name)
        log.info("figures are queued to be mailed", extra={"report": wanted.name})
    for first in failed.values():
        raise first
    return queued


def main() -> int:
    start = process.parse("figures-mail")
    process.die_with_parent()
    try:
        queue_all(start.data, Store(start.data).current(), start.clock)
    except (SwitchroomError, OSError) as problem:
        log.error("figures cannot be mailed now: %s", problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
