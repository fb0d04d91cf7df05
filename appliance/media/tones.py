"""Call-progress tones by country, as data, and a generator for them.

Sources: ITU-T E.180 Supplement 2 (1994, and the list "Various tones used in national networks", Operational Bulletin 781,
2003) for frequencies and times; BT SIN 350 for the United Kingdom; ANSI T1.401 for North America; YD/T 732 for China. Ukraine is
not told apart from its neighbours there: its plan is the common practice of the 425 Hz networks around it. Special information
tone: E.180 clause 7. CNG and CED: T.30 clause 4. These are known to the C detector without a plan.

Cadences are written as "F/ON/OFF" elements: frequencies in Hz joined with "+", times in ms, elements joined with ","; a
single "F" is continuous. Where a country uses several cadences for one tone, all are listed: the first is what we play.
"""

from __future__ import annotations

import math
from array import array
from typing import Any, Literal, get_args

import msgspec

from appliance.errors import SwitchroomError

Kind = Literal["dial", "ringback", "busy", "congestion", "special", "fax", "modem", "beep"]
KINDS: tuple[str, ...] = get_args(Kind)
"""In the order of `enum detect_tone` (detect.h), which begins with none = 0."""

RATE = 8000
LEVEL_DBOV = -16.0
"""Of a generated tone: -10 dBm0 (E.180 clause 4) with 0 dBm0 = -6.2 dBov for a full-scale sine at 3.17 dBm0 (G.711)."""
MAX_SECONDS = 600.0


class Element(msgspec.Struct, frozen=True):
    """One on/off pair. `f2` 0 means a single frequency; `on_ms` 0 a tone without end."""

    f1: int
    f2: int
    on_ms: int
    off_ms: int


class Cadence(msgspec.Struct, frozen=True):
    tone: str
    elements: tuple[Element, ...]


class Plan(msgspec.Struct, frozen=True):
    """The tones of one country. Tolerances are the detector's: times in percent, frequencies in Hz."""

    country: str
    cadences: tuple[Cadence, ...]
    tolerance: int = 25
    tolerance_hz: int = 20


