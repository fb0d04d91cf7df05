"""One try to hand one mail to a mail server (SMTP, RFC 5321), and what its answer means for the mail."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from typing import TYPE_CHECKING, Protocol

import msgspec

from appliance.errors import SwitchroomError
from appliance.mail.outbox import Entry

if TYPE_CHECKING:
    import aiosmtplib

FIRST_WAIT = 60.0
LONGEST_WAIT = 3600.0
_HOUR = 3600.0
_PERMANENT = 500
_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
_HOST_NAME = re.compile(r"[A-Za-z0-9.-]{1,255}")


class HostPort(Protocol):
    """As `appliance.config.values.HostPort`."""

    host: str

    def port_or(self, default: int) -> int: ...


class MailConfig(Protocol):
    """As `appliance.config.model.Mail`."""

    @property
    def server(self) -> HostPort | None: ...
    @property
    def tls(self) -> str: ...
    @property
    def verify(self) -> bool: ...
    @property
    def ca_file(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def secret(self) -> str | None: ...
    @property
    def sender(self) -> str | None: ...
    @property
    def sender_name(self) -> str: ...
    @property
    def timeout_seconds(self) -> int: ...
    @property
    def keep_trying_hours(self) -> int: ...


class Refusal(msgspec.Struct, frozen=True):
    """What the server said: to one recipient, or to the whole try (`code` 0: it said nothing, `text` is ours)."""

    code: int
    text: str

    @property
    def for_good(self) -> bool:
        return self.code >= _PERMANENT


class Failure(Exception):
    """The try failed for all recipients."""

    def __init__(self, text: str, for_good: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.for_good = for_good


# ---- what an answer means (pure) -------------------------------------------------------------------------------------


def wait_after(tries: int) -> float:
    """Seconds until the next try: 1, 2, 4, … minutes, an hour at most."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 10))


def settle_taken(entry: Entry, refused: dict[str, Refusal], now: float, keep_hours: float) -> None:
    """The server took the mail, for all recipients but `refused`."""
    _tried(entry, now)
    entry.error = "; ".join(f"{address}: {said.text}" for address, said in refused.items())
    for address in entry.to:
        said = refused.get(address)
        if said is None:
            entry.delivered = [*entry.delivered, address]
        elif said.for_good:
            entry.refused = {**entry.refused, address: said.text}
    entry.to = [address for address in entry.to if address in refused and not refused[address].for_good]
    _next_step(entry, now, keep_hours)


def settle_failed(entry: Entry, failure: Failure, now: float, keep_hours: float) -> None:
    """The server took it for nobody, or was not reached."""
    _tried(entry, now)
    entry.error = failure.text
    if failure.for_good:
        entry.state = "failed"
    else:
        _next_step(entry, now, keep_hours)


def _tried(entry: Entry, now: float) -> None:
    entry.tries += 1
    entry.first_try = entry.first_try or now


def _next_step(entry: Entry, now: float, keep_hours: float) -> None:
    if not entry.to:
        entry.state, entry.sent = ("sent", now) if entry.delivered else ("failed", 0.0)
    elif now - entry.first_try >= keep_hours * _HOUR:
        entry.state = "failed"
    else:
        entry.next_try = now + wait_after(entry.tries)


# ---- the try ---------------------------------------------------------------------------------------------------------


async def deliver(config: MailConfig, data: bytes, to: Sequence[str]) -> dict[str, Refusal]:
    """Hand `data` (RFC 5322) to the server for all of `to`; who was refused. Raises Failure."""
    import aiosmtplib  # 1 MB, from the first mail on

    server, sender = config.server, config.sender
    if server is None:
        raise Failure("There is no mail server. Set mail.server.")
    if not sender:
        raise Failure("There is no sender address. Set mail.sender.")
    where = f"{server.host}:{server.port_or(_PORTS[config.tls])}"
    try:
        client = await _connect(config, server)
    except Exception as problem:
        raise _failure(problem, where, config) from problem
    try:
        errors, _ = await client.sendmail(sender, list(to), _headed(data, config, to))
    except Exception as problem:
        client.close()
        raise _failure(problem, where, config) from problem
    with suppress(aiosmtplib.SMTPException, OSError):  # it has the mail; how it says good-bye does not matter
        await client.quit()
    client.close()
    return {address: Refusal(answer[0], _clean(answer[1])) for address, answer in errors.items()}


