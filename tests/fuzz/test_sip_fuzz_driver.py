"""Mutated messages by UDP and TCP against the running driver, built with ASan and UBSan, while a call is in progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.guardlib import ROOT

BUILD = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
os.chdir(sys.argv[1])
os.environ["SWITCHROOM_SANITIZE"] = "1"
import drivers.sip.build as build
build.HERE = Path("drivers/sip").resolve()
print(build.builder().compile(tmpdir=sys.argv[2]))
"""
# What Python itself keeps until its end is no leak of ours; what the SIP thread allocates has no Python below it.
SUPPRESSIONS = "leak:python3\nleak:libpython\nleak:_cffi_backend\nleak:libcrypto\n"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sanitized")
    done = subprocess.run([sys.executable, "-c", BUILD, str(ROOT), str(folder)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return Path(done.stdout.strip().splitlines()[-1])


def library(name: str) -> str:
    done = subprocess.run(["cc", f"-print-file-name={name}"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def storm(module: Path, tmp_path: Path, count: int, seed: int) -> dict[str, Any]:
    rules = tmp_path / "lsan"
    rules.write_text(SUPPRESSIONS)
    env = os.environ | {
        "LD_PRELOAD": f"{library('libasan.so')}:{library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:exitcode=99",
        "LSAN_OPTIONS": f"suppressions={rules}:print_suppressions=0:exitcode=98",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    script = Path(__file__).with_name("sip_storm.py")
    done = subprocess.run(
        [sys.executable, str(script), str(module), str(count), str(seed)],
        cwd=tmp_path,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr[-8000:]}"
    assert "runtime error" not in done.stderr, done.stderr[-8000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert (result["info"], result["bye"], result["leaked"]) == (200, 200, 0)
    assert result["offered"] > 0, "no mutated INVITE came through: the storm did not reach what it should"
    return result


def test_a_storm_of_5000_leaves_the_call_alone(module: Path, tmp_path: Path) -> None:
    storm(module, tmp_path, 5000, 1)


@pytest.mark.slow
def test_a_storm_of_100000_leaves_the_call_alone(module: Path, tmp_path: Path) -> None:
    print(storm(module, tmp_path, 100_000, 2))
