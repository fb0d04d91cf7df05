"""Ids in the outbox of the mails with a campaign's report."""

from __future__ import annotations

import re

_MAIL_ID = re.compile(r"campaign-([0-9]{1,10})-.+")
_NOT_ID = re.compile(r"[^A-Za-z0-9._-]+")


def mail_id(campaign: int, request: str) -> str:
    """The mail's id in the outbox: the same request never gives two mails."""
    return f"campaign-{campaign}-{_NOT_ID.sub('-', request)[:60] or 'report'}"


def campaign_of(id: str) -> int | None:
    """The campaign that a mail reports on; None where it is another mail."""
    found = _MAIL_ID.fullmatch(id)
    return int(found.group(1)) if found else None
