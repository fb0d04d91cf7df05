"""The account of channels under random use: limits hold whoever asks, and nothing is counted twice or lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance._core import CAMPAIGN, EMERGENCY, INBOUND, PHONE, Channels

LINES = {"gateway": (5, 1), "provider": (3, 0)}


class Account(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.channels = Channels()
        for name, (size, reserve) in LINES.items():
            self.channels.set_line(name, size, reserve)
        self.held: dict[str, tuple[str, int, int]] = {}
        self.forced = dict.fromkeys(LINES, 0)
        self.next = 0

    def leg(self) -> str:
        self.next += 1
        return f"leg-{self.next}"

    @rule(purpose=st.sampled_from([CAMPAIGN, PHONE, EMERGENCY]), campaign=st.integers(1, 3), limit=st.integers(1, 4),
          names=st.permutations(list(LINES)))
    def seize(self, purpose: int, campaign: int, limit: int, names: list[str]) -> None:
        leg = self.leg()
        number = campaign if purpose == CAMPAIGN else 0
        before = self.channels.in_use(number) if number else 0
        line, why = self.channels.seize(leg, names, purpose, number, limit if number else 0)
        if line is None:
            assert why in ("full", "share", "line_down")
            if why == "share":
                assert before >= limit
        else:
            assert not number or before < limit
            self.held[leg] = (line, purpose, number)

    @rule(name=st.sampled_from(list(LINES)))
    def caller_from_outside(self, name: str) -> None:
        leg = self.leg()
        room = self.channels.occupy(leg, name, INBOUND)
        self.held[leg] = (name, INBOUND, 0)
        if not room:
            self.forced[name] += 1

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.held:
            leg = data.draw(st.sampled_from(sorted(self.held)))
            assert self.channels.release(leg)
            assert not self.channels.release(leg)
            del self.held[leg]

    @rule(name=st.sampled_from(list(LINES)), up=st.booleans())
    def line_state(self, name: str, up: bool) -> None:
        self.channels.set_up(name, up, "" if up else "no answer to OPTIONS")

    @invariant()
    def books_agree(self) -> None:
        for line in self.channels.lines():
            assert line.busy == sum(1 for name, _, _ in self.held.values() if name == line.name)
            if not self.forced[line.name]:
                assert line.busy <= line.channels
        for campaign in (1, 2, 3):
            assert self.channels.in_use(campaign) == sum(1 for _, _, number in self.held.values() if number == campaign)

    @invariant()
    def an_emergency_may_end_all_but_its_like_and_campaigns_first(self) -> None:
        victims = self.channels.victims(list(LINES))
        assert sorted(victims) == sorted(leg for leg, (_, purpose, _) in self.held.items() if purpose != EMERGENCY)
        campaigns = [self.held[leg][1] == CAMPAIGN for leg in victims]
        assert campaigns == sorted(campaigns, reverse=True)


Account.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestAccount = Account.TestCase


def test_campaigns_leave_the_reserve_and_callers_take_it() -> None:
    channels = Channels()
    channels.set_line("gateway", 2, 1)
    assert channels.seize("a", ["gateway"], CAMPAIGN, 1, 5) == ("gateway", "")
    assert channels.seize("b", ["gateway"], CAMPAIGN, 1, 5) == (None, "full")
    assert channels.seize("b", ["gateway"], PHONE) == (None, "full")
    assert channels.occupy("c", "gateway", INBOUND)
    assert not channels.occupy("d", "gateway", INBOUND)


def test_an_emergency_uses_the_reserve_and_lines_that_are_down() -> None:
    channels = Channels()
    channels.set_line("gateway", 1, 1)
    channels.set_up("gateway", False, "silent")
    assert channels.seize("a", ["gateway"], PHONE) == (None, "line_down")
    assert channels.seize("b", ["gateway"], EMERGENCY) == ("gateway", "")
    assert channels.seize("b", ["gateway"], EMERGENCY) == ("gateway", "")
    assert channels.seize("c", ["nowhere"], EMERGENCY) == (None, "no_route")


def test_an_emergency_ends_what_costs_least() -> None:
    channels = Channels()
    channels.set_line("gateway", 5)
    channels.set_line("provider", 5)
    channels.seize("talk", ["gateway"], PHONE)
    channels.seize("help", ["gateway"], EMERGENCY)
    channels.seize("old", ["provider"], CAMPAIGN, 1)
    channels.seize("young", ["provider"], CAMPAIGN, 1)
    channels.occupy("caller", "gateway", INBOUND)
    assert channels.victims(["gateway", "provider"]) == ["young", "old", "caller", "talk"]
    assert channels.victims(["provider"]) == ["young", "old"] and channels.victims(["nowhere"]) == []


def test_a_line_that_is_back_counts_the_calls_that_stood_on_it_all_the_time() -> None:
    """Taken out by one configuration and put back by the next, while people talk over it."""
    channels = Channels()
    channels.set_line("gateway", 2)
    assert channels.seize("a", ["gateway"], PHONE) == ("gateway", "")
    assert channels.seize("b", ["gateway"], CAMPAIGN, 1, 5) == ("gateway", "")
    channels.remove_line("gateway")
    assert channels.seize("c", ["gateway"], PHONE) == (None, "no_route")
    channels.set_line("gateway", 2)
    assert channels.seize("c", ["gateway"], PHONE) == (None, "full") and channels.victims(["gateway"]) == ["b", "a"]
    assert channels.release("a") and channels.seize("c", ["gateway"], PHONE) == ("gateway", "")
    assert channels.release("b") and channels.release("c") and not channels.release("c")
    line = channels.line("gateway")
    assert line is not None and line.busy == 0 and channels.in_use(1) == 0
