"""In-band digits: through G.711, over lost packets, off level and frequency, in speech and in our own echo."""

from __future__ import annotations

import numpy as np
import pytest

from tests import detectlab as lab

TALK = {
    "en": "The quick brown fox jumps over the lazy dog while nineteen friendly people discuss the weather. Call me back at "
    "nine one one seven or two zero three, whenever you are free. Seven apples, three pears and a box of oranges, please.",
    "fi": "Hyvää päivää, täällä puhuu Matti Virtanen. Soittaisitko takaisin kun ehdit, asia koskee huomista kokousta. "
    "Numero on nolla neljä nolla viisi kuusi seitsemän. Kiitos ja kuulemiin, hyvää viikonloppua kaikille.",
    "ru": "Здравствуйте, вы позвонили в контору. К сожалению, сейчас никто не может ответить на ваш звонок. "
    "Оставьте сообщение после сигнала, и мы обязательно перезвоним вам в ближайшее время. Спасибо за звонок.",
    "uk": "Добрий день, ви зателефонували до офісу. На жаль, зараз ніхто не може відповісти. Будь ласка, залиште "
    "повідомлення після сигналу, ми передзвонимо вам найближчим часом.",
    "cmn": "您好，欢迎致电我们的办公室。现在没有人可以接听您的电话，请在提示音后留言，我们会尽快给您回电。祝您生活愉快。",
    "de": "Guten Tag, Sie haben das Büro erreicht. Leider ist im Moment niemand da, bitte hinterlassen Sie eine Nachricht "
    "nach dem Signalton, wir rufen so bald wie möglich zurück.",
    "sv": "Hej, du har kommit till kontoret. Just nu kan ingen svara, lämna gärna ett meddelande efter tonen.",
}


def heard(x: np.ndarray, tx: np.ndarray | None = None, lost: list[int] | None = None) -> str:
    listener = lab.Listener("digits")
    listener.run(x, tx, lost or [])
    return "".join(listener.values("digit"))


@pytest.mark.parametrize("law", [lab.alaw, lab.ulaw])
@pytest.mark.parametrize("dbov", [-6, -16, -28, -38])
def test_every_key_is_heard_once(law, dbov):
    x = lab.join(*[part for key in lab.KEYS for part in (lab.digit(key, 60, dbov), lab.silence(60))])
    assert heard(law(x)) == lab.KEYS


@pytest.mark.parametrize("twist", [-6, 6])
@pytest.mark.parametrize("off", [-0.015, 0.0, 0.015])
def test_worn_keypads_are_heard(twist, off):
    x = lab.join(*[part for k in lab.KEYS for part in (lab.digit(k, 80, -18, twist, off), lab.silence(80))])
    assert heard(lab.alaw(x + lab.noise(len(x) / 8, -42, np.random.default_rng(1)))) == lab.KEYS


def test_frequencies_far_off_are_no_digits():
    x = lab.join(*[part for k in lab.KEYS for part in (lab.digit(k, 80, -18, off=0.04), lab.silence(80))])
    assert heard(lab.alaw(x)) == ""


def test_a_short_blip_is_no_digit():
    x = lab.join(*[part for k in lab.KEYS for part in (lab.digit(k, 22), lab.silence(80))])
    assert heard(lab.alaw(x)) == ""


def test_the_same_key_twice_is_two_digits():
    for gap in (45, 50, 60, 80, 100):
        for shift in range(0, 160, 16):
            x = lab.join(np.zeros(shift), lab.digit("5", 70), lab.silence(gap), lab.digit("5", 70), lab.silence(60))
            assert heard(lab.alaw(x)) == "55", (gap, shift)


@pytest.mark.parametrize("told", [True, False])
def test_one_lost_packet_anywhere_neither_kills_nor_splits(told):
    for shift in range(0, 160, 8):
        x = lab.alaw(lab.join(np.zeros(160 + shift), lab.digit("7"), lab.silence(100)))
        for frame in range(len(x) // lab.FRAME):
            got = heard(lab.zero_fill(x, [frame]), None, [frame] if told else None)
            assert got == "7", (shift, frame)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("loss", "least"), [(0.01, 0.99), (0.05, 0.95)])
def test_digits_of_100_ms_survive_random_loss(loss, least, told, capsys):
    rng = np.random.default_rng(round(loss * 1000) + told)
    row = lab.presses(1500, 100, 120, rng)
    lost = lab.packets_lost(len(row.signal) // lab.FRAME, loss, rng)
    listener = lab.Listener("digits")
    listener.run(lab.zero_fill(row.signal, lost), None, lost if told else [])
    rate = row.heard_right(listener.heard) / len(row.keys)
    lab.report(capsys.disabled(), f"digits heard at {loss:.0%} loss ({'told' if told else 'zeros'}): {rate:.2%}")
    assert rate >= least


def talk(voices: list[str], speeds: list[int]) -> tuple[list[str], float]:
    rng = np.random.default_rng(3)
    false: list[str] = []
    seconds = 0.0
    for language, text in TALK.items():
        for voice in voices:
            for speed in speeds:
                x = lab.level(lab.speech(text, language + voice, speed), -14)
                false += heard(lab.alaw(x + lab.noise(len(x) / 8, -60, rng)))
                seconds += len(x) / lab.RATE
    return false, seconds


def test_speech_is_no_digit(capsys):
    false, seconds = talk(["", "+f3"], [160])
    lab.report(capsys.disabled(), f"false digits in {seconds / 60:.1f} min of speech: {len(false)}")
    assert seconds > 120
    assert not false


@pytest.mark.slow
def test_long_speech_is_no_digit(capsys):
    false, seconds = talk(["", "+f3", "+m3", "+f5", "+m7", "+croak"], [140, 170, 200])
    lab.report(capsys.disabled(), f"false digits in {seconds / 60:.1f} min of speech: {len(false)}")
    assert seconds > 1200
    assert len(false) <= 1


@pytest.mark.parametrize("db", [0, -10, -20])
@pytest.mark.parametrize("delay", [0, 50, 163.5, 300])
def test_digits_that_we_sent_are_not_the_callees(delay, db):
    parts = [part for key in lab.KEYS for part in (lab.silence(200), lab.digit(key))]
    tx = lab.alaw(lab.join(*parts, lab.silence(800)))
    assert heard(lab.alaw(lab.echo(tx, delay, db)), tx) == ""


@pytest.mark.parametrize("db", [0, -6, -14])
def test_a_key_pressed_over_our_echo_is_heard(db):
    message = lab.level(lab.speech("This is Harbour Office. To confirm that you have heard this, press one."), -20)
    tx = lab.alaw(lab.join(lab.silence(300), message, lab.silence(500)))
    rng = np.random.default_rng(4)
    for _ in range(12):
        key = lab.KEYS[rng.integers(16)]
        at = int(rng.uniform(1.2, 3.5) * lab.RATE)
        rx = lab.echo(tx, 120, db)
        rx[at : at + 800] += lab.digit(key)
        assert heard(lab.alaw(rx), tx) == key
