"""What a running box leaves behind and lets in: rights of its files, secrets and PINs in everything it says, hostile commands."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.peers import sound
from tests.peers.box import Box
from tests.peers.net import wait_for
from tests.peers.sipp import Gateway
from tests.peers.smtp import MailServer
from tests.peers.station import Station

SECRETS = ("trunk-secret", "anna-101", "boris-102", "chen-103", "daria-104", "90817263", "mail-secret")
PIN = "90817263"
EDITS = {r'^pin = "4321"$': f'pin = "{PIN}"', r"^retries = 2$": "retries = 0",
         r"^confirm_wait_seconds = 5 ": "confirm_wait_seconds = 1 "}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that has seen a campaign, a PIN keyed at a phone, a wrong password, and its report mailed."""
    folder = tmp_path_factory.mktemp("secrets")
    message = sound.message_of(folder / "message.wav", 1.5)
    rows = ["+358917700000", "+358917700005"]
    os.umask(0o022)
    with MailServer() as mail, Gateway(folder / "gateway") as gateway, \
            Box(folder / "box", gateway.port, mail.port, numbers=rows, edits=EDITS) as box, \
            Station(box.sip_port, user="101", secret="anna-101") as anna:
        anna.register()
        box.run("campaign", "start", "701", "--list", "12", "--message", str(message))
        box.wait_campaign(1, "finished", 60)
        wait_for(lambda: mail.mails, 20, "the report")
        call = anna.dial("701").wait_up()
        for digit in PIN[:-1]:
            call.info_digit(digit)
            wait_for(lambda: len(call.heard()) > 0, 5, "audio")
        call.info_digit(PIN[-1])
        wait_for(lambda: list((box.data / "campaigns" / "drafts").glob("*-raw.wav")), 30, "the PIN to be taken")
        call.hang_up()
        wait_for(lambda: box.json("status")["calls"] == 0, 30, "the end of the call")
        yield box


def test_nobody_else_may_read_what_the_box_keeps(box: Box) -> None:
    open_to_others = [
        str(path) for path in [box.data, *box.data.rglob("*")]
        if path.lstat().st_mode & 0o077 and not stat.S_ISLNK(path.lstat().st_mode)
    ]
    assert not open_to_others
    for kept in Path("/dev/shm").glob(f"switchroom-{os.getuid()}-*"):
        assert not kept.stat().st_mode & 0o077, kept


def said(box: Box) -> dict[str, str]:
    """Everything the box says, by where."""
    commands = [
        ("status",), ("--json", "status"), ("config", "show"), ("config", "show", "--json"), ("config", "history"),
        ("config", "diff", "1"), ("cdr", "list"), ("cdr", "export"), ("--json", "cdr", "list"), ("ledger", "tail", "-n", "10000"),
        ("ledger", "tail", "-n", "10000", "--json"), ("mail", "list"), ("--json", "mail", "list"), ("campaign", "list"),
        ("campaign", "report", "1"), ("campaign", "report", "1", "--json"), ("list", "check", "12"), ("--json", "list", "list"),
    ]  # fmt: skip
    out = {" ".join(command): (lambda done: done.stdout + done.stderr)(box.run(*command, check=False)) for command in commands}
    out["log"] = box.log()
    for name in ("serve", "core", "dialer", "web"):
        process = psutil.Process(box.pid(name))
        out[f"arguments of {name}"] = " ".join(process.cmdline())
        out[f"environment of {name}"] = str(process.environ())
    return out


def test_no_secret_is_said_anywhere(box: Box) -> None:
    found = [(where, secret) for where, text in said(box).items() for secret in SECRETS if secret in text]
    assert not found


def test_no_secret_is_kept_but_in_the_configuration(box: Box) -> None:
    versions = box.data / "config" / "versions"
    found = []
    for path in box.data.rglob("*"):
        if path.is_file() and versions not in path.parents:
            data = path.read_bytes()
            found += [(str(path), secret) for secret in SECRETS if secret.encode() in data]
    assert not found


def test_digits_of_a_pin_are_not_written_down_one_by_one(box: Box) -> None:
    """Nor in pieces: no event of the ledger and no line of the log holds a key that was pressed."""
    for where in ("log", "ledger tail -n 10000 --json"):
        assert not re.search(r'"(digit|key|keyed)": ?"[0-9]', said(box)[where]), where


@pytest.mark.parametrize("args", [
    ("campaign", "report", "99999999999999999999"), ("campaign", "report", "-1"), ("campaign", "cancel", "4294967296"),
    ("campaign", "pause", "0"), ("campaign", "start", "../../etc", "--list", "12", "--message", "/etc/passwd"),
    ("campaign", "start", "701", "--list", "../12", "--message", "/etc/passwd"),
    ("campaign", "start", "701", "--list", "12", "--message", "/etc/passwd"),
    ("campaign", "report", "1", "--mail", "--to", "a@b\r\nBcc: c@d"),
    ("mail", "show", "../../../etc/passwd"), ("mail", "retry", "../config/current"), ("cdr", "show", "x" * 5000),
    ("cdr", "show", "\x1b[2J"),
    ("config", "show", "99999999999999999999"), ("config", "rollback", "-5"), ("list", "check", "../../etc/passwd"),
    ("cdr", "list", "--number", "x" * 100_000), ("ledger", "tail", "--after", "99999999999999999999"),
])  # fmt: skip
def test_nonsense_is_refused_in_a_sentence(box: Box, args: tuple[str, ...]) -> None:
    done = box.run(*args, check=False)
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text[-2000:]
    assert "The core failed" not in text and "a command failed" not in box.log()[-5000:], text
    assert "\x1b" not in text and "root:" not in text


