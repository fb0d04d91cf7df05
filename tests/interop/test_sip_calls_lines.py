"""Gateways' health, and registering with a provider."""

from __future__ import annotations

import asyncio

import pytest

from drivers.base import Answered, Ended, EndpointChanged, Incoming
from drivers.sip.client_auth import authorization
from drivers.sip.digest import Account, Authenticator
from tests.peers.net import free_port
from tests.peers.rawsip import Call, Message, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, media, office


def trunk(ports: list[int], extra: str = "") -> str:
    others = ", ".join(f'"127.0.0.1:{port}"' for port in ports[1:])
    return (f'[[lines]]\nname = "provider"\ndriver = "sip-trunk"\nregistrar = "127.0.0.1:{ports[0]}"\n'
            f'failover = [{others}]\nusername = "35899000100"\nsecret = "trunk-secret"\nchannels = 10\n'
            f'inbound_to = "extension:101"\nregister_seconds = 60\n{extra}')


class Provider:
    """The server side of digest, with our own checker: one algorithm at a time, as providers do."""

    def __init__(self, algorithm: str) -> None:
        account = Account("35899000100", "trunk-secret", algorithm)  # type: ignore[arg-type]
        self.auth = Authenticator(b"k" * 32, "provider.example", lambda name: account if name == account.username else None)

    def accepts(self, request: Message) -> str:
        """"" when the credentials are right, else the challenge."""
        given = request.all("Authorization") or request.all("Proxy-Authorization")
        verdict = self.auth.check(request.method, request.start.split(" ")[1], "35899000100", given, "127.0.0.1", 1000.0)
        return "" if verdict.kind == "accepted" else verdict.challenge


async def register(raw: RawSip, provider: Provider, expires: str = "60") -> Message:
    """Challenges a REGISTER and grants the second one."""
    first = await raw.request("REGISTER")
    raw.reply(first, "401 Unauthorized", f"WWW-Authenticate: {provider.accepts(first)}", contact=False)
    second = await raw.request("REGISTER")
    assert provider.accepts(second) == ""
    assert second.cseq[0] > first.cseq[0] and second.get("Call-ID") == first.get("Call-ID")
    raw.reply(second, "200 OK", f"Contact: {second.get('Contact')};expires={expires}", contact=False)
    return second


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_trunk_registers_calls_and_is_called(algorithm: str) -> None:
    port, provider = free_port(), Provider(algorithm)
    async with Peer(office(trunk([port]))) as peer:
        raw = await RawSip().open(peer.port, port)
        register_request = await register(raw, provider)
        assert "35899000100@" in register_request.get("Contact") and register_request.get("Expires") == "60"
        assert (await peer.wait(EndpointChanged, lambda e: e.endpoint == "provider")).up
        leg = peer.place("provider", "+358401234567", caller="35899000100")
        invite = await raw.request("INVITE")
        raw.reply(invite, "407 Proxy Authentication Required", f"Proxy-Authenticate: {provider.accepts(invite)}", contact=False)
        await raw.request("ACK")
        again = await raw.request("INVITE")
        assert again.all("Proxy-Authorization") and provider.accepts(again) == ""
        assert again.start.split(" ")[1].startswith("sip:+358401234567@127.0.0.1")
        raw.reply(again, "200 OK", body=sdp())
        await raw.request("ACK")
        assert (await peer.wait(Answered)).leg == leg
        peer.driver.hang_up(leg)
        bye = await raw.request("BYE")
        raw.reply(bye, "401 Unauthorized", f"WWW-Authenticate: {Provider(algorithm).auth.challenge('x', '127.0.0.1', 1000.0)}")
        bye = await raw.wait(lambda m: m.method == "BYE" and m.cseq[0] > again.cseq[0] + 1)
        assert bye.all("Authorization")
        raw.reply(bye, "200 OK", contact=False)
        assert (await peer.wait(Ended)).cause.by == "near"
        call = Call(raw, "from-provider", number="35899000100")
        call.send("INVITE", "P-Asserted-Identity: <sip:+358501112222@provider.example>", body=sdp())
        incoming = await peer.wait(Incoming)
        assert (incoming.endpoint, incoming.kind, incoming.caller) == ("provider", "line", "+358501112222")
        peer.driver.reject(incoming.leg, 486, retry_after=30)
        refusal = await raw.status(486, "INVITE")
        assert refusal.get("Retry-After") == "30"
        call.refuse_ack(refusal)
        raw_close = asyncio.create_task(_unregister(raw))
    assert (await raw_close).get("Expires") == "0"
    raw.close()


async def _unregister(raw: RawSip) -> Message:
    request = await raw.wait(lambda m: m.method == "REGISTER" and m.get("Expires") == "0")
    raw.reply(request, "200 OK", contact=False)
    return request


