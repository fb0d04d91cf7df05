"""What the address of a list asks for, as a struct with defaults, and that struct as the query of an address."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from flask import request

from appliance.errors import SwitchroomError
from appliance.libraries import of_msgspec

Asked = TypeVar("Asked", bound=msgspec.Struct)


def asked(kind: type[Asked], refusal: str) -> Asked:
    """From the address of the page; what it does not know is left alone. Raises SwitchroomError `refusal`."""
    given = {name: value for name, value in request.args.items() if value and name in kind.__struct_fields__}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as problem:
        raise SwitchroomError(refusal, "This cannot be searched for: {problem}.", "Start again from the list.",
                              problem=of_msgspec(problem)) from None


def query_of(wanted: msgspec.Struct, **changed: Any) -> dict[str, Any]:
    """As the query of an address: only what differs from the list as a whole."""
    every = msgspec.structs.asdict(type(wanted)())
    return {name: value for name, value in (msgspec.structs.asdict(wanted) | changed).items() if value != every[name]}
