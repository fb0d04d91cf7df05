"""Detectors and messages under ASan and UBSan, fed at random (fuzz_detect.c, fuzz_message.c); what a frame costs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "appliance" / "media"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"]


def built(folder: Path, flags: list[str], name: str = "fuzz_detect", *more: str) -> Path:
    program = folder / name
    sources = [*sorted(MEDIA.glob("detect*.c")), ROOT / "tests" / "fuzz" / f"{name}.c", *(MEDIA / m for m in more)]
    command = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *flags, f"-I{MEDIA}", *map(str, sources)]
    subprocess.run([*command, "-o", str(program), "-lspandsp", "-lm", "-lpthread"], check=True)
    return program


@pytest.mark.parametrize("seed", [1, 2])
def test_random_frames_under_the_sanitizers(tmp_path, seed):
    program = built(tmp_path, SANITIZE)
    done = subprocess.run([program, str(seed), "6"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[2]) > 0  # it heard something: the frames got that far


@pytest.mark.slow
def test_many_random_frames_under_the_sanitizers(tmp_path):
    program = built(tmp_path, SANITIZE)
    done = subprocess.run([program, "3", "400"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_random_messages_under_the_sanitizers(tmp_path):
    program = built(tmp_path, [*SANITIZE, "-Wno-unused-parameter"], "fuzz_message", "message.c", "codec.c")
    done = subprocess.run([program, "1", "60"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.bench
def test_what_a_frame_costs(tmp_path, capsys):
    program = built(tmp_path, ["-O2"])
    done = subprocess.run([program, "time"], capture_output=True, text=True, check=True)
    with capsys.disabled():
        print("\ndetectors, µs CPU per 20 ms frame:\n" + done.stdout)
