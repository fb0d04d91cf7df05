"""What may be done, and which role may do it: one table. Pages, API and tests all go by it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, get_args

Role = Literal["admin", "supervisor", "controller", "agent", "operator", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)


class Right(StrEnum):
    LIVE_VIEW = "live.view"
    """Queues, agents, lines and calls as they stand."""
    LIVE_ACT = "live.act"
    """Sign agents in and out, move and end calls."""
    DESK = "desk.use"
    """An agent's own desk: state, card, outcome, callbacks."""
    MISSED = "missed.work"
    """The list of callers whom nobody reached."""
    CAMPAIGNS_VIEW = "campaigns.view"
    CAMPAIGNS_RUN = "campaigns.run"
    LISTS_EDIT = "lists.edit"
    CALLS_VIEW = "calls.view"
    """Records of calls, with numbers."""
    CALLS_LISTEN = "calls.listen"
    """Recordings and voicemail."""
    FIGURES_VIEW = "figures.view"
    CONFIG_VIEW = "config.view"
    CONFIG_EDIT = "config.edit"
    USERS_EDIT = "users.edit"
    AUDIT_VIEW = "audit.view"
    WALLBOARD = "wallboard.view"
    """Figures without names of callers, for a TV on the wall."""


_VIEWER = {Right.LIVE_VIEW, Right.FIGURES_VIEW, Right.WALLBOARD}
_AGENT = {Right.DESK, Right.MISSED, Right.WALLBOARD}
_OPERATOR = {Right.CAMPAIGNS_VIEW, Right.CAMPAIGNS_RUN, Right.LISTS_EDIT, Right.WALLBOARD}
_CONTROLLER = _VIEWER | {Right.CALLS_VIEW, Right.CALLS_LISTEN}
_SUPERVISOR = _CONTROLLER | _AGENT | _OPERATOR | {Right.LIVE_ACT, Right.CONFIG_VIEW}

RIGHTS: dict[Role, frozenset[Right]] = {
    "admin": frozenset(Right),
    "supervisor": frozenset(_SUPERVISOR),
    "controller": frozenset(_CONTROLLER),
    "agent": frozenset(_AGENT),
    "operator": frozenset(_OPERATOR),
    "viewer": frozenset(_VIEWER),
}
