"""Server digest: the RFC's own examples, nonces, replays, and that nothing tells who exists."""

from __future__ import annotations

import re

import pytest

from drivers.sip.digest import HEADER_MAX, Account, Authenticator, Verdict, parse_credentials, quote, response_of

KEY = b"k" * 32
PHONES = {
    "101": Account("101", "anna-101"),
    "102": Account("102", "boris-102", "SHA-256"),
    'o"dd': Account('o"dd', "x\\y"),
}
SOURCE, URI = "192.0.2.7", "sip:office"


@pytest.fixture
def auth() -> Authenticator:
    made = Authenticator(KEY, "switchroom", PHONES.get)
    made.decoys = ("MD5", "SHA-256")
    return made


def nonce_of(challenge: str) -> str:
    found = re.search(r'nonce="([^"]+)"', challenge)
    assert found
    return found.group(1)


def credentials(user: str, secret: str, nonce: str, *, algorithm: str = "MD5", nc: int = 1, **change: str) -> str:
    values = {"uri": URI, "cnonce": "c0", "realm": "switchroom", "nc": f"{nc:08x}", "qop": "auth", "method": "REGISTER"}
    values |= change
    values["nc"] = values.pop("count", values["nc"])
    response = response_of(
        algorithm, user, values["realm"], secret, values["method"], values["uri"], nonce, values["nc"], values["cnonce"]
    )
    head = f"Digest username={quote(user)}, realm={quote(values['realm'])}, nonce={quote(nonce)}"
    head += f", uri={quote(values['uri'])}"
    tail = f'cnonce="{values["cnonce"]}", qop={values["qop"]}, nc={values["nc"]}'
    return f'{head}, response="{response}", algorithm={algorithm}, {tail}'


def ask(auth: Authenticator, header: str, now: float, source: str = SOURCE, method: str = "REGISTER") -> Verdict:
    return auth.check(method, URI, "101", [header], source, now)


def test_rfc_7616_examples() -> None:
    """RFC 7616 3.9.1, both algorithms."""
    args = (
        "Mufasa",
        "http-auth@example.org",
        "Circle of Life",
        "GET",
        "/dir/index.html",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response_of("MD5", *args) == "8ca523f5e9506fed4657c9700eebdbec"
    assert response_of("SHA-256", *args) == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize(("user", "algorithm"), [("101", "MD5"), ("102", "SHA-256"), ('o"dd', "MD5")])
def test_right_password_is_accepted(auth: Authenticator, user: str, algorithm: str) -> None:
    challenge = auth.challenge(user, SOURCE, 100)
    assert f"algorithm={algorithm}" in challenge
    assert challenge.count("algorithm") == 1
    header = credentials(user, PHONES[user].secret, nonce_of(challenge), algorithm=algorithm)
    verdict = ask(auth, header, 101)
    assert (verdict.kind, verdict.username) == ("accepted", user)


def test_wrong_password_is_proof_only_for_the_nonces_owner(auth: Authenticator) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 100))
    wrong = credentials("101", "guess", nonce)
    assert (ask(auth, wrong, 101).kind, ask(auth, wrong, 101).proven) == ("failed", True)
    elsewhere = ask(auth, wrong, 101, source="198.51.100.9")
    assert (elsewhere.kind, elsewhere.proven) == ("stale", False)
    made_up = credentials("101", "guess", "bm9uY2U")
    assert (ask(auth, made_up, 101).kind, ask(auth, made_up, 101).proven) == ("stale", False)


def test_a_nonce_not_ours_is_no_oracle(auth: Authenticator) -> None:
    """Right and wrong passwords look alike unless the nonce is ours: guesses that no ban counts learn nothing."""
    for secret in ("anna-101", "guess"):
        assert ask(auth, credentials("101", secret, "bm9uY2U"), 101).kind == "stale"


def test_nonce_expires_with_stale(auth: Authenticator) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 100))
    verdict = ask(auth, credentials("101", "anna-101", nonce), 100 + 301)
    assert verdict.kind == "stale"
    assert "stale=true" in verdict.challenge
    assert ask(auth, credentials("101", "anna-101", nonce_of(verdict.challenge)), 402).kind == "accepted"
    # An old nonce with a wrong password counts as a guess, and does not say "stale".
    verdict = ask(auth, credentials("101", "guess", nonce), 100 + 301)
    assert (verdict.kind, verdict.proven) == ("failed", True)
    assert "stale" not in verdict.challenge


def test_each_count_is_good_once(auth: Authenticator) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 100))
    assert ask(auth, credentials("101", "anna-101", nonce, nc=1), 101).kind == "accepted"
    assert ask(auth, credentials("101", "anna-101", nonce, nc=1), 101).kind == "stale"
    assert ask(auth, credentials("101", "anna-101", nonce, nc=5), 101).kind == "accepted"
    assert ask(auth, credentials("101", "anna-101", nonce, nc=4), 101).kind == "stale"


