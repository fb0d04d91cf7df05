"""Records between Python and the SIP thread (drivers/sip/ring.h, sip.h). Pure: bytes in, tuples out and back (`_wire.pyx`)."""

from __future__ import annotations

from drivers.sip._wire import command, media_answer, media_offer, records

Record = tuple[int, int, int, int, int, list[bytes]]
"""type, code, id, a, b, strings"""

# enum ua_cmd and enum ua_ev of sip.h; tests/unit/test_sip_driver_parts.py holds them together.
CMD_CALL, CMD_PROGRESS, CMD_ANSWER, CMD_REJECT, CMD_HANGUP, CMD_MODIFY, CMD_INDIALOG, CMD_AUTH = range(1, 9)
CMD_REPLY, CMD_REQUEST, CMD_ORPHANS, CMD_BAN, CMD_ALLOW, CMD_SHED, CMD_STOP, CMD_REFER, CMD_DIALOG = range(9, 18)
EV_INVITE, EV_PROGRESS, EV_ANSWERED, EV_MEDIA, EV_ENDED, EV_INFO, EV_REFER, EV_AUTH = range(1, 9)
EV_REQUEST, EV_RESPONSE, EV_ORPHAN, EV_STOPPED, EV_BANNED, EV_REFERRED, EV_DIALOG = range(9, 16)
ORPHAN_FOUND = 2
"""The code of an EV_ORPHAN that says that a dialog is being ended, and not that it is over."""

__all__ = ["Record", "command", "media_answer", "media_offer", "records"]
