"""Every clip of a language by name: the pieces of all texts and all words a value can ask for."""

from __future__ import annotations

from functools import cache

import msgspec

from appliance.prompts.grammar import vocabulary
from appliance.prompts.texts import Words, pieces, speech


class Clip(msgspec.Struct, frozen=True):
    """`text` is spoken; a clip that `ends` a sentence keeps a breath of silence after it."""

    name: str
    text: str
    ends: bool = False


@cache
def catalog(language: str) -> dict[str, Clip]:
    """All clips of a language that espeak-ng speaks, by name."""
    out = {word.name: Clip(word.name, word.text) for word in vocabulary(language).values()}
    for name in speech(language).texts:
        for piece in pieces(language, name):
            if isinstance(piece, Words):
                out[piece.name] = Clip(piece.name, piece.text, piece.text[-1] in ".!?。！？")
    return out
