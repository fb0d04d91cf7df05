"""The world around the demonstration's box: free ports, its office, sipp as the gateway with its people and as the desk phone."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import wave
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template

import appliance
from appliance.config.starter import password
from appliance.errors import SwitchroomError

MARK = ".switchroom-demo"
"""A file of this name says that a folder is a demonstration's, and may be emptied for the next one."""
EXTENSION, CODE, PIN, LIST = "101", "701", "4321", "12"
SPOKEN = "Hello. On Friday from nine to twelve the water in your house will be turned off."
"""What Anna says. About 5 s."""
COMES_TO = {
    "presses 1": "confirmed", "listens": "heard", "hangs up early": "hung_up", "is busy": "busy", "does not answer": "no_answer",
    "presses 2": "declined", "has a number out of service": "unreachable",
}
"""What a person of people.csv does -> the outcome that the report must show."""
MEDIA_PORTS = 200
"""UDP ports in a row: the gateway's, the desk phone's, then the box's."""
PORTS_FOR_SIPP = 12
_PRESS = """
  <send retrans="500">
    <![CDATA[
      INFO [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
      From: "Anna" <sip:[service]@[remote_ip]:[remote_port]>;tag=desk[pid]
      [last_To:]
      Call-ID: [call_id]
      CSeq: {cseq} INFO
      Max-Forwards: 70
      Content-Type: application/dtmf-relay
      Content-Length: [len]

      Signal={key}
      Duration=160
    ]]>
  </send>
  <recv response="200"/>
  <pause milliseconds="350"/>
"""


@dataclass(frozen=True)
class Person:
    number: str
    name: str
    simulated: str


def people(count: int) -> list[Person]:
    """The first `count` people of people.csv; the first ten show every behaviour."""
    rows = (resources.files("appliance.demo") / "people.csv").read_text(encoding="utf-8").splitlines()
    return [Person(**row) for row in csv.DictReader(rows)][:count]


