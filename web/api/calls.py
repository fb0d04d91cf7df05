"""A call of the API, declared once: its right, what goes in and out; from the same words come its checks and its description.

    @api.get("/agents", Right.LIVE_VIEW, returns=list[AgentNow])
    def agents() -> list[AgentNow]:
        \"\"\"All agents as they stand.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, request

from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.security.access import Access

View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/api/v1"
MAX_JSON = 1 << 20
EXACT = 1 << 53
"""Beyond it a float is no certain whole number (RFC 8259, 6)."""


def _number(text: str) -> float | int:
    """522.0 is a whole number too: JSON knows one kind of numbers."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < EXACT else value


_JSON = msgspec.json.Decoder(float_hook=_number)


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    """As Flask writes it, below PREFIX: "/agents/<id>"."""
    view: Callable[..., Any]
    access: Access
    returns: Any
    query: type[msgspec.Struct] | None
    body: Any
    status: int
    content: str = "application/json"
    """What is answered; a call of another kind returns its Response."""
    takes: str = ""
    """The kind of a body that is no JSON: a file, which the call reads itself."""


class Api:
    """The calls of a blueprint, in the order in which they were declared."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.calls: list[Call] = []

    def get(self, path: str, *rights: Right, returns: Any, query: type[msgspec.Struct] | None = None,
            content: str = "application/json") -> Callable[[View], View]:
        return self._add("GET", path, rights, returns, query, None, 200, content=content)

    def get_open(self, path: str, *, returns: Any) -> Callable[[View], View]:
        """For strangers too."""
        return self._add("GET", path, (), returns, None, None, 200, Access("all"))

    def post(self, path: str, *rights: Right, returns: Any, body: Any = None, status: int = 200) -> Callable[[View], View]:
        return self._add("POST", path, rights, returns, None, body, status)

    def post_file(self, path: str, *rights: Right, returns: Any, query: type[msgspec.Struct] | None = None,
                  takes: str = "application/octet-stream") -> Callable[[View], View]:
        """The body is a file; the call reads `request.stream`, and no further than it bounds itself."""
        return self._add("POST", path, rights, returns, query, None, 201, takes=takes)

    def put(self, path: str, *rights: Right, returns: Any, body: Any = None) -> Callable[[View], View]:
        return self._add("PUT", path, rights, returns, None, body, 200)

    def delete(self, path: str, *rights: Right, returns: Any = None) -> Callable[[View], View]:
        return self._add("DELETE", path, rights, returns, None, None, 200 if returns else 204)

    def _add(self, method: str, path: str, rights: tuple[Right, ...], returns: Any, query: type[msgspec.Struct] | None,
             body: Any, status: int, access: Access | None = None, content: str = "application/json",
             takes: str = "") -> Callable[[View], View]:
        access = access or (Access("right", frozenset(rights)) if rights else Access("signed-in"))

        def register(view: View) -> View:
            call = Call(method, path, view, access, returns, query, body, status, content, takes)
            self.calls.append(call)

            def answer(**arguments: Any) -> Response:
                return _answer(call, arguments)

            answer.access = access  # type: ignore[attr-defined]
            answer.__doc__ = view.__doc__
            self.blueprint.add_url_rule(path, view.__name__, answer, methods=[method])
            return view

        return register


def _answer(call: Call, arguments: dict[str, Any]) -> Response:
    if call.query is not None:
        arguments["query"] = _read_query(call.query)
    if call.body is not None:
        arguments["body"] = _read_body(call.body)
    made = call.view(**arguments)
    if isinstance(made, Response):
        return made
    if call.returns is None:
        return Response(status=204)
    return Response(msgspec.json.encode(made), status=call.status, content_type="application/json")


def _read_query(wanted: type[msgspec.Struct]) -> Any:
    unknown = sorted(set(request.args) - {field.encode_name for field in msgspec.structs.fields(wanted)})
    if unknown:
        raise SwitchroomError("api.bad-query", "There is no parameter {unknown}.", "See /api/v1/openapi.json.",
                              unknown=f"{unknown[0]!r:.80}")
    try:
        return msgspec.convert(request.args.to_dict(), wanted, strict=False)
    except msgspec.ValidationError as problem:
        raise SwitchroomError("api.bad-query", "A parameter is wrong: {problem}.", "See /api/v1/openapi.json.",
                              problem=problem) from None


def _read_body(wanted: Any) -> Any:
    if not request.is_json:
        raise SwitchroomError("api.not-json", "The body must be JSON.", "Send it with Content-Type: application/json.")
    body = request.get_data(cache=False)
    if len(body) > MAX_JSON:
        raise SwitchroomError("api.too-large", "The body has more than {most} bytes.", "Send less at once.",
                              most=MAX_JSON)
    try:
        return msgspec.convert(_JSON.decode(body), wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise SwitchroomError("api.bad-body", "The body cannot be read: {problem}.", "See /api/v1/openapi.json.",
                              problem=problem) from None