async def _connect(config: MailConfig, server: HostPort) -> aiosmtplib.SMTP:
    """Connected, encrypted and logged in as configured."""
    if config.username and config.tls == "none" and not is_loopback(server.host):
        raise SwitchroomError(
            "mail.login-in-the-clear",
            "The login is not sent over an unencrypted connection.",
            'Set mail.tls to "starttls" or "tls".',
        )
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port_or(_PORTS[config.tls]),
        use_tls=config.tls == "tls",
        start_tls=config.tls == "starttls",
        tls_context=_context(config) if config.tls != "none" else None,
        timeout=float(config.timeout_seconds),
        local_hostname=_own_name(),
    )
    await client.connect()
    try:
        if config.username:
            await client.login(config.username, config.secret or "")
    except BaseException:
        client.close()
        raise
    return client


def _context(config: MailConfig) -> ssl.SSLContext:
    """TLS that checks the server's certificate, against `ca_file` or the system's, unless told not to."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
    except OSError as problem:
        raise SwitchroomError("mail.ca-file", "The file {ca_file} holds no certificate that can be read ({problem}).",
                              "Check mail.ca_file.", ca_file=config.ca_file, problem=problem) from problem
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _own_name() -> str:
    """Our name in EHLO. Never looked up: a box without a name server would wait for it."""
    name = socket.gethostname()
    return name if _HOST_NAME.fullmatch(name) else "[127.0.0.1]"


def _headed(data: bytes, config: MailConfig, to: Sequence[str]) -> bytes:
    """The mail with From and To, which are missing where they were not known when it was queued."""
    end = data.find(b"\r\n\r\n")
    names = {line.split(b":", 1)[0].lower() for line in data[:end].split(b"\r\n") if not line[:1].isspace()}
    added = EmailMessage(policy=SMTP)
    if b"from" not in names and config.sender:
        added["From"] = formataddr((config.sender_name, config.sender)) if config.sender_name else config.sender
    if b"to" not in names:
        added["To"] = ", ".join(to)
    return added.as_bytes().removesuffix(b"\r\n") + data if added.keys() else data


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:300]


def _failure(problem: Exception, where: str, config: MailConfig) -> Failure:
    """What went wrong, in words for a person; never with the password."""
    import aiosmtplib

    cause = problem.__cause__ or problem
    if isinstance(problem, Failure):
        return problem
    if isinstance(problem, SwitchroomError):
        return Failure(str(problem))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(f"The certificate of {where} is not trusted ({_clean(cause.verify_message)}). Set mail.ca_file.")
    if isinstance(problem, aiosmtplib.SMTPAuthenticationError):
        return Failure(
            f"{where} refuses the login of {config.username} ({_said(problem)}). Check mail.username, mail.secret."
        )
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        said = "; ".join(f"{one.recipient}: {_said(one)}" for one in problem.recipients)
        return Failure(
            f"{where} refuses the recipients ({said}).", all(one.code >= _PERMANENT for one in problem.recipients)
        )
    if isinstance(problem, aiosmtplib.SMTPDataError):
        return Failure(f"{where} refuses the mail ({_said(problem)}).", problem.code >= _PERMANENT)
    if isinstance(problem, aiosmtplib.SMTPSenderRefused):
        return Failure(f"{where} refuses the sender {config.sender} ({_said(problem)}). Check mail.sender.")
    if isinstance(problem, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return Failure(f"{where} did not answer within {config.timeout_seconds} s.")
    if isinstance(problem, aiosmtplib.SMTPConnectError | OSError):
        return Failure(f"The mail server {where} cannot be reached ({_clean(str(problem))}).")
    return Failure(f"{where}: {_clean(str(problem)) or type(problem).__name__}")


def _said(problem: aiosmtplib.SMTPResponseException) -> str:
    return f"{problem.code} {_clean(problem.message)}"
