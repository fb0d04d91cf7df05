"""The command line, asked many times a minute by tests that watch a box: half a second of imports each is done once.

A process that has the commands loaded forks for each one: it runs as it would by itself, in a process of its own with its own
arguments, environment, output and exit status, 20 times as fast.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers.net import wait_for

ROOT = Path(__file__).parents[2]
_sockets: dict[int, Path] = {}
"""By the process that began the server: a forked test worker begins its own."""


def switchroom(*args: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `switchroom ARGS` and have what it printed. `subprocess.TimeoutExpired` after `timeout` s."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout)
        link.connect(str(_server()))
        link.sendall(json.dumps([list(args), dict(os.environ)]).encode())
        link.shutdown(socket.SHUT_WR)
        try:
            answer = b"".join(iter(lambda: link.recv(1 << 16), b""))
        except TimeoutError:
            raise subprocess.TimeoutExpired(["switchroom", *args], timeout) from None
    status, out, err = json.loads(answer)
    return subprocess.CompletedProcess(["switchroom", *args], status, out, err)


def _server() -> Path:
    if os.getpid() not in _sockets:
        path = Path(tempfile.mkdtemp(prefix="switchroom-commands-")) / "s"
        server = subprocess.Popen([sys.executable, "-m", "tests.peers.commands", str(path)], stdin=subprocess.DEVNULL, cwd=ROOT)
        wait_for(path.exists, 30, "the commands are loaded")
        atexit.register(_end, server, path)
        _sockets[os.getpid()] = path
    return _sockets[os.getpid()]


def _end(server: subprocess.Popen[bytes], path: Path) -> None:
    server.kill()
    server.wait()
    path.unlink(missing_ok=True)
    path.parent.rmdir()


class _Run(socketserver.StreamRequestHandler):
    """In a fork of its own."""

    def handle(self) -> None:
        args, environment = json.loads(self.rfile.read())
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["switchroom", *args]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                _become(out.fileno(), err.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            printed = [os.pread(file.fileno(), 1 << 28, 0).decode(errors="replace") for file in (out, err)]
        self.wfile.write(json.dumps([status, *printed]).encode())


def _become(out: int, err: int) -> None:
    """The command itself; does not return. Its exit status and output are those of `python -m appliance.cli`."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    status = 1
    try:
        importlib.import_module("appliance.cli.main").main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64
    parent = os.getppid()

    def service_actions(self) -> None:
        """Twice a second: end with who began it, however that ended."""
        super().service_actions()
        if os.getppid() != self.parent:
            os._exit(0)


def _serve(path: str) -> None:
    main = importlib.import_module("appliance.cli.main")
    for place, _ in main.GROUPS.values():
        importlib.import_module(place.partition(":")[0])
    gc.freeze()  # a collector that walks through all of this in a fork has it copied there, page by page
    made = f"{path}.new"
    with _Server(made, _Run) as server:
        Path(made).rename(path)
        server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
