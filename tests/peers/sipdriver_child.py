"""A process with a SIP driver that a test kills: places and takes calls, then says what stands and waits for its end.

Arguments: SIP port, gateway's port, journal, numbers to call (comma separated), calls to take and answer, calls to take and
let ring. It prints one JSON line {"call_ids": [...]} when all of them stand.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from drivers.base import Answered, Incoming, Ringing
from tests.peers.sipdriver import Peer, gateway, media, office


async def main(port: int, gateway_port: int, journal: str, numbers: list[str], answer: int, ring: int) -> None:
    tables = [gateway("gateway", gateway_port), gateway("caller", port + 1, 'accept_from = ["127.0.0.1"]\n')]
    async with Peer(office(*tables, listen=f"127.0.0.1:{port}"), journal=Path(journal)) as peer:
        call_ids = []
        for number in numbers:
            leg = peer.place("gateway", number)
            call_ids.append(peer.driver.call_id_of(leg))
            await peer.wait(Ringing if number.endswith("7") else Answered, lambda e, leg=leg: e.leg == leg)
        print(json.dumps({"ready": True}), flush=True)
        for i in range(answer + ring):
            call = await peer.wait(Incoming)
            call_ids.append(call.sip_call_id)
            peer.driver.ring(call.leg)
            if i < answer:
                peer.driver.answer(call.leg, media())
                await peer.wait(Answered, lambda e, leg=call.leg: e.leg == leg)
        print(json.dumps({"call_ids": call_ids}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    a = sys.argv[1:]
    asyncio.run(main(int(a[0]), int(a[1]), a[2], [n for n in a[3].split(",") if n], int(a[4]), int(a[5])))
