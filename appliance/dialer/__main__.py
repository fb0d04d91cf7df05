"""`python -m appliance.dialer --data DIR`: the dialer process."""

from __future__ import annotations

import logging
import sys

from appliance.dialer.process import serve
from appliance.errors import SwitchroomError
from appliance.system import process


def main() -> int:
    start = process.parse("dialer")
    try:
        return process.run(lambda: serve(start))
    except SwitchroomError as problem:
        logging.getLogger("dialer").critical("%s", problem, extra={"error": problem.id})
        return 78  # EX_CONFIG: starting again will not help before somebody acts


if __name__ == "__main__":
    sys.exit(main())
