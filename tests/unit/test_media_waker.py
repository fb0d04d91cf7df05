"""No order is missed: the waker and the mailbox under thousands of orders, to an idle thread and to a busy one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MEDIA = HERE.parents[1] / "appliance" / "media"


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("waker") / "media_waker"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", f"-I{MEDIA}",
                    str(HERE / "media_waker.c"), "-o", str(program), "-lpthread"], check=True)
    return program


@pytest.mark.parametrize(("how", "orders"), [("many", 60_000), ("alone", 60_000)])
def test_every_order_is_carried_out(stress: Path, how: str, orders: int) -> None:
    done = subprocess.run([str(stress), how, str(orders)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
