"""Whose mailbox is whose. Every phone, agent, queue and menu has one by its name; `[[mailboxes]]` says what differs. Pure."""

from __future__ import annotations

import msgspec

from appliance.config.model import Config


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one mailbox: its own word, else that of [voicemail]. Times in seconds."""

    max_seconds: float
    min_seconds: float
    max_messages: int
    mail_to: list[str]
    pin: str | None


def rules_of(config: Config, name: str) -> Rules:
    box, usual = config.mailbox(name), config.voicemail
    return Rules(
        max_seconds=box.max_seconds or usual.max_seconds, min_seconds=usual.min_seconds,
        max_messages=box.max_messages or usual.max_messages, mail_to=box.email or _owner_mail(config, name), pin=box.pin,
    )


def _owner_mail(config: Config, name: str) -> list[str]:
    phone, agent = config.phone(name), config.agent(name)
    address = (phone.email if phone else None) or (agent.email if agent else None)
    return [address] if address else []


def phones_of(config: Config, name: str) -> list[str]:
    """Phones whose lamp shows this mailbox, and that hear it without a PIN: its owner's, and those it names."""
    agent = config.agent(name)
    own = [name] if config.phone(name) else [agent.extension] if agent and agent.extension else []
    return list(dict.fromkeys([*own, *config.mailbox(name).phones]))


def boxes_of(config: Config, extension: str) -> list[str]:
    """Mailboxes that this phone hears without a PIN, its own first."""
    agents = [agent.id for agent in config.agents if agent.extension == extension]
    shared = [box.name for box in config.mailboxes if extension in box.phones]
    return list(dict.fromkeys([extension, *agents, *shared]))


def by_number(config: Config, number: str) -> str | None:
    """The mailbox that is meant by a number keyed at a phone: that of a phone, a queue or a menu, or one named so."""
    if config.phone(number):
        return number
    named = {queue.number: queue.name for queue in config.queues} | {menu.number: menu.name for menu in config.menus}
    if number in named:
        return named[number]
    return next((box.name for box in config.mailboxes if box.name == number), None)


def exists(config: Config, name: str) -> bool:
    """Whether somebody owns this mailbox, or a table or a target names it."""
    owners: list[object] = [config.phone(name), config.agent(name), config.queue(name), config.menu(name)]
    return any(owners) or any(box.name == name for box in config.mailboxes)


def shown(config: Config, name: str) -> str:
    """The mailbox as people call it."""
    phone, agent = config.phone(name), config.agent(name)
    title = (phone.name if phone else "") or (agent.name if agent else "")
    return f"{title} ({name})" if title and title != name else name
