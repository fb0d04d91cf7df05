"""A text as it will sound, before it is taken into use."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from appliance.config.kinds import LANGUAGES
from appliance.errors import SwitchroomError, because
from appliance.prompts import build
from appliance.prompts.catalog import Clip

MAX_TEXT = 500
RATE = 16000
_one = threading.Semaphore(1)
"""Speaking takes the processor that calls need: one at a time."""


def spoken(text: str, language: str) -> bytes:
    """WAV. Raises SwitchroomError "prompts.no-speech", "start.nothing-to-say", "web.too-many"."""
    text = " ".join(text.split())
    if not text or language not in LANGUAGES:
        raise SwitchroomError("start.nothing-to-say", "There is nothing to say.", "Type a text first.")
    if len(text) > MAX_TEXT:
        raise SwitchroomError("start.too-long", "The text is longer than {most} characters.",
                              "Callers do not listen so long.", most=MAX_TEXT)
    if not _one.acquire(timeout=20):
        raise SwitchroomError("web.too-many", "Another text is being spoken.", "Try again in a moment.")
    try:
        with tempfile.TemporaryDirectory(prefix="switchroom-speech-") as folder:
            build.speaker()
            build.speak(lambda rate: Path(folder) / str(rate), language, [Clip("text", text, ends=True)])
            return (Path(folder) / str(RATE) / "text.wav").read_bytes()
    except OSError as problem:
        raise SwitchroomError("prompts.disk", "The text could not be spoken: {reason}.", "Free some space.",
                              reason=because(problem)) from None
    finally:
        _one.release()
