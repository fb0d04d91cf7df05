"""From plain TOML values to the typed model, gathering every problem instead of stopping at the first.

The types of `model.py` are the only description: this walks what `msgspec.inspect` says of them. A value that is wrong
is replaced by its default, a table that cannot be built is left out, so that the checks after this see all the rest.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from appliance.config.locate import Path
from appliance.config.values import TEXT_TYPES, WrongText
from appliance.sentences import Said, say, together

Report = Callable[[str, Path, Said, Said], None]
"""(id, path, what is wrong, what would be right)"""

SECRET_KEYS = frozenset({"secret", "pin"})
"""Keys whose values appear in no message."""

SHAPES: dict[str, Said] = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": say('letters, digits, "-", "_" and ".", such as "front"'),
    r"^[0-9]{1,10}$": say('digits in quotes, such as "101"'),
    r"^[0-9]{1,12}$": say('digits in quotes, such as "4321"'),
    r"^[0-9*#]$": say('one key of the phone, "0" to "9", "*" or "#"'),
    r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$": say('a mail address, such as "office@example.com"'),
    r"^[A-Z]{2}$": say('a country code of two capital letters, such as "FI"'),
    r"^[A-Z]{3}$": say('a currency code of three capital letters, such as "EUR"'),
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": say('a time of day, such as "07:00"'),
    r"^[0-9]$": say('one digit in quotes, such as "1"'),
    r"^[0-9]{1,3}$": say('one to three digits in quotes, such as "1"'),
    r"^[0-9]{0,3}$": say('up to three digits in quotes, such as "1"'),
    r"^[0-9#]{1,32}$": say('digits, and "#" for any digit, such as "7#######"'),
    r"^[0-9*#]{0,6}$": say('up to six keys of the phone, such as "*41"'),
    r"^\+?[0-9 ()./-]{2,32}$": say('a phone number, such as "+358917700000"'),
    r"^(\*|\+?[0-9]{1,20}\*?|\+\*)$": say('a number or its beginning with "*", such as "+358*"'),
    r"^[0-9*#]{0,4}$": say('up to four keys of the phone, such as "0"'),
    r"^[0-9*#]{0,8}$": say('up to eight keys of the phone, such as "9"'),
    r"^[0-9*#]{0,12}$": say('keys of the phone, such as "29"'),
    r"^[0-9]{0,8}$": say('digits in quotes, such as "09"'),
    r"^[^\x00-\x1f\x7f]*$": say("text of at most 200 characters in quotes, without line breaks"),
    r"^[^\x00-\x1f\x7f]+$": say("text of 1 to 128 characters in quotes, without line breaks"),
    r'^[^"\\\x00-\x1f]{1,64}$': say('up to 64 printable characters without quotes and backslashes, such as "switchroom"'),
    r"^https?://[^\s/?#@\\]{1,255}(/[^\s#\\]*)?$": say('an http or https address, such as "https://crm.example/switchroom"'),
}
"""What each pattern of the model means to a person."""

_SHOWN = 60
_HUGE = 10**18
_MAX_SUGGEST = 64


class _Wrong:
    pass


WRONG = _Wrong()


def decode(raw: dict[str, Any], model: type[msgspec.Struct], report: Report, origins: dict[int, Path]) -> Any:
    """Build `model` from `raw`; WRONG where a required key is missing or wrong. Every problem goes to `report`.

    `origins` gets the path of each struct made, by its id(): indexes shift when a wrong table is left out."""
    return _Decoder(report, origins).struct(raw, _info(model), ())


@cache
def _info(model: type[msgspec.Struct]) -> Any:
    return inspect.type_info(model)


def nearest(word: str, known: list[str]) -> str:
    """The known word that `word` probably means, or ""."""
    if len(word) > _MAX_SUGGEST:
        return ""
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return close[0] if close else ""


def shown(value: object) -> str | Said:
    """A value for a sentence, shortened."""
    if isinstance(value, dict):
        return say("a table")
    if isinstance(value, list):
        return say("an array")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _HUGE:
        return say("a huge number")
    return literal(value)


def literal(value: object) -> str:
    """A plain value as TOML has it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _Decoder:
    def __init__(self, report: Report, origins: dict[int, Path]) -> None:
        self.report = report
        self.origins = origins

    def struct(self, raw: object, kind: Any, path: Path) -> Any:
        if not isinstance(raw, dict):
            what = say("{key} is {value}.", key=_name(path), value=shown(raw))
            self.report("config.wrong-type", path, what, say("Write it as a table: {table}.", table=_header(path)))
            return WRONG
        fields = {field.encode_name: field for field in kind.fields}
        for key in raw:
            if key not in fields:
                self._unknown_key(key, path, list(fields))
        made: dict[str, Any] = {}
        whole = True
        for name, field in fields.items():
            if name in raw:
                value = self._value(raw[name], field.type, (*path, name))
                if value is not WRONG:
                    made[field.name] = value
                elif field.required:
                    whole = False
            elif field.required:
                whole = False
                self._missing_key(name, field.type, path)
        if not whole:
            return WRONG
        table = kind.cls(**made)
        self.origins[id(table)] = path
        return table

    def _unknown_key(self, key: str, path: Path, known: list[str]) -> None:
        guess = nearest(key, known)
        fix = say('Did you mean "{guess}"?', guess=guess)
        if not guess:
            fix = say("Known here: {known}.", known=", ".join(sorted(known)))
        what = say("Unknown key {key} in {table}.", key=shown(key), table=_table(path))
        self.report("config.unknown-key", (*path, key), what, fix)

    def _missing_key(self, name: str, kind: Any, path: Path) -> None:
        what = say('"{key}" is missing in {table}.', key=name, table=_table(path))
        fix = say("Add {key} = …  ({wanted}).", key=name, wanted=_wanted(kind)) if path else say("Add [{table}].", table=name)
        self.report("config.missing-key", path, what, fix)

    def _value(self, raw: object, kind: Any, path: Path) -> Any:
        kind = _bare(kind)
        if isinstance(kind, inspect.UnionType):
            kind = _chosen(raw, kind)
        if isinstance(kind, inspect.StructType):
            return self.struct(raw, kind, path)
        if isinstance(kind, inspect.ListType):
            return self._list(raw, kind, path)
        if isinstance(kind, inspect.DictType):
            return self._dict(raw, kind, path)
        return self._leaf(raw, kind, path)

    def _list(self, raw: object, kind: inspect.ListType, path: Path) -> Any:
        if not isinstance(raw, list):
            item = _bare(kind.item_type)
            fix = say("Write it as [[{table}]].", table=path[-1]) if isinstance(item, inspect.StructType) else _list_fix(raw)
            what = say("{key} is {value}, not an array.", key=_name(path), value=shown(raw))
            self.report("config.wrong-type", path, what, fix)
            return WRONG
        most = kind.max_length if kind.max_length is not None else len(raw)
        if not (kind.min_length or 0) <= len(raw) <= most:
            too_few = len(raw) < (kind.min_length or 0)
            fix = say("Give at least {least}.", least=kind.min_length) if too_few else say("Give at most {most}.", most=most)
            self.report("config.wrong-length", path, say("{key} has {count} elements.", key=_name(path), count=len(raw)), fix)
            return WRONG
        values = [self._value(item, kind.item_type, (*path, index)) for index, item in enumerate(raw)]
        return [value for value in values if value is not WRONG]

    def _dict(self, raw: object, kind: inspect.DictType, path: Path) -> Any:
        if not isinstance(raw, dict):
            self.report(
                "config.wrong-type",
                path,
                say("{key} is {value}, not a table.", key=_name(path), value=shown(raw)),
                say("Write it as { name = value, … }."),
            )
            return WRONG
        made = {}
        for key, item in raw.items():
            good_key = self._leaf(key, _bare(kind.key_type), (*path, key))
            value = self._value(item, kind.value_type, (*path, key))
            if good_key is not WRONG and value is not WRONG:
                made[good_key] = value
        return made

    def _leaf(self, raw: object, kind: Any, path: Path) -> Any:
        if isinstance(kind, inspect.CustomType):
            return self._text_type(raw, kind.cls, path)
        if _fits(raw, kind):
            return float(raw) if isinstance(kind, inspect.FloatType) else raw  # type: ignore[arg-type]
        fix = [say("It must be {wanted}.", wanted=_wanted(kind))]
        if path[-1] in SECRET_KEYS:
            fix += [say("Put it in quotes.")] if not isinstance(raw, str) else []
        elif isinstance(kind, inspect.StrType | inspect.LiteralType) and type(raw) in (int, float):
            fix.append(say('Put it in quotes: "{value}".', value=shown(raw)))
        if isinstance(kind, inspect.LiteralType) and isinstance(raw, str):
            guess = nearest(raw, [str(value) for value in kind.values])
            fix += [say('Did you mean "{guess}"?', guess=guess)] if guess else []
        wrong_type = not isinstance(raw, _PYTHON[type(kind)]) or isinstance(raw, bool)
        value = say("not as it must be") if path[-1] in SECRET_KEYS else shown(raw)
        what = say("{key} is {value}.", key=_name(path), value=value)
        self.report("config.wrong-type" if wrong_type else "config.wrong-value", path, what, together(fix))
        return WRONG

    def _text_type(self, raw: object, cls: type, path: Path) -> Any:
        if cls not in TEXT_TYPES:
            raise TypeError(f"the model uses {cls}, which values.py does not know")
        if not isinstance(raw, str):
            what = say("{key} is {value}.", key=_name(path), value=shown(raw))
            self.report("config.wrong-type", path, what, say("It must be text in quotes."))
            return WRONG
        try:
            return cls(raw[:2048])
        except WrongText as error:
            self.report("config.wrong-value", path, say("{key}: {what}", key=_name(path), what=error.what), error.fix)
            return WRONG


