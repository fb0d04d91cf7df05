"""Server side of SIP digest authentication (RFC 3261 22, RFC 7616, RFC 8760). Pure: time comes in, decisions go out.

- Nonces prove themselves: time, counter and an HMAC over both and the source address. Nothing is stored when one
  leaves, so a flood of unauthenticated requests costs no memory, and a nonce only works for the address it went to.
  A failed answer to such a nonce is therefore proof that the source really receives there: only these count towards a
  ban (drivers/sip/bans.py), which is why forged datagrams can get nobody banned.
- An unknown user walks the same path as a known one, against a made-up secret: same challenge, same answer, same work.
- One algorithm per challenge: clients built on libre give up when they see one that they do not know (RFC 8760 would
  allow several).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import msgspec

Algorithm = Literal["MD5", "SHA-256"]

HEADER_MAX = 2048
"""Characters of an Authorization header that are looked at; longer ones are malformed."""

PARAMS_MAX = 24
_NONCE_BYTES = 8 + 4 + 16
_HASHES: dict[str, Callable[..., hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Account(msgspec.Struct, frozen=True):
    """A phone that may authenticate. `secret` is its password, `algorithm` the one it is challenged with."""

    username: str
    secret: str
    algorithm: Algorithm = "MD5"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request's credentials.

    `accepted`: `username` is who it is. Everything else is answered 401 (or 407 from a proxy) with `challenge`:
    `missing` no credentials for our realm, `stale` a nonce that is not ours, has expired or was used twice (the
    password may be right), `failed` a wrong answer. `malformed` may be answered 400. `proven`: the nonce was ours and
    issued to this source: only then may a failure count against the source.
    """

    kind: Literal["accepted", "missing", "stale", "failed", "malformed"]
    username: str = ""
    proven: bool = False
    challenge: str = ""


def parse_credentials(header: str) -> dict[str, str] | None:
    """Parameters of a Digest Authorization header, names in lower case; None where it is not one or is malformed.

    Linear in its length and bounded (HEADER_MAX, PARAMS_MAX); a parameter that comes twice is malformed."""
    if len(header) > HEADER_MAX:
        return None
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    params: dict[str, str] = {}
    at, end = 0, len(rest)
    while at < end:
        equals = rest.find("=", at)
        if equals < 0 or len(params) >= PARAMS_MAX:
            return None
        name = rest[at:equals].strip().lower()
        value = _value_at(rest, equals + 1)
        if value is None or not name or not name.isascii() or name in params:
            return None
        params[name], at = value
        tail = rest[at:].lstrip()
        if tail and not tail.startswith(","):
            return None
        at = end - len(tail) + 1 if tail else end
    return params


