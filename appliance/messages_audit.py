"""Who changed or looked at what matters, from where: one event, and the command that notes it."""

from appliance.messages_base import Command, Event


class AuditNoted(Event, frozen=True, kw_only=True):
    """Somebody did something that others may ask about. `by` is "web:LOGIN", "token:LOGIN/NAME" or "cli:USER"; `address` where
    from ("" at the box itself); `what` a stable word ("config.apply", "recording.listen"); `target` its id, never a number or
    name of a caller; `detail` a sentence; `at` UTC seconds when it was done (a note may wait while no core runs)."""

    at: float
    by: str
    what: str
    address: str = ""
    target: str = ""
    detail: str = ""


class NoteAudit(Command, frozen=True, kw_only=True):
    """On disk before the reply; what is noted is done after it. Fields as in AuditNoted. -> Done"""

    at: float
    by: str
    what: str
    address: str = ""
    target: str = ""
    detail: str = ""


AUDIT_EVENTS: tuple[type[Event], ...] = (AuditNoted,)