def test_forgetting_counts_lets_no_replay_through() -> None:
    auth = Authenticator(KEY, "switchroom", PHONES.get, replay_max=2)
    used = []
    for i in range(4):
        used.append(credentials("101", "anna-101", nonce_of(auth.challenge("101", SOURCE, 100 + i))))
        assert ask(auth, used[-1], 100 + i).kind == "accepted"
    assert [ask(auth, header, 104).kind for header in used] == ["stale"] * 4


def test_ticking_forgets_only_what_expired(auth: Authenticator) -> None:
    header = credentials("101", "anna-101", nonce_of(auth.challenge("101", SOURCE, 100)))
    assert ask(auth, header, 101).kind == "accepted"
    auth.tick(200)
    assert ask(auth, header, 201).kind == "stale"
    auth.tick(1000)
    assert ask(auth, header, 1000).kind == "stale"


def test_nonce_is_good_after_a_restart_with_the_same_key(auth: Authenticator) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 100))
    again = Authenticator(KEY, "switchroom", PHONES.get)
    assert ask(again, credentials("101", "anna-101", nonce), 110).kind == "accepted"
    other = Authenticator(b"x" * 32, "switchroom", PHONES.get)
    assert ask(other, credentials("101", "anna-101", nonce), 110).kind == "stale"


def test_a_nonce_from_the_future_is_stale(auth: Authenticator) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 5000))
    assert ask(auth, credentials("101", "anna-101", nonce), 100).kind == "stale"


@pytest.mark.parametrize("field", ["qop", "nc", "cnonce", "uri", "method", "realm", "algorithm"])
def test_every_part_counts(auth: Authenticator, field: str) -> None:
    nonce = nonce_of(auth.challenge("101", SOURCE, 100))
    change = {
        "qop": {"qop": "auth-int"},
        "nc": {"count": "1"},
        "cnonce": {"cnonce": ""},
        "uri": {"uri": "sip:999@office"},
        "method": {"method": "INVITE"},
        "realm": {"realm": "other"},
        "algorithm": {"algorithm": "SHA-256"},
    }[field]
    verdict = ask(auth, credentials("101", "anna-101", nonce, **change), 101)  # type: ignore[arg-type]
    assert verdict.kind == ("missing" if field == "realm" else "failed")


def test_unknown_users_look_like_known_ones(auth: Authenticator) -> None:
    auth.decoys = ("MD5",)
    shapes = set()
    for user in ("101", "999"):
        challenge = auth.challenge(user, SOURCE, 100)
        verdict = ask(auth, credentials(user, "guess", nonce_of(challenge)), 101)
        assert verdict.kind == "failed"
        shapes.add(re.sub(r'nonce="[^"]+"', "", challenge) + "|" + re.sub(r'nonce="[^"]+"', "", verdict.challenge))
    assert len(shapes) == 1
    assert auth.challenge("999", SOURCE, 1).count("MD5") == 1


def test_decoy_algorithm_is_fixed_per_name(auth: Authenticator) -> None:
    def algorithm(user: str) -> str:
        return auth.challenge(user, SOURCE, 100).partition("algorithm=")[2].partition(",")[0]

    assert {algorithm("999") for _ in range(5)} == {algorithm("999")}
    assert {algorithm(str(user)) for user in range(900, 950)} == {"MD5", "SHA-256"}


@pytest.mark.parametrize(
    "header",
    [
        "Digest username",
        'Digest username="a',
        "Digest a=1, a=2",
        "Digest " + ",".join(f"p{i}=1" for i in range(30)),
        'Digest username="a" realm="b"',
        "Digest =x",
        "Digest " + "x=" + "y" * HEADER_MAX,
    ],
)
def test_broken_headers_are_malformed(auth: Authenticator, header: str) -> None:
    assert parse_credentials(header) is None
    assert ask(auth, header, 100).kind == "malformed"


def test_other_schemes_and_realms_are_passed_over(auth: Authenticator) -> None:
    """RFC 4475 3.3.7: a scheme that nobody knows is answered with our challenge."""
    good = credentials("101", "anna-101", nonce_of(auth.challenge("101", SOURCE, 100)))
    assert ask(auth, "NoOneKnowsThisScheme opaque-data=here", 100).kind == "missing"
    other = good.replace('realm="switchroom"', 'realm="else"')
    assert auth.check("REGISTER", URI, "101", ["Basic x", other, good], SOURCE, 101).kind == "accepted"


def test_who_is_named(auth: Authenticator) -> None:
    good = credentials("102", "x", "n")
    assert auth.named_in(["Basic x", good]) == "102"
    assert auth.named_in(["Digest broken"]) == ""


def test_values_keep_their_commas_and_escapes() -> None:
    parsed = parse_credentials('Digest username="a,\\"b\\"", realm=x ,  uri="sip:a,b"')
    assert parsed == {"username": 'a,"b"', "realm": "x", "uri": "sip:a,b"}
