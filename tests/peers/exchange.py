"""The analogue line behind a gateway that answers on seizing: what is heard on it, as raw A-law for sipp's rtp_stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.media import tones
from tests.detectlab import digit, pcm
from tests.mediakit import compress
from tests.peers import sound

Pcm = NDArray[np.int16]
RATE = 8000


def tone(country: str, kind: tones.Kind, seconds: float) -> Pcm:
    return np.frombuffer(tones.generate(tones.plan(country), kind, seconds, level_dbov=-22.0), np.int16)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.int16)


def voice(folder: Path, text: str) -> Pcm:
    return pcm(sound.load(sound.speak(folder / "voice.wav", text)) * 12000)


def streams(folder: Path, country: str = "FI") -> None:
    """Write what sipp/gateway_audio.xml plays: NAME.al in `folder` (8 kHz A-law, whole packets of 20 ms)."""
    folder.mkdir(parents=True, exist_ok=True)
    hello = voice(folder, "Hello?")
    # Seized, the exchange is silent for a moment, it rings once and a bit, somebody takes the telephone off the hook.
    answered = [silence(0.4), tone(country, "ringback", 1.0), silence(1.5), hello]
    keys = [silence(6.0), pcm(digit("1", 100)), silence(20.0)]
    parts = {
        "listen": [*answered, silence(30.0)],
        "press1": [*answered, *keys],
        "press2": [*answered, silence(6.0), pcm(digit("2", 100)), silence(20.0)],
        # Two seconds after the greeting the callee puts the telephone down: the exchange sends busy tone.
        "gone": [*answered, silence(3.0), tone(country, "busy", 20.0)],
        "busy": [silence(0.4), tone(country, "busy", 20.0)],
        "ring": [silence(0.4), tone(country, "ringback", 60.0)],
        # The special information tone comes before each round of an announcement (here two without words).
        "unknown": [silence(0.4), tone(country, "special", 4.0), silence(0.7), tone(country, "congestion", 20.0)],
    }
    for name, sounds in parts.items():
        whole = np.concatenate(sounds)
        whole = np.concatenate([whole, np.zeros(-len(whole) % 160, np.int16)])
        (folder / f"{name}.al").write_bytes(compress("PCMA", whole))
