"""Rules about queues, menus, mailboxes, callers and surveys, each within its table or beside its neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.config.check_rules import Where
from appliance.config.decode import Report, shown
from appliance.config.locate import Path
from appliance.config.menus import Ask
from appliance.config.model import CallerList, Config, Member, Menu, Queue, Survey
from appliance.config.values import Target
from appliance.config.walk import Leaf, leaves
from appliance.config.words import FILE, file_of
from appliance.sentences import say


def run(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    """All rules; each problem goes to `report` with the path that `where` gives its table. `texts` are all leaves."""
    owners = {agent.extension: agent.id for agent in config.agents if agent.extension}
    for queue in config.queues:
        _members(queue, owners, report, where)
        _to_itself(queue, report, where)
    for menu in config.menus:
        _menu(menu, report, where(menu))
        if menu.ask is not None:
            _ask(menu.ask, report, where(menu.ask))
    for callers in config.callers:
        _callers(callers, report, where(callers))
    for survey in config.surveys:
        _survey(survey, report, where)
    _hours_codes(config, report, where)
    _mailboxes(config, report, where, texts)
    for leaf in texts:
        if "words" in leaf.marks and leaf.value.startswith(FILE) and not file_of(leaf.value):
            path = (*where(leaf.table), *leaf.path)
            report("config.wrong-value", path, say('"file:" names no file.'), say('Write it as "file:welcome.wav".'))


# ---- queues ----------------------------------------------------------------------------------------------------------


def _members(queue: Queue, owners: dict[str, str], report: Report, where: Where) -> None:
    """`owners`: whose phone it is, by its extension."""
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(queue.agents):
        path = where(each) if isinstance(each, Member) else (*where(queue), "agents", index)
        member = each if isinstance(each, Member) else Member(agent=each)
        if (member.agent is None) == (member.extension is None):
            what = say("An agent of a queue is named by one of agent and extension.")
            report("config.missing-key", path, what, say('Write { agent = "anna" } or { extension = "104" }.'))
            continue
        name = ("agent", member.agent) if member.agent is not None else ("extension", str(member.extension))
        if name in seen and isinstance(each, Member):  # twice the same id is told with all other references
            report("config.duplicate", path, say("{name} stands twice in agents.", name=shown(name[1])), say("Take one out."))
        seen.add(name)
        if member.extension in owners:  # who answers there is that agent: the phone by itself is nobody
            owner = shown(owners[member.extension])
            what = say("{extension} is the phone of the agent {owner}: the queue would never ring it by itself.",
                       extension=shown(member.extension), owner=owner)
            report("config.clash", path, what, say("Write { agent = {owner} }, with always_signed_in = true for that agent.",
                                                   owner=owner))


def _to_itself(queue: Queue, report: Report, where: Where) -> None:
    for leaf in leaves(queue):
        if isinstance(leaf.value, Target) and leaf.value == f"queue:{queue.name}":
            what = say("The queue would send callers to itself.")
            report("config.loop", (*where(leaf.table), *leaf.path), what, say("Name another target."))


# ---- menus -----------------------------------------------------------------------------------------------------------


def _menu(menu: Menu, report: Report, path: Path) -> None:
    for key in menu.languages:
        if key in menu.keys:
            what = say("The digit {key} chooses a language and reaches {target}.", key=shown(key), target=menu.keys[key])
            report("config.clash", (*path, "languages", key), what, say("Choose another digit for one of them."))
    if menu.dialable and not menu.dial_extensions:
        what = say('"dialable" does nothing: extensions cannot be dialled in this menu.')
        report("config.wrong-key", (*path, "dialable"), what, say("Add dial_extensions = true."))


def _ask(ask: Ask, report: Report, path: Path) -> None:
    if ask.min_digits > ask.max_digits:
        what = say('"min_digits" is above "max_digits".')
        report("config.wrong-value", (*path, "min_digits"), what, say("Lower it."))
        return
    for index, form in enumerate(ask.forms):
        if not ask.min_digits <= len(form) <= ask.max_digits:
            what = say("{form} has {count} digits, but {min_digits} to {max_digits} can be keyed.", form=shown(form),
                       count=len(form), min_digits=ask.min_digits, max_digits=ask.max_digits)
            report("config.wrong-value", (*path, "forms", index), what, say("Set min_digits and max_digits to fit it."))


def _hours_codes(config: Config, report: Report, where: Where) -> None:
    taken: dict[str, str] = {}
    for hours in config.hours:
        if hours.code and hours.code in taken:
            what = say("{code} is already the code of {taken}.", code=shown(hours.code), taken=shown(taken[hours.code]))
            report("config.duplicate", (*where(hours), "code"), what, say("Give these hours another code."))
        taken.setdefault(hours.code, hours.name)


# ---- mailboxes, callers, surveys -------------------------------------------------------------------------------------


def _mailboxes(config: Config, report: Report, where: Where, texts: Iterable[Leaf]) -> None:
    """A mailbox that nothing leads to is a misspelt name: its mail would go nowhere."""
    owners = {phone.extension for phone in config.phones} | {agent.id for agent in config.agents}
    owners |= {queue.name for queue in config.queues} | {menu.name for menu in config.menus}
    owners |= {leaf.value.name for leaf in texts if isinstance(leaf.value, Target) and leaf.value.kind == "voicemail"}
    for box in config.mailboxes:
        if box.name not in owners:
            what = say("Nothing leads to the mailbox {name}.", name=shown(box.name))
            fix = say("Name it after a phone, agent, queue or menu, or send callers to voicemail:{name}.", name=box.name)
            report("config.dangling", (*where(box), "name"), what, fix)


def _callers(callers: CallerList, report: Report, path: Path) -> None:
    if not callers.numbers and not callers.file:
        what = say("The list of callers {name} is empty.", name=shown(callers.name))
        report("config.missing-key", path, what, say('Add numbers = ["+358917700000"], or a file.'))
    if callers.silent and (callers.kind == "vip" or callers.to is not None):
        what = say("Only callers who are turned away, and reach nothing else, can be refused without a word.")
        report("config.wrong-key", (*path, "silent"), what, say("Leave it out."))
    if callers.kind == "block" and callers.priority is not None:
        what = say("Callers who are turned away need no priority.")
        report("config.wrong-key", (*path, "priority"), what, say('Leave it out, or set kind = "vip".'))


def _survey(survey: Survey, report: Report, where: Where) -> None:
    seen: set[str] = set()
    for question in survey.questions:
        if question.name in seen:
            what = say("Two questions have the name {name}.", name=shown(question.name))
            report("config.duplicate", (*where(question), "name"), what, say("Give this one another name."))
        seen.add(question.name)
