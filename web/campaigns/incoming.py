"""Files that come in with a form or a call of the API: kept no further than they may be long."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from appliance.errors import SwitchroomError
from appliance.sentences import Said


def keep(content: IO[bytes], out: Path, most: int, id: str, way_out: Said) -> None:
    """Raises SwitchroomError `id`, with the way out as its hint, where there are more than `most` bytes."""
    left = most
    with out.open("wb") as file:
        while data := content.read(1 << 16):
            left -= len(data)
            if left < 0:
                raise SwitchroomError(id, "The file has more than {most} MiB.", way_out, most=most >> 20)
            file.write(data)