def _chosen(raw: object, kind: inspect.UnionType) -> Any:
    """The kind that `raw` means, where a key takes several: a table of its own, or a plain value."""
    kinds = [_bare(each) for each in kind.types if not isinstance(each, inspect.NoneType)]
    tables = [each for each in kinds if isinstance(each, inspect.StructType | inspect.DictType)]
    plain = [each for each in kinds if each not in tables]
    (chosen,) = tables if tables and (isinstance(raw, dict) or not plain) else plain
    return chosen


def _table(path: Path) -> str | Said:
    return _header(path) if path else say("the file")


def _header(path: Path) -> str:
    keys = [part for part in path if isinstance(part, str)]
    brackets = "[[{}]]" if path and isinstance(path[-1], int) else "[{}]"
    return brackets.format(".".join(keys))


def _name(path: Path) -> str | Said:
    key = next((part for part in reversed(path) if isinstance(part, str)), None)
    return f'"{key}"' if key is not None else say("The file")


def _bare(kind: Any) -> Any:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _list_fix(raw: object) -> Said:
    if isinstance(raw, str | int | float):
        return say("Put it in square brackets: [{value}].", value=shown(raw))
    return say("Write an array.")


_PYTHON: dict[type, Any] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.FloatType: int | float,
    inspect.BoolType: bool,
    inspect.LiteralType: str | int,
}


