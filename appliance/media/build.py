"""Builds appliance.media._media: the media engine and the detectors, in one extension by cffi's API mode.

The declarations are read out of the headers, between their cffi marks, so that they stand in one place."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = sorted(p for p in HERE.glob("*.c") if not p.name.startswith("_"))
HEADERS = sorted(HERE.glob("*.h"))
SANITIZED = bool(os.environ.get("SWITCHROOM_SANITIZE"))
FLAGS = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1"] if SANITIZED else ["-O2"]
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]


def declarations(header: str) -> str:
    """What stands between the marks; numbers stay as they are written, cffi reads simple #defines."""
    text = (HERE / header).read_text(encoding="utf-8")
    found = re.search(r"/\* cffi: begin \*/(.*)/\* cffi: end \*/", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{header} has no cffi marks")
    return found.group(1)


ffibuilder = FFI()
ffibuilder.cdef(declarations("detect.h"))
ffibuilder.cdef(declarations("media.h"))
ffibuilder.cdef(declarations("message.h"))
ffibuilder.set_source(
    "appliance.media._media",
    '#include "media.h"\n#include "detect.h"\n#include "message.h"\n',
    sources=[os.path.relpath(p, Path.cwd()) for p in SOURCES],
    include_dirs=[str(HERE)],
    depends=[os.path.relpath(p, Path.cwd()) for p in HEADERS],
    libraries=["spandsp", "m", "pthread"],
    extra_compile_args=["-std=gnu11", *WARNINGS, *FLAGS],
    extra_link_args=FLAGS if SANITIZED else [],
)

if __name__ == "__main__":
    ffibuilder.compile(tmpdir=str(ROOT), verbose=True)
