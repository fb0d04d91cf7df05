"""What may go wrong around a box: each trouble is told in a place where somebody looks, does no further harm, and when it is
over everything goes on. The disk has a file of its own (test_failures_disk.py)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.sip.digest import quote, response_of
from tests.peers import sound
from tests.peers.box import Box
from tests.peers.net import free_port, wait_for
from tests.peers.rawsip import Message
from tests.peers.sipp import Gateway
from tests.peers.smtp import MailServer
from tests.peers.station import Station

QUICK = {r"^ring_seconds = 25$": "ring_seconds = 3", r"^retries = 2$": "retries = 1",
         r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05", r"^confirm_wait_seconds = 5 ": "confirm_wait_seconds = 1 "}

ONE_LINE = {r"^channels = 5$": "channels = 2\noptions_seconds = 2",
            r'^lines = \["gateway", "provider"\].*$': 'lines = ["gateway"]'}


@pytest.fixture
def message(tmp_path: Path) -> Path:
    return sound.message_of(tmp_path / "message.wav", 1.5)


def numbers(digits: str) -> list[str]:
    """Subscribers whose last digits are these."""
    return [f"+35891770{n:03d}{digit}" for n, digit in enumerate(digits)]


def start(box: Box, message: Path) -> None:
    box.run("campaign", "start", "701", "--list", "12", "--message", str(message))


def line(box: Box, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(line for line in box.json("status")["lines"] if line["name"] == name)
    return found


# ---- strangers -------------------------------------------------------------------------------------------------------


def register(sock: socket.socket, box: Box, user: str, password: str, cseq: int) -> list[Message]:
    """A REGISTER and its repetition with a password: both answers."""
    answers: list[Message] = []
    auth = ""
    for turn in range(2):
        uri = f"sip:127.0.0.1:{box.sip_port}"
        own = f"<sip:{user}@127.0.0.1:{box.sip_port}>"
        port = sock.getsockname()[1]
        via = f"Via: SIP/2.0/UDP 127.0.0.5:{port};branch=z9hG4bKx{user}{cseq}{turn};rport"
        lines = [f"REGISTER {uri} SIP/2.0", via, "Max-Forwards: 70",
                 f"From: {own};tag=a{cseq}", f"To: {own}", f"Call-ID: {user}-{cseq}", f"CSeq: {cseq + turn} REGISTER",
                 f"Contact: <sip:{user}@127.0.0.5:{port}>", *([auth] if auth else []), "Content-Length: 0", "", ""]
        sock.sendto("\r\n".join(lines).encode(), ("127.0.0.1", box.sip_port))
        answers.append(Message(sock.recv(65535)))
        parts = dict(re.findall(r'(\w+)="([^"]*)"', answers[0].get("WWW-Authenticate")))
        response = response_of("MD5", user, parts["realm"], password, "REGISTER", uri, parts["nonce"], "00000001", "c0ffee")
        auth = (f"Authorization: Digest username={quote(user)}, realm={quote(parts['realm'])}, nonce={quote(parts['nonce'])}, "
                f'uri={quote(uri)}, response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c0ffee"')
    return answers


def shape(answer: Message) -> list[str]:
    """All of an answer but what differs with each request."""
    challenge = re.sub(r'nonce="[^"]*"', "nonce", answer.get("WWW-Authenticate"))
    return [answer.start, *sorted(name for name, _ in answer.headers), challenge]


def test_a_wrong_password_and_an_unknown_phone_are_told_apart_by_nobody_but_the_log(tmp_path: Path) -> None:
    with Box(tmp_path / "box", free_port(), free_port()) as box, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.5", 0))
        sock.settimeout(5)
        wrong = register(sock, box, "101", "not-annas", 1)
        unknown = register(sock, box, "109", "not-annas", 11)
        assert [a.status for a in (*wrong, *unknown)] == [401] * 4
        assert shape(wrong[1]) == shape(unknown[1])
        assert not any(p.get("registered") for p in box.json("status")["phones"])
        log = box.log()
        assert '"phone": "101"' in log and '"phone": "109"' in log and "127.0.0.5" in log
        assert "not-annas" not in log and "anna-101" not in log
        for cseq in (21, 31, 41):
            try:
                register(sock, box, "102", "guess", cseq)
            except TimeoutError:
                break  # shut out
        wait_for(lambda: "127.0.0.5" in box.json("status")["health"]["sip"]["banned"], 5, "the ban in `status`")
        assert "127.0.0.5" in box.run("status").stdout


# ---- the line --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_gateway_that_falls_silent_costs_no_retries(tmp_path: Path, message: Path) -> None:
    wanted = numbers("0123" * 2)
    edits = QUICK | ONE_LINE
    with Station(user="gateway", port=free_port()) as gateway, \
            Box(tmp_path / "box", gateway.port, free_port(), numbers=wanted, edits=edits) as box:
        wait_for(lambda: line(box, "gateway")["up"], 10, "the line to come up")
        gateway.deaf = True
        wait_for(lambda: not line(box, "gateway")["up"], 30, "the line to go down")
        assert "OPTIONS" in line(box, "gateway")["reason"] and "OPTIONS" in box.run("status").stdout
        start(box, message)
        seen = box.report(1)["totals"]["attempts"]
        assert box.report(1)["state"] == "running"
        gateway.deaf = False
        wait_for(lambda: line(box, "gateway")["up"], 30, "the line to come back")
        report = box.wait_campaign(1, "finished", 120)
        assert seen == 0
        assert {s["outcome"] for s in report["subscribers"]} == {"heard"}
        assert report["totals"]["attempts"] == len(wanted)


@pytest.mark.slow
def test_a_gateway_that_dies_under_calls_costs_no_retries(tmp_path: Path, message: Path) -> None:
    """It answers nothing from one moment on: INVITEs under way time out, the line goes down, everybody is called later."""
    wanted = numbers("0123" * 2)
    edits = QUICK | ONE_LINE | {r"^retries = 2$": "retries = 0"}
    with Station(user="gateway", port=free_port()) as gateway, \
            Box(tmp_path / "box", gateway.port, free_port(), numbers=wanted, edits=edits) as box:
        wait_for(lambda: line(box, "gateway")["up"], 10, "the line to come up")
        gateway.plan = []  # takes the call in silence
        start(box, message)
        wait_for(lambda: len(gateway.calls) >= 2, 15, "calls")
        gateway.deaf = True
        wait_for(lambda: not line(box, "gateway")["up"], 40, "the line to go down")
        gateway.plan = [180, 200]
        gateway.deaf = False
        report = box.wait_campaign(1, "finished", 150)
        assert {s["outcome"] for s in report["subscribers"]} == {"heard"}, report["subscribers"]


# ---- mail ------------------------------------------------------------------------------------------------------------


def test_mail_waits_for_its_server(tmp_path: Path, message: Path) -> None:
    mail = MailServer()
    with Gateway(tmp_path / "gateway") as gateway, \
            Box(tmp_path / "box", gateway.port, mail.port, numbers=numbers("0"), edits=QUICK) as box:
        start(box, message)
        box.wait_campaign(1, "finished", 60)
        waiting = wait_for(lambda: [m for m in box.json("mail", "list") if m.get("error")], 20, "a mail that waits")[0]
        assert waiting["state"] == "waiting" and waiting["to"] == ["office@harbour.example"]
        assert str(mail.port) in waiting["error"] or "refused" in waiting["error"].lower(), waiting
        with mail:
            box.run("mail", "retry", waiting["id"])
            wait_for(lambda: mail.mails, 20, "the report")
            wait_for(lambda: box.json("mail", "list")[0]["state"] == "sent", 10, "it to be noted")
        assert len(mail.mails) == 1


# ---- lists and time --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_list_that_changes_or_vanishes_does_not_touch_a_campaign_under_way(tmp_path: Path, message: Path) -> None:
    wanted = numbers("0123012301")
    with Gateway(tmp_path / "gateway") as gateway, Box(tmp_path / "box", gateway.port, 1, numbers=wanted, edits=QUICK) as box:
        start(box, message)
        file = box.folder / "managers.csv"
        file.write_text("number,name\n+358917709990,Somebody else\n")
        wait_for(lambda: box.report(1)["totals"]["heard"] >= 2, 30, "some have heard it")
        file.unlink()
        box.kill("core")
        report = box.wait_campaign(1, "finished", 90)
        assert [s["number"] for s in report["subscribers"]] == wanted
        assert {s["outcome"] for s in report["subscribers"]} == {"heard"}
        refused = box.run("campaign", "start", "701", "--list", "12", "--message", str(message), check=False)
        assert refused.returncode == 1 and "managers.csv" in refused.stderr, refused.stderr
        file.write_bytes("number,name\n+358917700000,Ян Ивaнoв\n".encode("utf-16")[2:])
        assert "UTF-8" in box.run("list", "check", "12", check=False).stderr


SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
/* The machine's calendar as NTP might set it: shifted by the seconds that stand in $CLOCK_FILE. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	const char *name = getenv("CLOCK_FILE");
	long shift = 0;
	FILE *f;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int err = real(id, t);
	if (!err && id == CLOCK_REALTIME && name && (f = fopen(name, "r"))) {
		if (fscanf(f, "%ld", &shift) == 1)
			t->tv_sec += shift;
		fclose(f);
	}
	return err;
}
"""


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_set_by_an_hour_does_no_harm(tmp_path: Path, message: Path, jump: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a process that reads the calendar through a shim; nothing else on the machine notices."""
    source, shim, clock = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "clock"
    source.write_text(SHIM)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    clock.write_text("0")
    wanted = numbers("0617016071")
    with Gateway(tmp_path / "gateway") as gateway:
        box = Box(tmp_path / "box", gateway.port, 1, numbers=wanted, edits=QUICK)
        monkeypatch.setenv("LD_PRELOAD", str(shim))
        monkeypatch.setenv("CLOCK_FILE", str(clock))
        with box:
            monkeypatch.delenv("LD_PRELOAD")
            with Station(box.sip_port, user="101", secret="anna-101") as anna:
                anna.register()
                start(box, message)
                wait_for(lambda: box.report(1)["totals"]["attempts"] >= 4, 30, "calls under way")
                spare = tmp_path / "next"
                spare.write_text(str(jump))
                spare.replace(clock)
                report = box.wait_campaign(1, "finished", 90)
                outcomes = {s["number"][-1]: s["outcome"] for s in report["subscribers"]}
                assert outcomes == {"0": "heard", "1": "heard", "6": "busy", "7": "no_answer"}
                for attempt in (a for s in report["subscribers"] for a in s["attempts"]):
                    assert 0 <= attempt["seconds"] < 60, attempt
                for record in box.json("cdr", "list", "--limit", "100"):
                    assert 0 <= record["duration"] < 60, record
                assert box.json("status")["phones"][0].get("registered"), "the phone lost its registration"
                assert box.run("ledger", "check").returncode == 0


# ---- configuration ---------------------------------------------------------------------------------------------------


def test_a_configuration_changes_under_a_call(tmp_path: Path, message: Path) -> None:
    with Gateway(tmp_path / "gateway") as gateway, Gateway(tmp_path / "gateway2") as other, \
            Box(tmp_path / "box", gateway.port, 1, numbers=numbers("01"), edits=QUICK) as box, \
            Station(box.sip_port, user="101", secret="anna-101") as anna, \
            Station(box.sip_port, user="102", secret="boris-102") as boris:
        anna.register()
        boris.register()
        call = anna.dial("102").wait_up()
        core = box.pid("core")
        good = box.config.read_text()

        box.config.write_text(good.replace("channels = 5", "chanels = 5"))
        told = box.run("config", "import", str(box.config), check=False)
        assert told.returncode == 1 and "chanels" in told.stdout + told.stderr and "channels" in told.stdout + told.stderr
        os.kill(box.pid("serve"), signal.SIGHUP)
        wait_for(lambda: "the configuration stays as it was" in box.log(), 10, "a word about the mistake in the log")
        assert box.json("status")["config_version"] == 1 and line(box, "gateway")["channels"] == 5

        changed = good.replace("channels = 5", "channels = 3").replace(f"127.0.0.1:{gateway.port}", f"127.0.0.1:{other.port}")
        changed = re.sub(r'\[\[phones\]\]\nextension = "104"\nname = "Daria"\nsecret = "daria-104"\n', "", changed)
        changed += '\n[[scenarios]]\ncode = "702"\nname = "Another"\nlines = 1\nallowed = ["101"]\n'
        box.config.write_text(changed)
        os.kill(box.pid("serve"), signal.SIGHUP)
        wait_for(lambda: box.json("status")["config_version"] == 2, 10, "version 2")
        assert line(box, "gateway")["channels"] == 3
        assert [p["extension"] for p in box.json("status")["phones"]] == ["101", "102", "103"]
        box.run("campaign", "start", "702", "--list", "12", "--message", str(message))
        box.wait_campaign(1, "finished", 60)
        assert len(other.calls()) == 2 and not gateway.calls()

        box.run("config", "rollback", "1")
        assert line(box, "gateway")["channels"] == 5
        assert "version 1" in box.run("config", "history").stdout
        assert "chan" in box.run("config", "diff", "1", "2", check=False).stdout
        assert call.up and box.json("status")["calls"] == 1 and box.pid("core") == core, "the call was dropped"
        call.hang_up()
        wait_for(lambda: box.json("status")["calls"] == 0, 5, "the end of the call")


# ---- starting --------------------------------------------------------------------------------------------------------


def serve(box: Box, **env: str) -> subprocess.CompletedProcess[str]:
    """`switchroom serve` that ought to end by itself."""
    return subprocess.run([sys.executable, "-m", "appliance.cli", "--data", str(box.data), "serve", "--config", str(box.config)],
                          capture_output=True, text=True, timeout=40, env={**os.environ, **env}, check=False)


def critical(done: subprocess.CompletedProcess[str]) -> str:
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return "\n".join(line["text"] for line in lines if line["level"] == "critical")


def test_what_keeps_a_box_from_starting_is_said_with_the_way_out(tmp_path: Path) -> None:
    box = Box(tmp_path / "box", free_port(), free_port())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", box.sip_port))
        done = serve(box)
    assert done.returncode == 78 and f"{box.sip_port}: Address already in use" in critical(done), done.stderr
    assert "another program" in critical(done)
    done = serve(box, SWITCHROOM_PROMPTS=str(tmp_path / "nothing"))
    assert done.returncode == 78 and "./run --setup" in critical(done), done.stderr
    (box.data / "ledger" / "data.mdb").write_bytes(b"no ledger" * 10_000)
    done = serve(box)
    assert done.returncode == 78 and "damaged" in critical(done) and "mv " in critical(done), done.stderr


def test_a_second_box_on_the_same_data_leaves_the_first_alone(tmp_path: Path) -> None:
    with Box(tmp_path / "box", free_port(), free_port()) as box:
        core = box.pid("core")
        done = serve(box)
        assert done.returncode == 1 and "already runs" in done.stderr
        assert box.pid("core") == core and box.run("status").returncode == 0
        assert all(box.pid(name) for name in ("dialer", "web"))
