"""A phone that watches lamps: SUBSCRIBE with digest, NOTIFY answered as the test says."""

from __future__ import annotations

import re

from drivers.sip.client_auth import authorization
from tests.peers.rawsip import Message, RawSip


class Watch:
    """One subscription of `raw`, which is the phone `user`."""

    def __init__(self, raw: RawSip, user: str, resource: str, event: str = "dialog", call_id: str = "", secret: str = "") -> None:
        self.raw, self.user, self.resource, self.event = raw, user, resource, event
        self.secret = secret or f"secret-{user}"
        self.call_id = call_id or f"watch-{user}-{resource}-{event}"
        self.cseq = 0
        self.to = f"<sip:{resource}@{raw.there}>"
        self.sender = f'"{user}" <sip:{user}@{raw.there}>;tag=w-{user}'
        self.target = f"sip:{resource}@{raw.there}"
        self._answered: dict[int, str] = {}
        """How each NOTIFY was answered, by its CSeq."""

    def _lines(self, *headers: str) -> list[str]:
        self.cseq += 1
        return [f"Via: {self.raw.via()}", "Max-Forwards: 70", f"From: {self.sender}", f"To: {self.to}",
                f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} SUBSCRIBE", f"Contact: <sip:{self.user}@{self.raw.here}>",
                f"Event: {self.event}", *headers]

    async def subscribe(self, *headers: str) -> Message:
        """The final answer, after the challenge."""
        start = f"SUBSCRIBE {self.target} SIP/2.0"
        self.raw.send(self.raw.format(start, self._lines(*headers)))
        answer = await self.raw.wait(lambda m: m.cseq == (self.cseq, "SUBSCRIBE") and m.status >= 200)
        if answer.status == 401:
            auth = authorization(401, answer.all("WWW-Authenticate"), "SUBSCRIBE", self.target, self.user, self.secret)
            assert auth is not None
            self.raw.send(self.raw.format(start, self._lines(auth.strip(), *headers)))
            answer = await self.raw.wait(lambda m: m.cseq == (self.cseq, "SUBSCRIBE") and m.status >= 200)
        if answer.status == 200:
            self.to = answer.get("To")
            self.target = answer.get("Contact").partition("<")[2].partition(">")[0]
        return answer

    async def notified(self, status: str = "200 OK", seconds: float = 10.0) -> Message:
        """The next NOTIFY of this subscription, answered ("" leaves it waiting). One that came again because we were slow to
        answer is answered again and is no news."""
        while True:
            message = await self.raw.wait(lambda m: m.method == "NOTIFY" and m.get("Call-ID") == self.call_id, seconds)
            number = message.cseq[0]
            if number in self._answered:
                self.raw.reply(message, self._answered[number])
                continue
            if status:
                self._answered[number] = status
                self.raw.reply(message, status)
            return message


def states(message: Message) -> list[str]:
    """States of the dialogs in a dialog-info."""
    return re.findall(r"<state>(\w+)</state>", message.body)


def version(message: Message) -> int:
    found = re.search(r'dialog-info[^>]* version="(\d+)"', message.body)
    assert found
    return int(found.group(1))
