"""Which calls fit a question. The ledger's indexes serve number, line, extension, campaign, queue, agent and time; what they do
not know (a name, what became of it; in a ledger of an earlier release also queue and agent) is looked for among those that they
give, newest first, so many at a time. Without Flask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from appliance.config.model import Config
from appliance.config.numbers import normalise
from appliance.errors import SwitchroomError
from appliance.ledger.cdr import Cdr
from appliance.ledger.queries import parse_after
from appliance.ledger.reader import LedgerReader
from appliance.ledger.when import parse_when
from appliance.users.model import User
from web.calls import again
from web.calls.came_to import OF_OTHERS, WHAT
from web.calls.contacts import Contact, queue_of
from web.calls.met import with_contacts

PAGE = 50
BATCH = 250
MOST_LOOKED_AT = 5_000
"""Calls that one page looks at where no index serves the question; the next page goes on from there."""

Text = Annotated[str, Meta(max_length=200)]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What /calls may be asked. `q`: anything, as somebody would type it; `what`: one of WHAT; `before`: the key of the last call
    of the page before; `since` and `until` as `parse_when` reads them, in the office's zone; of these only what began on this
    `weekday` (1 is Monday), in this `hour` (0 to 23). `within`: seconds for "in-time" and "abandoned-short"; left out: as the
    queue has them."""

    q: Text = ""
    number: Text = ""
    extension: Text = ""
    line: Text = ""
    queue: Text = ""
    agent: Text = ""
    campaign: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    what: Text = ""
    since: Text = ""
    until: Text = ""
    weekday: Annotated[str, Meta(pattern="^[1-7]?$")] = ""
    hour: Annotated[str, Meta(pattern="^(1?[0-9]|2[0-3])?$")] = ""
    before: Text = ""
    within: Annotated[float, Meta(ge=0, le=3600)] | None = None


class CallShown(msgspec.Struct, frozen=True, kw_only=True):
    """A call in the list. `start` UTC seconds, the others seconds. `waited` until the first agent, None: no agent."""

    call: str
    key: str
    start: float
    direction: str
    caller: str
    name: str
    to: str
    disposition: str
    duration: float
    ring: float
    talk: float
    line: str
    reached: str
    queues: list[str]
    agents: list[str]
    waited: float | None
    left: str
    campaign: int
    outcome: str
    note: str
    """What the agent keyed as its outcome."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`before`: where the next page begins, "" at the end. `looked_at` calls that the indexes gave."""

    calls: list[CallShown]
    before: str
    looked_at: int


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A filter as the ledger is asked: `query` for its indexes, `text` to look for in names and numbers."""

    query: dict[str, Any]
    queue: str = ""
    agent: str = ""
    what: str = ""
    text: str = ""
    weekday: str = ""
    hour: str = ""
    before: str = ""
    within: float | None = None


def understand(wanted: Filter, config: Config, now: float) -> Asked:
    """Raises SwitchroomError "cdr.bad-time", "calls.bad-what", "ledger.bad-page"."""
    if wanted.what and wanted.what not in WHAT:
        raise SwitchroomError("calls.bad-what", "{what} is nothing that calls come to.", "There are: {known}.",
                              what=repr(wanted.what[:40]), known=", ".join(WHAT))
    if wanted.before:
        parse_after(wanted.before)
    here = datetime.fromtimestamp(now, ZoneInfo(config.office.timezone))
    query: dict[str, Any] = {
        "since": parse_when(wanted.since, here) if wanted.since else None,
        "until": parse_when(wanted.until, here) if wanted.until else None,
        "number": number_of(wanted.number, config), "extension": wanted.extension.strip(),
        "line": wanted.line.strip(), "campaign": wanted.campaign,
    }  # fmt: skip
    if query["number"] and config.phone(query["number"]):
        query["extension"], query["number"] = query["number"], ""
    loose = _anything(wanted.q.strip(), config)
    queue, agent, text = loose.pop("queue", wanted.queue), loose.pop("agent", wanted.agent), loose.pop("text", "")
    return Asked(query=query | loose, queue=queue, agent=agent, what=wanted.what, text=text.casefold(), before=wanted.before,
                 weekday=wanted.weekday, hour=wanted.hour, within=wanted.within)


def number_of(text: str, config: Config) -> str:
    """A number as the ledger has it: E.164 where it can be read as one, else as it was typed."""
    text = text.strip()
    if not text or config.phone(text):
        return text
    try:
        return normalise(text, config.office.country, strict=False)
    except SwitchroomError:
        return text


def _anything(q: str, config: Config) -> dict[str, Any]:
    """What somebody typed, as the index that knows it; what none knows is looked for as `text`."""
    if not q:
        return {}
    if config.phone(q):
        return {"extension": q}
    for kind, names in (("line", [each.name for each in config.lines]), ("queue", [each.name for each in config.queues])):
        if q in names:
            return {kind: q}
    for each in config.agents:
        if q.casefold() in (each.id.casefold(), each.name.casefold()):
            return {"agent": each.id}
    digits = q.translate(str.maketrans("", "", " -()./"))
    if len(digits.lstrip("+")) >= 6 and digits.lstrip("+").isascii() and digits.lstrip("+").isdigit():
        number = number_of(digits, config)
        if number.startswith("+"):
            return {"number": number}
    return {"text": q}


def search(reader: LedgerReader, asked: Asked, user: User, config: Config, limit: int = PAGE) -> Found:
    """The newest calls that fit, before `asked.before`. Raises SwitchroomError "ledger.bad-page"."""
    found: list[CallShown] = []
    looked, before, query = 0, asked.before, _query(reader, asked)
    while looked < MOST_LOOKED_AT:
        page = reader.cdrs(limit=BATCH, after=before, newest_first=True, **query)
        for cdr, contact in with_contacts(reader, page):
            looked, before = looked + 1, cdr.key
            if fits(cdr, contact, asked, user, config) and again.fits(reader, cdr, contact, asked.what, asked.queue):
                found.append(shown(cdr, contact))
                if len(found) == limit:
                    return Found(calls=found, before=before, looked_at=looked)
        if len(page) < BATCH:
            return Found(calls=found, before="", looked_at=looked)
    return Found(calls=found, before=before, looked_at=looked)


def _query(reader: LedgerReader, asked: Asked) -> dict[str, Any]:
    """What the ledger's indexes are asked."""
    places = {"queue": asked.queue, "agent": "" if asked.what in OF_OTHERS else asked.agent}
    return asked.query | places if any(places.values()) and reader.knows_places() else asked.query


