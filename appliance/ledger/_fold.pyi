from collections.abc import Iterable

from appliance import messages as m

from .cdr import Cdr, Transfer

class Leg:
    opened: m.LegOpened
    utc: float
    start: float
    rang: float | None
    answered: float | None
    ended: float | None

class CallFold:
    call: str
    seq: int
    utc: float
    start: float
    boot: int | str
    legs: dict[str, Leg]
    reached: str
    transfers: list[Transfer]
    queues: list[str] | None
    agents: list[str] | None
    attempt: m.AttemptStarted | None
    ended_attempt: m.AttemptEnded | None
    stored: bool
    @property
    def seqs(self) -> bytes: ...

class Calls:
    open: dict[str, CallFold]
    def clear(self) -> None: ...
    def take(self, seq: int, event: m.Event, utc: float, mono: float, boot: int | str) -> CallFold | None: ...
    def end(self, event: m.CallEnded, mono: float, boot: int | str) -> tuple[CallFold, Cdr] | None: ...

def fold(records: Iterable[m.Record]) -> list[Cdr]: ...
