"""The mailer against aiosmtpd: plain, STARTTLS, TLS and login; a server that is away, refuses or drops; a killed mailer."""

from __future__ import annotations

import asyncio
import contextlib
import email
import ipaddress
import logging
import os
import signal
import ssl
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.clock import ManualClock
from appliance.config.model import Mail
from appliance.config.values import HostPort
from appliance.mail.mailer import Mailer
from appliance.mail.outbox import Entry, Outbox

SECRET = "mail-secret-1"
DEADLINE = 20.0


class Inbox:
    """What the server got; `answer` decides what it says to DATA and to each recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.sender = ""
        self.encrypted: list[bool] = []
        self.on_data: Callable[[], str | None] = lambda: None
        self.on_rcpt: Callable[[str], str | None] = lambda address: None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        refused = self.on_rcpt(address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        refused = self.on_data()
        if refused is not None:
            return refused
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, _class=EmailMessage, policy=policy))
        self.to.append(list(envelope.rcpt_tos))
        self.sender = envelope.mail_from or ""
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"


def check_login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"box", SECRET.encode())
    return AuthResult(success=good, handled=False)


@contextlib.asynccontextmanager
async def smtp(inbox: Inbox, port: int = 0, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """An SMTP server on loopback; yields its port."""
    loop = asyncio.get_running_loop()
    open_ones: list[SMTP] = []

    def protocol() -> SMTP:
        made = SMTP(inbox, hostname="mail.test", loop=loop, **options)
        open_ones.append(made)
        return made

    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in open_ones:
            if one.transport is not None:
                one.transport.close()


@contextlib.asynccontextmanager
async def running(mailer: Mailer) -> AsyncIterator[None]:
    task = asyncio.create_task(mailer.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], what: str) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE
    while not condition():
        assert loop.time() < end, f"waited in vain for: {what}"
        await asyncio.sleep(0.01)


def letter(to: str = "a@office.example", sender: str = "box@harbour.example") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Отчёт о кампании 1"
    if sender:
        message["From"] = sender
    if to:
        message["To"] = to
    message.set_content("Näin se meni.\n.\n..dots\n", cte="base64")
    message.add_attachment(bytes(range(256)) * 50, maintype="audio", subtype="x-wav", filename="message.wav")
    return message


def settings(port: int, **more: Any) -> Mail:
    return Mail(server=HostPort(f"127.0.0.1:{port}"), sender="box@harbour.example", timeout_seconds=5, **more)


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "mail", ManualClock())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_plain(box: Outbox) -> None:
    inbox, told = Inbox(), []
    box.queue(letter("a@office.example, b@office.example"), "one")

    async def on_sent(entry: Entry) -> None:
        told.append(entry.id)

    async with smtp(inbox) as port, running(Mailer(settings(port), box, box.clock, on_sent)):
        await until(lambda: bool(told), "the mail")
    (mail,) = inbox.mails
    entry = box.entry("one")
    assert (entry.state, entry.to, entry.tries, entry.error) == ("sent", [], 1, "")
    assert inbox.to == [["a@office.example", "b@office.example"]] == [entry.delivered]
    assert inbox.sender == "box@harbour.example"
    assert mail["Subject"] == "Отчёт о кампании 1" and mail["Message-ID"] == entry.message_id and mail["Date"]
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == "Näin se meni.\n.\n..dots\n"
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == bytes(range(256)) * 50
    assert told == ["one"]


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_encrypted_with_login(box: Outbox, certificate: Path, mode: str, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("mail.log").setLevel("WARNING")  # the server's own
    caplog.set_level("DEBUG")
    inbox = Inbox()
    box.queue(letter(), "one")
    context = server_context(certificate)
    options: dict[str, Any] = {
        "auth_required": True,
        "authenticator": check_login,
        "auth_require_tls": mode != "tls",
    }  # the server cannot tell that it was encrypted from the start
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    async with smtp(inbox, tls=context if mode == "tls" else None, **options) as port:
        config = settings(port, tls=mode, ca_file=str(certificate), username="box", secret=SECRET)
        async with running(Mailer(config, box, box.clock)):
            await until(lambda: box.entry("one").state != "waiting" or bool(box.entry("one").error), "an end")
    assert (box.entry("one").state, box.entry("one").error) == ("sent", "")
    assert inbox.encrypted == [True]
    assert SECRET not in caplog.text


async def failing(box: Outbox, config: Mail) -> Entry:
    """Run a mailer until its first try has failed; the mail's record."""
    async with running(Mailer(config, box, box.clock)):
        await until(lambda: box.entry("one").tries > 0, "a failed try")
    return box.entry("one")


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for(box: Outbox, certificate: Path, mode: str) -> None:
    inbox = Inbox()
    box.queue(letter(), "one")
    context = server_context(certificate)
    options: dict[str, Any] = {"tls_context": context} if mode == "starttls" else {"tls": context}
    async with smtp(inbox, **options) as port:
        entry = await failing(box, settings(port, tls=mode))
        assert entry.state == "waiting" and "is not trusted" in entry.error and "mail.ca_file" in entry.error
        assert inbox.mails == []
        box.retry("one")
        async with running(Mailer(settings(port, tls=mode, verify=False), box, box.clock)):
            await until(lambda: box.entry("one").state == "sent", "the mail without the check")


