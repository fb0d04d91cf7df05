"""What was stored as an English text is told in the reader's language: by the sentence that it was made of."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from appliance import audit
from appliance.campaigns.lists import why_bad
from appliance.campaigns.outcome import why_of
from appliance.catalogues import text_in
from appliance.clock import ManualClock
from appliance.config import ConfigError, loads
from appliance.config.diff import summary_of
from appliance.config.numbers import normalise
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.libraries import of_msgspec
from appliance.messages import Cause, NoteAudit
from appliance.sentences import Said, made_of, say
from appliance.users.model import User
from tests.webkit import OFFICE, Pages
from web import reasons
from web.audit import words as audit_words
from web.calls import words as call_words

ROOT = Path(__file__).parents[2]
FINNISH = text_in("fi")
NOTED = re.compile(r"\bnote\([^\"\n]*\"([a-z-]+\.[a-z-]+)\"")


def test_a_text_is_known_by_its_sentence_with_what_stands_in_it() -> None:
    sentences = (say("{a} is {b}."), say("{a}: removed"))
    assert made_of("x is {y}.", sentences).values == {"a": "x", "b": "{y}"}
    assert made_of("queue a: removed", sentences).template == "{a}: removed"
    assert made_of("free words", sentences) == Said("free words")
    assert made_of("1.5 (x)", (say("{a}.5 (x)"),)).values == {"a": "1"}  # a template is no pattern
    assert made_of("125 (x)", (say("{a}.5 (x)"),)).values == {}


@pytest.mark.parametrize(("stored", "finnish"), [
    ("pressed 1", "painoi 1"), ("hung up after 3.4 s", "sulki puhelimen 3.4 s kuluttua"),
    ("an answering machine, the message was left", "puhelinvastaaja, viesti jätettiin"), ("busy tone", "varattuääni"),
    ("of another release", "of another release"),
])  # fmt: skip
def test_why_an_attempt_ended(stored: str, finnish: str) -> None:
    assert why_of(stored).told(FINNISH) == finnish


@pytest.mark.parametrize("text", ["", "12", "abc", "+999123456789", "0401234567 ext 5", "+35840123456789012", "3.58409E+11"])
def test_why_a_row_is_bad(text: str) -> None:
    with pytest.raises(SwitchroomError) as problem:
        normalise(text, "FI")
    told = why_bad(problem.value.message).told(FINNISH)
    assert told == problem.value.said.told(FINNISH) != problem.value.message


def test_what_versions_changed_and_what_people_wrote(tmp_path: Path) -> None:
    store = Store(tmp_path, ManualClock())
    store.import_file(OFFICE, by="test")
    text = store.text()
    store.save(text.replace("ring_seconds = 15", "ring_seconds = 16").replace('pin = "4321"', 'pin = "9999"'), by="test")
    store.save(text, by="test", summary="list of friends")
    store.rollback(2, by="test")
    told = ["; ".join(each.told(FINNISH) for each in summary_of(version.summary)) for version in store.history()]
    assert told == ["palattu versioon 2", "list of friends",
                    'jono front: ring_seconds 15 → 16; skenaario 701: pin muutettu', "ensimmäinen versio"]


def test_reasons_of_drivers_and_far_ends(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    with pages.app.test_request_context(headers={"Accept-Language": "fi"}):
        assert reasons.down("registering failed: 403 Forbidden").endswith("nimeä ja salasanaa ei hyväksytä, SIP 403")
        assert reasons.down("registering failed: Connection timed out").endswith(": yhteys aikakatkaistiin")
        assert reasons.down("not registered yet") == "ei vielä rekisteröity" and reasons.down("") == ""
        assert reasons.reason("102 is not registered") == "102 ei ole rekisteröitynyt"
        assert reasons.reason("Busy Here") == "" and reasons.reason("No credit <b>") == "“No credit <b>”"
        assert call_words.cause(Cause(sip=486, q850=17, text="Busy Here")) == "varattu (SIP 486, Q.850 17)"
        assert reasons.webhook("The name x.example has no address. Check the address.") == (
            "Nimellä x.example ei ole osoitetta. Tarkista osoite.")
        assert reasons.webhook("Nobody takes the connection (Connection refused).").endswith("(yhteys torjuttiin).")
    pages.close()


def test_every_word_of_the_audit_log_has_a_name() -> None:
    noted = {word for folder in ("web", "appliance") for path in (ROOT / folder).rglob("*.py")
             for word in NOTED.findall(path.read_text())}
    assert len(noted) > 20 and not {word for word in noted if word not in audit_words._WHAT}


def test_the_audit_log_is_told_in_the_readers_language(tmp_path: Path) -> None:
    pages = Pages(tmp_path)

    def refuse(command: NoteAudit) -> None:
        raise SwitchroomError("bus.not-running", "x", "y")

    for what, detail in (("user.add", "role viewer"), ("config.apply", "layout and comments"), ("message.make", "typed"),
                         ("list.new", "3 numbers, 1 twice, 0 bad rows"), ("campaign.pause", "the typed reason"),
                         ("old.word", "<i>")):
        audit.note(tmp_path, refuse, NoteAudit(at=1000.0, by="web:ada", what=what, detail=detail))
    told = pages.browser("admin").get("/audit", headers={"Accept-Language": "fi"}).text.partition("<tbody>")[2]
    for each in ("käyttäjä lisätty", "rooli: Katselija", "asetukset otettu käyttöön", "numeroita 3, kahdesti 1",
                 "the typed reason", "old.word", "&lt;i&gt;"):
        assert each in told, each
    assert "role viewer" not in told and "layout and comments" not in told
    pages.close()


@pytest.mark.parametrize(("text", "finnish"), [
    ('a = "x', "lainausmerkki puuttuu lopusta"), ("a 1", "avaimen jäljestä puuttuu '='"),
    ("a = 1\na = 2", "sama avain on jo annettu"),
    ("a = [1", "hakasulje puuttuu lopusta"), ("[a", "taulukon nimen lopusta puuttuu ']'"),
])  # fmt: skip
def test_what_the_reader_of_toml_says(text: str, finnish: str) -> None:
    with pytest.raises(ConfigError) as problem:
        loads(text)
    assert problem.value.problems[0].said.told(FINNISH).count(finnish) == 1


@pytest.mark.parametrize(("given", "finnish"), [
    ({"login": 5}, "odotettiin `str`, saatiin `int`, kohdassa `$.login`"), ({}, "kenttä `login` puuttuu"),
    ({"login": "ok", "name": "N", "role": "chief"}, "arvo 'chief' ei ole sallittu, kohdassa `$.role`"),
])  # fmt: skip
def test_what_the_reader_of_structs_says(given: dict[str, object], finnish: str) -> None:
    with pytest.raises(msgspec.ValidationError) as problem:
        msgspec.convert(given, User)
    assert of_msgspec(problem.value).told(FINNISH) == finnish
