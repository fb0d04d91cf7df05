"""Freed memory goes back to the system, also from below blocks that live on."""

from __future__ import annotations

import asyncio
import ctypes

import psutil
import pytest

from appliance.system import memory
from tests.peers.net import wait_for

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.free.argtypes = [ctypes.c_void_p]
BLOCK, COUNT = 16_000, 2000
HELD = BLOCK * COUNT
pytestmark = pytest.mark.skipif(not hasattr(LIBC, "malloc_trim"), reason="this C library has no malloc_trim")


def _rss() -> int:
    return int(psutil.Process().memory_info().rss)


def _leave_holes() -> list[int]:
    """Allocates HELD bytes and frees all but every twentieth block, the last among them; returns those."""
    blocks = [LIBC.malloc(BLOCK) for _ in range(COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    pins = blocks[19::20]
    for block in set(blocks) - set(pins):
        LIBC.free(block)
    return pins


def test_pages_between_blocks_in_use_are_returned() -> None:
    memory.give_back()  # what earlier tests left free would be taken again, and nothing would grow
    before = _rss()
    pins = _leave_holes()
    assert _rss() - before > HELD // 2, "the C library gave them back by itself: the test shows nothing"
    assert memory.give_back()
    assert _rss() - before < HELD // 10
    for pin in pins:
        LIBC.free(pin)


async def test_it_goes_on_by_itself() -> None:
    before = _rss()
    pins = _leave_holes()
    task = asyncio.create_task(memory.keep_giving_back(0.05))
    try:
        await asyncio.to_thread(wait_for, lambda: _rss() - before < HELD // 10, 10, "the memory to be returned")
    finally:
        task.cancel()
    for pin in pins:
        LIBC.free(pin)
