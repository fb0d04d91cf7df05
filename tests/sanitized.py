"""A pytest plugin (`-p tests.sanitized`): takes appliance.media._media from the directory that SWITCHROOM_SANITIZED names.

Used by tests/unit/test_media_sanitized.py, which builds the engine with ASan and UBSan into a directory of
its own and runs the media tests on it. By hand:

    SWITCHROOM_SANITIZE=1 python -m tests.sanitized DIR          # builds
    SWITCHROOM_SANITIZED=DIR LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" \\
        ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 python -m pytest -p tests.sanitized tests/unit/test_media_rtp.py
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from pathlib import Path

import appliance.media

DIRECTORY = os.environ.get("SWITCHROOM_SANITIZED")
if DIRECTORY:
    appliance.media.__path__.insert(0, str(Path(DIRECTORY) / "appliance" / "media"))


def build(directory: Path) -> None:
    """In a copy of the sources, so that object files of both kinds never meet."""
    here = Path(appliance.media.__path__[-1])
    there = directory / "appliance" / "media"
    there.mkdir(parents=True)
    for source in [*here.glob("*.c"), *here.glob("*.h"), here / "build.py"]:
        if not source.name.startswith("_"):
            shutil.copy(source, there)
    os.chdir(directory)
    made = runpy.run_path(str(there / "build.py"))
    assert made["SANITIZED"], "set SWITCHROOM_SANITIZE=1"
    made["ffibuilder"].compile(tmpdir=str(directory))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
