"""The agent's own figures of today, beside the office's targets."""

from __future__ import annotations

import threading
import time

import msgspec

from appliance.figures import report
from appliance.figures.ask import Of
from appliance.figures.definitions import BY_ID, Figure, Value
from appliance.figures.goals import Goal, goal_of
from appliance.figures.report import Question
from web.app import Services

SHOWN = ("handled", "aht", "acw", "fcr", "csat", "occupancy", "logged-in", "missed-offers")
KEPT_SECONDS = 15.0


class OwnFigure(msgspec.Struct, frozen=True, kw_only=True):
    """`value` in the figure's own unit (share 0 to 1, seconds, count), None: nothing to count yet. `before`: yesterday up to this
    hour. `goal` None: there is no target."""

    id: str
    name: str
    formula: str
    unit: str
    value: float | None
    before: float | None
    goal: Goal | None


_kept: dict[tuple[str, str], tuple[float, list[OwnFigure]]] = {}
_lock = threading.Lock()


def today(box: Services, agent: str) -> list[OwnFigure]:
    """Kept for a few seconds: a desk that is looked at asks all the time."""
    key = (str(box.data), agent)
    with _lock:
        at, found = _kept.get(key, (float("-inf"), []))
    if time.monotonic() - at < KEPT_SECONDS:
        return found
    found = _compute(box, agent)
    with _lock:
        if len(_kept) > 500:
            _kept.clear()
        _kept[key] = (time.monotonic(), found)
    return found


def _compute(box: Services, agent: str) -> list[OwnFigure]:
    config = box.config
    of = Of(agent=agent)
    sources = box.figures.sources(config)
    made = report.ask_for(Question(period="today", by="queue", of=of), sources, config)

    def one(figure: Figure, value: Value | None) -> OwnFigure:
        before = made.before.get(figure.id)
        return OwnFigure(id=figure.id, name=figure.name, formula=figure.formula, unit=figure.unit,
                         value=value.value if value else None, before=before.value if before else None,
                         goal=goal_of(config, figure, of, value, made.period, sources.now))

    wanted = dict.fromkeys([*SHOWN, *(each.figure for each in config.targets if each.of == "agents")])
    values = made.total.values
    return [one(BY_ID[id], values[id]) for id in wanted if id in values]
