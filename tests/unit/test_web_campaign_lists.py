"""Lists in the pages and the API: a file comes in, is looked at, checked in the background, saved; whose it is; taken along."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from appliance.campaigns import intake, lists
from appliance.campaigns.intake import State
from tests.peers.net import wait_for
from tests.webkit import Browser, Pages
from web.campaigns import uploads

FILE = "Phone;Who;House\n0917700001;=1+1;<b>A</b>\nabc;Bo;B\n0917700002;Cy;C\n09 17700001;again;D\n"


def api(browser: Browser, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = browser.client.open(f"/api/v1{path}", method=method, headers={"X-CSRFToken": browser.token()}, **more)
    assert answer.status_code == status, answer.text
    return answer.json if status != 204 else None


def incoming(browser: Browser, content: str | bytes = FILE, name: str = "people.csv") -> str:
    body = content if isinstance(content, bytes) else content.encode()
    id: str = api(browser, "POST", f"/lists/uploads?name={name}", 201, data=body)["id"]
    return id


def checked(browser: Browser, id: str, **wish: Any) -> Any:
    wanted = {"number_at": 0, "name_at": 1, "mode": "new", "list": "13", "name": "People"} | wish
    api(browser, "POST", f"/lists/uploads/{id}/check", json=wanted)

    def done() -> Any:
        shown = api(browser, "GET", f"/lists/uploads/{id}")
        return shown if shown["state"]["phase"] in ("ready", "failed") else None

    return wait_for(done, 60, "the file is checked")["state"]


def noted(pages: Pages) -> list[tuple[str, str, str]]:
    found = pages.browser("admin").get("/api/v1/audit").json
    return [(each["what"], each["target"], each["detail"]) for each in found or () if each["what"].startswith("list.")]


def test_a_file_becomes_a_list(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    answer = browser.post("/campaigns/lists/upload", file=(io.BytesIO(FILE.encode()), "people.csv"))
    page = browser.get(answer.location)
    assert page.status_code == 200 and "<b>A</b>" not in page.text and "&lt;b&gt;A&lt;/b&gt;" in page.text and "abc" in page.text
    id = answer.location.rpartition("/")[2]
    assert browser.post(f"/campaigns/lists/uploads/{id}/check", target="new", number="13", name="People", number_at="0",
                        name_at="1").status_code == 302
    wait_for(lambda: api(browser, "GET", f"/lists/uploads/{id}")["state"]["phase"] == "ready", 60, "the file is checked")
    page = browser.get(answer.location)
    assert 'data-row="3"' in page.text and "abc" in page.text and "Save as list 13" in page.text
    assert "'=" not in page.text
    bad = list(csv.reader(io.StringIO(browser.get(f"{answer.location}/bad.csv").data.decode("utf-8-sig"))))
    assert bad[1][:2] == ["3", "abc"] and bad[1][2] and bad[1][3]
    assert browser.post(f"/campaigns/lists/uploads/{id}/save").location == "/campaigns/lists"
    entry = pages.box.config.list_numbered("13")
    assert entry is not None and entry.name == "People"
    loaded = lists.load_list(entry, pages.box.config)
    assert [(each.number, each.name) for each in loaded.subscribers] == [("+358917700001", "=1+1"), ("+358917700002", "Cy")]
    assert not list((tmp_path / "lists" / "incoming").iterdir())
    assert noted(pages) == [("list.new", "13", "2 numbers, 1 twice, 1 bad rows")]
    shown = {each["number"]: each for each in api(browser, "GET", "/lists")}
    assert (shown["12"]["rows"], shown["13"]["rows"], shown["13"]["own"]) == (300, 2, True)
    assert pages.browser("operator").get(f"/campaigns/lists/uploads/{id}").status_code == 404


def test_a_workbook_comes_in_too(pages: Pages) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["Nimi", "Puhelin"], ["Anna", "0917700001"], ["Bo", 917700002]):
        book.worksheets[0].append(row)
    book.save(out)
    browser = pages.browser("operator")
    id = incoming(browser, out.getvalue(), "people.xlsx")
    shown = api(browser, "GET", f"/lists/uploads/{id}")
    assert (shown["glance"]["number_at"], shown["glance"]["name_at"]) == (1, 0)
    assert checked(browser, id, number_at=1, name_at=0)["good"] == 2
    assert api(browser, "POST", f"/lists/uploads/{id}/save")["list"]["rows"] == 2


def test_a_list_is_replaced_and_added_to(pages: Pages) -> None:
    browser = pages.browser("operator")
    id = incoming(browser)
    state = checked(browser, id, mode="add", list="12", name="")
    assert (state["kept"], state["good"], state["duplicates"], len(state["bad"])) == (300, 300, 3, 1)  # they were there already
    api(browser, "DELETE", f"/lists/uploads/{id}", 204)
    id = incoming(browser)
    assert checked(browser, id, mode="replace", list="12", name="")["good"] == 2
    assert api(browser, "POST", f"/lists/uploads/{id}/save")["list"]["rows"] == 2
    entry = pages.box.config.list_numbered("12")
    assert entry is not None and entry.name == "Building managers" and entry.file.endswith("lists/12.csv")
    version = pages.box.store.version()
    id = incoming(browser, "number,name\n0917700009,Zed\n")
    assert checked(browser, id, mode="add", list="12", name="")["good"] == 3
    api(browser, "POST", f"/lists/uploads/{id}/save")
    assert pages.box.store.version() == version  # the configuration was right already
    assert [each["number"] for each in api(browser, "GET", "/lists/12")["people"]] == [
        "+358917700001", "+358917700002", "+358917700009"]


def test_what_another_changed_meanwhile_is_not_lost(pages: Pages) -> None:
    one, other = pages.browser("operator"), pages.browser("supervisor")
    first, second = incoming(one), incoming(other, "number\n0917700009\n")
    checked(one, first, mode="add", list="12", name="")
    checked(other, second, mode="add", list="12", name="", name_at=-1)
    api(other, "POST", f"/lists/uploads/{second}/save")
    assert api(one, "POST", f"/lists/uploads/{first}/save", 400)["error"]["id"] == "list.changed"


def test_a_file_is_its_uploaders_alone(pages: Pages) -> None:
    id = incoming(pages.browser("operator"))
    other = pages.browser("supervisor")
    for method, tail in (("GET", ""), ("POST", "/save"), ("DELETE", "")):
        assert api(other, method, f"/lists/uploads/{id}{tail}", 404)["error"]["id"] == "list.upload-unknown"
    assert api(other, "GET", "/lists/uploads") == [] and len(api(pages.browser("operator"), "GET", "/lists/uploads")) == 1
    for bad in ("..", "0" * 16, "%2e%2e%2f12", "A" * 16):
        assert pages.browser("operator").get(f"/campaigns/lists/uploads/{bad}").status_code == 404


def test_who_sees_some_lists_works_on_these_alone(pages: Pages) -> None:
    user = pages.box.users.user("operator")
    assert user is not None
    pages.box.users.put_user(msgspec.structs.replace(user, lists=["7"]))
    browser = pages.browser("operator")
    assert api(browser, "GET", "/lists") == []
    id = incoming(browser)
    wish = {"number_at": 0, "list": "12"}
    check = f"/lists/uploads/{id}/check"
    assert api(browser, "POST", check, 404, json=wish | {"mode": "replace"})["error"]["id"] == "list.unknown"
    assert api(browser, "POST", check, 403, json=wish | {"list": "13"})["error"]["id"] == "web.forbidden"
    for path in ("/campaigns/lists/12", "/campaigns/lists/12/export.csv", "/api/v1/lists/12", "/api/v1/lists/12/people.csv"):
        assert browser.get(path).status_code == 404, path
    assert browser.post("/campaigns/lists/12/remove").status_code == 404


@pytest.mark.parametrize(("wish", "id"), [
    ({"list": "12"}, "list.taken"), ({"list": "x"}, "list.bad-number"), ({"list": ""}, "list.bad-number"),
    ({"mode": "replace", "list": "99"}, "list.unknown"), ({"number_at": -1}, "api.bad-body"), ({"mode": "eat"}, "api.bad-body"),
    ({"name": "x" * 81}, "api.bad-body"),
])
def test_wishes_that_cannot_be_are_refused(pages: Pages, wish: dict[str, Any], id: str) -> None:
    browser = pages.browser("operator")
    upload = incoming(browser)
    body = {"number_at": 0, "name_at": 1, "list": "13"} | wish
    answer = browser.client.post(f"/api/v1/lists/uploads/{upload}/check", json=body, headers={"X-CSRFToken": browser.token()})
    assert answer.json["error"]["id"] == id  # type: ignore[index]


def test_a_wrong_column_is_told_and_can_be_chosen_again(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    id = incoming(browser)
    assert api(browser, "POST", f"/lists/uploads/{id}/save", 400)["error"]["id"] == "list.not-checked"
    assert checked(browser, id, number_at=2, name_at=1)["good"] == 0
    assert api(browser, "POST", f"/lists/uploads/{id}/save", 400)["error"]["id"] == "list.nobody"
    state = checked(browser, id, number_at=9)
    assert (state["phase"], state["error_id"]) == ("failed", "list.no-column")
    page = browser.get(f"/campaigns/lists/uploads/{id}").text
    assert "The columns do not fit the file." in page and 'name="number_at"' in page
    assert browser.post(f"/campaigns/lists/uploads/{id}/check", target="new", number="13").status_code == 400
    assert checked(browser, id)["good"] == 2


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"\n\n", b"PK\x03\x04nonsense",
                                     b"number\n" + b"9" * 20_000, b"\xff\xfe\xff"])
def test_what_is_no_list_is_refused_and_leaves_nothing(pages: Pages, tmp_path: Path, content: bytes) -> None:
    browser = pages.browser("operator")
    answer = browser.post("/campaigns/lists/upload", file=(io.BytesIO(content), "../../etc/people.csv"))
    assert answer.status_code == 400 and 'role="alert"' in answer.text and str(tmp_path) not in answer.text
    assert not list((tmp_path / "lists" / "incoming").iterdir())
    assert browser.post("/campaigns/lists/upload").status_code == 400


def test_a_file_that_is_too_large_is_refused(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    browser = pages.browser("operator")
    answer = browser.client.post("/api/v1/lists/uploads", data=b"number\n" * 200, headers={"X-CSRFToken": browser.token()})
    assert answer.json["error"]["id"] == "list.too-long"  # type: ignore[index]
    assert not list((tmp_path / "lists" / "incoming").iterdir())


def test_only_so_many_files_wait_and_old_ones_go(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_WAITING", 2)
    browser = pages.browser("operator")
    incoming(browser)
    incoming(browser)
    assert api(browser, "POST", "/lists/uploads", 429, data=FILE.encode())["error"]["id"] == "web.too-many"
    pages.clock.advance(uploads.KEEP_SECONDS + 1)
    browser = pages.browser("operator")
    incoming(browser)
    assert len(api(browser, "GET", "/lists/uploads")) == 1


def test_one_user_does_not_take_the_room_of_all(pages: Pages) -> None:
    browser = pages.browser("operator")
    for _ in range(uploads.MAX_OWN):
        incoming(browser)
    assert api(browser, "POST", "/lists/uploads", 429, data=FILE.encode())["error"]["id"] == "web.too-many"
    incoming(pages.browser("admin"))


def test_who_uploads_meanwhile_does_not_sweep_away_what_is_coming_in(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    look = uploads._look

    def meanwhile(folder: Path) -> intake.Glance:
        uploads.sweep(pages.box)
        return look(folder)

    monkeypatch.setattr(uploads, "_look", meanwhile)
    browser = pages.browser("operator")
    assert checked(browser, incoming(browser))["good"] == 2


def test_old_files_go_when_somebody_looks(pages: Pages, tmp_path: Path) -> None:
    incoming(pages.browser("operator"))
    pages.clock.advance(uploads.KEEP_SECONDS + 1)
    assert api(pages.browser("operator"), "GET", "/lists/uploads") == []
    assert not list((tmp_path / "lists" / "incoming").iterdir())


def test_a_check_is_begun_once(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pages.browser("operator")
    id = incoming(browser)
    monkeypatch.setattr(uploads, "_under_way", {str(tmp_path / "lists" / "incoming" / id)})
    wish = {"number_at": 0, "name_at": 1, "mode": "new", "list": "13", "name": "People"}
    assert api(browser, "POST", f"/lists/uploads/{id}/check", 400, json=wish)["error"]["id"] == "list.busy"


def test_a_check_that_was_cut_off_is_told(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    id = incoming(browser)
    intake.write_state(tmp_path / "lists" / "incoming" / id, State(phase="checking", done=5, total=10))  # the pages restarted
    state = api(browser, "GET", f"/lists/uploads/{id}")["state"]
    assert (state["phase"], state["error_id"]) == ("failed", "list.interrupted")
    assert browser.get(f"/campaigns/lists/uploads/{id}/progress").headers["HX-Refresh"] == "true"
    assert checked(browser, id)["phase"] == "ready"


def test_a_list_is_taken_along_without_formulas_and_removed(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    id = incoming(browser)
    checked(browser, id)
    api(browser, "POST", f"/lists/uploads/{id}/save")
    rows = list(csv.reader(io.StringIO(browser.get("/campaigns/lists/13/export.csv").data.decode("utf-8-sig"))))
    assert rows == [["number", "name", "House"], ["+358917700001", "'=1+1", "<b>A</b>"], ["+358917700002", "Cy", "C"]]
    assert browser.get("/api/v1/lists/13/people.csv").status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/campaigns/lists/13/export.xlsx").data))
    assert [cell.data_type for row in book["list"].iter_rows() for cell in row] == ["s"] * 9
    assert browser.get("/campaigns/lists/13").status_code == 200
    assert browser.post("/campaigns/lists/13/remove").location == "/campaigns/lists"
    assert pages.box.config.list_numbered("13") is None and not (tmp_path / "lists" / "13.csv").exists()
    assert [each[0] for each in noted(pages)] == ["list.remove", "list.export", "list.export", "list.export", "list.new"]
    assert browser.get("/campaigns/lists/13").status_code == 404


def test_a_list_that_a_scenario_names_stays(pages: Pages) -> None:
    pages.box.store.save(pages.box.store.text().replace('pin = "4321"\n', 'pin = "4321"\nlists = ["12"]\n'), by="test")
    browser = pages.browser("operator")
    answer = browser.post("/campaigns/lists/12/remove")
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    assert pages.box.config.list_numbered("12") is not None


def test_a_list_whose_file_is_gone_is_shown_as_such(pages: Pages, tmp_path: Path) -> None:
    file = tmp_path / "gone.csv"
    file.write_text("number\n0917700001\n")
    pages.box.store.save(pages.box.store.text() + f'\n[[lists]]\nnumber = "14"\nfile = "{file}"\n', by="test")
    file.unlink()
    browser = pages.browser("operator")
    assert "the file is missing" in browser.get("/campaigns/lists").text
    answer = browser.get("/campaigns/lists/14")
    assert answer.status_code == 400 and 'role="alert"' in answer.text and "Bring it up to date" in answer.text
    assert api(browser, "GET", "/lists/14/people.csv", 400)["error"]["id"] == "list.unreadable"
    assert browser.get("/campaigns/lists/14/export.csv").status_code == 400
