"""The stand-alone C parts of the SIP driver (timer wheel, ring, journal, descriptions) under ASan and UBSan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SIP = HERE.parents[1] / "drivers" / "sip"


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("sip-parts") / "sip_parts"
    sources = [HERE / "sip_parts.c", *(SIP / name for name in ("wheel.c", "ring.c", "journal.c", "desc.c"))]
    subprocess.run(
        ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{SIP}", *map(str, sources), "-o", str(program),
         "-Wl,--wrap=clock_gettime", "-l:libre.a", "-lssl", "-lcrypto", "-lz", "-lpthread", "-ldl"],
        check=True,
    )
    return program


@pytest.mark.parametrize("seed", [1, 2])
def test_parts(harness: Path, tmp_path: Path, seed: int) -> None:
    command = [str(harness), str(tmp_path / "dialogs"), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ok\n"


TMPFS = "mount -t tmpfs -o size=$2 none $3 && exec $1 $3/dialogs"
"""In a mount namespace of its own: the tmpfs goes with the process."""


@pytest.mark.parametrize(("room", "says"), [("64k", "no room"), ("1500k", "slots"), ("32m", "4096 slots")])
def test_a_full_tmpfs_is_no_signal(harness: Path, tmp_path: Path, room: str, says: str) -> None:
    """The journal's memory is asked for before it is touched."""
    done = subprocess.run(["unshare", "-rm", "sh", "-ec", TMPFS, "-", str(harness), room, str(tmp_path)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert room != "1500k" or 0 < int(done.stdout.split()[0]) < 4096
