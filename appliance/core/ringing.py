"""Before a phone of ours is rung on somebody's wish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import SwitchroomError
from appliance.sentences import Said

if TYPE_CHECKING:
    from appliance.core.box import Box


def check_phone(box: Box, extension: str, way_out: Said) -> None:
    """Raises "phone.unknown", with the way out, and "phone.not-connected"."""
    if box.config.phone(extension) is None:
        raise SwitchroomError("phone.unknown", "There is no phone {extension}.", way_out, extension=extension[:20])
    if not box.driver.registered(extension):
        raise SwitchroomError("phone.not-connected", "The phone {extension} is not connected.",
                              "Check the settings in the phone: server, user and password.", extension=extension)
