"""Rules about webhooks: whose certificates they trust."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path as FilePath

from appliance.config.check_rules import Where
from appliance.config.decode import Report, shown
from appliance.config.model import Config
from appliance.config.walk import Leaf
from appliance.config.webhooks import MAX_CA, Webhook
from appliance.errors import because
from appliance.sentences import Said, say

MOST_CERTIFICATES = 50
ALONE = say("Take the certificate of your own authority alone.")


def run(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    """All rules; see `check_rules.run`."""
    for hook in config.webhooks:
        for key in ("ca_file", "ca"):
            if getattr(hook, key):
                _trusted(hook, key, report, where)
        why = _why_not(hook.ca.encode()) if hook.ca else None
        if why is None and not hook.ca.isascii():  # of a file TLS passes over what stands around certificates, of a text not
            why = say("There is no certificate that can be read."), ALONE
        if why:
            report("config.wrong-value", (*where(hook), "ca"), *why)


def _trusted(hook: Webhook, key: str, report: Report, where: Where) -> None:
    path = (*where(hook), key)
    if hook.ca and hook.ca_file and key == "ca":
        report("config.clash", path, say('"ca" and "ca_file" both say whom to trust.'), say("Keep one of them."))
    if not hook.url.startswith("https://"):
        what = say('"{key}" does nothing: {url} has no certificate.', key=key, url=shown(hook.url))
        report("config.wrong-key", path, what, say("Write https://, or take it out."))
    elif not hook.verify:
        what = say('"{key}" does nothing: certificates are not checked.', key=key)
        report("config.wrong-key", path, what, say("Take out verify = false."))


def of_files(config: Config, report: Report, where: Where, base: FilePath) -> None:
    """What stands in the files that are named; one that is missing is told with all other files."""
    for hook in config.webhooks:
        file = base / hook.ca_file
        if not hook.ca_file or not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises for names that are too long
            continue
        try:
            with file.open("rb") as opened:
                why = _why_not(opened.read(MAX_CA + 1))
        except OSError as problem:
            why = (say("{file} cannot be read: {reason}.", file=shown(hook.ca_file), reason=because(problem)),
                   say("Check its owner and rights."))
        if why:
            report("config.wrong-value", (*where(hook), "ca_file"), *why)


def _why_not(pem: bytes) -> tuple[Said, Said] | None:
    """What is wrong with certificates as text (RFC 7468), and what to do; None where they can be used."""
    if b"PRIVATE KEY-----" in pem:
        return say("This is a private key."), say("It belongs to the certificate authority alone: take its certificate.")
    if len(pem) > MAX_CA:
        return say("It has more than {most} signs.", most=MAX_CA), ALONE
    from cryptography import x509  # 13 MB in each process that reads a configuration: only where there is a certificate

    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion):
        return say("There is no certificate that can be read."), say("Take one that begins with -----BEGIN CERTIFICATE-----.")
    if len(found) > MOST_CERTIFICATES:
        return say("There are more than {most} certificates.", most=MOST_CERTIFICATES), ALONE
    return None
