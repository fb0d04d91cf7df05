"""Lamps of agents: where one sits, and whether that one gets calls."""

from __future__ import annotations

from appliance.core.agent_lamps import AgentLamps
from tests.callslab import Lab


def test_they_follow_the_agent_from_phone_to_phone() -> None:
    lab = Lab()
    lamps = AgentLamps(lab.switch)

    def lit() -> dict[str, bool]:
        return {order[1]: bool(order[2]) for order in lab.driver.did if order[0] == "set_lamp"}

    lamps.show("anna", "101", "logged-out")
    assert lit() == {"*41101": False, "*43101": False}
    lamps.show("anna", "104", "ready")
    assert lit() == {"*41101": False, "*43101": False, "*41104": True, "*43104": False}
    for state, away in (("on-contact", False), ("break", True), ("not-answering", True), ("wrap-up", False)):
        lamps.show("anna", "104", state)
        assert lit()["*41104"] and lit()["*43104"] is away
    lamps.show("anna", "101", "logged-out")
    assert not any(lit().values())


def test_nothing_is_sent_while_nothing_changes_nor_for_who_has_no_phone() -> None:
    lab = Lab()
    lamps = AgentLamps(lab.switch)
    lamps.show("dora", "", "ready")
    lamps.show("anna", "101", "ready")
    before = len(lab.driver.did)
    for state in ("offered", "on-contact", "wrap-up", "ready"):
        lamps.show("anna", "101", state)
    assert len(lab.driver.did) == before == 2
