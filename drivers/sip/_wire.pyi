from drivers.base import MediaAnswer, MediaOffer

Record = tuple[int, int, int, int, int, list[bytes]]
"""type, code, id, a, b, strings"""

def command(
    kind: int, code: int = 0, id: int = 0, a: int = 0, b: int = 0, strings: tuple[bytes, ...] = ()
) -> bytes:
    """One command record. Strings end at their first NUL, as C reads them; media blocks have their length to go by.

    Raises ValueError for a string of more than 65,000 bytes."""

def records(buf: bytes) -> list[Record]:
    """The event records in what `ua_events` copied: whole ones, in order. Raises ValueError where they are not."""

def media_offer(media: MediaOffer) -> bytes:
    """Our side of the audio as `desc_local_decode` reads it."""

def media_answer(block: bytes) -> MediaAnswer | None:
    """The far end's side as `record_far` wrote it; None where it is empty."""
