"""The configuration that `switchroom serve` begins with where there is none: two phones, and examples to uncomment.

The box listens on every address of the machine, since phones stand elsewhere in the office. What protects it there: no
phone does anything without a digest over its password, the passwords are made here at random, and who guesses is shut
out after five tries (docs/security.md). There are no lines, so a stranger could not call out either.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from string import Template

from babel.core import get_global

from appliance.config.load import loads
from appliance.config.numbers import emergency_numbers

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""What nobody misreads when keying a password into a phone."""
PASSWORD_LENGTH = 14
"""About 69 bits: beyond guessing, also for somebody who has heard a registration go by."""
USUAL_EXTENSIONS = ("101", "102")
LANGUAGES = ("en", "fi", "ru", "uk", "zh")
NO_COUNTRY = "GB"
"""Where the machine does not say which country it is in (its time zone is UTC)."""

_TEXT = """\
# Your office. Switchroom made this file with two phones and passwords of its own; everything else is yours to add.
# Every key: docs/configuration.md. Is it right?   switchroom config check THIS-FILE
# Take it into use (calls go on):                 switchroom config import THIS-FILE

[office]
name = "My office"
language = "$LANGUAGE"                  # what the box speaks: en, fi, ru, uk, zh
timezone = "$TIMEZONE"
country = "$COUNTRY"                   # ISO code; how numbers are dialled here, tones, holidays: please check it

[sip]
listen = "0.0.0.0:5060"          # every address of this machine, UDP and TCP. A phone does nothing without its password.

[[phones]]                       # a phone registers with its extension as user, and this password
extension = "$EXTENSION1"          # name = "Anna": who sits there, shown to whom it calls
secret = "$SECRET1"

[[phones]]
extension = "$EXTENSION2"
secret = "$SECRET2"

# ---- the pages, for browsers elsewhere in the office too: take the # away and start again. It is https then, by a certificate
# ---- that the box makes for itself; a browser asks once whether you trust it. Else they are for this machine alone.

# [web]
# listen = "0.0.0.0:8080"

# ---- lines to the outside: take the # away and set your gateway's address ----

# [[lines]]
# name = "gateway"
# driver = "sip-gateway"         # a provider's account instead: driver = "sip-trunk", registrar, username, secret
# address = "192.0.2.20:5060"
# channels = 4                   # calls at once
# send_as = "national"           # national (0917700000), e164 (+358917700000) or digits (358917700000)
# inbound_to = "extension:$EXTENSION1"   # who is rung when somebody calls in

# [dialling]
# outside_prefix = "0"           # a phone dials 0, then the number

# [[routes]]                     # which numbers may be called, over which lines
# name = "country"
# numbers = ["*"]
# lines = ["gateway"]
# allow = ["national", "mobile"]

# ---- a notification campaign: dial 701, give the PIN, speak after the tone, press #, key 12, hang up ----

# [[lists]]
# number = "12"
# name = "Residents"
# file = "residents.csv"         # columns: number, name; beside this file

# [[scenarios]]
# code = "701"
# name = "News for residents"
# lines = 4                      # calls at once
# confirm = "1"                  # who presses 1 has confirmed
# allowed = ["$EXTENSION1"]
# pin = "$PIN"
# report_to = ["you@example.com"]

# [mail]                         # without it reports are kept: switchroom mail list
# server = "mail.example.com:587"
# tls = "starttls"
# sender = "switchroom@example.com"
# username = "switchroom"
# secret = "the mail account's password"
"""


@dataclass(frozen=True)
class Place:
    """Where the machine says it is."""

    country: str
    timezone: str
    language: str
    sure: bool
    """False where the country is a guess out of nothing."""


def password(length: int = PASSWORD_LENGTH) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def machine_place(localtime: Path = Path("/etc/localtime"), environ: dict[str, str] | None = None) -> Place:
    """Country, time zone and language by the machine's time zone and locale."""
    variables = os.environ if environ is None else environ
    locale = next((variables[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(name)), "")
    timezone = _zone(localtime)
    by_zone = get_global("zone_territories").get(timezone, "ZZ")
    by_locale = locale[3:5] if len(locale) >= 5 and locale[2] == "_" else ""
    country = by_zone if len(by_zone) == 2 and by_zone.isalpha() and by_zone != "ZZ" else by_locale
    sure = len(country) == 2 and country.isalpha() and country.isupper()
    language = locale[:2] if locale[:2] in LANGUAGES else "en"
    return Place(country if sure else NO_COUNTRY, timezone, language, sure)


def _zone(localtime: Path) -> str:
    parts = localtime.resolve().parts
    name = "/".join(parts[parts.index("zoneinfo") + 1:]) if "zoneinfo" in parts else ""
    return name or "UTC"


def starter_text(place: Place) -> str:
    """A document that loads as it stands, with fresh passwords."""
    pin = "".join(secrets.choice("0123456789") for _ in range(6))
    first, second = extensions(place.country)
    text = Template(_TEXT).substitute(COUNTRY=place.country, TIMEZONE=place.timezone, LANGUAGE=place.language,
                                      EXTENSION1=first, EXTENSION2=second,
                                      SECRET1=password(), SECRET2=password(), PIN=pin)
    loads(text, "the starter configuration")
    return text


def extensions(country: str) -> tuple[str, str]:
    """101 and 102, but where people call for help by those: in Ukraine, India, Belgium and others."""
    emergency = set(emergency_numbers(country))
    return next((f"{at + 1}", f"{at + 2}") for at in range(100, 1000, 100) if not emergency & {f"{at + 1}", f"{at + 2}"})


def write_starter(path: Path, place: Place) -> None:
    """Make `path`, readable by its owner alone. Raises FileExistsError rather than write over something."""
    text = starter_text(place)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
