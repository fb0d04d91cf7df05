"""The audit log: noted before it is done, also while no core runs; shown to whom it is for, and nothing of it is a secret."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance import audit
from appliance.cli.main import cli
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.messages import AuditNoted, NoteAudit
from tests.webkit import PASSWORD, Pages


def command(what: str = "test.it", **fields: str) -> NoteAudit:
    return NoteAudit(at=1000.0, by="web:ada", what=what, **fields)


def refuse(command: NoteAudit) -> None:
    raise SwitchroomError("bus.not-running", "x", "y")


def take(data: Path, ledger: Path) -> list[AuditNoted]:
    async def run() -> None:
        writer = Ledger(ledger, ManualClock())
        try:
            await audit.take_waiting(data, writer)
            await audit.take_waiting(data, writer)  # nothing is left: nothing comes twice
        finally:
            await writer.close()

    asyncio.run(run())
    with LedgerReader(ledger) as reader:
        return [record.event for record in reader.audit() if isinstance(record.event, AuditNoted)]


def test_notes_wait_for_the_core_and_come_into_the_ledger_once(tmp_path: Path) -> None:
    for number in range(3):
        audit.note(tmp_path, refuse, command(target=str(number)))
    assert [each.target for each in audit.waiting(tmp_path)] == ["0", "1", "2"]
    found = take(tmp_path, tmp_path / "ledger")
    assert [each.target for each in found] == ["2", "1", "0"] and found[0].at == 1000.0
    assert audit.waiting(tmp_path) == []


def test_the_log_is_read_page_by_page_newest_first(tmp_path: Path) -> None:
    for number in range(7):
        audit.note(tmp_path, refuse, command(target=str(number)))
    take(tmp_path, tmp_path / "ledger")
    with LedgerReader(tmp_path / "ledger") as reader:
        first = reader.audit(limit=3)
        second = reader.audit(first[-1].seq, 3)
        third = reader.audit(second[-1].seq, 3)
        assert [r.event.target for r in first + second + third] == ["6", "5", "4", "3", "2", "1", "0"]  # type: ignore[attr-defined]
        assert reader.audit(0) == [] and len(reader.audit(2**80)) == 7


def test_what_cannot_be_noted_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(command: NoteAudit) -> None:
        raise SwitchroomError("ledger.full", "x", "y")

    with pytest.raises(SwitchroomError, match="x"):
        audit.note(tmp_path, broken, command())
    monkeypatch.setattr(audit, "MAX_WAITING", 10)
    audit.note(tmp_path, refuse, command())
    with pytest.raises(SwitchroomError) as problem:
        audit.note(tmp_path, refuse, command())
    assert problem.value.id == "audit.full"


def test_hostile_words_stay_on_one_short_line(tmp_path: Path) -> None:
    audit.note(tmp_path, refuse, command(target="a\nb\x1b[31m", detail="x" * 10_000))
    (found,) = audit.waiting(tmp_path)
    assert found.target == "a b [31m" and len(found.detail) == audit.MAX_TEXT
    with (tmp_path / "config" / "audit.waiting").open("ab") as file:
        file.write(b"{broken\n")
    assert len(audit.waiting(tmp_path)) == 1


def test_pages_note_who_did_what_and_show_it(pages: Pages) -> None:
    admin = pages.browser("admin")
    admin.post("/people", login="zoe", name="Zoe", role="viewer")
    admin.post("/people/zoe", do="password")
    text = admin.get("/audit").text
    for word in ('title="user.add"', 'title="user.password"', "zoe", "web:admin", "127.0.0.1", 'title="session.begin"'):
        assert word in text
    assert PASSWORD not in text
    assert [each["what"] for each in admin.get("/api/v1/audit?limit=2").json] == ["user.password", "user.add"]  # type: ignore[union-attr]
    assert pages.browser("supervisor").get("/audit").status_code == 403
    for bad in ("?before=x", "?before=" + "9" * 400, "?before=-1"):
        answer = admin.get(f"/audit{bad}")
        assert answer.status_code == 400 and "cannot be searched for" in answer.text


def fill(folder: Path, notes: list[NoteAudit]) -> None:
    for each in notes:
        audit.note(folder, refuse, each)
    take(folder, folder / "ledger")


def words(page: audit.Page) -> list[str]:
    return [each.target for each in page.notes]


def test_the_log_is_searched_by_person_kind_and_time(tmp_path: Path) -> None:
    clock = ManualClock()
    now = clock.utc()
    notes = [NoteAudit(at=now - 50 + at, by=by, what=what, target=str(at)) for at, (by, what) in enumerate((
        ("web:ada", "user.add"), ("cli:ada", "user.remove"), ("web:bo", "user.remove"), ("web:ada", "users-of.it"),
        ("token:ada", "list.new")))]
    fill(tmp_path, notes)
    audit.note(tmp_path, refuse, NoteAudit(at=now, by="web:ada", what="user.save", target="waits"))
    wanted = audit.Wanted
    for filter, told in (
        (wanted(), ["waits", "4", "3", "2", "1", "0"]), (wanted(who="ADA"), ["waits", "4", "3", "1", "0"]),
        (wanted(who="web:ada"), ["waits", "3", "0"]), (wanted(what="user"), ["waits", "2", "1", "0"]),
        (wanted(what="user.remove", who="bo"), ["2"]), (wanted(since=now - 48), ["waits", "4", "3", "2"]),
        (wanted(until=now - 48), ["1", "0"]), (wanted(since=now - 48, until=now - 47), ["2"]), (wanted(who="ad"), []),
    ):
        assert words(audit.read(tmp_path, wanted=filter)) == told, filter


def test_one_page_of_a_search_looks_at_so_many_notes_and_then_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(audit, "BATCH", 2)
    fill(tmp_path, [command("test.rare" if at == 0 else "test.it", target=str(at)) for at in range(9)])
    rare = audit.Wanted(what="test.rare")
    pages, before = [], 0
    while True:
        page = audit.read(tmp_path, before, 2, rare)
        pages.append((words(page), page.looked_at))
        before = page.before
        if not before:
            break
    assert pages == [([], 4), ([], 4), (["0"], 1)]
    first = audit.read(tmp_path, 0, 5)  # no longer than looked at
    assert words(first) == ["8", "7", "6", "5"] and words(audit.read(tmp_path, first.before, 4)) == ["4", "3", "2", "1"]
    last = audit.read(tmp_path, 2, 1)
    assert words(last) == ["0"] and last.before == 0


def test_page_api_and_command_search_the_log(pages: Pages, tmp_path: Path) -> None:
    admin = pages.browser("admin")
    admin.post("/people", login="zoe", name="Zoe", role="viewer")
    admin.post("/people/zoe", do="password")
    take(pages.box.data, pages.box.data / "ledger")
    text = admin.get("/audit?who=admin&what=user.add&since=1h").text
    assert text.count("<tr><td") == 1 and 'title="user.add"' in text and 'value="user.add" selected' in text
    assert "No notes fit." in admin.get("/audit?who=nobody").text and "No notes fit." in admin.get("/audit?until=2000-01-01").text
    assert admin.get("/audit?since=someday").status_code == 400
    assert 'value="user" selected' in admin.get("/audit?what=user").text
    answer = admin.get("/api/v1/audit?what=user&who=admin&limit=1")
    assert [each["what"] for each in answer.json] == ["user.password"]  # type: ignore[union-attr]
    found = []
    while "Link" in answer.headers and len(found) < 5:
        answer = admin.get(answer.headers["Link"].removeprefix("<").removesuffix('>; rel="next"'))
        found += [each["what"] for each in answer.json]  # type: ignore[union-attr]
    assert found == ["user.add"]  # and an end
    assert admin.get("/api/v1/audit?since=someday").status_code == 400
    done = CliRunner().invoke(cli, ["--data", str(pages.box.data), "audit", "--who", "admin", "--what", "user", "--json"])
    assert done.exit_code == 0, done.output
    assert [each["what"] for each in json.loads(done.stdout)] == ["user.password", "user.add"]
    assert CliRunner().invoke(cli, ["--data", str(pages.box.data), "audit", "--what", "nothing"]).exit_code == 0


def test_a_note_cannot_carry_script_into_the_page(pages: Pages) -> None:
    admin = pages.browser("admin")
    admin.post("/people", login="<script>alert(1)</script>", name="x", role="viewer")
    assert "<script>alert" not in admin.get("/audit").text
