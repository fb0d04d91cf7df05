"""The rules of one campaign: its scenario as it stood at the start (`CampaignCreated.rules`), typed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from appliance.config.model import Scenario
from appliance.config.values import dec_hook

HEARD_FRACTION = 0.95
"""From this share of the message on it counts as heard to the end: people hang up during the last syllable."""


def rules_of(raw: Mapping[str, Any]) -> Scenario:
    """The scenario from its TOML keys. Keys of another release that this one does not know are passed over: the
    campaign began under them and must go on. Raises msgspec.ValidationError on a wrong type."""
    known = {name: value for name, value in raw.items() if name in Scenario.__struct_fields__}
    return msgspec.convert({"code": "0"} | known, Scenario, strict=False, dec_hook=dec_hook)