async def test_wrong_credentials_are_not_tried_for_ever() -> None:
    port, provider = free_port(), Provider("MD5")
    async with Peer(office(trunk([port]).replace("trunk-secret", "wrong"))) as peer:
        raw = await RawSip().open(peer.port, port)
        for _ in range(3):
            request = await raw.request("REGISTER")
            raw.reply(request, "401 Unauthorized", f"WWW-Authenticate: {provider.accepts(request)}", contact=False)
        change = await peer.wait(EndpointChanged, lambda e: e.endpoint == "provider")
        assert not change.up and "401" in change.reason
        leg = peer.place("provider", "+358401234567")
        invite = await raw.request("INVITE")
        for _ in range(2):
            raw.reply(invite, "401 Unauthorized", f"WWW-Authenticate: {provider.accepts(invite)}", contact=False)
            await raw.request("ACK")
            invite = await raw.request("INVITE")
        raw.reply(invite, "401 Unauthorized", f"WWW-Authenticate: {provider.accepts(invite)}", contact=False)
        assert (await peer.wait(Ended, lambda e: e.leg == leg)).cause.sip == 401
        raw.close()


async def test_the_next_registrar_takes_over() -> None:
    ports = [free_port(), free_port()]
    async with Peer(office(trunk(ports))) as peer:
        first, second = await RawSip().open(peer.port, ports[0]), await RawSip().open(peer.port, ports[1])
        first.reply(await first.request("REGISTER"), "503 Service Unavailable", contact=False)
        await register(second, Provider("MD5"))
        assert (await peer.wait(EndpointChanged, lambda e: e.endpoint == "provider")).up
        peer.place("provider", "+358401234567")
        second.reply(await second.request("INVITE"), "603 Decline", contact=False)  # calls go where we are registered
        await peer.wait(Ended)
        first.close()
        second.close()


async def test_too_brief_an_interval_is_raised() -> None:
    port = free_port()
    async with Peer(office(trunk([port]))) as peer:
        raw = await RawSip().open(peer.port, port)
        raw.reply(await raw.request("REGISTER"), "423 Interval Too Brief", "Min-Expires: 300", contact=False)
        again = await raw.request("REGISTER")
        assert again.get("Expires") == "300"
        raw.reply(again, "200 OK", contact=False)
        assert (await peer.wait(EndpointChanged, lambda e: e.endpoint == "provider")).up
        raw.close()


async def test_a_gateway_goes_down_and_comes_back() -> None:
    """One that has answered OPTIONS before and stops: down after two misses, up with the first answer."""
    port = free_port()
    async with Peer(office(gateway("gateway", port, "options_seconds = 1\n"))) as peer:
        raw = await RawSip().open(peer.port, port)
        raw.reply(await raw.request("OPTIONS"), "404 Not Found", contact=False)  # any answer is life
        assert (await peer.wait(EndpointChanged)).up
        change = await peer.wait(EndpointChanged, seconds=20)
        assert not change.up and "OPTIONS" in change.reason
        raw.inbox.clear()
        raw.reply(await raw.request("OPTIONS", 15), "200 OK", contact=False)
        assert (await peer.wait(EndpointChanged)).up
        raw.close()


async def test_a_gateway_that_ignores_options_counts_as_up() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port, "options_seconds = 1\n"))) as peer:
        raw = await RawSip().open(peer.port, port)
        assert (await peer.wait(EndpointChanged)).up
        await raw.request("OPTIONS")
        for _ in range(2):  # two calls without a word: down for a while
            peer.place("gateway", "0917700001")
        assert not (await peer.wait(EndpointChanged, seconds=15)).up
        raw.close()


async def test_a_stranger_is_challenged_and_a_wrong_password_bans_him() -> None:
    async with Peer(office()) as peer:
        raw, challenge = await RawSip().open(peer.port), ""
        for i in range(5):
            call = Call(raw, f"stranger-{i}", user="101")
            for tries in (1, 2):  # without credentials, then with wrong ones
                header = authorization(401, [challenge], "INVITE", call.target, "101", "guess") if tries == 2 else None
                call.remote = f"<sip:101@{raw.there}>"
                call.send("INVITE", *([header.strip()] if header else []), body=sdp())
                refusal = await raw.wait(lambda m, c=call: m.status == 401 and m.get("Call-ID") == c.call_id)
                challenge = refusal.get("WWW-Authenticate")
                call.refuse_ack(refusal)
        banned = await peer.wait(EndpointChanged, lambda e: "wrong passwords" in e.reason)
        assert banned.event.address == "127.0.0.1"
        before = peer.driver.health()["guard_banned"]
        Call(raw, "one-more").send("OPTIONS")
        while peer.driver.health()["guard_banned"] == before:
            await asyncio.sleep(0.01)
        assert not [m for m in raw.inbox if m.get("Call-ID") == "one-more"]
        assert not [e for e in peer.events if isinstance(e, Incoming)]
        raw.close()


