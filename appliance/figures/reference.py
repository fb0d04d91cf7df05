"""docs/figures.md, made from the definitions: `python -m appliance.figures.reference`."""

from __future__ import annotations

import sys

from .definitions import COMING, FIGURES

HEAD = """# The figures

Made by `python -m appliance.figures.reference`; a test compares it. Change the definitions, not this page.

Each figure is defined once (`appliance/figures/definitions.py`) and computed from quarter-hour sums, which are folded
from the ledger and kept in DATA/figures. Pages (`/figures`), API (`/api/v1/figures`) and `switchroom figures show`
all ask the same. What they should be stands in `[[targets]]`, who is mailed them when in `[[reports]]`
([configuration.md](configuration.md)).

- T is the queue's `service_level_seconds`, S its `short_abandon_seconds`; where several queues are taken together
  that differ, 20 s and 5 s. Both can be given with the question. T and S are exact up to two minutes, then in steps
  of five seconds, of a minute beyond ten.
- A contact counts in the quarter hour in which it entered the queue, with all that becomes of it; agents' time when
  it was spent; a campaign's attempt when it began; a call when its first event came. So a figure over a day is made
  of the sums of its quarter hours.
- A queue counts each stay in it. The office counts a contact once: its first queue, its first answer, however it was
  moved.
- An agent's talk is what that agent talked. A contact that two agents had is handled by each of them, and once by the
  queue.
- "The period before" of a period that is not over is the same part of the one before: today up to now, with yesterday
  up to that hour.
- Callers are known by their number; who withholds it is left out of what counts callers. What a caller wants of a
  queue is one matter for as long as each call comes within 7 days of the one before. Callers are counted as matters, in
  the quarter hour in which theirs began: somebody who calls again after a week without a call is counted anew. Only the
  opaque key that the ledger has of the number is remembered, for 7 days.
- An outcome keyed later replaces the one before, a later answer to a question the earlier one. Both count where their
  call does. Which outcomes are solved or sold `[[outcomes]]` says (`marks`), as it was when they were keyed.
- Which breaks are paid `[[breaks]]` says (`paid`), as it is when the break ends.
- A number opens the calls that it counts: of a share those above the line, of a mean those that it is the mean of. Of
  what counts callers it opens one call each: the first of their matter, or the first that was answered. An offer is
  counted each time that it rings, its call is listed once.
- Of an agent who is at something now, the time so far is counted.

## Sums

`switchroom figures rebuild` computes them anew; nothing is lost by deleting DATA/figures. The web process brings them
up to date every few seconds, the command line when it is asked. A batch of the ledger's records, what is remembered
of open contacts, and the number of the last record stand in one transaction: a kill anywhere leaves them whole. A
ledger that was put back from a copy is noticed, and they begin anew. Sums of hours and UTC days are kept beside those
of quarter hours; sums over calls (lines, campaigns) are the ledger's own.

Hold counts while a party of the caller's own call holds; in the call of a callback it is not told apart from talk.
"""
GROUPS = {
    "service": "Service", "handling": "Handling", "results": "Results", "surveys": "Surveys", "agents": "Agents",
    "callbacks": "Callbacks", "campaigns": "Campaigns", "calls": "Calls",
}


def page() -> str:
    lines = HEAD.splitlines()
    for group, title in GROUPS.items():
        lines += ["", f"## {title}", "", "| figure | id | formula | unit | better | of |", "|---|---|---|---|---|---|"]
        lines += [f"| {each.name} | `{each.id}` | {each.formula} | {each.unit} | {each.better} | {', '.join(each.of)} |"
                  for each in FIGURES if each.group == group]
    lines += ["", "## Coming", "", "| figure | |", "|---|---|", *(f"| {name} | {why} |" for name, why in COMING), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
