"""The configuration in pages and API: drafts, a form for each key, mistakes at their field, conflicts, history, no secrets."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.calls import routing, trying
from appliance.config.load import loads
from appliance.config.model import Config
from appliance.users.model import User
from tests.webkit import HASH, OFFICE, Browser, Pages
from web import extract
from web.config import fields, forms, names, service, spoken, week
from web.config.choices import CHOICES
from web.config.drafts import Draft, Drafts

SECRETS = re.findall(r'(?:secret|pin) = "([^"]+)"', OFFICE.read_text())


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    made.box.users.put_user(User(login="second", name="Second", role="admin", password=HASH))
    yield made
    made.close()


def draft(pages: Pages, login: str = "admin") -> dict[str, Any]:
    found = Drafts(pages.box.data).get(login)
    assert found is not None
    return tomllib.loads(found.text)


def inputs(html: str) -> dict[str, str]:
    """What a browser would send back of a form as it was drawn."""
    from html import unescape

    found: dict[str, str] = {}
    main = html.split("<main")[1]
    for tag in re.findall(r"<input[^>]*>", main):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag and 'type="file"' not in tag:
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', main, re.S):
        found[unescape(name)] = unescape(text).removeprefix("\n")
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', main, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        found[unescape(name)] = unescape(chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return found


def test_forms_do_not_speak_in_the_grammar_of_the_file() -> None:
    """Whoever sees fields is not told to write `key = value` or [[tables]]."""
    said = {text for file in (OFFICE.parents[2] / "appliance/config").glob("*.py") if file.name not in ("diff.py", "reference.py")
            for _line, text in extract.constants(ast.parse(file.read_text("utf-8")))}
    grammar = {text for text in said if re.search(r" = |\[\[?[\w{]|in quotes|true or false|^Add \{", text)}
    assert {text for text in grammar if "2001:db8::1" not in text} <= {*spoken.SPOKEN, *spoken.UNREACHED}
    assert {*spoken.SPOKEN, *spoken.UNREACHED} <= said, "said no more"
    for text, instead in spoken.SPOKEN.items():
        places = set(re.findall(r"\{(\w+)\}", text))
        assert set(re.findall(r"\{(\w+)\}", instead.template)) == set(instead.values), text
        assert {value[1:-1] for value in instead.values.values() if isinstance(value, str) and value[0] == "{"} <= places, text


def test_strategies_are_chosen_by_what_they_do(pages: Pages) -> None:
    known = next(each for each in fields.sections()["queues"].fields if each.key == "strategy")
    assert sorted(CHOICES["strategy"]) == sorted(known.options)
    page = pages.browser("admin").get("/config/table/queues/0", headers={"Accept-Language": "fi"}).text
    chosen = page.partition('name="strategy"')[2].partition("</select>")[0]
    for value in known.options:
        assert re.search(rf'<option value="{value}"[^>]*>(?!{value})[^<]+: [^<]+</option>', chosen), value


def test_who_can_be_named_is_shown_with_their_names(pages: Pages) -> None:
    page = pages.browser("admin").get("/config/table/queues/0").text
    assert "There are: anna (Anna), boris (Boris), chen (Chen)" in page
    wrong = {"agents": [{"id": "x", "name": ["y"]}, {"id": ["z"], "name": "z"}, {"id": "w"}, 3]}
    assert forms.called(wrong, "agents") == ["x", "w"]
    assert forms.called({"agents": "none"}, "agents") == forms.called({}, "") == []


def test_every_table_of_the_model_has_a_name_and_a_place() -> None:
    assert set(fields.sections()) == set(Config.__struct_fields__) == set(names.TITLES)
    assert sorted(name for _, group in names.GROUPS for name in group) == sorted(names.TITLES)
    for section, keys in names.FIRST.items():
        assert set(keys) <= {each.key for each in fields.sections()[section].fields}, section
    for section in fields.sections().values():
        assert all(each.meaning or each.kind == "table" for each in section.fields), section.name


def test_a_form_sent_back_as_it_is_changes_nothing(pages: Pages) -> None:
    browser = pages.browser("admin")
    values = tomllib.loads(OFFICE.read_text())
    for name, section in fields.sections().items():
        rows = values.get(name, [] if section.many else {})
        table = f"/config/table/{name}"
        for path in [f"{table}/{index}" for index in range(len(rows))] if section.many else [table]:
            page = browser.get(path)
            assert page.status_code == 200, path
            assert browser.post(path, **inputs(page.text)).status_code == 302, path
    found = Drafts(pages.box.data).get("admin")
    assert found is None or found.text == OFFICE.read_text()


def test_no_page_shows_a_secret(pages: Pages) -> None:
    assert SECRETS
    browser = pages.browser("admin")
    paths = ["/config", "/config/changes", "/config/text", "/config/office.toml", "/config/history", "/config/history/1",
             "/config/try", "/api/v1/config", "/api/v1/config/versions/1", "/setup/phones", "/setup/line", "/setup/finish"]
    paths += [f"/config/table/{name}" for name in fields.sections()]
    paths += [f"/config/table/{name}/0" for name, each in fields.sections().items() if each.many]
    browser.post("/config/table/phones/0", secret="another-secret", extension="101", name="x")
    for path in paths:
        text = browser.get(path).text
        assert not [secret for secret in [*SECRETS, "another-secret"] if f'"{secret}"' in text or f">{secret}<" in text], path
    assert draft(pages)["phones"][0]["secret"] == "another-secret"
    whole = browser.post("/config/office.toml")
    assert whole.text == OFFICE.read_text()
    assert 'title="config.export-with-secrets"' in browser.get("/audit").text


def test_a_change_is_a_draft_until_it_is_applied(pages: Pages) -> None:
    browser = pages.browser("admin")
    form = inputs(browser.get("/config/table/queues/0").text) | {"max_wait_seconds": "77", "callback.digit": "5"}
    assert browser.post("/config/table/queues/0", **form).status_code == 302
    assert pages.box.config.queues[0].max_wait_seconds != 77
    assert "max_wait_seconds" in browser.get("/config/changes").text
    pages.close()
    again = Pages.__new__(Pages)
    Pages.__init__(again, pages.box.data, office=None)  # the web starts again: the draft is kept
    pages.__dict__.update(again.__dict__)
    browser = pages.browser("admin")
    answer = browser.post("/config/apply", summary="longer")
    assert answer.status_code == 302
    queue = pages.box.config.queues[0]
    assert (queue.max_wait_seconds, queue.callback.digit) == (77, "5")
    entry = pages.box.store.entry(2)
    assert (entry.by, entry.summary) == ("web:admin", "longer") and Drafts(pages.box.data).get("admin") is None
    assert browser.post("/config/apply").status_code == 400  # no draft
    assert browser.post("/config/history/1").status_code == 302
    assert pages.box.config.queues[0].max_wait_seconds != 77 and pages.box.store.version() == 3


def test_mistakes_stand_at_their_field_and_nothing_of_them_is_applied(pages: Pages) -> None:
    browser = pages.browser("admin")
    page = browser.post("/config/table/lines/0", channels="many", inbound_to="queue:nobody", driver="sip-gateway", name="gateway")
    assert page.status_code == 200
    wrong = page.text.split('name="channels"')[1].split("</div>")[0]
    assert "whole number from 1 to 1000" in wrong
    assert "nobody" in page.text.split('name="inbound_to"')[1].split("</div>")[0].split("wrong")[1]
    assert browser.post("/config/apply").status_code == 400 and pages.box.store.version() == 1
    assert "mistake" in browser.get("/config").text
    assert browser.get("/config/try?number=1&phone=101").status_code == 200


@pytest.mark.parametrize("value", [
    "9" * 400, "1e400", "nan", "-5", "0x10", "{ a = [[[[", "{" * 5000, "\x00\x01", "😀" * 3000, "</textarea><script>"])
def test_hostile_values_are_told_and_never_run(pages: Pages, value: str) -> None:
    browser = pages.browser("admin")
    for field in ("max_wait_seconds", "agents", "skills", "greeting", "callback.minutes_between"):
        answer = browser.post("/config/table/queues/0", name="front", **{field: value})
        assert answer.status_code in (200, 302, 400), field
        assert "<script>" not in answer.text.split("<main")[-1]
        assert browser.get("/config/table/queues/0").status_code == 200
        assert browser.get("/config/changes").status_code == 200
        assert "<script></textarea>" not in browser.get("/config/text").text
        browser.post("/config/draft", do="discard")
    assert pages.box.store.version() == 1


def test_rows_are_added_removed_and_moved(pages: Pages) -> None:
    browser = pages.browser("admin")
    before = [each.extension for each in pages.box.config.phones]
    assert browser.post("/config/table/phones", extension="177", secret="abcdefgh1", name="New").status_code == 302
    assert browser.post(f"/config/table/phones/{len(before)}", do="up").status_code == 302
    assert [each["extension"] for each in draft(pages)["phones"]][-2:] == ["177", before[-1]]
    assert browser.post(f"/config/table/phones/{len(before) - 1}", do="remove").status_code == 302
    assert [each["extension"] for each in draft(pages)["phones"]] == before
    assert browser.post("/config/table/phones/999", do="remove").status_code == 404
    assert browser.get("/config/table/nothing").status_code == 404
    assert browser.post("/config/table/phones/0", do="explode").status_code == 400


def change(browser: Browser, path: str, **fields: str) -> int:
    form = inputs(browser.get(path).text) | fields
    return browser.post(path, **form).status_code


def test_two_people_notice_each_other_and_can_put_their_work_together(pages: Pages) -> None:
    one, two = pages.browser("admin"), pages.browser("second")
    change(one, "/config/table/office", name="One")
    change(one, "/config/table/queues/0", max_wait_seconds="71")
    change(two, "/config/table/office", name="Two")
    change(two, "/config/table/dialling", area_code="09")
    assert two.post("/config/apply").status_code == 302
    for page in ("/config", "/config/table/queues"):
        assert "changed the configuration since" in one.get(page).text
    assert "Two" in one.get("/config/changes").text
    assert one.post("/config/apply").status_code == 409 and pages.box.store.version() == 2
    one.post("/config/draft", do="merge")
    assert "office name" in one.get("/config/changes").text  # both changed it: told, and theirs stays
    assert one.post("/config/apply").status_code == 302
    config = pages.box.config
    assert (config.office.name, config.dialling.area_code, config.queues[0].max_wait_seconds) == ("Two", "09", 71)


def test_a_draft_can_win_over_what_came_meanwhile_when_asked_to(pages: Pages) -> None:
    one, two = pages.browser("admin"), pages.browser("second")
    change(one, "/config/table/office", name="One")
    change(two, "/config/table/office", name="Two")
    two.post("/config/apply")
    one.post("/config/draft", do="keep")
    assert one.post("/config/apply").status_code == 302 and pages.box.config.office.name == "One"


def test_another_window_of_the_same_person_is_noticed(pages: Pages) -> None:
    browser = pages.browser("admin")
    old = inputs(browser.get("/config/table/office").text)
    change(browser, "/config/table/office", name="First")
    answer = browser.post("/config/table/office", **(old | {"name": "Second"}))
    assert answer.status_code == 409 and 'value="Second"' in answer.text  # nothing typed is lost
    assert draft(pages)["office"]["name"] == "First"


def test_rows_merge_one_by_one() -> None:
    phone = '[[phones]]\nextension='
    begun = tomllib.loads(f'[office]\nname="A"\n{phone}"1"\nname="a"\n{phone}"2"\n')
    mine = tomllib.loads(f'[office]\nname="A"\n{phone}"1"\nname="mine"\n{phone}"4"\n')
    theirs = f'[office]\nname="B" # theirs\n{phone}"3"\n{phone}"1"\nname="a"\n{phone}"2"\n'
    text, lost = service.merged(begun, mine, theirs)
    assert tomllib.loads(text) == {"office": {"name": "B"}, "phones": [
        {"extension": "3"}, {"extension": "1", "name": "mine"}, {"extension": "4"}]}
    assert lost == [] and "# theirs" in text
    _, lost = service.merged(begun, mine, theirs.replace('name="a"', 'name="theirs"'))
    assert lost == ["phones 1 name"]


def test_text_comes_and_goes_with_its_secrets_masked(pages: Pages) -> None:
    browser = pages.browser("admin")
    text = inputs(browser.get("/config/text").text)["text"]
    assert "***" in text
    assert browser.post("/config/text", text=text.replace("Harbour", "Haven").replace("\n", "\r\n")).status_code == 302
    found = Drafts(pages.box.data).get("admin")
    assert found is not None and found.text == OFFICE.read_text().replace("Harbour", "Haven")
    broken = browser.post("/config/text", text="[office\nname = <b>")
    assert broken.status_code == 400 and "&lt;b&gt;" in broken.text
    assert browser.post("/config/text", text="a = " + "[" * 30_000).status_code == 400
    again = Drafts(pages.box.data).get("admin")
    assert again is not None and again.text == found.text


def test_viewers_look_and_change_nothing(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    page = browser.get("/config/table/phones/0").text
    assert "disabled" in page and "Keep in the draft" not in page
    for path in ("/config/table/office", "/config/apply", "/config/draft", "/config/text", "/config/history/1", "/setup/office"):
        assert browser.post(path).status_code == 403


def test_the_api_does_the_same(pages: Pages) -> None:
    browser = pages.browser("admin")
    headers = {"X-CSRFToken": browser.token()}
    now: Any = browser.get("/api/v1/config").json
    text = now["text"].replace("Harbour", "Haven")
    assert browser.client.post("/api/v1/config/check", json={"text": text}, headers=headers).json == {"ok": True, "problems": []}
    wrong: Any = browser.client.post("/api/v1/config/check", json={"text": text + "\n[zz]\n"}, headers=headers).json
    assert wrong["problems"][0]["key"] == "zz"
    told: Any = browser.client.post("/api/v1/config/diff", json={"text": text}, headers=headers).json
    assert "Haven" in told["changes"][0]
    made = browser.client.put("/api/v1/config", json={"text": text, "version": 1}, headers=headers)
    assert made.status_code == 200 and pages.box.store.text() == OFFICE.read_text().replace("Harbour", "Haven")
    late = browser.client.put("/api/v1/config", json={"text": text, "version": 1}, headers=headers)
    assert (late.status_code, late.json["error"]["id"]) == (409, "config.conflict")  # type: ignore[index]
    bad = browser.client.put("/api/v1/config", json={"text": "x", "version": 2}, headers=headers)
    assert bad.status_code == 400
    assert browser.client.post("/api/v1/config/rollback", json={"version": 1}, headers=headers).status_code == 200
    assert browser.client.post("/api/v1/config/rollback", json={"version": 99}, headers=headers).status_code == 404
    assert [each["number"] for each in browser.get("/api/v1/config/history").json] == [3, 2, 1]  # type: ignore[union-attr]
    assert "Haven" in browser.get("/api/v1/config/diff?old=1&new=2").json["unified"]  # type: ignore[index]
    assert pages.browser("supervisor").client.put("/api/v1/config", json={}, headers={}).status_code in (400, 403)


def test_who_may_not_edit_secrets_does_not_guess_them(pages: Pages) -> None:
    """Whether a document changes a secret tells whether a guess is right: ten thousand of them find a PIN."""
    browser = pages.browser("supervisor")
    headers = {"X-CSRFToken": browser.token()}
    shown = browser.get("/api/v1/config").json["text"]  # type: ignore[index]
    assert '"***"' in shown
    guess = shown.replace('"***"', '"4711"', 1)
    refused = browser.client.post("/api/v1/config/diff", json={"text": guess}, headers=headers)
    assert (refused.status_code, refused.json["error"]["id"]) == (403, "web.forbidden")  # type: ignore[index]
    masked: Any = browser.client.post("/api/v1/config/diff", json={"text": shown}, headers=headers)
    assert masked.status_code == 200 and masked.json["unified"] == ""
    chief = pages.browser("admin")
    headers = {"X-CSRFToken": chief.token()}
    assert chief.client.post("/api/v1/config/diff", json={"text": guess}, headers=headers).status_code == 200


def test_the_api_says_what_happens_if_i_dial(pages: Pages) -> None:
    browser = pages.browser("admin")

    def told(query: str) -> Any:
        return browser.get(f"/api/v1/config/try?{query}").json

    prefix = pages.box.config.dialling.outside_prefix
    out = told(f"phone=101&number={prefix}0401234567")
    assert out["reached"] and "goes out" in out["text"] and "+358401234567" in out["steps"][0]
    assert told("line=gateway&number=%2B358911111100") == {"reached": True, "text": "The menu main answers.", "steps": []}
    assert not told("phone=101&number=999999")["reached"]
    assert told(f"phone=101&number={prefix}") == {"reached": False, "text": "Nobody has this number; the caller is told so.",
                                                  "steps": ["It comes before outside numbers: one has to follow."]}
    assert told("phone=101&number=*42") == {"reached": True, "text": "It is a code: sign out.", "steps": []}
    assert told("phone=999&number=1")["error"]["id"] == "phone.unknown"
    assert told("line=nothing&number=1")["error"]["id"] == "line.unknown"
    assert told("number=1")["error"]["id"] == told("number=1&phone=101&line=gateway")["error"]["id"] == "try.where"


def test_the_excuses_of_calls_are_all_told() -> None:
    source = Path(routing.__file__).read_text()
    assert set(re.findall(r'ToExcuse\("([\w-]+)"', source)) == set(trying._EXCUSES)


def test_what_happens_if_i_dial(pages: Pages) -> None:
    browser = pages.browser("admin")
    prefix = pages.box.config.dialling.outside_prefix
    answer = browser.get(f"/config/try?phone=101&number={prefix}0401234567").text.split('id="answer"')[1]
    assert "goes out" in answer and "+358401234567" in answer
    assert "emergency call" in browser.get("/config/try?phone=101&number=112").text
    assert "rings" in browser.get("/config/try?phone=101&number=102").text
    assert browser.get("/config/try?phone=<b>&number=" + "9" * 500).status_code == 200


def test_a_week_is_read_and_written() -> None:
    days = week.week_of(["mon-fri 08:00-12:00 13:00-17:00", "sat 22:00-02:00"])
    assert days is not None and [each.spans for each in days][4:] == ["08:00-12:00, 13:00-17:00", "22:00-02:00", ""]
    assert week.entries_of([each.spans for each in days]) == ["mon-fri 08:00-12:00 13:00-17:00", "sat 22:00-02:00"]
    assert week.entries_of(["9-5", *[""] * 6]) == ["mon 9-5"]  # the check tells what is wrong with it
    assert week.week_of(["whenever"]) is None and week.week_of("x") is not None


def test_drafts_of_people_are_apart_and_private(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.put("a", Draft(text="x = 1", base=1, at=2.0))
    assert drafts.get("b") is None and drafts.get("a") == Draft(text="x = 1", base=1, at=2.0)
    file = tmp_path / "config" / "drafts" / "a.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"{broken")
    assert drafts.get("a") is None
    drafts.drop("a")
    drafts.drop("a")


def test_targets_offered_are_all_good() -> None:
    document = tomllib.loads(OFFICE.read_text())
    for target in forms.targets(document)[:50]:
        text = OFFICE.read_text() + f'\n[night]\ntarget = "{target}"\n'
        if not target.startswith("scenario:"):
            loads(text)
