"""Trying out a phone or a line from the pages."""

from appliance.messages_base import Command, Reply


class RingPhone(Command, frozen=True, kw_only=True):
    """Ring a phone; whoever answers is told that it works, and its number. -> Done, or Refused "phone.unknown",
    "phone.not-connected"."""

    extension: str


class TryLine(Command, frozen=True, kw_only=True):
    """Call a number over this line, say a sentence to whoever answers, and hang up. The routes must allow the number; emergency
    numbers are refused. Replies when it is over. -> LineTried, or Refused "line.unknown", "line.number", "line.busy"."""

    line: str
    number: str
    by: str = "cli"


class LineTried(Reply, frozen=True, kw_only=True):
    """`sip`, `q850` and `why` say why nobody answered; `rang`: the number rang."""

    answered: bool
    rang: bool = False
    seconds: float = 0.0
    sip: int = 0
    q850: int = 0
    why: str = ""


class RecordMessage(Command, frozen=True, kw_only=True):
    """Ring a phone and have a message for campaigns recorded there, as DATA/campaigns/messages/MESSAGE.wav; `message` has
    sixteen digits, 0-9 and a-f. -> Done as soon as it rings, or Refused "phone.unknown", "phone.not-connected",
    "message.bad-id", "campaign.short"."""

    extension: str
    message: str
    by: str = "cli"
