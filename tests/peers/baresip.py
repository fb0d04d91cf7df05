"""baresip as a desk phone: registers, dials, speaks from a file, presses keys, and writes down what it hears."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from scipy import signal as signal_of

from tests.peers import sound
from tests.peers.net import free_port, wait_for, worker

WAV_HEADER = 44
MODULES = Path("/usr/lib/baresip/modules")


class Phone:
    """One registered phone. Audio it hears is in `heard()`: WAV files, one a call, complete after the hang-up."""

    def __init__(self, folder: Path, box_port: int, extension: str, secret: str, *, codec: str = "g711", transport: str = "udp",
                 answer: str = "manual", modules: tuple[str, ...] = (), account: str = "", contacts: str = "",
                 at: tuple[str, int] | None = None, register_seconds: int = 60) -> None:
        self.folder = folder
        self.extension = extension
        self._control_port = free_port()
        self.events: list[dict[str, Any]] = []
        self._buffer = b""
        (folder / "rec").mkdir(parents=True, exist_ok=True)
        host, self.port = at or ("127.0.0.1", free_port())
        self._rate = 16000 if codec == "g722" else sound.RATE
        """Of files to say: baresip's aufile takes only the codec's own."""
        low = 30000 + worker() * 1000 + int(extension) % 10 * 100
        lines = [
            f"sip_listen {host}:{self.port}", f"audio_source aufile,{silence(folder, self._rate)}", "audio_player aubridge,x",
            "audio_alert aubridge,x", f"ctrl_tcp_listen 127.0.0.1:{self._control_port}", f"snd_path {folder}/rec",
            f"module_path {MODULES}", f"module {codec}.so", "module aufile.so", "module aubridge.so", "module_app menu.so",
            "module_app ctrl_tcp.so", "module_tmp account.so", "module sndfile.so", f"rtp_ports {low}-{low + 99}",
            *(f"module_app {name}.so" for name in modules),
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")
        (folder / "contacts").write_text(contacts)
        (folder / "accounts").write_text(
            f"<sip:{extension}@127.0.0.1:{box_port};transport={transport}>;auth_user={extension};auth_pass={secret};regint={register_seconds};"
            f"answermode={answer}{account}\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        with (self.folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(["baresip", "-f", str(self.folder), "-v"], stdin=subprocess.DEVNULL, stdout=screen,
                                             stderr=screen)
        self._socket = wait_for(self._connect, 10, "baresip's control port")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process is not None
        if self._socket is not None:
            self._socket.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _connect(self) -> socket.socket | None:
        try:
            made = socket.create_connection(("127.0.0.1", self._control_port), timeout=1)
        except OSError:
            return None
        made.setblocking(False)
        return made

    # -- what a person does --

    def command(self, command: str, params: str = "") -> None:
        assert self._socket is not None
        body = json.dumps({"command": command, "params": params}).encode()
        self._socket.setblocking(True)
        self._socket.sendall(f"{len(body)}:".encode() + body + b",")
        self._socket.setblocking(False)

    def dial(self, number: str, box_port: int) -> None:
        self.command("dial", f"sip:{number}@127.0.0.1:{box_port}")

    def press(self, keys: str) -> None:
        for key in keys:
            self.command("sndcode", key)
            time.sleep(0.25)  # the phone's own key speed: baresip merges codes sent at once

    def speak(self, wav: Path) -> None:
        """Say what is in the file, then be silent (baresip ends a call whose audio file ends)."""
        padded = self.folder / f"say-{wav.name}"
        said = sound.load(wav)
        if self._rate != sound.RATE:
            said = signal_of.resample_poly(said, self._rate // sound.RATE, 1)
        sound.save(padded, said, self._rate, silence=300)
        self.command("ausrc", f"aufile,{padded}")

    def answer(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    # -- what it notices --

    def wait_event(self, kind: str, seconds: float, param: str = "") -> dict[str, Any]:
        """The next event of this kind (REGISTER_OK, CALL_ESTABLISHED, CALL_CLOSED, CALL_INCOMING …) not yet consumed."""
        def look() -> dict[str, Any] | None:
            self._read()
            for event in self.events:
                if event.get("type") == kind and param in str(event.get("param", "")):
                    self.events.remove(event)
                    return event
            return None

        return wait_for(look, seconds, f"{kind} at phone {self.extension}; it has {[e.get('type') for e in self.events]}")

    def quiet_read(self) -> None:
        """Take in what has happened so far."""
        self._read()

    def quiet(self) -> None:
        """Forget what has happened so far."""
        self._read()
        self.events.clear()

    def _read(self) -> None:
        assert self._socket is not None
        try:
            while chunk := self._socket.recv(65536):
                self._buffer += chunk
        except BlockingIOError:
            pass
        while b":" in self._buffer:
            size, _, rest = self._buffer.partition(b":")
            if len(rest) <= int(size):
                return
            message, self._buffer = rest[: int(size)], rest[int(size) + 1:]
            event = json.loads(message)
            if event.get("event"):
                self.events.append(event)

    def screen(self) -> str:
        """What it has said to whoever looks."""
        return (self.folder / "screen.log").read_text(errors="replace")

    def hears(self) -> sound.Samples:
        """What has come in so far in the latest call, at 8 kHz, also while the call stands (the file's header is then not
        right yet, but for its rate)."""
        files = self.heard()
        data = files[-1].read_bytes() if files else b""
        if len(data) <= WAV_HEADER:
            return np.zeros(0)
        rate = int.from_bytes(data[24:28], "little")
        samples = np.frombuffer(data[WAV_HEADER:len(data) // 2 * 2], dtype="<i2").astype(np.float64) / 32768
        return signal_of.resample_poly(samples, 1, 2) if rate == 2 * sound.RATE else samples

    def heard(self) -> list[Path]:
        return sorted((self.folder / "rec").glob("*-dec.wav"))


def silence(folder: Path, rate: int) -> Path:
    """Ten minutes of silence: a phone that lies on the desk still sends audio."""
    import wave

    path = folder / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(rate * 2 * 600))
    return path
