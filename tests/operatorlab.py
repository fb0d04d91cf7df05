"""The operator's dialogue without a phone: a person, a desk and a guard of PINs of paper."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.calls.flows.operator import Draft, Operator, Preview, Progress
from appliance.calls.leg import HungUp
from appliance.config.model import Scenario
from appliance.errors import SwitchroomError
from appliance.media.events import Digit, RecordDone
from appliance.prompts import Moment

HANG_UP = "H"
GOOD = Draft(Path("draft.wav"), 5.0)
PREVIEW = Preview("12", 300, 0, 0, 5, 34.0)
TO_MENU = {"enter-pin": ["4321"]}
TO_LIST = TO_MENU | {"recording-menu": ["#"]}
TO_FORECAST = TO_LIST | {"enter-list-number": ["12"]}


class Prompts:
    """Clips are the names of the texts; every name must be one, with the values it needs."""

    def clips(self, name: str, language: str, **values: object) -> list[Path]:
        from appliance.prompts.texts import slots

        if name not in ("beep", "pause-long", "pause-short"):
            assert set(values) == set(slots(language, name)), name
        return [Path(name)]


class Person:
    """Stands for a leg. Hears prompts; `reacts` has what is pressed (or HANG_UP) on hearing one the first, second … time."""

    def __init__(self, reacts: dict[str, list[str]], recordings: list[str] | None = None) -> None:
        self.said: list[str] = []
        self.id = "leg-1"
        self.endpoint = "101"
        self.is_ended = False
        self.hung_up = False
        self.media = SimpleNamespace(telephone_event=101)
        self.detected: list[bool] = []
        self.waited: list[float] = []
        self._reacts = {name: deque(keys) for name, keys in reacts.items()}
        self._recordings = deque(recordings or [])
        self._keys: deque[str] = deque()
        self.inbox = SimpleNamespace(drain=self._drain)
        switch = SimpleNamespace(prompts=Prompts(), config=SimpleNamespace(recording=SimpleNamespace(stop_after_pause_seconds=5)))
        self.call = SimpleNamespace(id="call-1", switch=switch, interrupted="")

    def answer(self) -> None:
        self.said.append("(answered)")

    def open_port(self) -> SimpleNamespace:
        return SimpleNamespace(detect=self._detect)

    def _detect(self, *, digits: bool) -> None:
        self.detected.append(digits)

    def hang_up(self) -> None:
        self.hung_up = True

    def check(self) -> None:
        if self.is_ended:
            raise HungUp(self)  # type: ignore[arg-type]

    def _drain(self) -> list[object]:
        return [Digit(port=1, digit=key, source="rfc4733") for key in self._keys]

    def _next(self, keys: object) -> str:
        while self._keys:
            key = self._keys.popleft()
            if key == HANG_UP:
                self.is_ended = True
                raise HungUp(self)  # type: ignore[arg-type]
            if key in keys:  # type: ignore[operator]
                return key
        return ""

    async def play(self, clips: list[Path], *, keys: str = "") -> str:
        self.check()
        for clip in clips:
            self.said.append(clip.name)
            if self._reacts.get(clip.name):
                self._keys.extend(self._reacts[clip.name].popleft())
        return self._next(keys)

    async def key(self, keys: object, timeout: float) -> str:
        self.check()
        key = self._next(keys)
        if not key:
            self.waited.append(timeout)
        return key

    async def record(self, path: Path, max_seconds: float, pause: float) -> RecordDone:
        self.check()
        what = self._recordings.popleft() if self._recordings else "stopped"
        return RecordDone(port=1, record=1, path=str(path), samples=40000, reason="error" if what == "full" else what,  # type: ignore[arg-type]
                          error="no space" if what == "full" else "")


class FakePins:
    """Shut after `most` wrong ones."""

    def __init__(self, most: int = 99, minutes: float = 0.0) -> None:
        self.most, self.minutes = most, minutes

    def locked(self, door: str) -> float:
        assert door == "scenario:701"
        return self.minutes

    def check(self, door: str, right: str, given: str) -> bool:
        self.most -= given != right
        if self.most <= 0:
            self.minutes = 10.0
        return given == right


class FakeDesk:
    def __init__(self, **changes: Any) -> None:
        self.allowed = True
        self.closed: Moment | SwitchroomError | None = None
        self.progress: list[Progress | None] = [None]
        self.space = True
        self.drafts: list[Draft | str] = []
        self.known = {"12", "13", "123"}
        self.previews: list[Preview | str] = []
        self.starts: list[str] = []
        self.trouble = ""
        self.slow: asyncio.Event | None = None
        self.done: list[str] = []
        self.pins = FakePins()
        self.__dict__.update(changes)

    def may_start(self, scenario: Scenario, extension: str) -> bool:
        return self.allowed

    def opens(self, scenario: Scenario) -> Moment | None:
        if isinstance(self.closed, SwitchroomError):
            raise self.closed
        return self.closed

    def running(self, code: str) -> Progress | None:
        return self.progress.pop(0) if len(self.progress) > 1 else self.progress[0]

    def can_record(self) -> bool:
        return self.space

    def draft_path(self, call: str) -> Path:
        return Path(f"{call}-raw.wav")

    async def prepare(self, recorded: Path, scenario: Scenario) -> Draft:
        found = self.drafts.pop(0) if self.drafts else GOOD
        if isinstance(found, str):
            raise SwitchroomError(found, "no message")
        return found

    def list_numbers(self, scenario: Scenario) -> set[str]:
        return self.known

    async def preview(self, scenario: Scenario, number: str, seconds: float) -> Preview:
        self.done.append(f"preview {number}")
        if self.slow is not None:
            await self.slow.wait()
        found = self.previews.pop(0) if self.previews else PREVIEW
        if isinstance(found, str):
            raise SwitchroomError(found, "no list")
        return found

    async def start(self, scenario: Scenario, preview: Preview, draft: Draft, by: str) -> int:
        if self.trouble:
            raise SwitchroomError(self.trouble, "it cannot")
        self.done.append(f"start {preview.list}")
        return 1

    async def control(self, campaign: int, action: str, by: str) -> None:
        if self.trouble:
            raise SwitchroomError(self.trouble, "it cannot")
        self.done.append(f"{action} {campaign} by {by}")

    def apologise(self, scenario: Scenario, extension: str) -> None:
        self.done.append(f"apologise {extension}")


async def talk(person: Person, desk: FakeDesk, **scenario: Any) -> list[str]:
    """Lead the dialogue to its end; what was said."""
    rules = Scenario(code="701", lines=5, **{"pin": "4321", **scenario})
    try:
        await Operator(person, rules, desk, desk.pins, "en").run()  # type: ignore[arg-type]
    except HungUp:
        assert person.is_ended
    else:
        assert person.hung_up
    return person.said


def in_order(said: list[str], *wanted: str) -> None:
    """`wanted` come in this order, with anything between."""
    rest = iter(said)
    assert all(name in rest for name in wanted), said
