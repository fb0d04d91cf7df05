"""What the users of phones have set: forwarding and do not disturb. Kept as state records of the ledger, over restarts.

A phone of which nothing was ever set costs one look into a dictionary.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import msgspec

from appliance.config.model import Config
from appliance.config.people import Phone
from appliance.errors import SwitchroomError
from appliance.messages import Event, PhoneSet, PhoneState, Setting

log = logging.getLogger("settings")
NAMESPACE = "phone"
CONFIGURED = "configured"
"""The value that gives a setting back to the configuration."""
FORWARDS: tuple[Setting, ...] = ("forward_always", "forward_busy", "forward_no_answer", "forward_unregistered")


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One phone's. A forwarding is None where the configuration's holds, "" where it is off; else a target
    ("voicemail:101"), or digits as they are dialled at this phone."""

    forward_always: str | None = None
    forward_busy: str | None = None
    forward_no_answer: str | None = None
    forward_unregistered: str | None = None
    do_not_disturb: bool = False


NOTHING = Settings()


class StateKeeper(Protocol):
    """What the settings need of the ledger."""

    def commit(self, *events: Event) -> asyncio.Future[int]: ...
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...
    def states(self, namespace: str) -> dict[str, bytes]: ...


class SettingsBook:
    """The settings of all phones, by extension."""

    def __init__(self, ledger: StateKeeper) -> None:
        self._ledger = ledger
        self._known: dict[str, Settings] = {}
        for extension, value in ledger.states(NAMESPACE).items():
            try:
                self._known[extension] = msgspec.msgpack.decode(value, type=Settings)
            except msgspec.MsgspecError as problem:
                log.error("the settings of a phone cannot be read, it has none: %s", problem, extra={"extension": extension})

    def of(self, extension: str) -> Settings:
        return self._known.get(extension, NOTHING)

    def set(self, extension: str, setting: Setting, value: str, by: str) -> asyncio.Future[int]:
        """Note a wish; `value` as in PhoneSet, already checked. It holds at once; whoever is told so is told when this is done:
        then it is on the disk."""
        wish: str | bool | None = value == "on" if setting == "do_not_disturb" else None if value == CONFIGURED else value
        settings = msgspec.structs.replace(self.of(extension), **{setting: wish})
        if settings == NOTHING:
            self._known.pop(extension, None)
        else:
            self._known[extension] = settings
        self._ledger.put_state(NAMESPACE, extension, None if settings == NOTHING else msgspec.msgpack.encode(settings))
        return self._ledger.commit(PhoneSet(extension=extension, setting=setting, value=value, by=by))


def target_of(phone: Phone | None, settings: Settings, setting: Setting) -> str:
    """Where this phone's calls go in this case; "" nowhere."""
    wish = getattr(settings, setting)
    if wish is not None:
        return str(wish)
    return str((getattr(phone, setting) if phone is not None else None) or "")


def state_of(phone: Phone, settings: Settings) -> PhoneState:
    """All that holds for a phone, to be shown."""
    return PhoneState(
        extension=phone.extension, name=phone.name, do_not_disturb=settings.do_not_disturb, follow_me=phone.follow_me or "",
        **{setting: target_of(phone, settings, setting) for setting in FORWARDS},
    )


def known_phone(config: Config, extension: str) -> Phone:
    """Raises SwitchroomError "phone.unknown"."""
    phone = config.phone(extension)
    if phone is None:
        raise SwitchroomError("phone.unknown", "There is no phone {extension}.", "See `switchroom phone list`.",
                              extension=extension)
    return phone