# fmt: off
_TEXT: dict[str, dict[str, tuple[str, ...]]] = {
    "FI": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/300/300",), "congestion": ("425/200/200",)},
    "RU": {"dial": ("425",), "ringback": ("425/1000/4000", "425/800/3200"), "busy": ("425/400/400", "425/350/350"),
           "congestion": ("425/200/200", "425/175/175")},
    "UA": {"dial": ("425",), "ringback": ("425/1000/4000", "425/800/3200"), "busy": ("425/350/350", "425/400/400"),
           "congestion": ("425/200/200", "425/175/175")},
    "GB": {"dial": ("350+440",), "ringback": ("400+450/400/200,400+450/400/2000",), "busy": ("400/375/375",),
           "congestion": ("400/400/350,400/225/525",)},
    "US": {"dial": ("350+440",), "ringback": ("440+480/2000/4000",), "busy": ("480+620/500/500",),
           "congestion": ("480+620/250/250", "480+620/300/200")},
    "CN": {"dial": ("450",), "ringback": ("450/1000/4000",), "busy": ("450/350/350",), "congestion": ("450/700/700",)},
    "DE": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/480/480",), "congestion": ("425/240/240",)},
    "FR": {"dial": ("440",), "ringback": ("440/1500/3500",), "busy": ("440/500/500",), "congestion": ("440/250/250",)},
    "SE": {"dial": ("425",), "ringback": ("425/1000/5000",), "busy": ("425/250/250",), "congestion": ("425/250/750",)},
    "EE": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/300/300",), "congestion": ("425/200/200",)},
    "LV": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/300/300",), "congestion": ("425/200/200",)},
    "LT": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/350/350",), "congestion": ("425/200/200",)},
    "NO": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",), "congestion": ("425/200/200",)},
    "DK": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",), "congestion": ("425/250/250",)},
    "NL": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",), "congestion": ("425/250/250",)},
    "BE": {"dial": ("425",), "ringback": ("425/1000/3000",), "busy": ("425/500/500",), "congestion": ("425/167/167",)},
    "AT": {"dial": ("420",), "ringback": ("420/1000/5000",), "busy": ("420/400/400",), "congestion": ("420/200/200",)},
    "CH": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",), "congestion": ("425/200/200",)},
    "PL": {"dial": ("425",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",), "congestion": ("425/250/250",)},
    "CZ": {"dial": ("425/330/330,425/660/660",), "ringback": ("425/1000/4000",), "busy": ("425/330/330",),
           "congestion": ("425/165/165",)},
    "IT": {"dial": ("425/200/200,425/600/1000",), "ringback": ("425/1000/4000",), "busy": ("425/500/500",),
           "congestion": ("425/200/200",)},
    # (Spain's congestion, 200/200/200/600, begins like its busy tone and is told as that.)
    "ES": {"dial": ("425",), "ringback": ("425/1500/3000",), "busy": ("425/200/200",)},
    # For a country that has no plan of its own: the 425 Hz plan that E.180 recommends, and the precise tones beside it.
    "": {"dial": ("425", "350+440"), "ringback": ("425/1000/4000", "440+480/2000/4000", "425/1500/3500"),
         "busy": ("425/500/500", "425/375/375", "480+620/500/500"), "congestion": ("425/250/250", "480+620/250/250")},
}
# fmt: on
_SAME_AS = {"CA": "US", "UK": "GB", "IE": "GB", "BY": "RU", "KZ": "RU"}
_EVERYWHERE: dict[str, str] = {
    "special": "950/330/0,1400/330/0,1800/330/1000",
    "fax": "1100/500/3000",
    "modem": "1300/600/1750",
    "beep": "1000/300/0",
}


def _element(text: str) -> Element:
    freqs, *times = text.split("/")
    f1, _, f2 = freqs.partition("+")
    on, off = (int(times[0]), int(times[1])) if times else (0, 0)
    return Element(int(f1), int(f2 or 0), on, off)


def _cadence(tone: str, text: str) -> Cadence:
    return Cadence(tone, tuple(_element(part) for part in text.split(",")))


def plan(country: str) -> Plan:
    """The plan of an ISO 3166 country code, or the generic one (`country` "" in the answer) where there is none."""
    code = country.upper()
    code = _SAME_AS.get(code, code)
    code = code if code in _TEXT else ""
    tones = _TEXT[code]
    cadences = tuple(_cadence(tone, text) for tone, texts in tones.items() for text in texts)
    return Plan(code, cadences, tolerance_hz=30 if code == "" else 20)


def countries() -> list[str]:
    """Every country code with a plan of its own or a neighbour's."""
    return sorted([c for c in _TEXT if c] + list(_SAME_AS))


def fill(ffi: Any, plan: Plan) -> Any:
    """A `struct tone_plan *` (detect.h) for `detect_conf.plan`, owned by cffi; keep it alive while detect_alloc runs."""
    out = ffi.new("struct tone_plan *")
    out.cadences = len(plan.cadences)
    out.tolerance, out.tolerance_hz = plan.tolerance, plan.tolerance_hz
    for row, cadence in zip(out.cadence, plan.cadences, strict=False):
        row.tone = KINDS.index(cadence.tone) + 1
        row.elements = len(cadence.elements)
        for cell, element in zip(row.element, cadence.elements, strict=False):
            cell.f1, cell.f2 = element.f1, element.f2
            cell.on_ms, cell.off_ms = element.on_ms, element.off_ms
    return out


def _find(plan: Plan, kind: str) -> Cadence:
    for cadence in plan.cadences:
        if cadence.tone == kind:
            return cadence
    if kind not in _EVERYWHERE:
        raise SwitchroomError("tones.unknown", "There is no tone {kind}.", "Use one of: {kinds}.", kind=repr(kind),
                              kinds=", ".join(KINDS))
    return _cadence(kind, _EVERYWHERE[kind])


def _burst(out: array[int], element: Element, samples: int, start: int, amplitude: float) -> None:
    freqs = [f for f in (element.f1, element.f2) if f]
    peak = amplitude / math.sqrt(len(freqs))
    ramp = 24  # 3 ms: no click, and the edge still stands where it should
    for i in range(samples):
        edge = min(1.0, (i + 1) / ramp, (samples - i) / ramp)
        value = sum(math.sin(2.0 * math.pi * f * i / RATE) for f in freqs)
        out[start + i] = round(peak * edge * value)


def generate(plan: Plan, kind: Kind, seconds: float, *, level_dbov: float = LEVEL_DBOV) -> bytes:
    """`seconds` of that tone as PCM16 in machine order at 8 kHz, beginning with its first on. A beep sounds once.

    `level_dbov` is the RMS of the tone while it is on, against a full-scale square wave. Raises SwitchroomError
    ("tones.unknown", "tones.length")."""
    if not 0.0 < seconds <= MAX_SECONDS:
        raise SwitchroomError("tones.length", "A tone of {seconds} s is not possible.", "At most {most} s.",
                              seconds=seconds, most=f"{MAX_SECONDS:.0f}")
    cadence = _find(plan, kind)
    total = round(seconds * RATE)
    out = array("h", bytes(2 * total))
    amplitude = min(32767.0, 32768.0 * math.sqrt(2.0) * 10.0 ** (level_dbov / 20.0))
    at = 0
    while at < total:
        for element in cadence.elements:
            on = total if element.on_ms == 0 else element.on_ms * RATE // 1000
            _burst(out, element, max(0, min(on, total - at)), min(at, total), amplitude)
            at += on + element.off_ms * RATE // 1000
        if kind == "beep":
            break
    return out.tobytes()
