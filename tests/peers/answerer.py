"""baresip behind a line: answers the calls to one number by itself, and writes down what it hears."""

from __future__ import annotations

from pathlib import Path

from tests.peers.baresip import Phone


class Answerer(Phone):
    """The subscriber `number` (as the line sends it); the box's gateway is 127.0.0.1:`port`."""

    def __init__(self, folder: Path, number: str, *, codec: str = "g711") -> None:
        super().__init__(folder, 9, number, "", codec=codec)
        (folder / "accounts").write_text(f"<sip:{number}@127.0.0.1:{self.port}>;regint=0;answermode=auto\n")
