"""The appliance itself, started as a person would: `switchroom serve` with the reference office on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from appliance import bus
from drivers.sip.probe import LOOPBACK
from tests.peers.commands import switchroom
from tests.peers.net import free_port, listening, media_range, wait_for

OFFICE = Path(__file__).parents[1] / "office"
MONDAY = "2026-03-02T10:00:00+02:00"
"""A Monday morning in the reference office: tests do not depend on the day they run."""


class Box:
    """A running box in a folder of its own. `gateway_port` is where its FXO gateway is expected."""

    def __init__(self, folder: Path, gateway_port: int, mail_port: int, *, now: str = MONDAY, numbers: list[str] | None = None,
                 edits: dict[str, str] | None = None, office: str | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.now = now
        self._begun = time.monotonic()
        self.sip_port = free_port()
        self.web_port = free_port()
        self.media = media_range()
        self.searched = f"127.9.0.0/29:{free_port()}"
        """What it searches in place of its networks."""
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        text = (office or (OFFICE / "office.toml").read_text())
        for old, new in {
            "127.0.0.1:5060": f"127.0.0.1:{self.sip_port}", "127.0.0.1:8080": f"127.0.0.1:{self.web_port}",
            "127.0.0.1:5070": f"127.0.0.1:{gateway_port}", "127.0.0.1:2525": f"127.0.0.1:{mail_port}",
            "127.0.0.1:5080": f"127.0.0.1:{free_port()}", "20000-23999": f"{self.media[0]}-{self.media[1]}",
        }.items():
            text = text.replace(old, new)
        for pattern, replacement in (edits or {}).items():
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            assert count, f"no {pattern!r} in the office"
        self.config = folder / "office.toml"
        self.config.write_text(text)
        rows = (OFFICE / "managers.csv").read_text().splitlines()
        if numbers is not None:
            rows = [rows[0], *(f"{number},Subscriber {i},House {i}" for i, number in enumerate(numbers, 1))]
        (folder / "managers.csv").write_text("\n".join(rows) + "\n")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self.launch()
        self.wait_up()

    def launch(self) -> None:
        """Start it, and do not wait."""
        command = [sys.executable, "-m", "appliance.cli", "--data", str(self.data), "serve", "--config", str(self.config),
                   "--now", self._now(), "--log", os.environ.get("SWITCHROOM_TEST_LOG", "info")]
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             cwd=Path(__file__).parents[2], env={**os.environ, LOOPBACK: self.searched})

    def set_clock(self, now: str) -> None:
        """What the next start pretends the time to be."""
        self.now, self._begun = now, time.monotonic()

    def _now(self) -> str:
        """The pretended time: it goes on over restarts, as a clock does."""
        return (datetime.fromisoformat(self.now) + timedelta(seconds=time.monotonic() - self._begun)).isoformat()

    def wait_up(self, seconds: float = 30) -> None:
        wait_for(self._is_up, seconds, f"the box is not up:\n{self.log()[-3000:]}")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"serve ended with {self._process.returncode}:\n{self.log()[-3000:]}"
        return bus.running(self.data) and self.run("status", check=False).returncode == 0

    def wait_pages(self, seconds: float = 30) -> str:
        """The address of the pages, as soon as they are served; they come up after the core."""
        wait_for(lambda: listening(self.web_port), seconds, f"the pages are not up:\n{self.log()[-3000:]}")
        return f"http://127.0.0.1:{self.web_port}"

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(25)
            except subprocess.TimeoutExpired:
                for child in psutil.Process(self._process.pid).children(recursive=True):
                    child.kill()
                self._process.kill()
                self._process.wait()
                raise AssertionError(f"the box did not stop:\n{self.log()[-3000:]}") from None
        self._process = None

    def log(self) -> str:
        path = self.folder / "serve.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- processes --

    def pid(self, name: str) -> int:
        """The pid of "core", "dialer", "web", or "serve" itself."""
        assert self._process is not None
        if name == "serve":
            return self._process.pid
        module = {"core": "appliance.core", "dialer": "appliance.dialer", "web": "web"}[name]
        for child in psutil.Process(self._process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it is ending just now
                if module in child.cmdline():
                    return child.pid
        return 0

    def kill(self, name: str) -> None:
        """kill -9."""
        pid = self.pid(name)
        if pid:
            os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """No process of this name while the block runs, however long that takes: the supervisor stands still, or it would start
        another one at once."""
        serve = self.pid("serve")
        os.kill(serve, signal.SIGSTOP)
        try:
            self.kill(name)
            yield
        finally:
            os.kill(serve, signal.SIGCONT)

    @contextlib.contextmanager
    def silent(self, name: str) -> Iterator[None]:
        """This process is there and does nothing while the block runs; the supervisor, which would end it, stands still too."""
        serve, stopped = self.pid("serve"), self.pid(name)
        os.kill(serve, signal.SIGSTOP)
        os.kill(stopped, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(stopped, signal.SIGCONT)
            os.kill(serve, signal.SIGCONT)

    def kill_serve(self) -> None:
        """kill -9 of the supervisor alone: its children are to notice. `start` brings everything back."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_all(self) -> None:
        """kill -9 of everything, supervisor first so that it restarts nothing; `start` brings it back."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        os.kill(self._process.pid, signal.SIGKILL)
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        psutil.wait_procs(children, timeout=5)

    def reload_signal(self) -> None:
        """SIGHUP, as an administrator or systemd sends it."""
        os.kill(self.pid("serve"), signal.SIGHUP)

    # -- the command --

    def run(self, *args: str, check: bool = True, as_json: bool = False) -> subprocess.CompletedProcess[str]:
        options = ["--data", str(self.data), *(["--json"] if as_json else [])]
        done = switchroom(*options, *args)
        if check:
            assert done.returncode == 0, f"switchroom {' '.join(args)}: {done.stdout}{done.stderr}\n{self.log()[-3000:]}"
        return done

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, as_json=True).stdout)

    def status(self) -> Any:
        """The status, or None while no core answers."""
        done = self.run("status", check=False, as_json=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_registered(self, extension: str, seconds: float = 15) -> None:
        def registered() -> bool:
            phones = (self.status() or {"phones": []})["phones"]
            return any(p["extension"] == extension and p.get("registered") for p in phones)

        wait_for(registered, seconds, f"phone {extension} is not registered:\n{self.log()[-2000:]}")

    def report(self, campaign: int) -> Any:
        return json.loads(self.run("campaign", "report", str(campaign), "--json").stdout)

    def wait_campaign(self, campaign: int, state: str, seconds: float) -> Any:
        """The campaign's report once it has come to `state`."""
        def look() -> Any:
            report = self.report(campaign)
            return report if report["state"] == state else None

        return wait_for(look, seconds, f"campaign {campaign} is not {state}:\n{self.log()[-2000:]}")
