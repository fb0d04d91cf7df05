"""Work in a process that ends with it: what such work loads does not stay in one that runs for as long as the box.

Only for a process of one thread, as `switchroom serve` is while it begins: of the others fork(2) leaves nothing but their locks.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

_INTERRUPTED = 130


def begin(work: Callable[[], int]) -> int:
    """Begin `work`, which returns an exit status. Returns the process, for `finish`; what is done meanwhile takes no time."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        status = work()
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except BaseException:
        traceback.print_exc()
    finally:  # not through what called us: that is the other process's way
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # also where nobody listens any more
            os._exit(status)


def finish(process: int) -> int:
    """Wait for its end; its exit status, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
