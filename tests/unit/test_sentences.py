"""Sentences that are told in another language later: values are values, and texts are constants."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from babel.messages.frontend import parse_mapping_cfg
from babel.util import pathmatch

from appliance.bus import _refused
from appliance.config import ConfigError, loads
from appliance.errors import SwitchroomError
from appliance.messages import Refused, Reply
from appliance.sentences import NOTHING, Said, say, together
from web.extract import texts_of

ROOT = Path(__file__).parents[2]
METHODS, _ = parse_mapping_cfg((ROOT / "babel.cfg").open())
UNSEEN = [pattern for pattern, method in METHODS if method == "ignore"]
"""Packages that no page shows anything of: the command line, the demonstration."""
SHOWN = [path for folder in ("appliance", "drivers", "web") for path in sorted((ROOT / folder).rglob("*.py"))
         if not any(pathmatch(pattern, str(path.relative_to(ROOT))) for pattern in UNSEEN)]
HOSTILE = ["{number}", "{0}", "{number.__class__}", "%(number)s", "%s", "{{number}}", "{", "\\1", "\\g<1>"]
FINNISH = {"There is no list {number}.": "Listaa {number} ei ole.", "a table": "taulukko",
           "{key} is {value}.": "{key} on {value}."}


def finnish(template: str) -> str:
    return FINNISH.get(template, template)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    error = SwitchroomError("list.unknown", "There is no list {number}.", "There are: {known}.", number=value, known=value)
    assert error.message == f"There is no list {value}."
    assert error.hint == f"There are: {value}."
    assert error.said.told(finnish) == f"Listaa {value} ei ole."
    assert str(together([error.said, say("In {place}.", place=value)])) == f"There is no list {value}. In {value}."


def test_a_sentence_within_a_sentence_is_told_in_the_same_language() -> None:
    said = say("{key} is {value}.", key='"lines"', value=say("a table"))
    assert str(said) == '"lines" is a table.'
    assert said.told(finnish) == '"lines" on taulukko.'


def test_what_has_no_value_stays() -> None:
    assert str(say("There is no list {number}.")) == "There is no list {number}."
    assert NOTHING.told(lambda text: pytest.fail("gettext would give its heading")) == ""


def test_a_file_is_shown_by_its_owners_name() -> None:
    said = say("{path} is empty.", path="/tmp/x/source")
    assert str(said.instead(Path("/tmp/x/source"), "people.csv")) == "people.csv is empty."
    assert str(said.instead("/tmp/x", "people.csv")) == "/tmp/x/source is empty."


def test_an_error_comes_over_the_bus_with_its_sentences() -> None:
    hint = say("There are: {known}.", known=say("none"))
    problem = SwitchroomError("list.unknown", "There is no list {number}.", hint, number=7)
    reply = msgspec.msgpack.decode(msgspec.msgpack.encode(_refused(problem)), type=Refused)
    assert isinstance(reply, Reply)
    there = SwitchroomError(reply.id, reply.message, reply.hint)
    assert (there.id, there.message, there.hint) == (problem.id, "There is no list 7.", "There are: none.")
    assert there.said.told(finnish) == "Listaa 7 ei ole."


def test_a_problem_of_the_configuration_has_its_values_apart() -> None:
    with pytest.raises(ConfigError) as caught:
        loads('[office]\nname = "{key}"\ncountry = "FI"\n[web]\nlisten = "{value} %(key)s"\n')
    said = caught.value.problems[0].said
    assert said.template == "{key}: {what}" and isinstance(said.values["what"], Said)
    assert str(said) == "\"listen\": '{value} %(key)s' is no host name or address."


def test_no_secret_is_among_the_values() -> None:
    with pytest.raises(ConfigError) as caught:
        loads('[office]\nname = "x"\ncountry = "FI"\n[[phones]]\nextension = "101"\nsecret = ["hush-hush"]\n'
              '[[agents]]\nid = "anna"\nname = "Anna"\npin = "hush-hush"\n')
    assert len(caught.value.problems) == 2
    assert "hush" not in repr(caught.value.problems) and "hush" not in repr(caught.value.said)


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_are_constants(path: Path) -> None:
    """No f-strings, no pieces put together: what cannot be found in the source cannot be translated. A text may also be a
    sentence that was said elsewhere."""
    tree = ast.parse(path.read_text())
    wrong = [f"{path.name}:{text.lineno}" for text in texts_of(tree) if not _constant(text, tree)]
    assert not wrong, f"texts with values in them: use places, {{name}} and name=…: {wrong}"


@pytest.mark.parametrize("text", [
    'f"There is no {number}."', '"There is no {}.".format(number)', '"There is no " + number', 'problem.message', 'said',
    'bad', '_("There is no list.")',
])  # fmt: skip
def test_what_is_put_together_is_found(text: str) -> None:
    tree = ast.parse("from appliance.errors import SwitchroomError\n"
                     f'def f(said: str) -> None:\n    bad = f"x{{said}}"\n    raise SwitchroomError("id", {text})\n')
    (found,) = texts_of(tree)
    assert not _constant(found, tree)


SAID = ("said", "said_hint", "what", "fix", "message", "hint", "why", "error", "said_fix")
"""Attributes that are sentences, of errors, problems and replies."""
SAYING = ("say", "about", "instead", "together", "_put_back", "_by_name")


def _constant(text: ast.expr, tree: ast.AST) -> bool:
    if isinstance(text, ast.IfExp):
        return _constant(text.body, tree) and _constant(text.orelse, tree)
    if isinstance(text, ast.Call):
        called = text.func
        return (called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else "") in SAYING
    if isinstance(text, ast.Attribute):
        return text.attr in SAID and not (isinstance(text.value, ast.Name) and text.value.id in ("problem", "error")
                                          and text.attr in ("message", "hint"))
    if isinstance(text, ast.Subscript):
        return isinstance(text.value, ast.Name) and text.value.id.isupper()  # a table of sentences
    return isinstance(text, ast.Constant) or (isinstance(text, ast.Name) and _said(text.id, tree))


def _said(name: str, tree: ast.AST) -> bool:
    """Whether a name stands for sentences only, wherever it is bound in this file."""
    bound = [each.value for each in ast.walk(tree) if isinstance(each, ast.Assign)
             and any(isinstance(target, ast.Name) and target.id == name for target in each.targets)]
    given = [each.annotation for each in ast.walk(tree) if isinstance(each, ast.arg) and each.arg == name]
    return (bool(bound or given) and all(isinstance(each, ast.Call | ast.IfExp) and _constant(each, tree) for each in bound)
            and all(each is not None and ast.unparse(each) == "Said" for each in given))
