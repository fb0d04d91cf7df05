"""Mistakes of the configuration as forms tell them: by a field's label, where the check speaks to who writes the file."""

from __future__ import annotations

from appliance.config.problems import ConfigProblem
from appliance.sentences import Said, say
from web.config.names import TITLES, label
from web.i18n import tell

_EMPTY = say("“{field}” is empty.")
_FILL_IN = say("Fill in “{field}”.")
_EXAMPLE = say("Fill in “{field}”, for example {example}.")
_YES = say("Set “{field}” to yes.")
_EMPTY_OR = say("Leave it empty, or choose {choice} at “{field}”.")
SPOKEN: dict[str, Said] = {
    '"{key}" is missing in {table}.': _EMPTY.about(field="{key}"),
    '"{needed}" is missing for the {driver} {name}.': _EMPTY.about(field="{needed}"),
    '"{missing}" is missing: the sip-trunk {name} registers with it.': _EMPTY.about(field="{missing}"),
    '"{missing}" is missing in [web].': _EMPTY.about(field="{missing}"),
    '"{missing}" is missing in [mail].': _EMPTY.about(field="{missing}"),
    '"sender" is missing in [mail].': _EMPTY.about(field="sender"),
    "Add {key} = …  ({wanted}).": say("Fill in “{field}” ({wanted}).", field="{key}", wanted="{wanted}"),
    "Add [{table}].": say("Fill in the page “{page}”.", page="{table}"),
    'Add {needed} = "192.0.2.1:5060".': _EXAMPLE.about(field="{needed}", example="192.0.2.1:5060"),
    'Add sender = "switchroom@example.com".': _EXAMPLE.about(field="sender", example="switchroom@example.com"),
    "Add {bound}.": _FILL_IN.about(field="{bound}"),
    "Add at_least, at_most or both.": say("Fill in “{field}”, “{other}” or both.", field="at_least", other="at_most"),
    'Add numbers = ["+358917700000"], or a file.': say("Fill in “{field}” or “{other}”.", field="numbers", other="file"),
    "Add dial_extensions = true.": _YES.about(field="dial_extensions"),
    "Take out verify = false.": _YES.about(field="verify"),
    "Set tls = true, or listen on 127.0.0.1.": say("Set “{field}” to yes, or listen on 127.0.0.1.", field="tls"),
    'Leave it out, or set kind = "vip".': _EMPTY_OR.about(choice="vip", field="kind"),
    'Leave it out, or set of = "{kind}".': _EMPTY_OR.about(choice="{kind}", field="of"),
    'Use {needed}, or driver = "{other}".': _EMPTY_OR.about(choice="{other}", field="driver"),
    '"{foreign}" does not belong to a {driver}.': say("“{field}” does not belong to a {driver}.", field="{foreign}",
                                                     driver="{driver}"),
    "Add it as [[{table}]].": say("There is none yet: add it on the page “{page}”.", page="{table}"),
    "Add a route for it in [[routes]].": say("Add a route for it on the page “{page}”.", page="routes"),
    "Two [[hours]] share a name.": say("Two opening hours share a name."),
    'Write { agent = "anna" } or { extension = "104" }.': say("Name the agent, or the extension of a phone."),
    "Write { agent = {owner} }, with always_signed_in = true for that agent.":
        say("Name the agent {owner}, and set “{field}” to yes for that agent.", owner="{owner}", field="always_signed_in"),
    "text in quotes": say("text"),
    **{f'digits in quotes, such as "{example}"': say("digits, such as {example}", example=example)
       for example in ("101", "4321", "09")},
    'one digit in quotes, such as "1"': say("one digit, such as 1"),
    'one to three digits in quotes, such as "1"': say("one to three digits, such as 1"),
    'up to three digits in quotes, such as "1"': say("up to three digits, such as 1"),
    "text of at most 200 characters in quotes, without line breaks": say("text of at most 200 characters, without line breaks"),
    "text of 1 to 128 characters in quotes, without line breaks": say("text of 1 to 128 characters, without line breaks"),
    "text of at most {most} characters in quotes": say("text of at most {most} characters", most="{most}"),
    "true or false": say("yes or no"),
}
"""What the check says: what a form says instead. A value in braces is one of the check's. `field` and `other` are keys, `page` is
a table. A test finds a sentence in the grammar of the file that is missing here."""
UNREACHED = (
    "Write it as [[{table}]].", "Write it as { name = value, … }.", "Put it in square brackets: [{value}].",
    "It must be text in quotes.", "Put it in quotes.", 'Put it in quotes: "{value}".',
    "Text stands in quotes, a table's name in [brackets], and each key = value on a line of its own.",
)
"""Only who writes the file can make these mistakes."""


def in_form(said: Said) -> Said:
    """The same for somebody who sees fields, in the language of the page."""
    values = {name: in_form(value) if isinstance(value, Said) else value for name, value in said.values.items()}
    spoken = SPOKEN.get(said.template)
    if spoken is None:
        return Said(said.template, values)
    given = {name: values.get(value[1:-1], value) if isinstance(value, str) and value[:1] == "{" else value
             for name, value in spoken.values.items()}
    return Said(spoken.template, {name: _named(name, value) for name, value in given.items()})


def _named(place: str, value: str | Said) -> str | Said:
    if isinstance(value, Said) or place not in ("field", "other", "page"):
        return value
    return str(TITLES.get(value, value)) if place == "page" else label(value)


def told(problem: ConfigProblem) -> str:
    """What is wrong, and what to do in the form."""
    return f"{tell(in_form(problem.said))} {tell(in_form(problem.said_fix))}"