def free_port() -> int:
    """A port that is free on loopback for UDP and TCP now."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port
    raise SwitchroomError("demo.no-port", "No port is free on this machine.", "End some programs and try again.")


def free_range(size: int) -> int:
    """The first of `size` UDP ports in a row that are free on loopback now, below those that the kernel gives out by itself."""
    for low in range(12000 + os.getpid() % 20 * 1000, 32768 - size, size):
        if all(_is_free(port) for port in range(low, low + size)):
            return low
    raise SwitchroomError("demo.no-port", "No {size} ports in a row are free on this machine.",
                          "End programs that hold many UDP ports and try again.", size=size)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class World:
    """Everything that a demonstration starts. `close` ends it, the box last."""

    folder: Path
    people: list[Person]
    sip: int = field(default_factory=free_port)
    web: int = field(default_factory=free_port)
    gateway: int = field(default_factory=free_port)
    desk: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(default_factory=lambda: {"101": password(), "102": password()})
    _media: int = field(default_factory=lambda: free_range(MEDIA_PORTS))
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def prepare(self) -> None:
        """Make the folder anew. Raises SwitchroomError where it holds anything but an earlier demonstration."""
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / MARK).exists():
            raise SwitchroomError("demo.folder-in-use", "{folder} is not empty, and no demonstration's.",
                                  "Name another folder: --data DIR", folder=self.folder)
        if shutil.which("sipp") is None:
            raise SwitchroomError("demo.no-sipp", "The demonstration's phones and lines are played by sipp, which is missing.",
                                  "sudo apt install sip-tester")
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.logs.mkdir(parents=True, mode=0o700)
            (self.folder / MARK).touch()
        except OSError as problem:
            raise SwitchroomError("demo.cannot-write", "{filename} cannot be made: {reason}.",
                                  "Name a folder that you may write to: --data DIR", filename=problem.filename,
                                  reason=problem.strerror) from None
        self._write_office()

    def _write_office(self) -> None:
        here = resources.files("appliance.demo")
        text = Template((here / "office.toml").read_text(encoding="utf-8")).safe_substitute(
            SIP=self.sip, WEB=self.web, GATEWAY=self.gateway,
            MEDIA=f"{self._media + PORTS_FOR_SIPP * 2}-{self._media + MEDIA_PORTS - 1}",
            SECRET101=self.passwords["101"], SECRET102=self.passwords["102"])
        office = self.folder / "office.toml"
        office.write_text(text, encoding="utf-8")
        office.chmod(0o600)
        with (self.folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["number", "name", "simulated"])
            rows.writerows((person.number, person.name, person.simulated) for person in self.people)
        for name in ("gateway.xml", "register.xml"):
            (self.folder / name).write_text((here / name).read_text(encoding="utf-8"), encoding="utf-8")

    # -- the box and the gateway --

    def start_box(self) -> subprocess.Popen[bytes]:
        return self._start("box.log", [sys.executable, "-m", "appliance.cli", "--data", str(self.data), "serve",
                                       "--config", str(self.folder / "office.toml")], cwd=Path(appliance.__file__).parents[1])

    def start_gateway(self) -> subprocess.Popen[bytes]:
        return self._sipp("gateway.log", "gateway.xml", self.gateway, self._media, "-aa")

    # -- the desk phone --

    def register(self) -> subprocess.Popen[bytes]:
        return self._sipp("register.log", "register.xml", self.desk, self._media + PORTS_FOR_SIPP, *self._as_anna(), "-m", "1")

    def operate(self, before_beep: float) -> subprocess.Popen[bytes]:
        """Anna's call: `before_beep` is how long the box speaks, s, from the PIN's last key to the end of the beep."""
        seconds = self._speak()
        script = (resources.files("appliance.demo") / "operator.xml").read_text(encoding="utf-8")
        waits = {"pin": 2.0, "beep": before_beep + 0.5, "message": seconds + 0.7, "menu": 2.0, "forecast": 6.0}
        filled = fill(script, waits, {"PIN": PIN, "LIST": LIST})
        (self.folder / "operator.xml").write_text(filled, encoding="utf-8")
        return self._sipp("operator.log", "operator.xml", self.desk, self._media + PORTS_FOR_SIPP, *self._as_anna(), "-m", "1",
                          "-key", "code", CODE, "-auth_uri", f"{CODE}@127.0.0.1:{self.sip}")

    def _as_anna(self) -> list[str]:
        return [f"127.0.0.1:{self.sip}", "-s", EXTENSION, "-au", EXTENSION, "-ap", self.passwords[EXTENSION]]

    def _speak(self) -> float:
        """Have espeak-ng say the message, as sipp streams it (A-law); its length in s."""
        spoken = self.folder / "message.wav"
        for command in (["espeak-ng", "-v", "en-gb", "-s", "150", "-w", str(self.folder / "message-22k.wav"), SPOKEN],
                        ["sox", str(self.folder / "message-22k.wav"), "-r", "8000", "-c", "1", "-b", "16", str(spoken)],
                        ["sox", str(spoken), "-t", "al", str(self.folder / "message.al")]):
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=30)
            except (OSError, subprocess.SubprocessError) as problem:
                raise SwitchroomError("demo.no-speech", "{command} failed: {problem}.", "sudo apt install {command}",
                                      command=command[0], problem=problem) \
                    from None
        with wave.open(str(spoken)) as file:
            return file.getnframes() / file.getframerate()

    # -- processes --

    def _sipp(self, log: str, scenario: str, port: int, media: int, *more: str) -> subprocess.Popen[bytes]:
        return self._start(log, ["sipp", "-sf", scenario, "-i", "127.0.0.1", "-p", str(port), "-mp", str(media), "-nostdin",
                                 "-trace_err", "-error_file", str(self.logs / f"{scenario}.errors"), *more])

    def _start(self, log: str, command: list[str], cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """A session of its own: Ctrl-C is for us, and we end the others in order."""
        with (self.logs / log).open("ab") as out:
            process = subprocess.Popen(command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True)
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._started.clear()


def fill(script: str, waits: dict[str, float], keys: dict[str, str]) -> str:
    """Put pauses and keys where a scenario's comments ask for them: `<!-- wait NAME -->`, `<!-- press NAME-or-KEYS -->`."""
    cseq = 10

    def press(found: re.Match[str]) -> str:
        nonlocal cseq
        made = ""
        for key in keys.get(found[1], found[1]):
            made += _PRESS.format(cseq=cseq, key=key)
            cseq += 1
        return made

    script = re.sub(r"<!-- wait (\w+) -->", lambda m: f'<pause milliseconds="{round(waits[m[1]] * 1000)}"/>', script)
    return re.sub(r"<!-- press (\S+) -->", press, script)