def _fits(raw: object, kind: Any) -> bool:
    """Whether `raw` is of the kind and within its bounds."""
    if isinstance(kind, inspect.BoolType):
        return isinstance(raw, bool)
    if isinstance(raw, bool):
        return False
    if isinstance(kind, inspect.LiteralType):
        return any(type(raw) is type(value) and raw == value for value in kind.values)
    if isinstance(kind, inspect.StrType):
        return isinstance(raw, str) and _fits_text(raw, kind)
    if isinstance(kind, inspect.IntType):
        return isinstance(raw, int) and _within(raw, kind)
    if isinstance(kind, inspect.FloatType):
        return isinstance(raw, int | float) and (isinstance(raw, int) or math.isfinite(raw)) and _within(raw, kind)
    raise TypeError(f"the model uses {kind}, which decode.py does not know")


def _fits_text(raw: str, kind: inspect.StrType) -> bool:
    if kind.pattern is not None and not re.search(kind.pattern.replace("$", r"\Z"), raw):
        return False
    longest = kind.max_length if kind.max_length is not None else len(raw)
    return (kind.min_length or 0) <= len(raw) <= longest


def _within(raw: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (kind.ge is None or raw >= kind.ge)
        and (kind.gt is None or raw > kind.gt)
        and (kind.le is None or raw <= kind.le)
        and (kind.lt is None or raw < kind.lt)
    )


def _wanted(kind: Any) -> Said:
    """What would be right, in words."""
    kind = _bare(kind)
    if isinstance(kind, inspect.BoolType):
        return say("true or false")
    if isinstance(kind, inspect.LiteralType):
        return say("one of {values}", values=", ".join(literal(value) for value in kind.values))
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _range(kind, *_bounds(kind))
    if isinstance(kind, inspect.StrType):
        if kind.pattern is not None:
            return SHAPES[kind.pattern]
        if kind.max_length:
            return say("text of at most {most} characters in quotes", most=kind.max_length)
        return say("text in quotes")
    if isinstance(kind, inspect.UnionType):
        return _wanted(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
    if isinstance(kind, inspect.ListType):
        return say("an array")
    return say("a table") if isinstance(kind, inspect.DictType | inspect.StructType) else say("text in quotes")


def _bounds(kind: inspect.IntType | inspect.FloatType) -> tuple[str | None, str | None, bool]:
    """Low and high as they are shown, and whether it must be above the low one."""
    low = kind.ge if kind.ge is not None else kind.gt
    above = kind.ge is None and kind.gt is not None
    return None if low is None else f"{low:g}", None if kind.le is None else f"{kind.le:g}", above


def _range(kind: Any, low: str | None, high: str | None, above: bool) -> Said:
    whole = isinstance(kind, inspect.IntType)
    if low is None:
        return say("a whole number") if whole else say("a number")
    if high is not None and above:
        found = say("a whole number from more than {low} to {high}") if whole else say("a number from more than {low} to {high}")
    elif high is not None:
        found = say("a whole number from {low} to {high}") if whole else say("a number from {low} to {high}")
    elif above:
        found = say("a whole number of more than {low}") if whole else say("a number of more than {low}")
    else:
        found = say("a whole number of at least {low}") if whole else say("a number of at least {low}")
    return found.about(low=low, high=high)