def _value_at(text: str, at: int) -> tuple[str, int] | None:
    """The value that starts at `at` (quoted or a token) and where it ends."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    if at >= len(text) or text[at] != '"':
        comma = text.find(",", at)
        stop = len(text) if comma < 0 else comma
        return text[at:stop].strip(), stop
    out: list[str] = []
    at += 1
    while at < len(text):
        char = text[at]
        if char == '"':
            return "".join(out), at + 1
        if char == "\\" and at + 1 < len(text):
            at += 1
            char = text[at]
        out.append(char)
        at += 1
    return None


def quote(text: str) -> str:
    """`text` as a quoted-string (RFC 3261 25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _h(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape")).hexdigest()


def response_of(
    algorithm: str, username: str, realm: str, secret: str, method: str, uri: str, nonce: str, nc: str, cnonce: str
) -> str:
    """The response value for qop=auth (RFC 7616 3.4.1), in lower-case hex."""
    ha1 = _h(algorithm, f"{username}:{realm}:{secret}")
    ha2 = _h(algorithm, f"{method}:{uri}")
    return _h(algorithm, f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")


def _user_part(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    if scheme.lower() not in ("sip", "sips"):
        return ""
    return rest.partition("@")[0] if "@" in rest else ""


class Authenticator:
    """Challenges and checks. `accounts(username)` finds the phone or None; `key` is 32 random bytes, kept secret; keep
    it over a restart and open challenges stay good.

    `nonce_seconds`: how long a nonce is good. `replay_max`: nonces whose use count is remembered; when one is pushed
    out, everything issued before it counts as stale, so forgetting never lets a replay through.
    """

    def __init__(
        self,
        key: bytes,
        realm: str,
        accounts: Callable[[str], Account | None],
        *,
        nonce_seconds: float = 300.0,
        replay_max: int = 8192,
    ) -> None:
        self._key = key
        self.realm = realm
        self._accounts = accounts
        self._nonce_seconds = nonce_seconds
        self._replay_max = replay_max
        self._used: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._floor = 0.0
        self._counter = 0
        self.decoys: tuple[Algorithm, ...] = ("MD5",)
        """Algorithms that unknown users are challenged with (one by one, fixed per name): set it to those of the phones
        configured, in their proportion, so that the algorithm does not tell who exists."""

    # ---- challenges --------------------------------------------------------------------------------------------------

    def challenge(self, username: str, source: str, now: float, *, stale: bool = False) -> str:
        """The value of WWW-Authenticate or Proxy-Authenticate for the phone that `username` (From, or the AOR of a
        REGISTER) claims to be. `source` is the address without port; `now` seconds, any clock that goes on over
        a restart (UTC)."""
        return self._challenge(self._account(username).algorithm, source, now, stale)

    def _challenge(self, algorithm: str, source: str, now: float, stale: bool) -> str:
        parts = [f"Digest realm={quote(self.realm)}", f'nonce="{self._nonce(source, now)}"']
        if stale:
            parts.append("stale=true")
        parts += [f"algorithm={algorithm}", 'qop="auth"']
        return ", ".join(parts)

    def _nonce(self, source: str, now: float) -> str:
        self._counter = (self._counter + 1) & 0xFFFFFFFF
        head = int(now * 1000).to_bytes(8, "big") + self._counter.to_bytes(4, "big")
        return urlsafe_b64encode(head + self._seal(head, source)).decode().rstrip("=")

    def _seal(self, head: bytes, source: str) -> bytes:
        return hmac.digest(self._key, b"nonce\0" + head + source.encode() + b"\0" + self.realm.encode(), "sha256")[:16]

    def _issued(self, nonce: str, source: str) -> float | None:
        """When we gave this nonce to this source, or None: not ours, not whole, or somebody else's."""
        try:
            raw = urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
        except ValueError:
            return None
        if len(raw) != _NONCE_BYTES or urlsafe_b64encode(raw).decode().rstrip("=") != nonce:
            return None
        if not hmac.compare_digest(raw[12:], self._seal(raw[:12], source)):
            return None
        return int.from_bytes(raw[:8], "big") / 1000

    def _account(self, username: str) -> Account:
        """The phone, or a made-up one that nobody can know the secret of and that is always the same for a name."""
        mark = hmac.digest(self._key, b"decoy\0" + username.encode("utf-8", "surrogateescape"), "sha256")
        decoy = Account(username, mark.hex(), self.decoys[mark[0] % len(self.decoys)])
        return self._accounts(username) or decoy

    # ---- answers -----------------------------------------------------------------------------------------------------

    def check(
        self, method: str, request_uri: str, claimed: str, headers: list[str], source: str, now: float
    ) -> Verdict:
        """Judges the (Proxy-)Authorization values of a request; `claimed` is `username` of `challenge`.

        Only credentials for our realm are looked at (a request may carry others, RFC 3261 22.3)."""
        params: dict[str, str] | None = None
        for header in headers[:8]:
            found = parse_credentials(header)
            if found is None and header.strip().lower().startswith("digest"):
                return Verdict(kind="malformed", challenge=self.challenge(claimed, source, now))
            if found is not None and found.get("realm") == self.realm:
                params = found
                break
        if params is None:
            return Verdict(kind="missing", challenge=self.challenge(claimed, source, now))
        return self._judge(params, method, request_uri, source, now)

    def named_in(self, headers: list[str]) -> str:
        """The user whom credentials for our realm name, "" where there are none that can be read."""
        found = (parse_credentials(header) for header in headers[:8])
        return next((p.get("username", "") for p in found if p is not None and p.get("realm") == self.realm), "")

    def _judge(self, params: dict[str, str], method: str, request_uri: str, source: str, now: float) -> Verdict:
        username, nonce = params.get("username", ""), params.get("nonce", "")
        account = self._account(username)
        issued = self._issued(nonce, source)

        def no(kind: Literal["stale", "failed"], proven: bool) -> Verdict:
            challenge = self._challenge(account.algorithm, source, now, kind == "stale")
            return Verdict(kind=kind, username=username, proven=proven, challenge=challenge)

        # Not a nonce that this source got from us: the password is not even looked at. Else a guesser could make up his
        # own nonces (or forge his address) and try passwords that no ban counts.
        if issued is None:
            return no("stale", False)
        if not self._right(params, account, method, request_uri):
            return no("failed", True)
        if not self._floor < issued <= now + 1 or now - issued > self._nonce_seconds:
            return no("stale", True)
        if not self._take(nonce, int(params["nc"], 16), issued):
            return no("stale", True)
        return Verdict(kind="accepted", username=username, proven=True)

    def _right(self, params: dict[str, str], account: Account, method: str, request_uri: str) -> bool:
        nc, uri, cnonce = params.get("nc", ""), params.get("uri", ""), params.get("cnonce", "")
        nonce, name = params.get("nonce", ""), account.username
        expected = response_of(account.algorithm, name, self.realm, account.secret, method, uri, nonce, nc, cnonce)
        given = params.get("response", "").lower().encode("utf-8", "surrogateescape")
        right = hmac.compare_digest(expected.encode(), given)
        right &= params.get("qop", "").lower() == "auth" and bool(cnonce)
        right &= params.get("algorithm", "MD5").upper() == account.algorithm
        right &= len(nc) == 8 and all(c in "0123456789abcdefABCDEF" for c in nc)
        # Phones differ in how they write the rest of the URI; the user part is what says whom the request is for.
        return right and _user_part(uri) == _user_part(request_uri)

    def _take(self, nonce: str, nc: int, issued: float) -> bool:
        """Notes a use of the nonce; False where this count (or a later one) was used before: a replay."""
        last = self._used.pop(nonce, (0, issued))[0]
        self._used[nonce] = (max(nc, last), issued)
        while len(self._used) > self._replay_max:
            self._floor = max(self._floor, self._used.popitem(last=False)[1][1])
        return nc > last

    def tick(self, now: float) -> None:
        """Forgets uses of nonces that have expired (call it every minute or so)."""
        for nonce in [n for n, (_, issued) in self._used.items() if now - issued > self._nonce_seconds]:
            del self._used[nonce]
