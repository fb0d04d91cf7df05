"""Figures of any period, and what they are."""

from __future__ import annotations

import msgspec
from flask import g

from appliance.figures.definitions import FIGURES
from appliance.figures.report import Report
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.figures import service


class FigureView(msgspec.Struct, frozen=True):
    """`better`: "up", "down" or "". `of`: what has it: office, queue, agent, line, campaign."""

    id: str
    name: str
    formula: str
    unit: str
    group: str
    better: str
    of: list[str]


@api.get("/figures", Right.FIGURES_VIEW, returns=Report, query=service.Asked)
def figures(query: service.Asked) -> Report:
    """Figures of a period, in all, of the period before, and by something."""
    box = services()
    return service.answer(query, box.figures.sources(box.config), box.config, g.user)


@api.get("/figures/definitions", Right.FIGURES_VIEW, returns=list[FigureView])
def figure_definitions() -> list[FigureView]:
    """Each figure with its formula in words."""
    return [FigureView(each.id, each.name, each.formula, each.unit, each.group, each.better, list(each.of)) for each in FIGURES]
