"""What screens cost the calls: 50 wallboards and 20 agents' desks follow the box while 20 calls a second go through the queue.

`python -m tests.bench.bench_web [--seconds S] [--boards N] [--desks N]`

The call's way (caller's INVITE in → agent's INVITE out, by the packets' stamps for root, else sipp's) is measured without
screens, with them, and without again on the same box. From event to pixel: an agent outside the calls is sent on a break and
back over the bus, and a real Chromium with a wallboard open writes down when the frame with the new word was drawn (one
machine, one clock).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import random
import re
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psutil
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from appliance.bus import Client
from appliance.messages import ControlAgent
from appliance.users import passwords
from appliance.users.model import User
from appliance.users.store import UserStore
from tests.bench import bench_queue, rig, wire
from tests.bench.bench_queue import TRACE, agents, load, spread
from tests.bench.bench_signalling import invites
from tests.browser.conftest import CHROMIUM, QUIET
from tests.peers.box import Box
from tests.peers.net import free_port
from tests.peers.pages import PASSWORD, sign_in

CALLS_PER_SECOND = 20
AGENTS = 30
PROBE = "probe"
"""The only agent of a queue that nobody calls: nothing but the bench changes its state."""
_STEPS: tuple[tuple[Literal["break", "ready"], str], ...] = (("break", "0"), ("ready", "1"))
"""An order, and how many agents of the side queue are ready then."""
_PROBE = f"""
[[phones]]
extension = "1999"
secret = "secret-1999"
[[agents]]
id = "{PROBE}"
extension = "1999"
[[queues]]
name = "side"
number = "601"
agents = ["{PROBE}"]
"""
_WALL = "/wallboard?queue=side&queue=front"
_WATCH = """() => {
  window.seen = [];
  let last = "";
  new MutationObserver(() => {
    const ready = document.querySelector(".wall-tile [data-figure=ready] dd").textContent.trim();
    if (ready !== last) {
      last = ready;
      requestAnimationFrame(() => requestAnimationFrame(() => window.seen.push([ready, Date.now() / 1000])));
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
"""Two frames after the change it is drawn."""


@contextlib.contextmanager
def box() -> Iterator[Box]:
    office = bench_queue.office(AGENTS) + _PROBE
    with TemporaryDirectory(prefix="bench-web-") as name:
        edits = {"^media_ports = .*$": f'media_ports = "{rig.MEDIA}"'}
        with Box(Path(name), free_port(), free_port(), office=office, edits=edits) as made:
            yield made


def people(made: Box, desks: int) -> None:
    store = UserStore(made.data)
    secret = passwords.hashed(PASSWORD)
    store.put_user(User(login="viewer", name="Viewer", role="viewer", password=secret))
    store.put_user(User(login="chief", name="Chief", role="supervisor", password=secret))
    for n in range(desks):
        agent = f"a{bench_queue.FIRST + n}"
        store.put_user(User(login=agent, name=agent, role="agent", password=secret, agent=agent))
    store.close()


# -- screens --


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """What this thread does, and what it starts, gets only time that nobody else wants: in an office other machines do it."""
    was = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    yield
    os.sched_setscheduler(0, was, os.sched_param(0))


class Screens:
    """Streams of pages, followed by a thread of their own. `events` and `octets`: what came over all of them."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._following: list[Any] = []  # a loop alone does not keep its tasks alive
        self.events = self.octets = self.lost = 0

    def _run(self) -> None:
        with elsewhere():
            self._loop.run_forever()

    def follow(self, path: str, cookie: str) -> None:
        self._following.append(asyncio.run_coroutine_threadsafe(self._follow(path, cookie), self._loop))

    async def _follow(self, path: str, cookie: str) -> None:
        reader, writer = await asyncio.open_connection(self._at.hostname, self._at.port, limit=1 << 22)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._at.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
        status = await reader.readline()
        assert b" 200 " in status, status
        try:
            while line := await reader.readline():
                self.octets += len(line)
                self.events += line.startswith(b"event:")
            self.lost += 1
        finally:
            writer.close()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        following = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)


def signed_in(url: str, login: str) -> str:
    """The cookie of a new session."""
    jar = CookieJar()
    web: OpenerDirector = build_opener(HTTPCookieProcessor(jar))
    page = web.open(f"{url}/login").read().decode()
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    web.open(f"{url}/login", urlencode({"csrf_token": token[1], "login": login, "password": PASSWORD}).encode()).read()
    return "; ".join(f"{each.name}={each.value}" for each in jar)


# -- from event to pixel --


def pixels(made: Box, page: Page, seconds: float) -> list[float]:
    """Seconds from sending an order to the frame that shows what came of it, one after the other; inf where the next order
    came first."""
    page.evaluate(_WATCH)
    sent: list[tuple[str, float]] = []
    with ThreadPoolExecutor(1) as aside:  # Playwright has this thread's loop
        orders = aside.submit(lambda: asyncio.run(_orders(made, sent, time.monotonic() + seconds)))
        page.wait_for_timeout(1000 * (seconds + 3))
        orders.result()
    seen: list[list[Any]] = page.evaluate("window.seen")
    took = []
    for (shown, at), (_, following) in pairwise([*sent, ("", math.inf)]):
        took.append(next((when - at for button, when in seen if button == shown and at <= when < following), math.inf))
    return took


async def _orders(made: Box, sent: list[tuple[str, float]], until: float) -> None:
    async with Client(made.data) as client:
        while time.monotonic() < until:
            for action, shown in _STEPS:
                at = time.time()
                reason = "short" if action == "break" else ""
                await client.ask(ControlAgent(agent=PROBE, action=action, reason=reason, by="bench"), 5)
                sent.append((shown, at))
                await asyncio.sleep(random.uniform(0.6, 1.1))


# -- the whole --


def set_up(made: Box, seconds: int, name: str) -> list[float]:
    """Seconds from each caller's INVITE to its agent's, at 20 calls a second."""
    (made.folder / "agents.log").unlink(missing_ok=True)
    with agents(made, (300, 600), (*TRACE, "agents.log"), AGENTS):
        with wire.listening(made.sip_port) as packets:
            done = load(made, CALLS_PER_SECOND, CALLS_PER_SECOND * seconds, (*TRACE, f"{name}.log"))
        assert done.clean, f"{done}\n{made.log()[-2000:]}"
        began, came = invites(made.folder / f"{name}.log"), invites(made.folder / "agents.log")
    took = packets.through() if packets else [came[who] - at for who, at in began.items() if who in came]
    assert len(took) == done.made, f"{len(took)} of {done.made} INVITEs came through"
    return took


def p99(seconds: list[float]) -> float:
    return 1000 * sorted(seconds)[int(len(seconds) * 0.99)]


def measure(seconds: int, boards: int, desks: int) -> list[tuple[str, str, str]]:
    with box() as made:
        url = made.wait_pages()
        people(made, desks)
        web = psutil.Process(made.pid("web"))
        made.run("agent", "login", PROBE, "--at", "1999")
        before = set_up(made, seconds, "before")
        screens = Screens(url)
        viewer = signed_in(url, "viewer")
        for _ in range(boards):
            screens.follow("/wallboard/events", viewer)
        for n in range(desks):
            screens.follow("/desk/events", signed_in(url, f"a{bench_queue.FIRST + n}"))
        with contextlib.ExitStack() as stack:
            with elsewhere():  # the driver, and so the browser that it starts
                playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page()
            sign_in(page, url, "chief")
            page.goto(url + _WALL)
            idle_mb, cpu, events = web.memory_full_info().uss / 1e6, sum(web.cpu_times()[:2]), screens.events
            with ThreadPoolExecutor(1) as aside:
                calls = aside.submit(set_up, made, seconds, "with")
                drawn = pixels(made, page, seconds - 3)
                beside = calls.result()
            used, came = sum(web.cpu_times()[:2]) - cpu, screens.events - events
            first_mb = web.memory_full_info().uss / 1e6
            with ThreadPoolExecutor(1) as aside:
                aside.submit(set_up, made, seconds, "again").result()
            last_mb = web.memory_full_info().uss / 1e6
            browser.close()
        lost = screens.lost
        screens.close()
        after = set_up(made, seconds, "after")
    p95 = 1000 * sorted(drawn)[int(len(drawn) * 0.95)]
    without = statistics.mean([p99(before), p99(after)])
    return [
        ("INVITE in → agent's INVITE out, no screens", spread(before), ""),
        (f"{boards} wallboards, {desks} desks, a browser", spread(beside), "unchanged within noise"),
        ("without again", spread(after), ""),
        ("p99 with ÷ without (mean of before and after)", f"{p99(beside) / without:.2f}", "about 1"),
        ("event → pixel, a wallboard in Chromium",
         f"p50 {1000 * statistics.median(drawn):.0f}, p95 {p95:.0f} ms ({len(drawn)})", "p95 < 300 ms"),
        ("web process: memory with screens, after one load, after two",
         f"{idle_mb:.0f}, {first_mb:.0f}, {last_mb:.0f} MB", "bounded"),
        ("web process: CPU, and events to all screens",
         f"{100 * used / seconds:.0f} % of a core; {came / seconds:.0f} a second, {lost} screens lost", ""),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement")
    parser.add_argument("--boards", type=int, default=50)
    parser.add_argument("--desks", type=int, default=20)
    asked = parser.parse_args()
    table = Table("what", "ours", "aim", title=f"Screens beside {CALLS_PER_SECOND} calls a second", show_lines=True)
    for row in measure(asked.seconds, asked.boards, asked.desks):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
