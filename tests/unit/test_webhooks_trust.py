"""Whom a webhook trusts: an authority of the office's own, named or pasted, and nobody beside it; what is none is told."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.config.load import loads
from appliance.config.problems import ConfigError
from appliance.config.store import Store
from appliance.config.webhooks import MAX_CA, Webhook
from appliance.webhooks import sender, sign
from tests.peers.authority import Authority
from tests.peers.crm import Crm
from tests.webkit import OFFICE

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AUTHORITY, OTHER = Authority(), Authority("Somebody else")
UNKNOWN_VERSION = ssl.DER_cert_to_PEM_cert(
    ssl.PEM_cert_to_DER_cert(AUTHORITY.pem).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1))


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    with Crm(sign.key_of(SECRET), tls=AUTHORITY.server(tmp_path)) as crm:
        yield crm


def send(crm: Crm, **more: object) -> sender.Tried:
    hook = Webhook(name="crm", url=crm.url, secret=SECRET, allow_local=True, timeout_seconds=10, **more)  # type: ignore[arg-type]
    return sender.deliver(hook, f"m{len(crm.requests)}", b'{"type": "webhook.test", "data": {}}', 1234.5)


def test_an_authority_of_the_offices_own_is_trusted(crm: Crm, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("# The office's: Päivä\n" + AUTHORITY.pem + OTHER.pem, "utf-8")
    assert send(crm, ca_file=str(tmp_path / "ca.pem")).taken and send(crm, ca=AUTHORITY.pem).taken
    assert len(crm.taken) == 2 and crm.forged == []


def test_nobody_beside_it_is(crm: Crm) -> None:
    for more in ({}, {"ca": OTHER.pem}):
        tried = send(crm, **more)
        assert tried.status == 0 and "CERTIFICATE_VERIFY_FAILED" in tried.error
    assert send(crm, verify=False).taken and len(crm.requests) == 1
    context = sender._trusting(Webhook(name="a", url="https://a", secret=SECRET, ca=AUTHORITY.pem))
    assert [dict(pair[0] for pair in each["subject"])["commonName"] for each in context.get_ca_certs()] == ["Office authority"]


def test_the_name_in_the_certificate_is_checked_still(tmp_path: Path) -> None:
    with Crm(sign.key_of(SECRET), tls=AUTHORITY.server(tmp_path, "crm.office.example")) as crm:
        tried = send(crm, ca=AUTHORITY.pem)
        assert tried.status == 0 and "doesn't match" in tried.error and crm.requests == []


def test_a_file_that_went_is_told_and_tried_again_later(crm: Crm, tmp_path: Path) -> None:
    tried = send(crm, ca_file=str(tmp_path / "gone.pem"))
    assert tried.status == 0 and "gone.pem" in tried.error and "[[webhooks]]" in tried.error and crm.requests == []


# ---- the check of the configuration ----------------------------------------------------------------------------------


def document(more: str, url: str = "https://crm.example/") -> str:
    return OFFICE.read_text("utf-8") + f'\n[[webhooks]]\nname = "own"\nurl = "{url}"\nsecret = "{SECRET}"\n{more}\n'


def pasted(text: str) -> str:
    return f'ca = """\n{text}"""'


def problems(text: str, base: Path | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as told:
        loads(text, "office.toml", base)
    return [(each.id, f"{each.key} {each.what} {each.fix}") for each in told.value.problems]


def test_what_can_be_trusted_is_taken(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(AUTHORITY.pem)
    for name in ("managers.csv",):
        (tmp_path / name).write_bytes((OFFICE.parent / name).read_bytes())
    assert loads(document(pasted(AUTHORITY.pem))).webhooks[-1].ca.count("BEGIN CERTIFICATE") == 1
    office = tmp_path / "office.toml"
    office.write_text(document('ca_file = "ca.pem"'))
    store = Store(tmp_path / "data")
    store.import_file(office, by="test")
    assert store.current().webhooks[-1].ca_file == str(tmp_path / "ca.pem")  # whatever the working directory


@pytest.mark.parametrize(("more", "id", "says"), [
    (pasted("no certificate"), "config.wrong-value", "BEGIN CERTIFICATE"),
    (pasted("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "config.wrong-value", "no certificate"),
    (pasted(AUTHORITY.pem + AUTHORITY.key_pem), "config.wrong-value", "private key"),
    (pasted("x" * (MAX_CA + 1)), "config.wrong-value", str(MAX_CA)),
    (pasted("Subject: Päivä\n" + AUTHORITY.pem), "config.wrong-value", "no certificate"),  # TLS takes ASCII alone
    (pasted(UNKNOWN_VERSION), "config.wrong-value", "no certificate"),
    (pasted(AUTHORITY.pem) + '\nca_file = "ca.pem"', "config.clash", "Keep one"),
    (pasted(AUTHORITY.pem) + "\nverify = false", "config.wrong-key", "verify = false"),
])
def test_what_cannot_be_trusted_is_told(more: str, id: str, says: str) -> None:
    assert any(found == id and says in text and "webhooks[" in text for found, text in problems(document(more)))


def test_plain_http_has_nobody_to_trust() -> None:
    told = problems(document(pasted(AUTHORITY.pem), "http://crm.example/"))
    assert told[0][0] == "config.wrong-key" and "https://" in told[0][1]


def test_a_file_that_holds_none_is_told_where_files_are_looked_at(tmp_path: Path) -> None:
    text = document('ca_file = "ca.pem"')
    assert loads(text).webhooks[-1].ca_file == "ca.pem"
    assert any("no file" in told for _, told in problems(text, tmp_path))
    assert any("no file" in told for _, told in problems(document(f'ca_file = "{"a" * 300}"'), tmp_path))
    for content in (b"nothing", AUTHORITY.key_pem.encode(), b"\0" * (MAX_CA + 1)):
        (tmp_path / "ca.pem").write_bytes(content)
        assert any("ca_file" in told and id == "config.wrong-value" for id, told in problems(text, tmp_path))


def test_it_stands_in_the_context_before_any_connection(tmp_path: Path) -> None:
    with socket.socket() as nobody, pytest.raises(ValueError, match="holds no certificate"):
        nobody.bind(("127.0.0.1", 0))
        sender._trusting(Webhook(name="a", url="https://a", secret=SECRET, ca="rubbish"))
    hook = msgspec.structs.replace(Webhook(name="a", url="https://a", secret=SECRET), verify=False)
    assert isinstance(sender._trusting(hook), ssl.SSLContext)
