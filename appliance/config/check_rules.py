"""Rules within one table or between neighbours: drivers, ports, mail, digits, hours, numbers, time zones, countries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.config import hours as opening
from appliance.config import numbers
from appliance.config.decode import Report, literal, shown
from appliance.config.locate import Path
from appliance.config.model import Config, Hours, Line, Scenario, Table
from appliance.config.public_holidays import knows_holidays
from appliance.config.routes import route_for
from appliance.config.values import HostPort, Target, WrongText, is_ip
from appliance.config.walk import Leaf
from appliance.errors import SwitchroomError
from appliance.sentences import say

Where = Callable[[Table], Path]

DEFAULT_SIP_PORT = 5060
_PORTS_PER_LEG = 2
_LEGS_PER_CHANNEL = 2


def run(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    """All rules; each problem goes to `report` with the path that `where` gives its table. `texts` are all leaves."""
    _places(report, where, texts)
    _ports(config, report)
    _addresses(config, report)
    _web_and_mail(config, report)
    _lines(config, report, where)
    _phones(config, report, where)
    for scenario in config.scenarios:
        _scenario(scenario, report, where(scenario))
    for hours in config.hours:
        _hours(hours, config.office.country, report, where(hours))
    _entries(config.dialling.callee_hours, report, ("dialling", "callee_hours"))
    _numbers(config, report, where, texts)


# ---- countries and time zones ----------------------------------------------------------------------------------------


def _places(report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    for leaf in texts:
        path = (*where(leaf.table), *leaf.path)
        if "country" in leaf.marks and not numbers.is_country(leaf.value):
            fix = say("Write its ISO 3166 code of two letters, such as FI, DE, US.")
            report("config.unknown-country", path, say("{value} is no country with a numbering plan.",
                                                       value=shown(leaf.value)), fix)
        if "timezone" in leaf.marks and not opening.is_timezone(leaf.value):
            fix = say("Write its IANA name, such as Europe/Helsinki.")
            report("config.unknown-timezone", path, say("{value} is no time zone.", value=shown(leaf.value)), fix)


# ---- addresses and ports ---------------------------------------------------------------------------------------------


def _ports(config: Config, report: Report) -> None:
    ports = config.sip.media_ports
    legs = sum(line.channels for line in config.lines if line.enabled) * _LEGS_PER_CHANNEL + len(config.phones)
    needed = legs * _PORTS_PER_LEG
    if ports.size < needed:
        what = say('"media_ports" has {size} ports, but all channels and phones at once need {needed}.', size=ports.size,
                   needed=needed)
        fix = say('Widen it, such as "{ports}".', ports=_wider(ports.first, needed))
        report("config.ports-too-few", ("sip", "media_ports"), what, fix)
    for path, listen in _listening(config):
        port = listen.port_or(DEFAULT_SIP_PORT)
        if path[0] == "sip" and ports.first <= port <= ports.last:
            what = say("{listen} lies within media_ports {ports}.", listen=shown(listen), ports=ports)
            report("config.ports-clash", path, what, say("Choose a SIP port outside of it."))
    if config.web.listen.port is None:
        report(
            "config.wrong-value",
            ("web", "listen"),
            say("{listen} has no port.", listen=shown(config.web.listen)),
            say("Add it, such as :8080."),
        )
    seen: dict[tuple[str, int], Path] = {}
    for path, listen in _listening(config):
        place = (listen.host, listen.port_or(DEFAULT_SIP_PORT))
        if place[1] and place in seen:
            what = say("{listen} is listened on twice.", listen=shown(listen))
            report("config.ports-clash", path, what, say("Choose another port."))
        seen.setdefault(place, path)


def _addresses(config: Config, report: Report) -> None:
    """SIP binds to and tells IP addresses; a name could mean another machine by the time a call needs it."""
    sip = config.sip
    named = [(path, where.host) for path, where in _listening(config) if path[0] == "sip"]
    if sip.public_address is not None:
        named.append((("sip", "public_address"), sip.public_address.host))
    if sip.media_address:
        named.append((("sip", "media_address"), sip.media_address))
    for path, host in named:
        if not is_ip(host):
            fix = say("Write the IP address, such as 192.0.2.10.")
            report("config.wrong-value", path, say("{host} is a name, or no address at all.", host=shown(host)), fix)


def _listening(config: Config) -> list[tuple[Path, HostPort]]:
    also = [(("sip", "also_listen", index), each) for index, each in enumerate(config.sip.also_listen)]
    return [(("sip", "listen"), config.sip.listen), *also, (("web", "listen"), config.web.listen)]


def _wider(first: int, needed: int) -> str:
    first = min(first, 65535 - needed)
    return f"{max(first, 1024)}-{min(max(first, 1024) + needed - 1, 65535)}"


def _web_and_mail(config: Config, report: Report) -> None:
    web, mail = config.web, config.mail
    if not web.use_tls and not web.listen.is_loopback:
        what = say("The pages would be open to all without encryption on {listen}.", listen=web.listen)
        report("config.needs-tls", ("web", "tls"), what, say("Set tls = true, or listen on 127.0.0.1."))
    if bool(web.certificate) != bool(web.key):
        missing = "key" if web.certificate else "certificate"
        what = say('"{missing}" is missing in [web].', missing=missing)
        report("config.missing-key", ("web",), what, say("Give both files or none."))
    if mail.server is not None and mail.sender is None:
        fix = say('Add sender = "switchroom@example.com".')
        report("config.missing-key", ("mail", "server"), say('"sender" is missing in [mail].'), fix)
    if bool(mail.username) != (mail.secret is not None):
        missing = "secret" if mail.username else "username"
        fix = say("Give both for a login, or none.")
        report("config.missing-key", ("mail",), say('"{missing}" is missing in [mail].', missing=missing), fix)
    if config.sip.register_min_seconds > config.sip.register_max_seconds:
        path = ("sip", "register_min_seconds")
        report("config.wrong-value", path, say('"register_min_seconds" is above the maximum.'), say("Lower it."))
    if config.sip.min_session_expires_seconds > config.sip.session_expires_seconds:
        path = ("sip", "min_session_expires_seconds")
        fix = say("It must not be more than session_expires_seconds.")
        report("config.wrong-value", path, say('"min_session_expires_seconds" is above session_expires_seconds.'), fix)


# ---- lines and phones ------------------------------------------------------------------------------------------------

_ONLY = {"sip-gateway": ("address",), "sip-trunk": ("registrar",)}


def _lines(config: Config, report: Report, where: Where) -> None:
    addresses: dict[tuple[str, int], str] = {}
    for line in config.lines:
        path = where(line)
        _driver_keys(line, report, path)
        if line.keep_free_for_inbound > line.channels:
            fix = say("It can be {channels} at most.", channels=line.channels)
            report(
                "config.wrong-value",
                (*path, "keep_free_for_inbound"),
                say("More channels are kept free than there are."),
                fix,
            )
        if line.driver == "sip-gateway" and line.address is not None:
            place = (line.address.host, line.address.port_or(DEFAULT_SIP_PORT))
            if place in addresses:
                what = say("The lines {other} and {name} have the same address.", other=addresses[place],
                           name=line.name)
                fix = say("Calls from it could not be told apart: make them one line, or give one another port.")
                report("config.clash", (*path, "address"), what, fix)
            addresses.setdefault(place, line.name)


def _driver_keys(line: Line, report: Report, path: Path) -> None:
    needed = _ONLY[line.driver][0]
    if getattr(line, needed) is None:
        what = say('"{needed}" is missing for the {driver} {name}.', needed=needed, driver=line.driver, name=shown(line.name))
        report("config.missing-key", path, what, say('Add {needed} = "192.0.2.1:5060".', needed=needed))
    foreign = next(key for driver, (key,) in _ONLY.items() if driver != line.driver)
    if getattr(line, foreign) is not None:
        what = say('"{foreign}" does not belong to a {driver}.', foreign=foreign, driver=line.driver)
        other = "sip-trunk" if line.driver == "sip-gateway" else "sip-gateway"
        fix = say('Use {needed}, or driver = "{other}".', needed=needed, other=other)
        report("config.wrong-key", (*path, foreign), what, fix)
    if line.driver == "sip-trunk" and (not line.username or line.secret is None):
        missing = "username" if not line.username else "secret"
        what = say('"{missing}" is missing: the sip-trunk {name} registers with it.', missing=missing, name=shown(line.name))
        report("config.missing-key", path, what, say("A provider without registration is a sip-gateway."))


def _phones(config: Config, report: Report, where: Where) -> None:
    for phone in config.phones:
        if phone.secret == phone.extension:
            fix = say("Set a long one of its own: telephone thieves try the extension first.")
            path = (*where(phone), "secret")
            report("config.weak-secret", path, say("The secret of {extension} is its extension.", extension=phone.extension), fix)


# ---- scenarios -------------------------------------------------------------------------------------------------------


def _scenario(scenario: Scenario, report: Report, path: Path) -> None:
    if scenario.confirm is not None and scenario.confirm == scenario.repeat:
        key = "repeat" if scenario.repeat != "0" else "confirm"
        what = say("The same digit {confirm} confirms and repeats.", confirm=shown(scenario.confirm))
        report("config.clash", (*path, key), what, say("Choose another digit for one of them."))
    for digit in (scenario.confirm, scenario.repeat):
        if digit is not None and digit in scenario.decline:
            what = say("The digit {digit} declines and does something else.", digit=shown(digit))
            report("config.clash", (*path, "decline"), what, say("Take it out of decline."))
    _entries(scenario.callee_hours, report, (*path, "callee_hours"))


# ---- hours -----------------------------------------------------------------------------------------------------------


def _hours(hours: Hours, country: str, report: Report, path: Path) -> None:
    _entries(hours.open, report, (*path, "open"))
    for text, rule in hours.dates.items():
        for parse, part in ((opening.parse_date, text), (opening.parse_date_rule, rule)):
            try:
                parse(part)
            except WrongText as error:
                report("config.wrong-value", (*path, "dates", text), error.what, error.fix)
    if hours.holidays and not knows_holidays(country, hours.region):
        place = f"{country} {literal(hours.region)}" if hours.region else country
        what = say("The holidays of {place} are not known.", place=place)
        key = "region" if hours.region else "holidays"
        report("config.unknown-holidays", (*path, key), what, say("Leave it out, and name single days in dates."))


def _entries(entries: list[str] | None, report: Report, path: Path) -> None:
    for index, entry in enumerate(entries or ()):
        try:
            opening.parse_week([entry])
        except WrongText as error:
            report("config.wrong-value", (*path, index), error.what, error.fix)


# ---- numbers ---------------------------------------------------------------------------------------------------------


_RUNG = frozenset({"follow_me", "outside_number"})
"""Keys whose number the box calls by itself."""


def _numbers(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    if not numbers.is_country(config.office.country):
        return
    for leaf in texts:
        outside = isinstance(leaf.value, Target) and leaf.value.kind == "outside"
        if not outside and "number" not in leaf.marks:
            continue
        path = (*where(leaf.table), *leaf.path)
        text = leaf.value.name if isinstance(leaf.value, Target) else leaf.value
        try:
            number = numbers.normalise(text, config.office.country, strict=False)
        except SwitchroomError as error:
            report("config.wrong-value", path, error.said, error.said_hint)
            continue
        if outside or leaf.path[-1] in _RUNG:
            _callable(config, report, path, number)


def _callable(config: Config, report: Report, path: Path, number: str) -> None:
    """Whether the box could call a number that it is to call by itself."""
    route = route_for(config, number)
    kind = numbers.classify(number, config.office.country)
    if route is None:
        fix = say("Add a route for it in [[routes]].")
        report("config.no-route", path, say("No route takes {number}.", number=number), fix)
    elif kind not in route.allow:
        fix = say("Add it to allow, or name another number: {number} is {kind}.", number=shown(number), kind=kind)
        report("config.no-route", path, say("The route {name} does not allow {kind} numbers.", name=shown(route.name),
                                            kind=kind), fix)
