"""Signatures, as the Standard Webhooks specification has them: HMAC-SHA256 over id, time and body. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def key_of(secret: str) -> bytes:
    """The bytes behind "whsec_BASE64"; any other secret is taken as it is written."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass  # it only looks like one
    return secret.encode()


def headers(secret: str, id: str, utc: float, body: bytes) -> dict[str, str]:
    """`utc`: of this try, whole seconds count."""
    at = str(int(utc))
    signed = hmac.new(key_of(secret), b".".join((id.encode(), at.encode(), body)), hashlib.sha256).digest()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(signed).decode()}
