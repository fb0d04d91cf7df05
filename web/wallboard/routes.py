"""GET /wallboard: the board of its address, kept fresh by /wallboard/events; /wallboard/choose: a form that makes the address."""

from __future__ import annotations

import msgspec
from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from appliance.figures.definitions import BY_ID, Value
from appliance.users.model import User
from appliance.users.rights import Right
from web import ui
from web.app import services
from web.figures.routes import show
from web.i18n import language
from web.live import stream
from web.live.hub import State
from web.security.access import needs
from web.wallboard import days, service
from web.wallboard.service import DAY, LIMITS, READ, SPANS, Board, Shown

blueprint = Blueprint("wallboard", __name__, template_folder="templates")


def _board() -> Board:
    args = request.args
    limits = args.getlist("limit") + [f"{name}:{args[f'warn-{name}']}:{args[f'bad-{name}']}" for name in (*READ, *DAY)
                                      if args.get(f"warn-{name}") and args.get(f"bad-{name}")]
    return service.read(args.getlist("queue"), args.getlist("figure"), args.get("columns", ""), limits, args.get("theme", ""))


def _draw(board: Board, state: State, user: User) -> str:
    today = days.today() if service.wants_day(board) else {}

    def tiles() -> str:
        reply = state.queues
        found = service.tiles(board, reply.queues, user.sees_queue, services().clock.utc(), today) if reply else []
        wide, high = service.shape(len(found), board.columns)
        return render_template("wallboard/tiles.html", tiles=found, wide=wide, high=high, spans=SPANS, day=DAY, say=say,
                               up=state.queues is not None)

    sees = tuple(user.queues) if user.queues is not None else None
    key = ("wallboard", msgspec.json.encode(board), language(), sees, id(today) if today else 0, state.version)
    return services().hub.drawn.get(key, tiles)


def say(shown: Shown) -> str:
    """A figure of the day as people read it from afar: no more digits than they can take in."""
    figure = BY_ID[shown.figure]
    if figure.unit == "share" and shown.value is not None:
        return ui.percent(shown.value)
    return show(figure, Value(shown.value))


@blueprint.get("/wallboard")
@needs(Right.WALLBOARD)
def index() -> ResponseReturnValue:
    """`queue` and `figure` (each as often as wanted), `columns`, `limit` ("waiting:3:6"), `theme` ("light")."""
    board = _board()
    return render_template("wallboard/index.html", board=board, tiles=_draw(board, services().hub.wait(0, 3.0), g.user),
                           query=request.query_string.decode("ascii", "replace"))


@blueprint.get("/wallboard/events")
@needs(Right.WALLBOARD)
def events() -> ResponseReturnValue:
    board = _board()
    return stream.respond(lambda state, user: {"tiles": _draw(board, state, user)})


@blueprint.get("/wallboard/choose")
@needs(Right.WALLBOARD)
def choose() -> ResponseReturnValue:
    queues = [each.name for each in services().config.queues if g.user.sees_queue(each.name)]
    return render_template("wallboard/choose.html", queues=queues, figures=list(READ), day=DAY, limits=LIMITS,
                           defaults=service.DEFAULT, most=service.MAX_COLUMNS, board=msgspec.structs.asdict(Board()))
