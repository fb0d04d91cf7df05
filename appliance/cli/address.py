"""The address that others of the network reach this machine at."""

from __future__ import annotations

import socket


def own_address() -> str:
    """The address of this machine that others of its network reach it at; "" where it has none but loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # chooses a route; a UDP connect sends nothing
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith("127.") else address
