"""The Replaces parser under libFuzzer with ASan and UBSan."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.guardlib import FLAGS, SIP

HARNESS = Path(__file__).with_name("fuzz_replaces.c")
SEEDS = [
    "a@b;to-tag=1;from-tag=2", "a@b ; from-tag = 2; to-tag=1;early-only", "x;to-tag=0;from-tag=0;early-only;y=\"z;\"", ";;", "a",
    "a;to-tag=;from-tag=2", "a;to-tag=1;to-tag=1;from-tag=2", "a, b;to-tag=1;from-tag=2", "a;to-tag=1;from-tag=2,b",
]


def test_parser_holds(tmp_path: Path) -> None:
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("clang is not installed (apt install clang)")
    program, corpus = tmp_path / "fuzz_replaces", tmp_path / "corpus"
    options = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", f"-I{SIP}"]
    subprocess.run([clang, *FLAGS, *options, str(SIP / "replaces.c"), str(HARNESS), "-o", str(program)], check=True,
                   capture_output=True, text=True)
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_text(seed)
    done = subprocess.run([str(program), str(corpus), "-seed=1", "-max_len=512", "-runs=300000"], cwd=tmp_path, check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-6000:]
    assert "Done 300000 runs" in done.stderr
