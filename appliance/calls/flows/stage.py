"""The stages of a conversation (flows/talk.py)."""

from __future__ import annotations

import enum


class Stage(enum.Enum):
    """TALKING: two hear each other. CONSULTING: one talks to somebody else meanwhile; who waits hears that (or, where several
    do, each other). CONFERENCE: more than two hear each other."""

    TALKING = "talking"
    CONSULTING = "consulting"
    CONFERENCE = "conference"
