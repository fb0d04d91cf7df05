"""sipp as the outside world: the gateway of the reference office, and what it saw."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.peers.net import free_port, media_base, wait_for

SCENARIOS = Path(__file__).parents[1] / "sipp"


@dataclass
class SeenCall:
    """One call as the gateway saw it. Times are seconds of its own clock; `ended` None while it stands."""

    call_id: str
    number: str = ""
    started: float = 0.0
    ended: float | None = None
    methods: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


class Gateway:
    """`sipp -sf gateway.xml`, with all its messages traced."""

    def __init__(self, folder: Path, scenario: str = "gateway.xml", port: int = 0, echo: bool = True, *extra: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.scenario = SCENARIOS / scenario
        self._echo = echo
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self.messages = folder / "messages.log"

    def __enter__(self) -> Self:
        for _ in range(5):
            self._start()
            if wait_for(self._settled, 10, "sipp does not start") == "up":
                return self
        raise AssertionError((self.folder / "errors.log").read_text(errors="replace"))

    def _start(self) -> None:
        command = ["sipp", "-sf", str(self.scenario), "-i", "127.0.0.1", "-p", str(self.port), "-mp", str(media_base()),
                   "-nostdin", "-trace_msg", "-message_file", str(self.messages), "-message_overwrite", "false",
                   "-trace_err", "-error_file", str(self.folder / "errors.log"), "-aa", *self._extra]
        if self._echo:
            command.append("-rtp_echo")
        with (self.folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)

    def _settled(self) -> str:
        """"up" when sipp listens; "down" when it ended (somebody took its media ports between our look and its own)."""
        assert self._process is not None
        if self._process.poll() is not None:
            return "down"
        with contextlib.suppress(psutil.Error):
            bound = {c.laddr.port for c in psutil.Process(self._process.pid).net_connections("udp") if c.laddr}
            return "up" if self.port in bound and len(bound) > 2 else ""
        return ""

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def calls(self) -> list[SeenCall]:
        """Every call so far, read from the trace of messages."""
        if not self.messages.exists():
            return []
        return parse_messages(self.messages.read_text(errors="replace"))

    def wait_until_quiet(self, seconds: float) -> list[SeenCall]:
        """Wait until every call that began has ended."""
        try:
            return wait_for(lambda: (c := self.calls()) and all(call.ended is not None for call in c) and c, seconds, "quiet")
        except AssertionError:
            raise AssertionError(f"the gateway still has {[call for call in self.calls() if call.ended is None]}") from None


_HEAD = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d[\sT][\d:.]+)\s*$", re.MULTILINE)
_FINAL_ERROR = 300


def parse_messages(text: str) -> list[SeenCall]:
    """Calls out of sipp's -trace_msg file: begun by INVITE without a To tag, ended by a BYE or a final refusal."""
    calls: dict[str, SeenCall] = {}
    heads = list(_HEAD.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        body = text[head.end(): following.start() if following else len(text)]
        at = datetime.fromisoformat(head.group(1).replace("\t", " ")[:26]).timestamp()
        found = re.search(r"^Call-ID:\s*(\S+)", body, re.MULTILINE | re.IGNORECASE)
        if not found:
            continue
        _note(calls, found.group(1), at, body)
    return list(calls.values())


def _note(calls: dict[str, SeenCall], call_id: str, at: float, body: str) -> None:
    request = re.search(r"^(INVITE|ACK|BYE|CANCEL|OPTIONS|UPDATE|PRACK|INFO) (\S+) SIP/2.0", body, re.MULTILINE)
    status = re.search(r"^SIP/2.0 (\d{3})", body, re.MULTILINE)
    method = re.search(r"^CSeq:\s*\d+\s+(\w+)", body, re.MULTILINE | re.IGNORECASE)
    if (request and request.group(1) == "OPTIONS") or (method and method.group(1) == "OPTIONS"):
        return
    call = calls.get(call_id)
    if call is None:
        if not request or request.group(1) != "INVITE":
            return
        number = re.search(r"sips?:([^@;>]+)@", request.group(2))
        call = calls[call_id] = SeenCall(call_id, number.group(1) if number else "", at)
    if request:
        call.methods.append(request.group(1))
        if request.group(1) == "BYE":
            call.ended = call.ended or at
    elif status:
        code = int(status.group(1))
        dropped = bool(method) and method.group(1) == "CANCEL" and call.statuses == [100]  # before it rang: sipp forgets the call
        call.statuses.append(code)
        if dropped or (method and method.group(1) == "INVITE" and code >= _FINAL_ERROR):
            call.ended = call.ended or at


def most_at_once(calls: list[SeenCall]) -> int:
    """The largest number of calls that stood at the same moment."""
    moves = [(call.started, 1) for call in calls] + [(call.ended, -1) for call in calls if call.ended is not None]
    most = now = 0
    for _, step in sorted(moves):  # an end and a beginning in the same microsecond: the end (-1) counts first
        now += step
        most = max(most, now)
    return most
