"""Builds the C and Cython extensions; everything else about the project stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).parent
CFFI_MODULES = ["drivers/sip/build.py:ffibuilder", "appliance/media/build.py:ffibuilder"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1"]
# What debuggers read of 6 MB of generated C would be 40 % of its compile time.
FLAGS = SANITIZE if os.environ.get("SWITCHROOM_SANITIZE") else ["-O2", "-g0"]

CYTHON_MODULES = ["appliance/_core.pyx", "appliance/ledger/_fold.pyx", "appliance/ledger/_derive.pyx",
                  "drivers/sip/_wire.pyx"]


def compiled(source: str) -> Extension:
    return Extension(
        source.removesuffix(".pyx").replace("/", "."),
        [source],
        extra_compile_args=FLAGS,
        extra_link_args=FLAGS if os.environ.get("SWITCHROOM_SANITIZE") else [],
    )


# Set by scripts/setup.sh where the extensions stand in place already, and only the package is to be made known.
COMPILED = bool(os.environ.get("SWITCHROOM_COMPILED"))

setup(
    # A builder that is not there (a source checkout in pieces) is an error at build time, not a missing feature later.
    cffi_modules=[] if COMPILED else [m for m in CFFI_MODULES if (HERE / m.split(":")[0]).exists()],
    ext_modules=[] if COMPILED else cythonize(
        [compiled(m) for m in CYTHON_MODULES if (HERE / m).exists()], language_level=3,
        # Nothing of it is ever pickled, and the code for that would be a third of all.
        compiler_directives={"auto_pickle": False}),
)
