"""The box's own certificate, made at the first start that needs one: a browser warns once, then all is encrypted."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 825
RENEW_DAYS = 60
"""A certificate is made anew that long before it ends."""


def own_certificate(data: Path, host: str, now: dt.datetime | None = None) -> tuple[Path, Path]:
    """PEM files of certificate and key under DATA/web; made where they are missing, end soon or are for another address."""
    now = now or dt.datetime.now(dt.UTC)
    folder = data / "web"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = _names(host)
    if not (key.exists() and certificate.exists() and _good(certificate, names, now)):
        _make(certificate, key, names, now)
    return certificate, key


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname()[:64].lower() or "switchroom")]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [*names, x509.DNSName(host)]
    return names if address.is_unspecified else [*names, x509.IPAddress(address)]


def _good(path: Path, names: list[x509.GeneralName], now: dt.datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return False
    told = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return now + dt.timedelta(days=RENEW_DAYS) < found.not_valid_after_utc and all(name in told for name in names)


def _make(certificate: Path, key: Path, names: list[x509.GeneralName], now: dt.datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Switchroom")])
    made = (
        x509.CertificateBuilder()
        .subject_name(who).issuer_name(who).public_key(private.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key.touch(mode=0o600)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
