"""The Python face of the media engine: ports that carry one leg's audio, and bridges between them.

Everything here returns at once: it hands an order to the C engine (own threads, no GIL, no disk) and what comes of it
arrives later as an event (appliance/media/events.py). Audio is 16-bit linear PCM at 8 kHz, positions are samples at 8
kHz.

Use it from one thread (the event loop's):

    engine = Engine("192.0.2.1")
    engine.start()
    loop.add_reader(engine.fileno(), lambda: handle(engine.events()))
    port = engine.open()                         # its number goes into the SDP
    port.connect(answer)                         # what the SDP of the far end said
    play = port.play(["prompts/en/hello.wav"])   # ... PlayDone(port=port.id, play=play, samples=...)
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from appliance.errors import SwitchroomError
from appliance.media import decode
from appliance.media import tones as tone_plans
from appliance.media._media import ffi, lib
from appliance.media.audio import Audio, AudioCache
from appliance.media.events import MediaEvent
from appliance.media.quality import quality_of
from appliance.messages import Quality

CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9}
DIRECTIONS = {"inactive": 0, "recvonly": 1, "sendonly": 2, "sendrecv": 3}
"""Bit 0: we receive, bit 1: we send."""
DIGITS = frozenset("0123456789*#ABCD")
MAX_CLIPS = 256
MAX_DIGITS = 64
MAX_MEMBERS = 64

Clip = str | Path | bytes | bytearray | memoryview | array.array
"""Something to play: a file (WAV or raw G.711, see audio.py), or 16-bit PCM at 8 kHz in native byte order."""


class MediaAnswerLike(Protocol):
    """What `Port.connect` reads; drivers.base.MediaAnswer fits."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def codec(self) -> str: ...
    @property
    def payload_type(self) -> int: ...
    @property
    def telephone_event(self) -> int: ...
    @property
    def ptime_ms(self) -> int: ...
    @property
    def direction(self) -> str: ...
    @property
    def rtcp_mux(self) -> bool: ...
    @property
    def rtcp_port(self) -> int: ...


