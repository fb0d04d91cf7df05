"""What libraries say of wrong input (msgspec; tomllib of Python 3.11), as sentences that can be told in other languages."""

from __future__ import annotations

from appliance.sentences import Said, made_of, say

_MSGSPEC = (
    say("Expected `{wanted}`, got `{found}`"), say("Expected `{kind}` of length <= {most}"),
    say("Expected `{kind}` of length >= {least}"),
    say("Expected `{kind}` matching regex {pattern}"), say("Expected `{kind}` >= {least}"), say("Expected `{kind}` <= {most}"),
    say("Invalid enum value {value}"), say("Object contains unknown field `{field}`"),
    say("Object missing required field `{field}`"), say("Input data was truncated"), say("JSON is malformed: {what}"),
)  # fmt: skip
_PLACE = say("{what}, at `{path}`")
_TOML = (
    say("Invalid value"), say("Invalid statement"), say("Unterminated string"), say("Unclosed array"),
    say("Unclosed inline table"),
    say("Cannot overwrite a value"), say("Cannot declare {name} twice"), say("Invalid date or datetime"),
    say("Invalid hex value"),
    say("Expected '=' after a key in a key/value pair"), say("Expected newline or end of document after a statement"),
    say("Expected ']' at the end of a table declaration"), say("Expected ']]' at the end of an array declaration"),
    say("Invalid initial character for a key part"), say("Duplicate inline table key {key}"), say("Illegal character {sign}"),
    say("Found invalid character {sign}"), say("Unescaped '\\' in a string"), say("it is nested too deep"),
)  # fmt: skip


def of_msgspec(problem: Exception) -> Said:
    """What is wrong with a value, and where it stands."""
    what, at, path = str(problem).partition(" - at `")
    found = made_of(what, _MSGSPEC)
    return _PLACE.about(what=found, path=path.rstrip("`")) if at else found


def of_toml(text: str) -> Said:
    """What is wrong with a TOML text."""
    return made_of(text, _TOML)
