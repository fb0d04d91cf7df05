"""Speech starts and stops: when, in what noise, and never for tones, noise or our own echo; and person or machine."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.media import _media, tones
from tests import detectlab as lab

MESSAGES = [
    ("en", "This is Harbour Office. The documents for your building have changed. Bring the new form before Friday."),
    ("fi", "Tämä on satamatoimiston tiedote. Talonne asiakirjat ovat muuttuneet. Tuokaa uusi lomake ennen perjantaita."),
    ("ru+f3", "Здравствуйте, это сообщение от портовой конторы. Документы изменились, принесите новую форму до пятницы."),
    ("cmn", "您好，这里是港口办公室。您的大楼文件已更改，请在星期五之前带新表格来办公室。"),
]
HELLO = [("en", "Hello?"), ("fi", "Haloo"), ("ru", "Алло, слушаю вас"), ("cmn", "喂，你好"), ("uk", "Алло, слухаю")]
PATHS = {
    "exact": None,
    "hybrid": 0.8 * np.array([0, 0, 0, 0, 0, 0, 1, -0.5, 0.3, -0.2, 0.1, 0.3, -0.4, 0.2, 0.1]),
}


def message(index: int, dbov: float = -18.0) -> np.ndarray:
    voice, text = MESSAGES[index]
    return lab.alaw(lab.join(lab.silence(100), lab.level(lab.speech(text, voice), dbov), lab.silence(900)))


def noisy(x: np.ndarray, dbov: float, seed: int = 1) -> np.ndarray:
    return lab.alaw(x + lab.noise(len(x) / 8, dbov, np.random.default_rng(seed)))


@pytest.mark.parametrize("dbov", [-12, -25, -38])
@pytest.mark.parametrize(("voice", "text"), HELLO)
def test_speech_is_told_soon_and_its_end_after_the_pause(voice, text, dbov):
    said = lab.level(lab.speech(text, voice), dbov)
    x = noisy(lab.join(lab.silence(1000), said, lab.silence(1500)), -58)
    listener = lab.Listener("voice")
    listener.run(x)
    assert listener.values("voice") == ["start", "stop"]
    start, stop = listener.heard
    assert 0.95 < start.began < 1.15
    assert start.at - 1.0 < 0.25
    end = 1.0 + len(said) / lab.RATE
    assert end - 0.5 < stop.began < end + 0.1
    assert stop.at - stop.began == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize("floor", [-62, -50, -40])
def test_the_floor_adapts_to_the_lines_noise(floor):
    said = lab.level(lab.speech("Hello, who is there?", "en"), floor + 22)
    x = noisy(lab.join(lab.silence(4000), said, lab.silence(1500)), floor)
    listener = lab.Listener("voice")
    listener.run(x)
    assert listener.values("voice") == ["start", "stop"]
    assert 3.9 < listener.heard[0].began < 4.2


@pytest.mark.parametrize("dbov", [-45, -35, -25])
def test_noise_switched_on_is_not_speech(dbov):
    rng = np.random.default_rng(3)
    listener = lab.Listener("voice")
    listener.run(lab.alaw(lab.join(lab.silence(1000), lab.noise(5000, dbov, rng))))
    assert listener.values("voice") == []


def test_speech_over_lost_packets_is_one_piece():
    said = lab.level(lab.speech("Good morning, this is the office of the harbour, how can I help you?", "en"), -20)
    x = noisy(lab.join(lab.silence(500), said, lab.silence(1200)), -60)
    rng = np.random.default_rng(8)
    for _ in range(10):
        lost = lab.packets_lost(len(x) // lab.FRAME, 0.05, rng)
        listener = lab.Listener("voice")
        listener.run(lab.zero_fill(x, lost), None, lost)
        assert listener.values("voice") == ["start", "stop"]
        assert listener.heard[0].at < 0.95


@pytest.mark.parametrize("path", list(PATHS))
@pytest.mark.parametrize("db", [0, -6, -15, -30])
@pytest.mark.parametrize("delay", [0, 5, 47, 163.5, 300])
def test_our_own_message_is_not_the_callee(delay, db, path):
    for index in range(len(MESSAGES)):
        tx = message(index)
        listener = lab.Listener("digits", "voice", "tones", "machine", "beep", country="FI")
        listener.run(noisy(lab.echo(tx, delay, db, PATHS[path]), -62), tx)
        assert [h for h in listener.heard if h.kind != "machine"] == []
        assert listener.values("machine") in ([], ["unsure"])


@pytest.mark.slow
def test_echo_at_random(capsys):
    """Any delay, level, law, loss, and paths smeared over up to 7 ms at random, as no line is."""
    rng = np.random.default_rng(77)
    false, runs, seconds = 0, 240, 0.0
    for _ in range(runs):
        tx = message(int(rng.integers(len(MESSAGES))))
        path = None
        if rng.random() < 0.6:
            taps = int(rng.integers(4, 60))
            path = rng.normal(size=taps) * np.exp(-np.arange(taps) / (taps / 4))
            path /= np.sqrt((path**2).sum())
        law = lab.alaw if rng.random() < 0.5 else lab.ulaw
        rx = lab.echo(tx, rng.uniform(0, 300), rng.uniform(-30, 0), path)
        rx = law(rx + lab.noise(len(rx) / 8, rng.uniform(-75, -52), rng))
        lost = lab.packets_lost(len(rx) // lab.FRAME, rng.choice([0, 0.01, 0.05]), rng)
        listener = lab.Listener("digits", "voice", "tones", "beep", country="FI")
        listener.run(lab.zero_fill(rx, lost), tx, lost if rng.random() < 0.5 else [])
        false += bool(listener.heard)
        seconds += len(rx) / lab.RATE
    lab.report(capsys.disabled(), f"{runs} messages echoed ({seconds / 60:.0f} min): taken for the callee {false} times")
    assert false <= runs // 50


@pytest.mark.parametrize("loss", [0.01, 0.05])
@pytest.mark.parametrize("told", [True, False])
def test_an_echo_that_loses_packets_is_still_ours(loss, told):
    rng = np.random.default_rng(9)
    for delay in (20, 100, 300):
        tx = message(0)
        lost = lab.packets_lost(len(tx) // lab.FRAME, loss, rng)
        listener = lab.Listener("digits", "voice", "tones", country="FI")
        listener.run(lab.zero_fill(lab.alaw(lab.echo(tx, delay, -3)), lost), tx, lost if told else [])
        assert listener.heard == []


@pytest.mark.parametrize("delays", [(120, 80, 140), (104.25, 96.5, 131.75)])
def test_an_echo_whose_delay_jumps_is_still_ours(delays):
    """A jitter buffer, theirs or ours, moves by packets or by some samples."""
    tx = message(0)
    rx = lab.echo(tx, 100, -3)
    for at, delay in zip((16000, 32000, 44000), delays, strict=True):
        rx[at:] = lab.echo(tx, delay, -3)[at:]
    listener = lab.Listener("voice")
    listener.run(lab.alaw(rx), tx)
    assert listener.values("voice") == []


@pytest.mark.parametrize("db", [0, -6, -20, -60])
def test_a_callee_who_speaks_over_our_message_is_heard(db):
    tx = message(0)
    said = lab.level(lab.speech("Hello, who is this?", "en+f3"), -20)
    for at in (2.0, 3.5):
        rx = lab.echo(tx, 120, db)
        rx[int(at * 8000) : int(at * 8000) + len(said)] += said
        listener = lab.Listener("voice")
        listener.run(lab.alaw(rx), tx)
        starts = [h for h in listener.heard if h.value == "start"]
        assert len(starts) == 1
        assert at - 0.1 < starts[0].began < at + 0.3
        assert starts[0].at - at < 0.5


def test_switching_one_detector_leaves_the_other_as_it_is():
    said = lab.level(lab.speech(MESSAGES[0][1], "en"), -20)
    listener = lab.Listener("voice")
    listener.run(lab.alaw(lab.join(lab.silence(480), said[: 160 * 60])))
    listener.set("voice", "digits")
    listener.run(lab.alaw(said[160 * 60 : 160 * 100]))
    listener.set("voice")
    listener.run(lab.alaw(lab.join(said[160 * 100 : 160 * 120], lab.silence(1000))))
    assert listener.values("voice") == ["start", "stop"]
    listener.set()
    listener.run(lab.alaw(said[: 160 * 100]))
    assert listener.values("voice") == ["start", "stop"]
    assert listener.lib.detect_flags(listener.raw) == 0


def test_times_count_from_when_a_detector_was_switched_on():
    listener = lab.Listener()
    listener.run(np.zeros(16000, dtype=np.int16))
    listener.set("digits")
    listener.run(lab.alaw(lab.join(lab.silence(300), lab.digit("4"), lab.silence(100))))
    assert listener.values("digit") == ["4"]
    assert listener.heard[0].began == pytest.approx(0.3, abs=0.02)


def test_a_wideband_leg_hears_the_same():
    def double(x: np.ndarray) -> np.ndarray:
        from scipy import signal

        return lab.pcm(signal.resample_poly(x, 2, 1))

    listener = lab.Listener("digits", "voice", "tones", country="FI", rate=16000)
    busy = np.frombuffer(tones.generate(tones.plan("FI"), "busy", 2), dtype=np.int16).astype(float)
    said = lab.level(lab.speech("Hello?", "en"), -20)
    x = lab.join(lab.silence(400), said, lab.silence(900), lab.digit("9"), lab.silence(300), busy, lab.silence(400))
    listener.run(double(x))
    assert [h.value for h in listener.heard] == ["start", "stop", "9", "busy"]


def test_refused_configurations():
    ffi, lib = _media.ffi, _media.lib
    out = ffi.new("struct detect **")
    assert lib.detect_alloc(out, ffi.new("struct detect_conf *", {"rate": 44100})) != 0
    assert lib.detect_alloc(out, ffi.NULL) != 0
    lib.detect_free(ffi.NULL)


# ---- person or machine -----------------------------------------------------------------------------------------------

PERSONS = [
    ("en", "Hello?"), ("en", "Hello, Anna speaking."), ("fi", "Virtanen."), ("fi", "Haloo"), ("ru", "Алло!"),
    ("ru", "Да, слушаю вас"), ("uk", "Алло, слухаю"), ("cmn", "喂？"), ("de", "Müller."), ("sv", "Andersson"),
]  # fmt: skip
MACHINES = [
    ("en", "You have reached the Smith family. We cannot come to the phone right now. Please leave a message."),
    ("en", "Hi, this is John. I'm not available at the moment, please leave your name and number."),
    ("fi", "Olet soittanut numeroon nolla neljä nolla viisi kuusi seitsemän. Jätä viesti äänimerkin jälkeen."),
    ("ru", "Абонент не может ответить на ваш звонок. Оставьте сообщение после сигнала."),
    ("uk", "Абонент не може прийняти ваш дзвінок. Залиште повідомлення після сигналу."),
    ("cmn", "您拨打的用户暂时无法接通，请在提示音后留言。"),
    ("de", "Guten Tag, hier ist der Anrufbeantworter von Familie Müller. Bitte hinterlassen Sie eine Nachricht."),
    ("sv", "Hej, du har kommit till Andersson, lämna ett meddelande efter tonen."),
]


def verdict(greeting: np.ndarray, *after: np.ndarray) -> lab.Listener:
    listener = lab.Listener("machine", "beep", "tones", country="FI")
    listener.run(noisy(lab.join(lab.silence(700), greeting, *after), -62))
    return listener


def test_people_and_machines_are_told_apart(capsys):
    right = {"person": 0, "machine": 0}
    count = {"person": 0, "machine": 0}
    for kind, greetings in (("person", PERSONS), ("machine", MACHINES)):
        for voice, text in greetings:
            for variant in ("", "+f3", "+m3"):
                listener = verdict(lab.level(lab.speech(text, voice + variant), -20), lab.silence(5500))
                count[kind] += 1
                right[kind] += listener.values("machine") == [kind]
    for kind, n in count.items():
        lab.report(capsys.disabled(), f"{kind}s told as such: {right[kind]} of {n}")
        assert right[kind] >= 0.9 * n


def test_nobody_speaks():
    listener = verdict(lab.silence(7000))
    assert listener.values("machine") == ["unsure"]
    assert listener.heard[0].at == pytest.approx(5.0, abs=0.1)


def test_a_fax_is_a_machine():
    assert verdict(lab.sine([2100], 3000)).values("machine") == ["machine"]


@pytest.mark.parametrize("ms", [80, 150, 400, 1000, 2000])
@pytest.mark.parametrize("hz", [425, 440, 800, 1000, 1400, 2000, 2400])
def test_the_beep_after_the_greeting(hz, ms):
    greeting = lab.level(lab.speech(MACHINES[0][1], "en"), -20)
    listener = verdict(greeting, lab.silence(350), lab.sine([hz], ms, -18), lab.silence(2500))
    beeps = [h for h in listener.heard if h.value == "beep"]
    assert len(beeps) == 1
    began = 0.7 + len(greeting) / lab.RATE + 0.35
    assert beeps[0].began == pytest.approx(began, abs=0.1)
    assert beeps[0].at - began - ms / 1000 < 1.0
    assert listener.values("machine") == ["machine"]


def test_no_beep_without_speech_before_or_with_more_after():
    beep = lab.sine([1000], 300, -18)
    assert verdict(lab.silence(500), beep, lab.silence(1500)).values("tone") == []
    greeting = lab.level(lab.speech(MACHINES[0][1], "en"), -20)
    assert verdict(greeting, lab.silence(2000)).values("tone") == []
    assert verdict(greeting, lab.silence(200), beep, lab.silence(60), greeting, lab.silence(900)).values("tone") == []
