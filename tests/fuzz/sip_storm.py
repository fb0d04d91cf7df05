"""A call in progress while mutated messages rain on the SIP driver. Run by test_sip_fuzz_driver.py in a process of its own,
with a sanitized build of the SIP module: python sip_storm.py MODULE COUNT SEED. Prints what it saw as JSON."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def load(path: str) -> None:
    """Makes `path` the module drivers.sip._sip, whatever is built in place."""
    spec = importlib.util.spec_from_file_location("drivers.sip._sip", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drivers.sip._sip"] = module
    spec.loader.exec_module(module)


load(sys.argv[1])

from drivers.base import DigitInfo, Ended, Incoming  # noqa: E402 - the module above must come first
from tests.fuzz.mutate import mutations, originals  # noqa: E402
from tests.peers.sipdriver import Peer, gateway, media, office, phone  # noqa: E402
from tests.peers.strangers import Datagrams, Response, any_loopback  # noqa: E402

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)


class Storm:
    def __init__(self, box: Peer, host: str, seed: int) -> None:
        self.box = box
        self.host = host
        self.rng = random.Random(seed)
        self.call = ""
        self.offered = 0
        self.ended_early = False
        self.finishing = False
        self.streams = 0

    def on_event(self, event: Any) -> None:
        """What the core would do with calls that come of mutated messages."""
        driver = self.box.driver
        if isinstance(event, Incoming) and self.call:
            self.offered += 1
            kind = self.rng.randrange(4)
            if kind == 0:
                driver.answer(event.leg, media())
                driver.hang_up(event.leg)
            elif kind == 1:
                driver.ring(event.leg)
                driver.reject(event.leg, 486)
            else:
                driver.reject(event.leg, 404)
        if isinstance(event, Ended) and event.leg == self.call and not self.finishing:
            self.ended_early = True

    async def start_call(self, peer: Datagrams) -> Response:
        body, extra = SDP.format(self.host), "Content-Type: application/sdp\r\n"
        invite = peer.request("INVITE", "sip:101@127.0.0.1", extra=extra, body=body, call_id="the-call")
        peer.send(invite)
        incoming = await self.box.wait(Incoming)
        self.call = incoming.leg
        self.box.driver.answer(incoming.leg, media())
        answer = await peer.wait(lambda r: r.status == 200)
        assert answer is not None
        peer.send(self.in_dialog(peer, answer, "ACK", 1))
        return answer

    def in_dialog(self, peer: Datagrams, answer: Response, method: str, cseq: int, extra: str = "", body: str = "") -> bytes:
        sender = re.match(r"<(.*?)>", answer.one("From"))
        assert sender is not None
        target = re.match(r"<(.*?)>", answer.one("Contact"))
        assert target is not None
        data = peer.request(
            method, target.group(1), to=answer.one("To"), sender=sender.group(1), extra=extra, body=body, cseq=cseq,
            call_id="the-call",
        )  # fmt: skip
        tag = answer.one("From").partition("tag=")[2]
        return re.sub(rb"(From: <[^>]*>;tag=)\w+", rb"\g<1>" + tag.encode(), data)

    async def rain(self, count: int, seed: int) -> None:
        """Four in five as datagrams, from the line's address so that no rate stops them, the rest over streams."""
        writer: asyncio.StreamWriter | None = None
        sources = originals("127.0.0.1", self.box.port)
        with Datagrams(("127.0.0.1", self.box.port), self.host, 5071) as peer:
            for number, data in enumerate(mutations(seed, count, sources)):
                if number % 5 and len(data) < 9000:
                    peer.send(data)
                else:
                    writer = await self.stream(writer, data)
                if number % 40 == 39:
                    assert await peer.alive(), f"no answer after message {number}"
                    peer.got.clear()
        if writer is not None:
            writer.close()

    async def stream(self, writer: asyncio.StreamWriter | None, data: bytes) -> asyncio.StreamWriter:
        if writer is not None and self.rng.random() < 0.7:
            try:
                writer.write(data)
                await asyncio.wait_for(writer.drain(), 5)
                return writer
            except (ConnectionError, TimeoutError):
                pass
        if writer is not None:
            writer.close()
        self.streams += 1
        _, fresh = await asyncio.open_connection("127.0.0.1", self.box.port, local_addr=(self.host, 0))
        fresh.write(data)
        return fresh


async def main(count: int, seed: int) -> dict[str, Any]:
    host = any_loopback()
    lines = [gateway("line", 5070, host=host), gateway("storm", 5071, host=host)]
    cfg = office(*lines, phone("101"), phone("102"))
    async with Peer(cfg) as box:
        storm = Storm(box, host, seed)
        with Datagrams(("127.0.0.1", box.port), host, 5070) as caller:
            box.on_event = storm.on_event
            answer = await storm.start_call(caller)
            await storm.rain(count, seed)
            assert not storm.ended_early, "the call was cut"
            digit = "Signal=5\r\nDuration=100\r\n"
            info = storm.in_dialog(caller, answer, "INFO", 2, "Content-Type: application/dtmf-relay\r\n", digit)
            told = await caller.ask(info)
            await box.wait(DigitInfo, lambda e: e.leg == storm.call and e.digit == "5")
            storm.finishing = True
            bye = await caller.ask(storm.in_dialog(caller, answer, "BYE", 3))
            await box.wait(Ended, lambda e: e.leg == storm.call)
            health = box.driver.health()
    return {
        "messages": count, "offered": storm.offered, "streams": storm.streams, "info": told.status if told else 0,
        "bye": bye.status if bye else 0, "leaked": box.driver.leaked,
        "health": {k: v for k, v in health.items() if isinstance(v, int)},
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[2]), int(sys.argv[3])))))