def walk(reader: LedgerReader, asked: Asked, user: User, config: Config, most: int) -> Iterator[tuple[Cdr, Contact]]:
    """All that fit, newest first, at most `most`, a page at a time."""
    before, left, query = asked.before, most, _query(reader, asked)
    while page := reader.cdrs(limit=BATCH, after=before, newest_first=True, **query):
        for cdr, contact in with_contacts(reader, page):
            if fits(cdr, contact, asked, user, config) and again.fits(reader, cdr, contact, asked.what, asked.queue):
                yield cdr, contact
                left -= 1
                if not left:
                    return
        before = page[-1].key


def fits(cdr: Cdr, contact: Contact, asked: Asked, user: User, config: Config) -> bool:
    return (
        may_see(user, contact)
        and (not asked.queue or asked.queue in contact.queues)
        and (not asked.agent or asked.agent in contact.agents or asked.what in OF_OTHERS)
        and (not asked.what or WHAT[asked.what](cdr, contact, asked, config))
        and _at(cdr, asked, config)
        and (not asked.text or _mentions(cdr, contact, asked.text))
    )


def _at(cdr: Cdr, asked: Asked, config: Config) -> bool:
    if not (asked.weekday or asked.hour):
        return True
    began = datetime.fromtimestamp(cdr.start, ZoneInfo(config.office.timezone))
    return asked.weekday in ("", str(began.isoweekday())) and asked.hour in ("", str(began.hour))


def may_see(user: User, contact: Contact) -> bool:
    """Who is narrowed to queues sees calls of these alone. Where it is not known which queue a call was in, it is none."""
    return user.queues is None or any(map(user.sees_queue, contact.queues))


def may_read(user: User, contact: Contact, agent: str) -> bool:
    """Whether a person who sees the call may read what this agent wrote about it. As a recording, a note is a matter of the queue
    in which it was made, also where the caller was in another one before or after; one's own one may always read."""
    queue = queue_of(contact, agent)
    return not queue or user.sees_queue(queue) or bool(agent and agent == user.agent)


def _mentions(cdr: Cdr, contact: Contact, text: str) -> bool:
    words = [cdr.call, cdr.caller, cdr.to, cdr.line, cdr.reached, cdr.purpose, cdr.disposition, cdr.outcome, contact.outcome,
             contact.left, *contact.queues, *contact.agents]
    for leg in cdr.legs:
        words += [leg.number, leg.name, leg.endpoint, leg.sip_call_id]
    return any(text in word.casefold() for word in words)


def one(reader: LedgerReader, call: str, user: User) -> tuple[Cdr, Contact]:
    """By the call's id or the SIP Call-ID of a leg. Raises SwitchroomError "call.unknown", also for one not for `user`."""
    cdr = (reader.cdr(call) or reader.cdr_of_sip(call)) if call.isprintable() and len(call) <= 256 else None
    if cdr is not None:
        ((cdr, contact),) = with_contacts(reader, [cdr])
        if may_see(user, contact):
            return cdr, contact
    raise SwitchroomError("call.unknown", "There is no such call.", "Search for it in the list of calls.")


def shown(cdr: Cdr, contact: Contact) -> CallShown:
    name = next((leg.name for leg in cdr.legs if leg.name), "")
    return CallShown(
        call=cdr.call, key=cdr.key, start=cdr.start, direction=cdr.direction, caller=cdr.caller, name=name, to=cdr.to,
        disposition=cdr.disposition, duration=cdr.duration, ring=cdr.ring, talk=cdr.talk, line=cdr.line, reached=cdr.reached,
        queues=contact.queues, agents=contact.agents, waited=contact.waited, left=contact.left, campaign=cdr.campaign,
        outcome=cdr.outcome, note=contact.outcome)
