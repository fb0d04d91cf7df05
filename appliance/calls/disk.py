"""Waiting for the disk with somebody on the line: never for longer than anybody listens to silence.

Events wait in the ledger's memory where the disk takes nothing (full, slow, gone), for as long as that takes. What is promised
aloud stands on the disk first; where it does not in time, the party is told that it did not work, and the call goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from appliance.errors import SwitchroomError

log = logging.getLogger("disk")
T = TypeVar("T")
SECONDS = 2.0
_left: set[asyncio.Future[Any]] = set()
"""Work that nobody waits for any more."""


async def in_time(work: Awaitable[T], what: str, call: str = "") -> T:
    """What `work` gives, within SECONDS; `what` it is and the `call`, for the log. Raises what it raises, and SwitchroomError
    "ledger.late" where it takes longer: it goes on then by itself, and what it does is done once the disk can."""
    task = asyncio.ensure_future(work)
    if task.done():  # at once: what is decided for a contact is carried out without a breath between
        return task.result()
    _left.add(task)
    task.add_done_callback(_left.discard)
    await asyncio.wait([task], timeout=SECONDS)
    if task.done():
        return task.result()
    log.error("%s waits for the disk", what, extra={"call": call})
    task.add_done_callback(_over)
    raise SwitchroomError("ledger.late", "The disk takes nothing just now.", "Look at its space: switchroom status")


async def noted(work: Awaitable[object], what: str, call: str = "") -> None:
    """For what is promised to nobody: waits as `in_time` does, and lets the call go on. Raises what `work` does."""
    try:
        await in_time(work, what, call)
    except SwitchroomError as problem:
        if problem.id != "ledger.late":
            raise


def _over(task: asyncio.Future[Any]) -> None:
    problem = None if task.cancelled() else task.exception()
    if problem is not None:
        log.error("what waited for the disk failed: %s", problem)
