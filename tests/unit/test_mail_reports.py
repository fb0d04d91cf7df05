"""A campaign's report from the ledger to the outbox, and the outbox on the command line."""

from __future__ import annotations

import csv
import email
import io
import json
import math
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from click.testing import CliRunner, Result

from appliance.campaigns.summary import report
from appliance.cli.main import cli
from appliance.clock import ManualClock
from appliance.config.model import Config, Line, Mail, Office, SubscriberList
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, LedgerReader
from appliance.mail.audio import small_wav, ulaw
from appliance.mail.outbox import Outbox
from appliance.mail.report_ids import campaign_of, mail_id
from appliance.mail.reports import queue_report, read_book, report_mail, talk_seconds
from appliance.messages import (
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CampaignCreated,
    CampaignStateChanged,
    LegAnswered,
    LegEnded,
    LegOpened,
    Subscriber,
)  # fmt: skip

NUMBERS = ["+358917700004", "+358917700000", "+358917700007"]
OUTCOMES = ["confirmed", "heard", "no_answer"]


def config(**more: Any) -> Config:
    return Config(
        office=Office(name="Hafen Büro", language="fi", timezone="Europe/Helsinki", country="FI"),
        mail=Mail(sender="switchroom@harbour.example", **more),
        lines=[Line(name="gateway", driver="sip-gateway", channels=5, cost_per_minute=0.6, cost_step_seconds=1)],
        lists=[SubscriberList(number="12", name="Managers", file="managers.csv")],
    )


def write_wav(path: Path, seconds: float = 1.0, channels: int = 1) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = array("h", [round(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(int(8000 * seconds))])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array("h", [s for s in tone for _ in range(channels)]).tobytes())
    return path.read_bytes()


@pytest.fixture
async def data(tmp_path: Path) -> AsyncIterator[Path]:
    """A data directory with a ledger that holds campaign 1, finished."""
    clock = ManualClock(utc=1_763_625_600.0)  # 2025-11-20 10:00 in Helsinki
    ledger = Ledger(tmp_path / "ledger", clock)
    message = "campaigns/1/message.wav"
    write_wav(tmp_path / message)
    people = [Subscriber(index=n, number=number, name=f"Isännöitsijä {n}", row=n + 2, extra={"talo": f"{n} A"})
              for n, number in enumerate(NUMBERS)]  # fmt: skip
    created = CampaignCreated(
        campaign=1, scenario="701", name="Muutos", list="12", lines=5, message=message, message_seconds=1.0, subscribers=3,
        rules={"retries": 0, "confirm": "1"}, by="101", report_to=["toimisto@harbour.example"],
    )  # fmt: skip
    await ledger.append_campaign(created, people)
    for n, outcome in enumerate(OUTCOMES):
        call, leg = f"call-{n}", f"leg-{n}"
        opened = LegOpened(call=call, leg=leg, direction="out", kind="line", endpoint="gateway", number=NUMBERS[n], campaign=1)
        await ledger.commit(AttemptStarted(campaign=1, subscriber=n, attempt=1, call=call, leg=leg, line="gateway"), opened)
        clock.advance(5)
        if outcome != "no_answer":
            ledger.append(LegAnswered(leg=leg))
            clock.advance(10)
        ended = AttemptEnded(
            campaign=1, subscriber=n, attempt=1, call=call, outcome=outcome, line="gateway", seconds_heard=1.0,  # type: ignore[arg-type]
            fraction_heard=1.0, digit="1" if outcome == "confirmed" else "",
        )  # fmt: skip
        await ledger.commit(ended)
        ledger.append(LegEnded(leg=leg))
        await ledger.commit(CallEnded(call=call, disposition="no_answer" if outcome == "no_answer" else "answered"))
    await ledger.commit(CampaignStateChanged(campaign=1, state="finished"))
    await ledger.close()
    yield tmp_path


@pytest.fixture
def reader(data: Path) -> Iterator[LedgerReader]:
    with LedgerReader(data / "ledger") as opened:
        yield opened


def parsed(data: Path, id: str) -> EmailMessage:
    return email.message_from_bytes(Outbox(data / "mail").text(id), _class=EmailMessage, policy=policy)


def attachments(mail: EmailMessage) -> dict[str, bytes]:
    return {str(part.get_filename()): part.get_payload(decode=True) for part in mail.iter_attachments()}  # type: ignore[misc]


