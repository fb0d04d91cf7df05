"""Where things stand under the data directory (`--data DIR` or SWITCHROOM_DATA)."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from appliance.errors import SwitchroomError

SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes; zmq adds nothing, we keep some room


def data_dir(given: str | None = None) -> Path:
    """The data directory as an absolute path; not created here."""
    chosen = given or os.environ.get("SWITCHROOM_DATA") or "data"
    return Path(chosen).expanduser().absolute()


def ensure_layout(data: Path) -> None:
    """Create the folders, readable by the box alone: they hold recordings, numbers and secrets."""
    for name in ("", "config", "ledger", "run", "recordings", "campaigns", "mail", "prompts", "voicemail", "greetings", "logs"):
        folder = data / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if name and folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)  # made by somebody else's tool, or restored from a backup


def keep_private() -> None:
    """Whatever this process makes from now on is its user's alone: recordings, numbers and secrets stand in it."""
    os.umask(0o077)


def private_dir(base: Path, name: str) -> Path:
    """A folder in a place that others may write to (/dev/shm, /tmp), made so that only we can use it."""
    folder = base / name
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
        raise SwitchroomError("system.folder-not-ours", "{folder} exists and is not a private folder of this user.",
                              "Remove it, or start Switchroom as the user who owns it.", folder=folder)
    return folder


def _tag(data: Path) -> str:
    return f"switchroom-{os.getuid()}-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"


def socket_path(data: Path, name: str) -> Path:
    """A Unix socket's path: in DATA/run, or in a private folder under /tmp where that would be too long for the kernel."""
    wanted = data / "run" / name
    if len(str(wanted)) <= SOCKET_PATH_MAX:
        return wanted
    return private_dir(Path(tempfile.gettempdir()), _tag(data)) / name


def journal_path(data: Path) -> Path:
    """Where the SIP thread notes its live dialogs: memory that outlives the process and not the machine."""
    memory = Path("/dev/shm")
    base = memory if memory.is_dir() and os.access(memory, os.W_OK) else data / "run"
    return private_dir(base, _tag(data)) / "dialogs"


def prompts_dir() -> Path:
    """Prompts as spoken by `./run` at set-up, shared by every data directory of this checkout or installation."""
    given = os.environ.get("SWITCHROOM_PROMPTS")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "var" / "prompts"
