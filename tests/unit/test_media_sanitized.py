"""The C of the media engine compiles without a warning, and its tests pass under ASan and UBSan."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for p in (ROOT / "appliance" / "media").glob("*.c") if not p.name.startswith("_"))
SUITES = ["play", "record", "bridge", "rtp", "digits"]


def test_no_warnings() -> None:
    for source in SOURCES:
        command = ["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-c", "-o", os.devnull, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _library(name: str) -> str:
    return subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_under_sanitizers(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    build = [sys.executable, "-m", "tests.sanitized", str(tmp_path)]
    built = subprocess.run(
        build, cwd=ROOT, env=environment | {"SWITCHROOM_SANITIZE": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    environment |= {
        "SWITCHROOM_SANITIZED": str(tmp_path),
        "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')}",
        # The interpreter keeps what it allocates for its own life: leaks are looked for in the memory test instead.
        "ASAN_OPTIONS": "detect_leaks=0:log_path=" + str(tmp_path / "asan"),
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:log_path=" + str(tmp_path / "ubsan"),
    }
    suites = [f"tests/unit/test_media_{name}.py" for name in SUITES]
    # What a sanitizer keeps of freed memory is no leak of ours; and the rate of the slowed-down engine says nothing.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.sanitized", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command += [*suites, "-m", "not slow", "-k", "not everything_is_returned and not real_time"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    reports = "".join(p.read_text() for p in [*tmp_path.glob("asan.*"), *tmp_path.glob("ubsan.*")])
    assert reports == ""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