async def test_report_from_the_ledger(data: Path, reader: LedgerReader) -> None:
    id = queue_report(data, config(), reader, 1, "42")
    assert id == mail_id(1, "42") == "campaign-1-42" and campaign_of(id) == 1
    entry = Outbox(data / "mail").entry(id)
    assert (entry.state, entry.to, entry.subject) == ("waiting", ["toimisto@harbour.example"], "Muutos: tavoitettu 2/3")
    mail = parsed(data, id)
    assert mail["From"].addresses[0].display_name == "Hafen Büro"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Content-Language"] == "fi"
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and page is not None
    assert "kuunneltu loppuun" in plain.get_content() and "kuunneltu loppuun" in page.get_content()
    assert "0,20\xa0€" in plain.get_content()  # two calls of 10 s at 0.60 a minute
    files = attachments(mail)
    assert list(files) == ["kampanja-1.csv", "kampanja-1.xlsx", "viesti-1.wav"]
    rows = list(csv.reader(io.StringIO(files["kampanja-1.csv"].decode("utf-8-sig")), delimiter=";"))
    assert [(row[0], row[2], row[5], row[-1]) for row in rows[1:]] == [
        (NUMBERS[0], "vahvistanut", "1", "0 A"), (NUMBERS[1], "kuunneltu loppuun", "", "1 A"),
        (NUMBERS[2], "ei vastausta", "", "2 A"),
    ]  # fmt: skip
    assert len(list(openpyxl.load_workbook(io.BytesIO(files["kampanja-1.xlsx"])).worksheets[0].iter_rows())) == 4
    assert files["viesti-1.wav"][:4] == b"RIFF" and 8000 < len(files["viesti-1.wav"]) < 8100


async def test_the_same_request_gives_one_mail(data: Path, reader: LedgerReader) -> None:
    first = queue_report(data, config(), reader, 1, "42")
    text = Outbox(data / "mail").text(first)
    assert queue_report(data, config(), reader, 1, "42", ["other@harbour.example"]) == first
    assert Outbox(data / "mail").text(first) == text
    second = queue_report(data, config(), reader, 1, "43", ["other@harbour.example"])
    assert second != first and Outbox(data / "mail").entry(second).to == ["other@harbour.example"]


async def test_addresses_that_are_none_are_left_out(data: Path, reader: LedgerReader, caplog: pytest.LogCaptureFixture) -> None:
    id = queue_report(data, config(), reader, 1, "1", ["good@harbour.example", "a@b\r\nBcc: x@y", "nobody"])
    assert Outbox(data / "mail").entry(id).to == ["good@harbour.example"]
    assert "Bcc" not in parsed(data, id) and "'nobody'" in caplog.text
    kept = queue_report(data, config(), reader, 1, "2", ["nobody"])
    assert Outbox(data / "mail").entry(kept).state == "kept"


async def test_unknown_campaign(data: Path, reader: LedgerReader) -> None:
    with pytest.raises(SwitchroomError) as caught:
        queue_report(data, config(), reader, 2, "1")
    assert caught.value.id == "campaign.unknown" and Outbox(data / "mail").entries() == []


async def test_talk_seconds_come_from_the_cdrs(data: Path, reader: LedgerReader) -> None:
    assert talk_seconds(reader, 1) == {"call-0": 10.0, "call-1": 10.0, "call-2": 0.0}


def mail_of(
    data: Path, reader: LedgerReader, message: str, setup: Config, with_audio: bool = True
) -> tuple[dict[str, bytes], str]:
    """The mail's attachments and its plain text, with the message at another place."""
    book = read_book(reader, 1)
    document = msgspec.structs.replace(report(book, reader.subscribers(1)), message=message)
    mail = report_mail(data, setup, document, talk={}, to=["a@harbour.example"], with_audio=with_audio)
    body = mail.get_body(("plain",))
    assert body is not None
    return attachments(mail), body.get_content()


async def test_a_large_message_is_left_out_and_this_is_said(data: Path, reader: LedgerReader) -> None:
    write_wav(data / "long.wav", 120)
    files, text = mail_of(data, reader, "long.wav", config(max_attachment_mb=1))
    assert list(files) == ["kampanja-1.csv", "kampanja-1.xlsx"] and "ylittää sähköpostin kokorajan" in text


