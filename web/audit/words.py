"""The audit log in words of the page's language. What is stored stays as it is: a stable word, and an English sentence."""

from __future__ import annotations

from appliance.config.diff import summary_of
from appliance.sentences import made_of, say
from appliance.sounds.greetings import SECONDS
from appliance.sounds.messages import RECORDED
from appliance.users.tokens import TOKEN
from web.campaigns.words import source
from web.i18n import tell
from web.people.words import role

ROLE = say("role {role}")
START = say("list {number}, about {numbers} numbers, {lines} lines")
LIST = say("{good} numbers, {twice} twice, {bad} bad rows")
CALL = say("call {call}")
_DETAILS = (ROLE, START, LIST, RECORDED, CALL, TOKEN, SECONDS)
_WHAT = {
    "config.apply": say("configuration applied"), "config.rollback": say("configuration rolled back"),
    "config.import": say("configuration imported"), "config.export-with-secrets": say("configuration exported with its secrets"),
    "user.add": say("user added"), "user.save": say("user changed"), "user.password": say("new password for a user"),
    "user.disable": say("user shut out"), "user.enable": say("user let in again"),
    "user.second-factor-off": say("second factor taken off"), "user.second-factor-on": say("second factor turned on"),
    "user.remove": say("user removed"), "user.first": say("first administrator"),
    "user.own-password": say("own password changed"),
    "session.begin": say("signed in"), "token.make": say("token made"), "token.drop": say("token withdrawn"),
    "list.new": say("list added"), "list.replace": say("list replaced"), "list.add": say("numbers added to a list"),
    "list.remove": say("list removed"), "list.export": say("list exported"), "message.make": say("message made"),
    "message.remove": say("message removed"), "campaign.start": say("campaign started"), "campaign.pause": say("campaign paused"),
    "campaign.resume": say("campaign resumed"), "campaign.cancel": say("campaign cancelled"),
    "campaign.mail": say("report sent by mail"), "campaign.export": say("report exported"),
    "campaign.listen": say("message listened to"), "calls.export": say("calls exported"),
    "recording.listen": say("recording listened to"), "recording.download": say("recording downloaded"),
    "agent.login": say("agent signed in"),
    "agent.logout": say("agent signed out"), "agent.ready": say("agent made ready"), "agent.break": say("agent sent on a break"),
    "contact.move": say("caller moved"), "call.end": say("call ended"), "callback.take": say("callback taken"),
    "missed.take": say("missed caller taken over"), "missed.done": say("missed caller done"),
    "webhook.test": say("test sent to a webhook"), "webhook.retry": say("webhook message sent again"),
    "line.search": say("gateways searched for"), "line.try": say("line tried"), "greeting.upload": say("greeting uploaded"),
    "greeting.remove": say("greeting removed"), "callback.cancel": say("callback called off"),
    "voicemail.listen": say("voicemail message listened to"), "voicemail.download": say("voicemail message copied out"),
    "voicemail.delete": say("voicemail message erased"), "phone.set": say("setting of a phone changed"),
    "night.set": say("night switch set"), "survey.read": say("survey answers looked at"),
    "phone.show-password": say("password of a phone shown"),
}  # fmt: skip
"""Stable word -> what it means. A test finds what is missing here."""


def choices(now: str) -> list[tuple[str, str]]:
    """Kinds of action to choose from, by their names; `now` too where it is none of them (a group, or of another release)."""
    known = sorted(((word, tell(text)) for word, text in _WHAT.items()), key=lambda each: each[1].casefold())
    return [("", ""), *([(now, now)] if now and now not in _WHAT else []), *known]


def what(word: str) -> str:
    found = _WHAT.get(word)
    return tell(found) if found else word


def detail(word: str, text: str) -> str:
    """A note's details; what is no sentence of ours (what a person typed, names of scopes) stays as it is."""
    if word.startswith("config."):
        return "; ".join(tell(each) for each in summary_of(text))
    found = made_of(text, _DETAILS)
    if found.template == ROLE.template:
        found = found.about(role=role(str(found.values["role"])))
    return tell(found) if found.values else source(text) if word == "message.make" else text
