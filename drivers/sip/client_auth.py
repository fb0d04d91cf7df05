"""Client side of digest authentication (RFC 3261 22, RFC 7616), for trunks. Pure but for the client nonce."""

from __future__ import annotations

import hashlib
import secrets

from drivers.sip.digest import parse_credentials, quote

_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


def _pick(challenges: list[str], realm: str) -> dict[str, str] | None:
    """The challenge to answer: of our realm where one is set, the strongest algorithm first."""
    found = [p for p in (parse_credentials(text) for text in challenges[:8]) if p and p.get("nonce")]
    fit = [p for p in found if not realm or p.get("realm") == realm]
    for algorithm in _HASHES:
        for params in fit:
            if params.get("algorithm", "MD5").upper() == algorithm:
                return params
    return None


def authorization(
    status: int, challenges: list[str], method: str, uri: str, username: str, secret: str, realm: str = "",
    cnonce: str = "",
) -> str | None:
    """The header line (with CRLF) that answers a 401 or 407, or None where no challenge is one that we can answer.

    `challenges` are whole WWW-/Proxy-Authenticate values; `uri` the Request-URI of the request; `realm` "" takes any."""
    params = _pick(challenges, realm)
    if params is None or not username:
        return None
    name = params.get("algorithm", "MD5").upper()
    its_realm, nonce = params.get("realm", ""), params["nonce"]

    def h(text: str) -> str:
        return _HASHES[name](text.encode("utf-8", "surrogateescape")).hexdigest()

    ha1, ha2 = h(f"{username}:{its_realm}:{secret}"), h(f"{method}:{uri}")
    fields = [
        f"username={quote(username)}", f"realm={quote(its_realm)}", f"nonce={quote(nonce)}", f"uri={quote(uri)}",
    ]
    if "auth" in [q.strip() for q in params.get("qop", "").split(",")]:
        cnonce = cnonce or secrets.token_hex(8)
        response = h(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")
        fields += [f'response="{response}"', f'cnonce="{cnonce}"', "qop=auth", "nc=00000001"]
    else:
        fields.append(f'response="{h(f"{ha1}:{nonce}:{ha2}")}"')
    if "opaque" in params:
        fields.append(f"opaque={quote(params['opaque'])}")
    if "algorithm" in params:
        fields.append(f"algorithm={params['algorithm']}")
    header = "Proxy-Authorization" if status == 407 else "Authorization"
    return f"{header}: Digest {', '.join(fields)}\r\n"