async def test_a_line_that_is_taken_out_of_the_configuration() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer:
        raw = await RawSip().open(peer.port, port)
        call = Call(raw, "stays")
        call.send("INVITE", body=sdp())
        leg = (await peer.wait(Incoming)).leg
        peer.driver.answer(leg, media())
        call.ack(await raw.status(200, "INVITE"))
        peer.driver.reconfigure(office())
        other = Call(raw, "stranger")
        other.send("INVITE", body=sdp())
        other.refuse_ack(await raw.status(401, "INVITE"))
        placed = peer.place("gateway", "0917700001")
        assert (await peer.wait(Ended)).leg == placed
        call.send("BYE")  # the call that stood still stands
        await raw.status(200, "BYE")
        assert (await peer.wait(Ended)).leg == leg
        raw.close()


async def register_phone(peer: Peer, raw: RawSip, extension: str = "101") -> None:
    headers = [f"Contact: <sip:{extension}@{raw.here}>", "Expires: 300"]
    for cseq, auth in ((1, None), (2, "again")):
        extra = []
        if auth:
            challenge = (await raw.status(401, "REGISTER")).get("WWW-Authenticate")
            uri, secret = f"sip:{raw.there}", f"secret-{extension}"
            extra = [(authorization(401, [challenge], "REGISTER", uri, extension, secret) or "").strip()]
        raw.send(raw.format(f"REGISTER sip:{raw.there} SIP/2.0", [
            f"Via: {raw.via()}", "Max-Forwards: 70", f"From: <sip:{extension}@{raw.there}>;tag=r{raw.port}",
            f"To: <sip:{extension}@{raw.there}>", f"Call-ID: reg-{raw.port}", f"CSeq: {cseq} REGISTER", *headers, *extra]))
    await raw.status(200, "REGISTER")
    assert peer.driver.registered(extension)


async def test_all_devices_of_a_phone_ring_and_the_first_to_answer_has_the_call() -> None:
    async with Peer(office()) as peer:
        desk, mobile = await RawSip().open(peer.port), await RawSip().open(peer.port)
        for raw in (desk, mobile):
            await register_phone(peer, raw)
        leg = peer.place("101", "101", kind="phone", caller="102")
        at_desk, at_mobile = await desk.request("INVITE"), await mobile.request("INVITE")
        for raw, invite in ((desk, at_desk), (mobile, at_mobile)):
            raw.reply(invite, "180 Ringing")
        mobile.reply(at_mobile, "200 OK", body=sdp())
        await mobile.request("ACK")
        assert (await peer.wait(Answered)).leg == leg
        desk.reply(await desk.request("CANCEL"), "200 OK", contact=False)
        desk.reply(at_desk, "487 Request Terminated", contact=False)
        await desk.request("ACK")
        peer.driver.hang_up(leg)
        mobile.reply(await mobile.request("BYE"), "200 OK", contact=False)
        assert (await peer.wait(Ended)).cause.by == "near"
        assert [type(e).__name__ for e in peer.of(leg)] == ["Ringing", "Answered", "Ended"]
        leg = peer.place("101", "101", kind="phone", caller="102")
        at_desk, at_mobile = await desk.request("INVITE"), await mobile.request("INVITE")
        desk.reply(at_desk, "480 Temporarily Unavailable", contact=False)
        mobile.reply(at_mobile, "486 Busy Here", contact=False)
        assert (await peer.wait(Ended)).cause.sip == 486
        desk.close()
        mobile.close()


async def test_registrations_survive_a_restart() -> None:
    class States:
        def __init__(self) -> None:
            self.kept: dict[str, bytes] = {}

        def states(self, namespace: str) -> dict[str, bytes]:
            return self.kept

        def put_state(self, namespace: str, key: str, value: bytes | None) -> None:
            self.kept.pop(key, None)
            if value is not None:
                self.kept[key] = value

    states, port = States(), free_port()
    cfg = office(listen=f"127.0.0.1:{port}")
    raw = await RawSip().open(port)
    async with Peer(cfg, state=states) as peer:
        await register_phone(peer, raw)
    async with Peer(cfg, state=states) as peer:
        assert (await peer.wait(EndpointChanged)).up
        peer.place("101", "101", kind="phone")
        raw.reply(await raw.request("INVITE"), "486 Busy Here", contact=False)
        await peer.wait(Ended)
    raw.close()
