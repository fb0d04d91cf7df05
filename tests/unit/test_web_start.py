"""The first start: each step writes into the draft what it says, twice the same comes to the same, nothing is in force early."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.config.load import loads
from appliance.config.starter import Place, machine_place, starter_text
from appliance.media import message
from appliance.messages import RemoveGreeting
from tests.unit.test_web_campaigns import tone
from tests.webkit import PASSWORD, Pages
from web.config.drafts import Drafts
from web.start import greetings, steps

WEEK = {f"day{day}": "9:00-17:00" if day < 5 else "" for day in range(7)}
LINE = {"kind": "sip-gateway", "address": "192.0.2.20:5060", "channels": "2", "send_as": "national", "outside_prefix": "0"}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    office = tmp_path / "starter.toml"
    office.write_text(starter_text(machine_place()))
    made = Pages(tmp_path / "data", office=office)
    yield made
    made.close()


def draft(pages: Pages) -> dict[str, Any]:
    found = Drafts(pages.box.data).get("admin")
    assert found is not None
    return tomllib.loads(found.text)


def walk(pages: Pages) -> None:
    browser = pages.browser("admin")
    for step, form in {
        "office": {"name": "Harbour", "language": "fi", "country": "FI", "timezone": "Europe/Helsinki"}, "hours": WEEK,
        "line": LINE | {"secret": "hush-hush"},
        "phones": {"ext0": "101", "name0": "Zoë", "ext1": "102", "name1": "Борис", "ext": "", "name": ""},
        "queue": {"agent101": "1", "agent102": "1", "number": "200"}, "greeting": {"greeting": "Tervetuloa."},
    }.items():
        assert browser.get(f"/setup/{step}").status_code == 200
        assert browser.post(f"/setup/{step}", **form).location == f"/setup/{steps.after(step)}", step


def test_the_steps_come_to_an_office_that_answers(pages: Pages) -> None:
    walk(pages)
    first = Drafts(pages.box.data).get("admin")
    assert first is not None and pages.box.config.office.name == "My office"
    config = loads(first.text)
    line, queue = config.lines[0], config.queues[0]
    assert (str(line.inbound_to), line.channels, line.secret) == ("queue:front", 2, "hush-hush")
    assert [(each.id, each.extension, each.always_signed_in) for each in config.agents] == [
        ("zoe", "101", True), ("phone-102", "102", True)]
    assert [each.agent for each in queue.members] == ["zoe", "phone-102"]
    assert (queue.hours, queue.greeting) == ("office", "Tervetuloa.")
    assert config.hours[0].open == ["mon-fri 09:00-17:00"] and config.dialling.outside_prefix == "0"
    assert "# Your office. Switchroom made this file" in first.text  # comments stay
    walk(pages)
    again = Drafts(pages.box.data).get("admin")
    assert again is not None and again.text == first.text
    browser = pages.browser("admin")
    assert "hush-hush" not in browser.get("/setup/line").text and "hush-hush" not in browser.get("/setup/finish").text
    assert browser.post("/setup/finish/apply").location == "/setup/try/all"
    assert pages.box.config.office.name == "Harbour"


def test_what_is_wrong_is_told_at_its_step(pages: Pages) -> None:
    browser = pages.browser("admin")
    page = browser.post("/setup/line", **(LINE | {"address": "<b>", "channels": "9" * 50}))
    assert page.status_code == 200 and "&lt;b&gt;" in page.text and "<b>" not in page.text.split("<main")[1]
    assert "whole number from 1 to 1000" in page.text
    assert browser.post("/setup/hours", **(WEEK | {"day0": "9-5"})).status_code == 200
    assert browser.post("/setup/nothing").status_code == 404
    assert browser.post("/setup/finish/apply").status_code == 400 and pages.box.store.version() == 1


@pytest.mark.parametrize(("form", "told"), [
    ({"address": ""}, "“Address” is empty. Fill in “Address”, for example 192.0.2.1:5060."),
    ({"kind": "sip-trunk", "address": ""}, "“Registrar” is empty. Fill in “Registrar”, for example 192.0.2.1:5060."),
    ({"kind": "sip-trunk", "username": ""}, "“Username” is empty."),
])
def test_a_mistake_speaks_of_the_field(pages: Pages, form: dict[str, str], told: str) -> None:
    page = pages.browser("admin").post("/setup/line", **(LINE | form)).text
    assert told in page and "address = " not in page and "&#34;" not in page.split('role="alert"')[1].split("</div>")[0]


@pytest.mark.parametrize(("language", "name"), [("en", "Phone 101"), ("fi", "Puhelin 101"), ("ru", "Телефон 101")])
def test_what_nobody_named_is_named_in_the_language_of_the_page(pages: Pages, language: str, name: str) -> None:
    assert [phone.name for phone in pages.box.config.phones] == ["", ""]
    browser = pages.browser("admin")
    token = browser.token()
    for step, form in {"phones": {"ext0": "101", "name0": "", "ext1": "102", "name1": "Boris", "ext": "", "name": ""},
                       "queue": {"agent101": "1", "agent102": "1", "number": "200"}}.items():
        browser.client.post(f"/setup/{step}", data=form | {"csrf_token": token}, headers={"Accept-Language": language})
    assert [(each["id"], each["name"]) for each in draft(pages)["agents"]] == [("phone-101", name), ("boris", "Boris")]


def test_a_line_can_wait_and_phones_get_passwords(pages: Pages) -> None:
    browser = pages.browser("admin")
    assert browser.post("/setup/line", kind="").status_code == 302
    assert browser.post("/setup/phones", ext="103", name="New", do="stay").location == "/setup/phones"
    made = draft(pages)["phones"][2]
    assert made["extension"] == "103" and len(made["secret"]) == 14
    assert browser.post("/setup/phones", ext="103", name="Again").status_code == 200  # there is one: told, not lost
    assert made["secret"] not in browser.get("/setup/phones").text


def test_a_password_is_shown_when_asked_for_and_noted(pages: Pages) -> None:
    browser = pages.browser("admin")
    secret = pages.box.config.phones[0].secret
    assert secret not in browser.get("/setup/try/all").text
    assert secret in browser.post("/setup/try/phone", extension="101").text
    assert browser.post("/setup/try/phone", extension="<b>").status_code == 404
    assert 'title="phone.show-password"' in browser.get("/audit").text
    assert pages.browser("supervisor").post("/setup/try/phone", extension="101").status_code == 403


def test_programs_get_a_phones_settings_and_that_is_noted(pages: Pages) -> None:
    browser = pages.browser("admin")
    headers = {"X-CSRFToken": browser.token()}
    told = browser.client.post("/api/v1/phones/101/settings", headers=headers).json
    assert told == {"server": "localhost:5060", "user": "101", "password": pages.box.config.phones[0].secret}
    assert browser.client.post("/api/v1/phones/999/settings", headers=headers).status_code == 404
    assert 'title="phone.show-password"' in browser.get("/audit").text


def test_without_a_core_trying_says_so(pages: Pages) -> None:
    browser = pages.browser("admin")
    headers = {"X-CSRFToken": browser.token()}
    assert browser.client.post("/api/v1/phones/101/ring", headers=headers).status_code == 503
    assert browser.client.post("/api/v1/lines/gateway/try", json={"number": "1"}, headers=headers).status_code == 503
    assert browser.post("/setup/try/ring", extension="101").status_code == 503
    assert browser.post("/setup/try/line", line="x", number="1").status_code == 503
    assert "does not answer" in browser.get("/setup/try/state").text


def test_the_first_administrator_is_led_to_the_first_step(tmp_path: Path) -> None:
    office = tmp_path / "starter.toml"
    office.write_text(starter_text(machine_place()))
    pages = Pages(tmp_path / "data", people=False, office=office)
    try:
        code = pages.box.users.setup_code()
        assert pages.browser().post("/start", code=code, login="ada", name="Ada", password=PASSWORD).location == "/setup"
    finally:
        pages.close()


def test_nothing_and_too_much_is_not_spoken(pages: Pages) -> None:
    browser = pages.browser("admin")
    for text, language in (("", "en"), ("hello", "xx"), ("x" * 501, "en")):
        assert browser.post("/setup/greeting/listen", greeting=text, language=language).status_code == 400
    spoken = browser.post("/setup/greeting/listen", greeting="Welcome; rm -rf $(x)", language="en")
    assert spoken.status_code == 200 and spoken.data[:4] == b"RIFF"


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC"])
def test_a_machine_without_a_time_zone_puts_no_office_elsewhere(tmp_path: Path, zone: str) -> None:
    """A browser chooses the first of a list where nothing is chosen: that was Africa/Abidjan."""
    office = tmp_path / "starter.toml"
    office.write_text(starter_text(Place("GB", zone, "en", False)))
    pages = Pages(tmp_path / "data", office=office)
    try:
        browser = pages.browser("admin")
        shown = browser.get("/setup/office").text.split('name="timezone"')[1].split("</select>")[0]
        assert re.findall(r'value="([^"]*)" selected', shown) == [""]
        assert shown.partition(">")[2].lstrip().startswith('<option value=""')
        asked = {"name": "Harbour", "language": "en", "timezone": ""}
        assert browser.post("/setup/office", country="FI", **asked).status_code == 302
        assert draft(pages)["office"]["timezone"] == "Europe/Helsinki"
        several = browser.post("/setup/office", country="US", **asked)
        assert several.status_code == 400 and "several time zones" in several.text and 'value="Harbour"' in several.text
        offered = re.findall(r'value="([^"]+)"', several.text.split('name="timezone"')[1].split("</select>")[0])
        assert "America/Chicago" in offered[:60] and "Europe/Helsinki" not in offered[:60]  # one's own country comes first
        assert draft(pages)["office"]["country"] == "FI"
        assert [each["extension"] for each in draft(pages)["phones"]] == ["101", "102"]
        for country, zone_meant in {"UA": "Europe/Kyiv", "CN": "Asia/Shanghai", "DE": "Europe/Berlin"}.items():
            assert browser.post("/setup/office", country=country, **asked).status_code == 302
            assert draft(pages)["office"]["timezone"] == zone_meant
        assert [each["extension"] for each in draft(pages)["phones"]] == ["201", "202"]  # 101 is the fire brigade in Ukraine
        assert browser.post("/setup/office", country="US", **asked | {"timezone": "America/Chicago"}).status_code == 302
        assert draft(pages)["office"]["timezone"] == "America/Chicago"
    finally:
        pages.close()


# ---- a greeting that is a recording ----------------------------------------------------------------------------------


def upload(pages: Pages, content: bytes, name: str = "Tervehdys (uusi).wav", **form: str) -> Any:
    browser = pages.browser("admin")
    return browser.post("/setup/greeting", file=(io.BytesIO(content), name), do="stay", **form)


def greeting_of(pages: Pages) -> str:
    return str(draft(pages)["queues"][0].get("greeting", ""))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_greeting_can_be_uploaded(pages: Pages, tmp_path: Path, kind: str) -> None:
    content = tone(tmp_path / "said.wav")
    if kind != "wav":
        subprocess.run(["sox", str(tmp_path / "said.wav"), str(tmp_path / f"said.{kind}")], check=True, timeout=30)
        content = (tmp_path / f"said.{kind}").read_bytes()
    assert upload(pages, content, f"Tervehdys (uusi).{kind}").location == "/setup/greeting"
    words = greeting_of(pages)
    file = Path(words.removeprefix("file:"))
    assert file.is_absolute() and file.parent == (pages.box.data / "greetings" / "uploaded").absolute()
    assert file.name.startswith("tervehdys-uusi-") and message.prepare(file, tmp_path / "again.wav").seconds > 1.5
    browser = pages.browser("admin")
    page = browser.get("/setup/greeting").text
    assert file.name in page and "<textarea" not in page
    assert browser.get("/setup/greeting/recording.wav").data == file.read_bytes()
    assert browser.post("/setup/greeting").location == "/setup/finish" and greeting_of(pages) == words  # Next keeps it
    assert upload(pages, content, f"tervehdys-uusi.{kind}").status_code == 302 and len(list(file.parent.iterdir())) == 1
    assert browser.post("/setup/greeting", do="text").status_code == 302 and greeting_of(pages) == ""
    assert "<textarea" in browser.get("/setup/greeting").text and browser.get("/setup/greeting/recording.wav").status_code == 404
    assert 'title="greeting.upload"' in browser.get("/audit").text


@pytest.mark.parametrize("content", [b"", b"RIFF" + b"\0" * 90, b"ID3" + b"\0" * 90, b"\xff" * 99])
def test_what_is_no_recording_is_told_and_leaves_nothing(pages: Pages, content: bytes) -> None:
    page = upload(pages, content)
    assert page.status_code == 400 and 'role="alert"' in page.text and "switchroom-greeting-" not in page.text
    folder = pages.box.data / "greetings" / "uploaded"
    assert not folder.is_dir() or not list(folder.iterdir())
    assert Drafts(pages.box.data).get("admin") is None


def test_only_what_came_in_here_is_served(pages: Pages, tmp_path: Path) -> None:
    folder = greetings.folder(pages.box)
    folder.mkdir(parents=True)
    for name in ("secret.txt", "good-1.wav"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "outside-1.wav").write_bytes(b"x")
    assert greetings.found(pages.box, f"file:{folder}/good-1.wav") == folder / "good-1.wav"
    for words in (f"file:{folder}/secret.txt", f"file:{tmp_path}/outside-1.wav", f"file:{folder}/../uploaded/good-1.wav",
                  f"file:{folder}/missing-1.wav", "Welcome.", "file:", {"en": "file:x"}, None):
        assert greetings.found(pages.box, words) is None, words


def test_greetings_that_nobody_names_make_room(pages: Pages, tmp_path: Path) -> None:
    content = tone(tmp_path / "said.wav")
    upload(pages, content)
    used = Path(greeting_of(pages).removeprefix("file:"))
    folder = greetings.folder(pages.box)
    for at in range(greetings.MAX_KEPT):
        (folder / f"old-{at}.wav").write_bytes(b"x")
    for path in folder.iterdir():
        os.utime(path, (pages.clock.utc(), pages.clock.utc()))
    full = upload(pages, content, "one-more.wav")
    assert full.status_code == 400 and "in use already" in full.text  # they came just now
    for path in folder.iterdir():
        os.utime(path, (pages.clock.utc() - 2 * greetings.KEEP_SECONDS,) * 2)
    assert upload(pages, tone(tmp_path / "longer.wav", 3.0), "one-more.wav").status_code == 302
    assert used.is_file()  # the draft named it until now
    assert {each.name.split("-")[0] for each in folder.iterdir()} == {"tervehdys", "one"}


def test_the_newest_greeting_is_heard_and_the_page_says_which(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk(pages)
    browser, asked = pages.browser("admin"), []
    phone = pages.box.data / "greetings" / "queue" / "front.wav"
    assert "data-heard" not in browser.get("/setup/greeting").text
    assert browser.get("/setup/greeting/phone.wav").status_code == 404
    phone.parent.mkdir(parents=True)
    phone.write_bytes(b"at the phone")
    assert 'data-heard="phone"' in browser.get("/setup/greeting").text  # beside the text that was typed
    assert browser.get("/setup/greeting/phone.wav").data == b"at the phone"
    upload(pages, tone(tmp_path / "said.wav"), "hello.wav")
    file = Path(greeting_of(pages).removeprefix("file:"))
    for age, heard in ((-60, "file"), (60, "phone")):
        at = file.stat().st_mtime + age
        os.utime(phone, (at, at))
        assert f'data-heard="{heard}"' in browser.get("/setup/greeting").text, heard
    monkeypatch.setattr(pages.box.core, "ask", lambda command, timeout=10.0: asked.append(command))
    assert browser.post("/setup/greeting/phone/remove").location == "/setup/greeting"
    assert RemoveGreeting(owner="queue", name="front", by="web:admin") in asked


def test_programs_upload_greetings_too(pages: Pages, tmp_path: Path) -> None:
    browser, content = pages.browser("admin"), tone(tmp_path / "said.wav")
    answer = browser.client.post("/api/v1/config/greetings?name=hello.wav", data=content,
                                 headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 201 and answer.json is not None and answer.json["seconds"] > 1.5
    assert Path(answer.json["words"].removeprefix("file:")).name.startswith("hello-")
    empty = browser.client.post("/api/v1/config/greetings", headers={"X-CSRFToken": browser.token()})
    assert empty.status_code == 400 and empty.json is not None and empty.json["error"]["id"] == "message.empty"
    supervisor = pages.browser("supervisor")
    refused = supervisor.client.post("/api/v1/config/greetings", data=content, headers={"X-CSRFToken": supervisor.token()})
    assert refused.status_code == 403


def test_programs_list_hear_and_remove_greetings(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("admin")
    token = {"X-CSRFToken": browser.token()}
    made = browser.client.post("/api/v1/config/greetings?name=hello.wav", data=tone(tmp_path / "said.wav"), headers=token).json
    (shown,) = browser.get("/api/v1/config/greetings").json
    assert (shown["words"], shown["used"]) == (made["words"], False) and shown["name"].startswith("hello-")
    assert browser.get(f"/api/v1/config/greetings/kept/{shown['name']}/sound").data[:4] == b"RIFF"
    gone = browser.client.delete(f"/api/v1/config/greetings/kept/{shown['name']}", headers=token)
    assert gone.status_code == 204 and browser.get("/api/v1/config/greetings").json == []
    assert browser.client.delete("/api/v1/config/greetings/kept/queue:front", headers=token).status_code == 404
    said = browser.client.post("/api/v1/messages/file?name=welcome.wav", data=tone(tmp_path / "said.wav"), headers=token).json
    again = browser.client.post("/api/v1/config/greetings/message", json={"message": said["id"]}, headers=token)
    assert again.status_code == 201 and "/welcome-" in again.json["words"]
