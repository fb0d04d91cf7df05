"""Figures mailed by a real box to a real mail server: at their time, once, also through kills and a server that was away."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pytest

from tests.peers.box import OFFICE, Box
from tests.peers.net import free_port, stays_away, wait_for
from tests.peers.smtp import MailServer

REPORT = """
[[reports]]
name = "daily"
to = ["chief@office.example", "second@office.example"]
at = "10:00"
by = "hour"
files = ["xlsx", "csv"]
"""


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Ten seconds before the report is due: the clock of the reference office's Monday."""
    return Box(tmp_path / "box", free_port(), free_port(), now="2026-03-02T09:59:50+02:00",
               office=(OFFICE / "office.toml").read_text() + REPORT)


def outbox(box: Box) -> list[tuple[str, str]]:
    return [(mail["id"], mail["state"]) for mail in box.json("mail", "list")]


def mail_port(box: Box) -> int:
    line = next(line for line in box.config.read_text().splitlines() if line.startswith('server = "127.0.0.1:'))
    return int(line.rsplit(":", 1)[1].split('"')[0])


def test_figures_are_mailed_once_at_their_time_whatever_dies(box: Box) -> None:
    id = "figures-daily-20260302-1000"
    with box:
        wait_for(lambda: [each for each, _ in outbox(box)] == [id], 40, "the mail in the outbox")
        box.kill("dialer")  # the mail server is away; the mail waits
        with MailServer(mail_port(box)) as server:
            box.run("mail", "retry", id)
            wait_for(lambda: len(server.mails) >= 1, 60, "the mail")
            wait_for(lambda: outbox(box) == [(id, "sent")], 20, "the outbox to know")
            box.kill_all()
            box.start()
            wait_for(lambda: box.pid("dialer") != 0 and outbox(box) == [(id, "sent")], 20, "the box again")
            box.kill("dialer")
            wait_for(lambda: box.pid("dialer") != 0, 20, "the dialer again")
            stays_away(lambda: len(server.mails) > 1 or len(outbox(box)) > 1, 8, "a second mail came")
    (mail,) = server.mails
    assert mail["To"] == "chief@office.example, second@office.example" and "daily" in mail["Subject"]
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert list(files) == ["figures-daily-2026-03-01.xlsx", "figures-daily-2026-03-01.csv"]
    book = openpyxl.load_workbook(io.BytesIO(files["figures-daily-2026-03-01.xlsx"]))
    assert book.sheetnames == ["Figures", "Formulas"]
