"""The description of the API (OpenAPI 3.1), made of the declared calls and the types of their messages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from appliance import __version__
from appliance.users.rights import Right
from web.api.calls import PREFIX, Call

PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
TEMPLATE = "#/components/schemas/{name}"
ERRORS = {
    "400": "The request is wrong; the error says how.", "401": "No valid token, and nobody is signed in.",
    "403": "The right is missing.", "404": "There is no such thing.", "409": "Somebody else changed it meanwhile.",
    "413": "Too large.", "429": "Too many requests.", "503": "The part that handles calls does not answer.",
}

PIECES = {"206": "The piece that Range asked for.", "304": "As before.", "416": "There is no such piece."}
"""Of what is sent as a file (RFC 9110)."""


class Problem(msgspec.Struct, frozen=True):
    """What went wrong: a stable id, a sentence, and what to do next."""

    id: str
    message: str
    hint: str


class Error(msgspec.Struct, frozen=True):
    error: Problem


def describe(calls: Iterable[Call]) -> dict[str, Any]:
    calls = list(calls)
    types = [each for call in calls for each in (call.returns, call.body) if each is not None] + [Error]
    schemas, components = msgspec.json.schema_components(types, ref_template=TEMPLATE)
    told = iter(schemas)
    paths: dict[str, Any] = {}
    for call in calls:
        returns = next(told) if call.returns is not None else None
        body = next(told) if call.body is not None else None
        path = PREFIX + PARAMETER.sub(r"{\2}", call.path)
        paths.setdefault(path, {})[call.method.lower()] = _operation(call, returns, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Switchroom", "version": __version__, "description": "Everything that the pages do, for programs."},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(call: Call, returns: Any, body: Any) -> dict[str, Any]:
    words = inspect.getdoc(call.view) or call.view.__name__
    rights = sorted(call.access.rights)
    made: dict[str, Any] = {
        "operationId": call.view.__name__,
        "summary": words.split("\n")[0],
        "description": "\n".join([words, _for_whom(call, rights)]),
        "responses": {str(call.status): _response(returns, call.content)} | {
            status: {"description": text, "content": {"application/json": {"schema": {"$ref": TEMPLATE.format(name="Error")}}}}
            for status, text in ERRORS.items()},
    }
    if call.access.who == "all":
        made["security"] = []
    if call.content != "application/json":
        made["responses"] |= {status: {"description": text} for status, text in PIECES.items()}
    parameters = [_in_path(kind, name) for kind, name in PARAMETER.findall(call.path)]
    if call.query is not None:
        parameters += _in_query(call.query)
    if parameters:
        made["parameters"] = parameters
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if call.takes:
        made["requestBody"] = {"required": True, "content": {call.takes: {"schema": {"type": "string", "format": "binary"}}}}
    return made


def _for_whom(call: Call, rights: list[Right]) -> str:
    if call.access.who == "all":
        return "For everybody."
    return f"Right: {' or '.join(rights)}." if rights else "For whoever is signed in."


def _response(schema: Any, content: str) -> dict[str, Any]:
    if schema is None:
        return {"description": "Done."}
    return {"description": "As asked.", "content": {content: {"schema": schema if content == "application/json" else {}}}}


def _in_path(kind: str, name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(query: type[msgspec.Struct]) -> list[dict[str, Any]]:
    (_,), components = msgspec.json.schema_components([query], ref_template=TEMPLATE)
    schema = components[query.__name__]
    return [{"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
            for name, each in schema["properties"].items()]
