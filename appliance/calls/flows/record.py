"""Recording a conversation: by itself where a rule says so, on demand and with pauses by codes. Functions of a Talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from appliance.calls.leg import Leg
from appliance.calls.recording import Recording, recorded_leg
from appliance.media.events import PlayDone

if TYPE_CHECKING:
    from appliance.calls.flows.talk import Talk


class Announcement(msgspec.Struct, frozen=True):
    """The playback that tells `leg` of its recording, and why that is made."""

    leg: Leg
    play: int
    why: str


def running(talk: Talk) -> Recording | None:
    recording = talk.call.recording
    return recording if recording is not None and not recording.over and not recording.leg.is_ended else None


def by_rule(talk: Talk) -> None:
    """Begin where the rule for this conversation wants it. One that was parked or transferred is still being recorded."""
    if running(talk) is None and talk.exchange.recorder.wanted(talk.parties, talk.queue):
        _begin(talk, "rule")


def _begin(talk: Talk, why: str) -> None:
    """Tell the one who is recorded, where the office wants that; the recording begins when it has been told."""
    config, leg = talk.switch.config, recorded_leg(talk.parties)
    if not config.recording.announce or leg.port is None or leg.port.closed:
        talk.call.recording = talk.exchange.recorder.begin(talk.parties, talk.queue, why)
        return
    language = talk.language(leg)
    clips = talk.switch.sounds.say(config.recording.announcement, language, config.office.language)
    play = leg.port.play(clips or talk.switch.prompts.clips("call-recorded", language))
    talk.announcing = Announcement(leg, play, why)


async def told(talk: Talk, event: PlayDone) -> None:
    """The announcement is over."""
    if talk.announcing is None or event.play != talk.announcing.play or not event.complete:
        return
    why = talk.announcing.why
    talk.announcing = None
    if running(talk) is None:
        talk.call.recording = talk.exchange.recorder.begin(talk.parties, talk.queue, why)


def announce_again(talk: Talk) -> None:
    """Something else was played to the party meanwhile (it was put on hold, a transfer was tried): it has not been told, and
    is as soon as it is back in the conversation."""
    cut = talk.announcing
    if cut is None or cut.leg.port is None or cut.leg.port.closed or cut.leg.port.playback == cut.play:
        return
    if cut.leg in talk.parties and cut.leg.port in talk.bridge.ports:
        talk.announcing = None
        if running(talk) is None:
            _begin(talk, cut.why)


def stop(talk: Talk) -> None:
    """The conversation is over although a party stays on the line."""
    recording = running(talk)
    if recording is not None:
        recording.stop()


async def on_demand(talk: Talk, by: Leg) -> None:
    """On, or off again."""
    recording = running(talk)
    if recording is not None:
        recording.stop()
        talk.say(by, "record-off")
    elif talk.exchange.recorder.on_demand(talk.parties, talk.queue):
        _begin(talk, "on-demand")
        if talk.announcing is None or talk.announcing.leg is not by:
            talk.say(by, "record-on")
    else:
        talk.say(by, "record-not-allowed")


async def pause(talk: Talk, by: Leg) -> None:
    """Silence in the recording, while a card number is spoken; then on again."""
    recording = running(talk)
    if recording is None:
        talk.say(by, "record-not-allowed")
        return
    recording.pause(not recording.paused)
    talk.say(by, "record-paused" if recording.paused else "record-on")
