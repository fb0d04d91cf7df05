# cython: language_level=3, boundscheck=False
"""The core's decisions in compiled code: what happened and the time in, what to do out. No I/O, no clock, no logging.

`Channels` is the one account of the office's lines: who holds which channel, and who may have the next. Everything that
calls out or in asks here first, so that the limits hold whoever asks.

`Acd` decides which agent a contact goes to (docs/acd.md). Its parts are included below, each file a room of its own.
"""

cimport cython
from libc.math cimport exp, floor, fmax, fmin, isfinite, log
from libc.stdlib cimport free, realloc
from libc.string cimport memset

import collections
import time

from appliance.acd.rules import QueueRules

# Who may take a channel from whom: an emergency call ends the youngest campaign leg where nothing is free, else a person's.
CAMPAIGN = 0
PHONE = 1
INBOUND = 2
EMERGENCY = 3


cdef class Line:
    """One line's account. `reserve` channels stay free for callers from outside; campaigns always leave one free where
    `reserve` says so, and phones do too; callers from outside and emergencies may take every channel."""

    cdef readonly str name
    cdef public int channels
    cdef public int reserve
    cdef public bint up
    cdef public str reason
    cdef readonly int busy

    def __cinit__(self, str name, int channels, int reserve):
        self.name = name
        self.channels = channels
        self.reserve = reserve
        self.up = True
        self.reason = ""
        self.busy = 0

    cdef int free_for(self, int purpose) noexcept:
        cdef int kept = self.reserve if purpose <= 1 else 0
        return self.channels - kept - self.busy


cdef class Holding:
    """One channel in use: which leg, on which line, for what, and for which campaign (0: none)."""

    cdef readonly str leg
    cdef readonly Line line
    cdef readonly int purpose
    cdef readonly long campaign
    cdef readonly long order

    def __cinit__(self, str leg, Line line, int purpose, long campaign, long order):
        self.leg = leg
        self.line = line
        self.purpose = purpose
        self.campaign = campaign
        self.order = order


cdef class Channels:
    """The account of all lines. `seize` and `release` are its only movements; both take constant time."""

    cdef dict _lines
    cdef dict _held
    cdef dict _per_campaign
    cdef long _order

    def __cinit__(self):
        self._lines = {}
        self._held = {}
        self._per_campaign = {}
        self._order = 0

    def set_line(self, str name, int channels, int reserve=0):
        """Add a line or change its size. Legs that stand on it stay, also where it shrinks below them, and count again where it
        was taken out and is back before they have ended."""
        cdef Line line = self._lines.get(name)
        cdef Holding held
        if line is None:
            line = self._lines[name] = Line(name, channels, reserve)
            for leg, held in self._held.items():
                if held.line.name == name:
                    self._held[leg] = Holding(leg, line, held.purpose, held.campaign, held.order)
                    line.busy += 1
        else:
            line.channels = channels
            line.reserve = reserve

    def remove_line(self, str name):
        """Take a line out of the account. Its legs keep their holding until they are released."""
        self._lines.pop(name, None)

    def set_up(self, str name, bint up, str reason=""):
        cdef Line line = self._lines.get(name)
        if line is not None:
            line.up = up
            line.reason = reason

    def lines(self):
        """All lines of the account, in the order they were added."""
        return list(self._lines.values())

    def line(self, str name):
        return self._lines.get(name)

    def in_use(self, long campaign):
        """Channels that the campaign holds now."""
        return self._per_campaign.get(campaign, 0)

    def holding(self, str leg):
        return self._held.get(leg)

    def seize(self, str leg, list names, int purpose, long campaign=0, int limit=0):
        """Take a channel of the first line of `names` that has one for this purpose.

        Returns (line, "") or (None, why): "share" where the campaign already holds `limit` channels (0: no limit),
        "no_route" where none of the names is a line, "line_down" where all are down, "full" otherwise. A leg that
        holds a channel keeps it and is told its line again."""
        cdef Holding held = self._held.get(leg)
        cdef Line line
        cdef bint known = False
        cdef bint up = False
        if held is not None:
            return held.line.name, ""
        if limit and self._per_campaign.get(campaign, 0) >= limit:
            return None, "share"
        for name in names:
            line = self._lines.get(name)
            if line is None:
                continue
            known = True
            if not line.up and purpose != EMERGENCY:
                continue
            up = True
            if line.free_for(purpose) > 0:
                self._hold(leg, line, purpose, campaign)
                return line.name, ""
        if not known:
            return None, "no_route"
        return None, "full" if up else "line_down"

    def occupy(self, str leg, str name, int purpose, long campaign=0):
        """Record a channel that is taken whether we like it or not: a caller from outside, or a leg left over from before a
        restart. False where the line is more than full (a caller is then told that it is)."""
        cdef Line line = self._lines.get(name)
        cdef bint room
        if line is None or leg in self._held:
            return False
        room = line.busy < line.channels
        self._hold(leg, line, purpose, campaign)
        return room

    def victims(self, list names):
        """The legs on these lines that an emergency call may end, those first that cost least: a campaign's before people's,
        on the line named first, the youngest, so that the least of a message or a talk is lost. Never an emergency call's."""
        cdef Holding held
        found = [(held.purpose != CAMPAIGN, names.index(held.line.name), -held.order, held.leg)
                 for held in self._held.values() if held.purpose != EMERGENCY and held.line.name in names]
        return [each[3] for each in sorted(found)]

    def release(self, str leg):
        """Give the leg's channel back; False where it held none (released before)."""
        cdef Holding held = self._held.pop(leg, None)
        if held is None:
            return False
        held.line.busy -= 1
        if held.campaign:
            left = self._per_campaign[held.campaign] - 1
            if left:
                self._per_campaign[held.campaign] = left
            else:
                del self._per_campaign[held.campaign]
        return True

    cdef void _hold(self, str leg, Line line, int purpose, long campaign):
        self._order += 1
        line.busy += 1
        self._held[leg] = Holding(leg, line, purpose, campaign, self._order)
        if campaign:
            self._per_campaign[campaign] = self._per_campaign.get(campaign, 0) + 1


include "acd/order.pxi"
include "acd/timers.pxi"
include "acd/events.pxi"
include "acd/actions.pxi"
include "acd/model.pxi"
include "acd/machine.pxi"
include "acd/match.pxi"
include "acd/agents.pxi"
include "acd/waiting.pxi"
include "acd/offers.pxi"
include "acd/contacts.pxi"
include "acd/callbacks.pxi"
include "acd/tables.pxi"
include "acd/estimate.pxi"
include "acd/configure.pxi"
include "acd/views.pxi"
include "acd/why.pxi"
include "acd/snapshot.pxi"
