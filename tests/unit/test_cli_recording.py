"""What `switchroom recording` says of each recording."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.cli.recording import Kept, trouble

DATA = b"what was said"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(("there", "kept", "says"), [
    (DATA, {"bytes": len(DATA), "sha256": DIGEST, "reason": "stopped"}, ""),
    (DATA + b"!", {"bytes": len(DATA), "sha256": DIGEST, "reason": "stopped"}, "it is not what was recorded"),
    (None, {"bytes": len(DATA), "sha256": DIGEST, "reason": "stopped"}, "No such file or directory"),
    (None, {"reason": "stopped", "erased": "age"}, ""),
    (DATA, {"reason": "stopped", "erased": "age"}, "it was erased, and is still there"),
    (DATA, {"reason": "interrupted"}, "nothing is known of what it should be"),
    (DATA, {}, ""),
])
def test_what_is_wrong(tmp_path: Path, there: bytes | None, kept: dict[str, object], says: str) -> None:
    if there is not None:
        (tmp_path / "x.wav").write_bytes(there)
    assert trouble(tmp_path, Kept(recording="x.wav", call="c", began=0.0, **kept)) == says  # type: ignore[arg-type]