async def test_a_server_without_starttls_gets_nothing(box: Outbox) -> None:
    inbox = Inbox()
    box.queue(letter(), "one")
    async with smtp(inbox) as port:
        entry = await failing(box, settings(port, tls="starttls"))
    assert entry.state == "waiting" and "STARTTLS" in entry.error and inbox.mails == []


async def test_wrong_password_is_said_without_it(box: Outbox, certificate: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("mail.log").setLevel("WARNING")  # the server's own
    caplog.set_level("DEBUG")
    inbox = Inbox()
    box.queue(letter(), "one")
    options = {"auth_required": True, "authenticator": check_login, "tls_context": server_context(certificate)}
    async with smtp(inbox, **options) as port:
        config = settings(port, tls="starttls", ca_file=str(certificate), username="box", secret="wrong-secret")
        entry = await failing(box, config)
    assert entry.state == "waiting" and "refuses the login of box" in entry.error and "mail.secret" in entry.error
    assert "wrong-secret" not in entry.error + caplog.text


async def test_no_login_in_the_clear_beyond_loopback(box: Outbox) -> None:
    box.queue(letter(), "one")
    config = Mail(server=HostPort("192.0.2.1:25"), sender="box@harbour.example", username="box", secret=SECRET)
    entry = await failing(box, config)
    assert "not sent over an unencrypted connection" in entry.error and "starttls" in entry.error


async def test_server_away_then_there(box: Outbox) -> None:
    clock = box.clock
    assert isinstance(clock, ManualClock)
    inbox = Inbox()
    async with smtp(inbox) as port:
        pass
    box.queue(letter(), "one")
    mailer = Mailer(settings(port), box, clock)
    async with running(mailer):
        for tries in (1, 2, 3):
            await until(lambda tries=tries: box.entry("one").tries == tries, "a failed try")  # type: ignore[misc]
            entry = box.entry("one")
            assert entry.state == "waiting" and "cannot be reached" in entry.error
            assert entry.next_try == clock.utc() + 60 * 2 ** (tries - 1)
            if tries < 3:
                clock.advance(entry.next_try - clock.utc())
                mailer.wake()
        async with smtp(inbox, port):
            mailer.wake()
            box.queue(letter("b@office.example"), "two")
            await until(lambda: box.entry("two").state == "sent", "a new mail")
            assert box.entry("one").tries == 3  # not due yet
            clock.advance(240)
            mailer.wake()
            await until(lambda: box.entry("one").state == "sent", "the first mail")
    assert len(inbox.mails) == 2


async def test_new_settings_are_tried_at_once(box: Outbox) -> None:
    inbox = Inbox()
    box.queue(letter(sender=""), "one")
    async with smtp(inbox) as port:
        mailer = Mailer(Mail(), box, box.clock)
        async with running(mailer):
            await until(lambda: not mailer._wake.is_set(), "the mailer to run")
            assert box.entry("one").state == "waiting" and box.entry("one").tries == 0
            mailer.update(settings(port, sender_name="Hafen Büro"))
            await until(lambda: box.entry("one").state == "sent", "the mail")
    assert inbox.mails[0]["From"].addresses[0].display_name == "Hafen Büro"
    assert inbox.mails[0]["From"].addresses[0].addr_spec == "box@harbour.example"


async def test_some_recipients_refused(box: Outbox) -> None:
    clock = box.clock
    assert isinstance(clock, ManualClock)
    inbox = Inbox()
    answers = {"b@office.example": "450 come again", "c@office.example": "550 no such user"}
    inbox.on_rcpt = answers.get
    box.queue(letter("a@office.example, b@office.example, c@office.example"), "one")
    async with smtp(inbox) as port:
        mailer = Mailer(settings(port), box, clock)
        async with running(mailer):
            await until(lambda: box.entry("one").tries == 1, "the first try")
            entry = box.entry("one")
            assert (entry.delivered, entry.to) == (["a@office.example"], ["b@office.example"])
            assert "no such user" in entry.refused["c@office.example"]
            answers.clear()
            clock.advance(60)
            mailer.wake()
            await until(lambda: box.entry("one").state == "sent", "the rest")
    assert inbox.to == [["a@office.example"], ["b@office.example"]]
    assert inbox.mails[0]["Message-ID"] == inbox.mails[1]["Message-ID"]


@pytest.mark.parametrize(("answer", "state"), [("552 too large", "failed"), ("451 try later", "waiting")])
async def test_mail_refused(box: Outbox, answer: str, state: str) -> None:
    inbox = Inbox()
    inbox.on_data = lambda: answer
    box.queue(letter(), "one")
    async with smtp(inbox) as port:
        entry = await failing(box, settings(port))
    assert entry.state == state and answer.split(" ", 1)[1] in entry.error
    assert box.text("one")


async def test_taken_mail_that_cannot_be_noted_is_not_sent_twice(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox()
    box.queue(letter(), "one")
    clock = box.clock
    assert isinstance(clock, ManualClock)
    real, refused = box.change, []

    def change(id: str, how: Callable[[Entry], None]) -> Entry:
        if len(refused) < 2:
            refused.append(id)
            raise OSError(28, "No space left on device")
        return real(id, how)

    monkeypatch.setattr(box, "change", change)
    async with smtp(inbox) as port:
        mailer = Mailer(settings(port), box, clock)
        async with running(mailer):
            for count in (1, 2):
                await until(lambda count=count: len(refused) == count, "a full disk")  # type: ignore[misc]
                clock.advance(60)
                mailer.wake()
            await until(lambda: box.entry("one").state == "sent", "the note")
    assert len(inbox.mails) == 1


MAILER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from appliance.clock import SystemClock
    from appliance.config.model import Mail
    from appliance.config.values import HostPort
    from appliance.mail.mailer import Mailer
    from appliance.mail.outbox import Outbox

    config = Mail(server=HostPort(f"127.0.0.1:{sys.argv[2]}"), sender="box@harbour.example", timeout_seconds=5)
    asyncio.run(Mailer(config, Outbox(Path(sys.argv[1])), SystemClock()).run())
""")


async def test_killed_mailer_loses_nothing(tmp_path: Path) -> None:
    """kill -9 before the server has answered (the mail counts as not sent), and after its answer, mail by mail."""
    box, inbox = Outbox(tmp_path / "mail"), Inbox()
    names = [f"mail-{n}" for n in range(6)]
    for name in names:
        box.queue(letter(), name)
    process: subprocess.Popen[bytes] | None = None
    kills = 0

    def kill() -> str | None:
        """In the middle of every other mail, once: before it is taken, or just when it is."""
        nonlocal kills
        turn = len(inbox.mails) + kills
        if kills < 4 and turn % 2 == 0 and process is not None:
            kills += 1
            os.kill(process.pid, signal.SIGKILL)
            return "451 nobody is there to hear this" if kills % 2 else None
        return None

    inbox.on_data = kill
    root = Path(__file__).parents[2]
    async with smtp(inbox) as port:
        command = [sys.executable, "-c", MAILER, str(box.folder), str(port)]
        starts = 0
        while any(entry.state == "waiting" for entry in box.entries()):
            starts += 1
            assert starts < 12
            process = subprocess.Popen(command, cwd=root)

            def over(child: subprocess.Popen[bytes] = process) -> bool:
                return child.poll() is not None or all(entry.state == "sent" for entry in box.entries())

            try:
                await until(over, "the mailer to send or die")
            finally:
                process.kill()
                await asyncio.to_thread(process.wait)
    assert kills == 4
    assert {entry.id: entry.state for entry in box.entries()} == dict.fromkeys(names, "sent")
    got = [mail["Message-ID"] for mail in inbox.mails]
    assert set(got) == {entry.message_id for entry in box.entries()}
    assert len(names) <= len(got) <= len(names) + kills  # a repeated mail is known by its Message-ID
