"""Events are fetched by turns while many come, and each at once where few do."""

from __future__ import annotations

import asyncio

from cffi import FFI

from drivers.sip import wire
from drivers.sip.rounds import MANY, WINDOW, Rounds
from drivers.sip.thread import SipThread


def _seconds(rounds: Rounds, rate: float, since: float, seconds: float) -> float:
    """`rate` events a second, one at a time. -> when that is over."""
    count = int(rate * seconds)
    for n in range(1, count + 1):
        rounds.note(1, since + n / rate)
    return since + seconds


def test_an_offices_load_wakes_us_at_once() -> None:
    rounds = Rounds()
    _seconds(rounds, MANY * 0.9, 100.0, 2.0)
    assert not rounds.busy


def test_many_events_are_fetched_by_turns_and_few_not_any_more() -> None:
    rounds = Rounds()
    now = _seconds(rounds, MANY * 1.2, 100.0, 2 * WINDOW)
    assert rounds.busy
    assert not rounds.note(0, now + WINDOW)


def test_one_burst_after_a_silence_is_not_many() -> None:
    rounds = Rounds()
    assert not rounds.note(60, 100.0)


class _Thread:
    """Stands for the SIP thread's library: what it has to say, and whether it would wake us."""

    def __init__(self, ffi: FFI) -> None:
        self._ffi = ffi
        self.waiting = 0
        self.polled = False
        self.last = 0
        """Events that come in the moment of being told to wake us again."""
        self.broken = False
        """What it says next cannot be read."""

    def ua_events(self, ua: object, buf: object, size: int) -> int:
        records = b"half" if self.broken else wire.command(wire.EV_REFERRED) * self.waiting
        self._ffi.memmove(buf, records, len(records))
        self.waiting, self.broken = 0, False
        return len(records)

    def ua_poll(self, ua: object, on: bool) -> None:
        self.polled = on
        self.waiting += 0 if on else self.last


def test_by_turns_nothing_is_left_behind_and_a_bad_record_does_not_make_us_deaf() -> None:
    async def work() -> None:
        heard = 0

        def hear(record: object) -> None:
            nonlocal heard
            heard += 1

        ffi, loop = FFI(), asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        thread, lib = SipThread(hear), _Thread(ffi)
        thread._loop, thread._ua, thread._lib, thread._ffi = loop, object(), lib, ffi
        thread._cbuf = ffi.new("uint8_t[]", 1 << 18)
        until, sent = loop.time() + 20, 0
        while not lib.polled and loop.time() < until:
            lib.waiting += 500  # many also on a machine that lets us look a few times a second only
            sent += 500
            thread._woken()
            await asyncio.sleep(0.01)
        assert lib.polled
        lib.broken, lib.last = True, 3
        while lib.polled and loop.time() < until:
            await asyncio.sleep(0.01)
        assert not lib.polled and heard == sent + 3

    asyncio.run(work())
