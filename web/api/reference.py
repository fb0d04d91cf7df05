"""The description of the API made ready to be read: calls by what they are about, with an example of each. Without Flask."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from web.api.calls import PREFIX, Call
from web.api.openapi import PARAMETER, describe

MAX_DEPTH = 4


@dataclass(frozen=True)
class Parameter:
    name: str
    place: str
    kind: str
    required: bool
    default: str


@dataclass(frozen=True)
class Shown:
    """`body` and `answer` name a schema, or are it; `curl` what follows the word in a shell."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: list[Parameter]
    body: str
    answer: str
    curl: str


@dataclass(frozen=True)
class Group:
    id: str
    title: str
    calls: list[Shown]


def groups(calls: Iterable[Call]) -> list[Group]:
    calls = list(calls)
    told = describe(calls)
    found: dict[str, Group] = {}
    for call in calls:
        module = call.view.__module__
        if module not in found:
            title = (sys.modules[module].__doc__ or module).strip().split("\n\n")[0].replace("\n", " ")
            found[module] = Group(module.rpartition(".")[2], title, [])
        path = PREFIX + PARAMETER.sub(r"{\2}", call.path)
        found[module].calls.append(_shown(call, path, told["paths"][path][call.method.lower()], told["components"]["schemas"]))
    return list(found.values())


def schemas(calls: Iterable[Call]) -> list[tuple[str, str]]:
    """Name and JSON schema of every type."""
    return [(name, json.dumps(each, indent=2, ensure_ascii=False))
            for name, each in sorted(describe(calls)["components"]["schemas"].items())]


def _shown(call: Call, path: str, told: dict[str, Any], known: dict[str, Any]) -> Shown:
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = told["responses"][str(call.status)].get("content", {})
    kind: str = next(iter(answer), "")
    parameters = [Parameter(each["name"], each["in"], kind_of(each["schema"]), each["required"],
                            json.dumps(each["schema"]["default"]) if "default" in each["schema"] else "")
                  for each in told.get("parameters", ())]
    return Shown(id=told["operationId"], method=call.method, path=path, summary=told["summary"], about=told["description"],
                 parameters=parameters, body=kind_of(body) if body else "", answer=kind_of(answer[kind]["schema"])
                 if kind == "application/json" else kind, curl=_curl(call, body, known))


def kind_of(schema: dict[str, Any]) -> str:
    """In few words: "integer 1..200", "list of Step", "AgentOrder"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items') or {})}"
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" {'' if low is None else low}..{'' if high is None else high}" if low is not None or high is not None else ""
    longest = f" of at most {schema['maxLength']}" if "maxLength" in schema else ""
    return f"{schema.get('type', 'any')}{bounds}{longest}"


def example(schema: dict[str, Any], known: dict[str, Any], depth: int = 0) -> Any:
    """Something that fits: defaults, first choices, least numbers."""
    if "$ref" in schema:
        schema = known[str(schema["$ref"]).rpartition("/")[2]]
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], known, depth)
    if schema.get("type") == "object":
        wanted = schema.get("required", ()) if depth else schema.get("properties", {})
        return {} if depth > MAX_DEPTH else {
            name: example(each, known, depth + 1) for name, each in schema.get("properties", {}).items() if name in wanted}
    if schema.get("type") == "array":
        return [example(schema.get("items") or {}, known, depth + 1)] if schema.get("minItems") else []
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False, "null": None,
            "string": "..."}.get(str(schema.get("type")))


def _curl(call: Call, body: dict[str, Any] | None, known: dict[str, Any]) -> str:
    words = ["" if call.method == "GET" else f"-X {call.method}",
             "" if call.access.who == "all" else "-H 'Authorization: Bearer TOKEN'"]
    if body is not None:
        told = json.dumps(example(body, known), ensure_ascii=False).replace("'", "'\\''")
        words += ["-H 'Content-Type: application/json'", f"-d '{told}'"]
    return " ".join(word for word in words if word)
