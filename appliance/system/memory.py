"""Memory that calls used goes back to the system when they are over.

The C library gives back by itself only what lies free at the end of its heap. Of 200 calls that ended nearly all stays,
below a few blocks that live on. Asked to, it gives back every page between them.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import time

log = logging.getLogger("memory")
SECONDS = 15.0
"""Between two rounds. SIP lets go of a call 32 s after its end (RFC 3261 timer J): a minute after it all is returned."""


def give_back() -> bool:
    """Return free pages of the whole process (mallopt(3), malloc_trim). False where the C library cannot, or there are none.

    Takes a few milliseconds; a thread that allocates may wait for that. Media threads do not allocate."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others need it less
    return trim is not None and trim(0) == 1


async def keep_giving_back(seconds: float = SECONDS) -> None:
    """Until cancelled. In a thread of its own: the event loop goes on meanwhile (ctypes lets go of the GIL)."""
    while True:
        await asyncio.sleep(seconds)
        began = time.perf_counter()
        await asyncio.to_thread(give_back)
        log.debug("free memory was given back", extra={"ms": round((time.perf_counter() - began) * 1000, 1)})
