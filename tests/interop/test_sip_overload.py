"""Past its rate the running driver sheds new calls, and nothing else."""

from __future__ import annotations

import re

from drivers.base import Ended, Incoming
from tests.peers.sipdriver import Peer, gateway, media, office, phone
from tests.peers.strangers import Datagrams, any_loopback

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)


def invite(peer: Datagrams, number: str, call_id: str) -> bytes:
    extra = "Content-Type: application/sdp\r\n"
    return peer.request("INVITE", f"sip:{number}@127.0.0.1", extra=extra, body=SDP, call_id=call_id)


async def test_new_calls_are_shed_and_nothing_else() -> None:
    host = any_loopback()
    cfg = office(gateway("line", 5070, host=host), phone("101"), sip="max_new_calls_per_second = 1")
    async with Peer(cfg, emergency=["112"]) as box:
        with Datagrams(("127.0.0.1", box.port), host, 5070) as line, Datagrams(("127.0.0.1", box.port), host) as mine:
            line.send(invite(line, "101", "standing"))
            standing = await box.wait(Incoming)
            box.driver.answer(standing.leg, media())
            answer = await line.wait(lambda r: r.status == 200)
            assert answer is not None
            flood = [invite(line, "101", f"flood{i}") for i in range(60)]
            for data in flood:
                line.send(data)
            refused = await line.wait(lambda r: r.one("Call-ID") == "flood59")
            assert refused is not None
            assert refused.status == 503
            assert int(refused.one("Retry-After")) > 0
            shed = {r.one("Call-ID") for r in line.got if r.status == 503}
            assert 35 <= len(shed) <= 45, "a second's worth, a fifth of a second's or 20 at once, is let in"
            # The same again (its 503 was lost): the same answer, not a call.
            line.got.clear()
            line.send(flood[59])
            again = await line.wait(lambda r: r.one("Call-ID") == "flood59")
            assert again is not None
            assert (again.status, again.one("To")) == (503, refused.one("To"))
            # Never shed: emergency calls, registrations, what belongs to a call.
            line.send(invite(line, "112", "help"))
            emergency = await box.wait(Incoming, lambda e: e.number == "112")
            assert emergency.emergency
            registered = await mine.register("101", "secret-101")
            assert registered is not None
            assert registered.status == 200
            target = re.match(r"<(.*?)>", answer.one("Contact"))
            assert target is not None
            bye = line.request("BYE", target.group(1), to=answer.one("To"), call_id="standing", cseq=2)
            bye = re.sub(rb"(From: <[^>]*>;tag=)\w+", rb"\g<1>" + answer.one("From").partition("tag=")[2].encode(), bye)
            done = await line.ask(bye)
            assert done is not None
            assert done.status == 200
            await box.wait(Ended, lambda e: e.leg == standing.leg)
            for event in [e for e in box.events if isinstance(e, Incoming) and e.leg != standing.leg]:
                box.driver.reject(event.leg, 486)