class Engine:
    """The media engine of this process. `host` is the address RTP is bound to, `ports` the inclusive range (RTP even,
    RTCP the odd one above). `threads` 0 chooses by the number of cores; `rtp_timeout` seconds without RTP make a
    Silent."""

    def __init__(
        self,
        host: str,
        ports: tuple[int, int] = (20000, 23999),
        *,
        threads: int = 0,
        rtp_timeout: float = 20.0,
        cache_bytes: int = 64 << 20,
    ) -> None:
        low, high = ports
        if not (1024 <= low < high <= 65535):
            raise SwitchroomError("media.ports-range", "{low}-{high} is no usable range of RTP ports.",
                                  "Give two numbers within 1024-65535.", low=low, high=high)
        self.host = host
        self.audio = AudioCache(cache_bytes)
        self._ports: dict[int, Port] = {}
        self._batch = ffi.new("struct media_event[]", 256)
        self._figures = ffi.new("struct port_stats *")
        self._error = ffi.new("int *")
        self._engine = lib.engine_alloc(low, high, threads, int(rtp_timeout * 1000))
        if self._engine == ffi.NULL:
            raise SwitchroomError(
                "media.start", "The media engine could not be set up.", "Look for a lack of memory or files."
            )
        self._running = False

    # -- life --

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Start the threads. `loop` is only looked at to refuse a closed one: hook `fileno()` up yourself."""
        if loop is not None and loop.is_closed():
            raise SwitchroomError("media.start", "The event loop is closed.", "Start the engine before the loop ends.")
        if lib.engine_start(self._engine) != 0:
            raise SwitchroomError(
                "media.start", "The media threads did not start.", "Look at the limit of threads (ulimit -u)."
            )
        self._running = True

    def stop(self) -> None:
        """Close all ports, finish the recordings' files, end the threads. Events still come out of `events()` after
        it."""
        for port in list(self._ports.values()):
            port.close()
        if self._running:
            lib.engine_stop(self._engine)
            self._running = False

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __del__(self) -> None:
        engine = getattr(self, "_engine", None)
        if engine:
            lib.engine_free(engine)  # stops what still runs
            self._engine = None

    # -- events --

    def fileno(self) -> int:
        """An eventfd that is readable while there are events."""
        return int(lib.engine_fd(self._engine))

    def events(self) -> list[MediaEvent]:
        """All events there are, oldest first per port; empties the eventfd."""
        found: list[MediaEvent] = []
        while True:
            count = lib.engine_events(self._engine, self._batch, 256)
            for i in range(count):
                event = decode.event_of(self._batch[i])
                if event is not None:
                    found.append(event)
            if count < 256:
                return found

    def health(self) -> dict[str, Any]:
        """Figures for the status page: threads, whether they run in real time, ports, lateness (ms), what was lost."""
        h = ffi.new("struct engine_health *")
        lib.engine_health(self._engine, h)
        return {
            "threads": h.threads,
            "realtime": bool(h.realtime),
            "ports_open": h.ports_open,
            "ports_total": h.ports_total,
            "late_max_ms": h.late_max_us / 1000.0,
            "events_lost": h.events_lost,
            "record_samples_lost": h.record_lost,
            "packets_stray": h.packets_stray,
        }

    # -- ports and bridges --

    def open(self, host: str | None = None, *, near: Port | None = None) -> Port:
        """A port with an RTP socket from the range; RTCP's, the number above, comes within half a second of `connect`.
        `near`: a port it will be bridged with (same thread)."""
        host = host or self.host
        handle = lib.port_open(
            self._engine, host.encode(), near._handle if near is not None else ffi.NULL, self._error
        )
        if handle == ffi.NULL:
            raise _open_error(self._error[0], host)
        port = Port(self, handle, host)
        self._ports[port.id] = port
        return port

    def bridge(self, ports: Sequence[Port], gains: Mapping[tuple[Port, Port], float] | None = None) -> Bridge:
        """Join ports: everybody hears everybody else at gain 1.0, except where `gains[source, listener]` says
        otherwise.

        Two ports of one codec with both gains 1.0 and nothing being played are relayed packet by packet."""
        made = Bridge(self)
        for port in ports:
            made.add(port)
        for (source, listener), gain in (gains or {}).items():
            made.set_gain(source, listener, gain)
        return made


class Port:
    """One leg's audio. After `close` every method raises "media.port-closed"; a second `close` returns the same
    figures."""

    def __init__(self, engine: Engine, handle: Any, host: str) -> None:
        self._engine = engine
        self._handle = handle
        self._codec = ""
        self._final: Quality | None = None
        self._bridge: Bridge | None = None
        self.id: int = lib.port_id(handle)
        self.host = host
        self.port: int = lib.port_number(handle)
        self.playback = -1
        """The last playback; -1 after `stop_play`, and before the first."""

    def _live(self) -> Any:
        if self._handle is None:
            raise SwitchroomError("media.port-closed", "Media port {id} is closed.", "Open a new one.", id=self.id)
        return self._handle

    @property
    def closed(self) -> bool:
        return self._handle is None

    def connect(self, media: MediaAnswerLike, *, nat: bool = True) -> None:
        """Set or change the far end (again on re-INVITE; hold is `direction`). RTP is taken from the signalled
        address; with `nat` also from another port or address that shows up first (bounded latching, RFC 4961), and
        answers go there."""
        if media.codec not in CODECS:
            raise SwitchroomError("media.codec", "Codec {codec} is not one of ours.", "Agree on one of {codecs}.",
                                  codec=repr(media.codec), codecs=", ".join(CODECS))
        result = lib.port_connect(
            self._live(),
            media.host.encode(),
            media.port,
            CODECS[media.codec],
            media.payload_type,
            media.telephone_event,
            media.ptime_ms or 20,
            DIRECTIONS[media.direction],
            (media.port if media.rtcp_mux else media.rtcp_port or media.port + 1),
            int(media.rtcp_mux),
            int(nat),
        )
        if result != 0:
            raise SwitchroomError("media.address", "{host}:{port} is no address to send RTP to.",
                                  "The far end's SDP is wrong.", host=media.host, port=media.port)
        self._codec = media.codec

    # -- playing --

    def play(self, clips: Sequence[Clip] | Clip, *, loop: bool = False, gap_ms: int = 0, loop_from: int = 0) -> int:
        """Play clips one after the other, `gap_ms` of silence between them (and before each repeat); returns the play
        id. With `loop` the clip at index `loop_from` follows the last one: what stands before it is played once.

        Replaces a playback that runs (its PlayDone comes with `complete=False`). Begins with the first sample as soon
        as the port is connected and may send; on hold it waits. The position counts gaps too."""
        many = [clips] if isinstance(clips, (str, Path, bytes, bytearray, memoryview, array.array)) else list(clips)
        if not 1 <= len(many) <= MAX_CLIPS:
            raise SwitchroomError("media.clips", "{many} clips cannot be played at once.", "Give 1 to {most}.",
                                  many=len(many), most=MAX_CLIPS)
        port = self._live()
        audios = [self._audio(clip) for clip in many]
        handles = ffi.new("struct clip *[]", [a.handle for a in audios])
        again = loop_from if loop else lib.NO_LOOP
        play = lib.port_play(port, handles, len(audios), again, max(0, int(gap_ms)) * 8)
        if play < 0:
            raise SwitchroomError("media.memory", "Nothing can be played: out of memory.", "Close other programs.")
        self.playback = int(play)
        return self.playback

    def _audio(self, clip: Clip) -> Audio:
        if isinstance(clip, (str, Path)):
            return self._engine.audio.load(clip)
        return Audio.of_pcm(bytes(clip))

    def stop_play(self) -> int:
        """Stop at once; returns exactly how many samples have been sent (0 if nothing plays). PlayDone follows."""
        self.playback = -1
        return int(lib.port_stop_play(self._live()))

    def play_position(self) -> int:
        """Samples sent so far by the playback that runs, or by the last one."""
        return int(lib.port_play_position(self._live()))

    # -- recording --

    def record(
        self,
        path: str | Path,
        *,
        max_seconds: float,
        stop_silence_seconds: float | None = None,
        both: bool = False,
        stereo: bool = False,
    ) -> int:
        """Record what the far end says into a WAV file (8 kHz, 16 bit), replacing `path`; returns the record id.

        `both` mixes in what we send, `stereo` puts it on the right channel. Ends by `stop_record`, after
        `max_seconds`, or when nobody has spoken for `stop_silence_seconds`; RecordDone comes when the file is safe on
        disk."""
        if max_seconds <= 0:
            raise SwitchroomError("media.record", "A recording needs a limit above 0 seconds.", "Set max_seconds.")
        mode = 2 if stereo else 1 if both else 0
        record = lib.port_record(
            self._live(),
            os.fsencode(path),
            int(max_seconds * 8000),
            int((stop_silence_seconds or 0) * 8000),
            mode,
        )
        if record < 0:
            raise SwitchroomError("media.record", "{path} cannot be recorded.", "The path may be too long or memory short.",
                                  path=path)
        return int(record)

    def pause_record(self, on: bool = True) -> None:
        """Write silence in place of what is heard and sent, or (`on` False) what is heard again; the time goes on."""
        lib.port_pause_record(self._live(), int(on))

    def stop_record(self) -> None:
        """End the recording (RecordDone follows); nothing happens where none runs."""
        lib.port_stop_record(self._live())

    # -- digits and detection --

    def send_digits(self, digits: str, ms: int = 100, gap_ms: int = 80) -> None:
        """Send digits: RFC 4733 events where the far end takes them, else tones in the audio. Queued after earlier
        ones."""
        digits = digits.upper()
        if not digits or len(digits) > MAX_DIGITS or not set(digits) <= DIGITS:
            raise SwitchroomError("media.digits", "{digits} cannot be sent as digits.",
                                  "Use 1 to {most} of 0-9 * # A-D.", digits=repr(digits), most=MAX_DIGITS)
        lib.port_send_digits(self._live(), digits.encode(), min(max(ms, 40), 5000), min(max(gap_ms, 40), 5000))

    def keep_digits(self, on: bool = True) -> None:
        """Digits that come as events (RFC 4733) are told, and go no further: whoever keeps them passes on what he does not
        want. Tones in the audio cannot be kept."""
        lib.port_keep_digits(self._live(), int(on))

    def detect(
        self,
        *,
        digits: bool = True,
        voice: bool = False,
        tones: str | None = None,
        machine: bool = False,
        beep: bool = False,
    ) -> None:
        """Choose what is listened for in the audio: `digits` in-band DTMF, `voice` speech, `tones` call progress of a
        country (ISO code), `machine` person or answering machine, `beep` its beep. Sets all of them: what was on goes
        on, the clock of what is new (`at_ms`) starts. RFC 4733 digits are always reported; a digit sent both ways is
        reported once."""
        want = (
            digits * lib.DETECT_DIGITS
            | voice * lib.DETECT_VOICE
            | (tones is not None) * lib.DETECT_TONES
            | machine * lib.DETECT_MACHINE
            | beep * lib.DETECT_BEEP
        )
        plan = tone_plans.fill(ffi, tone_plans.plan(tones)) if tones is not None else ffi.NULL
        if lib.port_detect(self._live(), want, plan) != 0:
            raise SwitchroomError("media.detect", "The detectors could not be set up.", "Look at the memory left.")

    def meter(self, on: bool = True) -> None:
        """Level events five times a second."""
        lib.port_meter(self._live(), int(on))

    # -- figures and end --

    def stats(self) -> Quality:
        if self._handle is None and self._final is not None:
            return self._final
        raw = self._engine._figures
        lib.port_stats(self._live(), raw)
        return quality_of(raw, self._codec)

    def close(self) -> Quality:
        """Leave the bridge, end playback (without a PlayDone) and recording (its RecordDone follows), free the sockets.
        Returns the final figures."""
        if self._handle is None:
            assert self._final is not None
            return self._final
        self._final = self.stats()
        if self._bridge is not None:
            self._bridge._forget(self)
        handle, self._handle = self._handle, None
        self._engine._ports.pop(self.id, None)
        lib.port_close(handle)
        return self._final


class Bridge:
    """A matrix of gains between ports. A port is in one bridge at a time: adding it elsewhere takes it out of here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._handle: Any = lib.bridge_open(engine._engine)
        if self._handle == ffi.NULL:
            raise SwitchroomError("media.memory", "No bridge can be made: out of memory.", "Close other programs.")
        self._members: list[Port] = []

    @property
    def ports(self) -> tuple[Port, ...]:
        return tuple(self._members)

    def _live(self) -> Any:
        if self._handle is None:
            raise SwitchroomError("media.bridge-closed", "The bridge is closed.", "Make a new one.")
        return self._handle

    def add(self, port: Port, *, hears: float = 1.0, heard: float = 1.0) -> None:
        """Let a port in. `hears`: gain of everybody towards it; `heard`: its gain towards everybody (0.0 listens
        silently)."""
        handle = self._live()
        if port in self._members:
            return
        if len(self._members) >= MAX_MEMBERS:
            raise SwitchroomError("media.bridge-full", "A bridge takes {most} ports.", "Open a second one.",
                                  most=MAX_MEMBERS)
        target = port._live()
        if port._bridge is not None:
            port._bridge.remove(port)
        if lib.bridge_add(handle, target, hears, heard) != 0:
            raise SwitchroomError("media.bridge", "The port could not join the bridge.", "Try again; look at the load.")
        port._bridge = self
        self._members.append(port)

    def remove(self, port: Port) -> None:
        if port in self._members:
            self._members.remove(port)
            port._bridge = None
            lib.bridge_remove(self._live(), port._live())

    def set_gain(self, source: Port, listener: Port, gain: float) -> None:
        """How loud `listener` hears `source`: 0.0 not at all, 1.0 as it is, at most 8.0."""
        if source not in self._members or listener not in self._members or source is listener:
            raise SwitchroomError("media.bridge-member", "Both ports must be in the bridge.", "Add them first.")
        lib.bridge_gain(self._live(), source._live(), listener._live(), min(max(gain, 0.0), 8.0))

    def close(self) -> None:
        """Part the members; they stay open, alone."""
        if self._handle is None:
            return
        for port in list(self._members):
            self.remove(port)
        handle, self._handle = self._handle, None
        lib.bridge_close(handle)

    def _forget(self, port: Port) -> None:
        """The port is being closed: C takes it out of the bridge by itself."""
        port._bridge = None
        with contextlib.suppress(ValueError):
            self._members.remove(port)


def _open_error(code: int, host: str) -> SwitchroomError:
    if code == lib.MEDIA_E_EXHAUSTED:
        return SwitchroomError(
            "media.ports-exhausted",
            "No RTP port is free.",
            "Widen [sip] media_ports, or look for calls that do not end.",
        )
    if code == lib.MEDIA_E_ADDRESS:
        return SwitchroomError("media.host", "RTP cannot be bound to {host}.", "Use an address of this machine.",
                               host=repr(host))
    if code == lib.MEDIA_E_FILES:
        return SwitchroomError("media.files", "Too many files are open.", "Raise LimitNOFILE (ulimit -n).")
    return SwitchroomError("media.memory", "No port can be opened: out of memory.", "Close other programs.")
