"""Builds `drivers.sip._sip`: the SIP user agent in C, with libre linked in statically (cffi, API mode)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from cffi import FFI

HERE = Path("drivers") / "sip"  # relative: setuptools wants paths below the project
SOURCES = [
    "sip.c", "command.c", "texts.c",
    "leg.c", "uac.c", "invite.c", "uas.c", "replaces.c", "indialog.c", "refer.c", "dialog.c", "requests.c", "orphan.c",
    "front.c", "public.c", "wheel.c", "random.c", "desc.c", "ring.c", "journal.c",
    "guard.c", "guard_form.c", "guard_msg.c", "guard_text.c", "guard_reply.c", "guard_table.c",
]
# libre's own calls of these go through front.c, where the guard stands.
WRAPPED = ("udp_listen", "tcp_listen", "tcp_accept", "sip_transp_laddr", "re_fprintf")
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1"]


def declarations(header: str) -> str:
    """What cffi needs of sip.h: everything between the includes and the last #endif, without comments."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def builder() -> FFI:
    if sys.byteorder != "little":
        raise SystemExit("The records between C and Python are little-endian: this machine is not.")
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-fvisibility=hidden", "-fno-strict-aliasing"]
    sanitize = bool(os.environ.get("SWITCHROOM_SANITIZE"))
    if os.environ.get("SWITCHROOM_WERROR"):
        flags.append("-Werror")
    links = [f"-Wl,--wrap={name}" for name in WRAPPED] + ["-Wl,--exclude-libs,ALL"]
    ffi = FFI()
    ffi.cdef(declarations((Path(__file__).parent / "sip.h").read_text()))
    ffi.set_source(
        "drivers.sip._sip",
        '#include "sip.h"',
        sources=[str(HERE / name) for name in SOURCES],
        depends=[str(path.relative_to(Path(__file__).parents[2])) for path in Path(__file__).parent.glob("*.h")],
        include_dirs=[str(HERE)],
        extra_compile_args=flags + (SANITIZE if sanitize else ["-O2", "-g"]),
        extra_link_args=links + (["-fsanitize=address,undefined"] if sanitize else []),
        libraries=[":libre.a", "ssl", "crypto", "z", "pthread", "dl"],
    )
    return ffi


# cffi_modules of setup.py runs this file without __file__ set in older versions of cffi.
ffibuilder = builder()
