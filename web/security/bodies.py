"""How much may be sent: little by strangers, forms and JSON within bounds, files up to the application's MAX_CONTENT_LENGTH.

Werkzeug bounds the fields of multipart forms alone: of others it would make a list of millions of fields, for anybody.
"""

from __future__ import annotations

from flask import g, request
from werkzeug.exceptions import RequestEntityTooLarge

STRANGER = 64 << 10
FORM = 4 << 20
"""Bytes: the text of a configuration, which has at most 1 MiB, with each of its signs written as %XX."""
FIELDS = 10_000
JSON = 4 << 20
"""A configuration's text as JSON; most calls take less (web/api/calls.py)."""


def bound() -> None:
    """Raises RequestEntityTooLarge."""
    if g.user is None:
        request.max_content_length = STRANGER
    elif request.is_json:
        request.max_content_length = JSON
    if request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = min(FORM, request.max_content_length or FORM)
        if request.get_data(cache=True).count(b"&") >= FIELDS:
            raise RequestEntityTooLarge
