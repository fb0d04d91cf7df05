"""Keys of the sub-databases."""

from __future__ import annotations

import hashlib

from appliance import messages as m

from .store import ATTEMPT, U32x2


def text_key(text: str) -> bytes:
    """A name as the head of a key (LMDB's keys end at 511 bytes); NUL ends it so that no name is the head of
    another."""
    return text.encode("utf-8", "replace")[:400].replace(b"\0", b" ") + b"\0"


def sip_key(sip_call_id: str) -> bytes:
    """SIP Call-IDs are long and the far end's choice: their digest is the key."""
    return hashlib.blake2b(sip_call_id.encode("utf-8", "replace"), digest_size=16).digest()


def call_key(call: str) -> bytes:
    return sip_key(call) if len(call) > 64 else call.encode("utf-8", "replace")


def attempt_key(event: m.AttemptStarted | m.AttemptEnded) -> bytes:
    return ATTEMPT.pack(event.campaign, event.subscriber, event.attempt)


def subscriber_key(campaign: int, index: int) -> bytes:
    return U32x2.pack(campaign, index)