@pytest.mark.parametrize("message", ["../secret.wav", "/etc/hostname", "gone.wav", "", "text.wav"])
async def test_only_a_recording_of_the_box_is_attached(data: Path, reader: LedgerReader, message: str) -> None:
    write_wav(data.parent / "secret.wav")
    (data / "text.wav").write_text("no audio")
    files, text = mail_of(data, reader, message, config())
    assert list(files) == ["kampanja-1.csv", "kampanja-1.xlsx"] and "tallennetta ei enää ole" in text


async def test_a_scenario_may_leave_the_message_out(data: Path, reader: LedgerReader) -> None:
    files, text = mail_of(data, reader, "campaigns/1/message.wav", config(), with_audio=False)
    assert len(files) == 2 and "asetusten mukaan" in text


# ---- audio -----------------------------------------------------------------------------------------------------------


def expand(code: int) -> int:
    """A µ-law byte as a sample (ITU-T G.711)."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def test_ulaw_is_that_of_g711() -> None:
    assert {sample: ulaw(sample) for sample in (0, 32767, -32768, -1, 8, -8)} == {
        0: 0xFF, 32767: 0x80, -32768: 0x00, -1: 0x7F, 8: 0xFE, -8: 0x7E,
    }  # fmt: skip
    for sample in range(-32635, 32636, 7):
        assert abs(expand(ulaw(sample)) - sample) <= (abs(sample) + 0x84) // 32, sample  # half a step


def test_small_wav(tmp_path: Path) -> None:
    original = write_wav(tmp_path / "a.wav", 0.5001)
    small = small_wav(original)
    assert len(small) < len(original) * 0.52
    assert int.from_bytes(small[4:8], "little") == len(small) - 8 and len(small) % 2 == 0
    assert small[20:22] == b"\x07\x00" and small[24:28] == (8000).to_bytes(4, "little")
    body = small[small.index(b"data") + 8 :][: int.from_bytes(small[small.index(b"data") + 4 :][:4], "little")]
    with wave.open(str(tmp_path / "a.wav")) as file:
        samples = array("h", file.readframes(file.getnframes()))
    error = sum((expand(code) - sample) ** 2 for code, sample in zip(body, samples, strict=True))
    assert 10 * math.log10(sum(s * s for s in samples) / error) > 35  # dB


def test_small_wav_leaves_alone_what_it_does_not_know(tmp_path: Path) -> None:
    stereo = write_wav(tmp_path / "a.wav", 0.1, channels=2)
    assert small_wav(stereo) == stereo
    small = small_wav(write_wav(tmp_path / "b.wav", 0.1))
    assert small_wav(small) == small
    for broken in (b"", b"RIFF", b"no audio at all", stereo[:30]):
        with pytest.raises(SwitchroomError) as caught:
            small_wav(broken)
        assert caught.value.id == "mail.bad-audio"


# ---- the command line ------------------------------------------------------------------------------------------------


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data", str(data), *words])


async def test_mail_on_the_command_line(data: Path, reader: LedgerReader) -> None:
    assert "no mail" in run(data, "mail", "list").output
    queue_report(data, config(), reader, 1, "42", ["nobody"])
    (entry,) = json.loads(run(data, "--json", "mail", "list").output)
    assert (entry["id"], entry["state"], entry["to"], entry["tries"]) == ("campaign-1-42", "kept", [], 0)
    shown = run(data, "mail", "show", "campaign-1-42").output
    assert "kept" in shown and "vahvistanut" in shown and "viesti-1.wav" in shown
    assert run(data, "mail", "show", "campaign-1-42", "--raw").stdout_bytes == Outbox(data / "mail").text("campaign-1-42")
    assert run(data, "mail", "retry", "campaign-1-42", "--to", "a@b.example").exit_code == 0
    assert Outbox(data / "mail").entry("campaign-1-42").to == ["a@b.example"]
    assert json.loads(run(data, "--json", "mail", "retry", "--all").output) == {"retried": 1}
    assert json.loads(run(data, "--json", "mail", "list", "--state", "sent").output) == []


@pytest.mark.parametrize(
    ("words", "id"),
    [
        (["retry"], "mail.which"), (["show", "none"], "mail.unknown"), (["retry", "none"], "mail.unknown"),
        (["retry", "none", "--to", "x"], "mail.bad-address"), (["show", "../x"], "mail.bad-id"),
    ],
)  # fmt: skip
def test_mail_errors(tmp_path: Path, words: list[str], id: str) -> None:
    problem = run(tmp_path, "mail", *words).exception
    assert isinstance(problem, SwitchroomError) and problem.id == id and problem.hint
