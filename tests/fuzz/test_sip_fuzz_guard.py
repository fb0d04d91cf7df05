"""The guard under libFuzzer with ASan and UBSan: no crash, no bad read, and its promises hold for any bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.guardlib import FLAGS, SIP, SOURCES
from tests.fuzz.mutate import HOSTILE, mutations, originals

HARNESS = Path(__file__).with_name("fuzz_guard.c")


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("clang is not installed (apt install clang)")
    target = tmp_path_factory.mktemp("fuzz") / "fuzz_guard"
    options = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", f"-I{SIP}"]
    subprocess.run(
        [clang, *FLAGS, *options, *map(str, SOURCES), str(HARNESS), "-o", str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    return target


def run(fuzzer: Path, tmp_path: Path, *limits: str) -> str:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, data in enumerate([*originals(), *mutations(1, 200)]):
        (corpus / f"{number:04}").write_bytes(data)
    words = tmp_path / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word[:32]) + '"\n' for word in HOSTILE))
    done = subprocess.run(
        [str(fuzzer), str(corpus), f"-dict={words}", "-seed=1", "-max_len=8192", "-timeout=10", *limits],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"UBSAN_OPTIONS": "print_stacktrace=1"},
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stderr


def test_guard_holds_for_a_while(fuzzer: Path, tmp_path: Path) -> None:
    assert "Done 20000 runs" in run(fuzzer, tmp_path, "-runs=20000")


@pytest.mark.slow
def test_guard_holds_for_long(fuzzer: Path, tmp_path: Path) -> None:
    assert "Done " in run(fuzzer, tmp_path, "-max_total_time=180")
