"""One try to deliver a message: a POST to the address that was checked, no redirect followed, little of the answer read."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from appliance import __version__
from appliance.config.webhooks import Webhook
from appliance.errors import SwitchroomError
from appliance.sentences import say
from appliance.webhooks import guard, sign

if TYPE_CHECKING:
    import urllib3

log = logging.getLogger("webhooks")
ANSWER_BYTES = 2_000
MOST_ADDRESSES = 4
"""Of a name, that are tried one after the other: localhost is ::1 first, and many programs listen at 127.0.0.1 alone."""
GONE = 410
"""The program is no more (Standard Webhooks): nothing is tried again."""
BACKOFF = (2.0, 10.0, 60.0, 300.0, 1800.0, 3600.0)
"""Seconds to the next try, by how many there were; the last from then on."""
NO_CERTIFICATE = say("{where} holds no certificate that can be read ({why}); check [[webhooks]]")


@dataclass(frozen=True)
class Tried:
    """`status` 0: nobody answered, and `error` says why."""

    status: int
    error: str = ""

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def why(self) -> str:
        return self.error or ("" if self.taken else f"It answered {self.status}.")


def backoff(tries: int) -> float:
    return BACKOFF[min(max(tries, 1), len(BACKOFF)) - 1]


def deliver(hook: Webhook, id: str, body: bytes, utc: float) -> Tried:
    """Never raises for what the far end does."""
    parts = urlsplit(hook.url)
    try:
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        addresses = guard.choose(host, port, hook.allow_local)
    except SwitchroomError as problem:
        return Tried(0, f"{problem.message} {problem.hint}")
    except ValueError as problem:
        return Tried(0, str(say("The address cannot be used: {problem}.", problem=problem)))
    heads = {"Host": parts.netloc, "Content-Type": "application/json", "User-Agent": f"Switchroom/{__version__}",
             **sign.headers(hook.secret, id, utc, body)}
    tried = Tried(0)
    for address in addresses[:MOST_ADDRESSES]:
        tried, connected = _post(hook, parts, host, address, port, heads, body)
        if connected:
            break
    return tried


def _post(
    hook: Webhook, parts: SplitResult, host: str, address: str, port: int, heads: dict[str, str], body: bytes,
) -> tuple[Tried, bool]:
    """And whether somebody listened at this address."""
    import urllib3  # 1 MB, for who has webhooks
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _pool(hook, parts.scheme, host, address, port) as pool:
            answer = pool.urlopen("POST", path, body=body, headers=heads, redirect=False, retries=False, preload_content=False,
                                  timeout=urllib3.Timeout(total=hook.timeout_seconds))
            try:
                answer.read(ANSWER_BYTES)
            except (HTTPError, OSError) as problem:  # the status stands: a message that was taken is not sent again
                log.debug("the answer of a webhook broke off: %s", problem, extra={"webhook": hook.name})
            finally:
                answer.close()
            return Tried(answer.status), True
    except (NewConnectionError, ConnectTimeoutError) as problem:
        return _failed(problem), False
    except (HTTPError, OSError, ValueError) as problem:
        return _failed(problem), True


def _trusting(hook: Webhook) -> ssl.SSLContext:
    """Trusts the certificates of this webhook alone, or where it names none the system's. Raises ValueError."""
    try:
        return ssl.create_default_context(cafile=hook.ca_file or None, cadata=hook.ca or None)
    except OSError as problem:  # ssl.SSLError is one
        where, why = hook.ca_file or "ca", problem.strerror or str(problem)
        raise ValueError(str(NO_CERTIFICATE.about(where=where, why=why))) from None


def _failed(problem: Exception) -> Tried:
    """What a person can act on; the log has it as the library says it."""
    from urllib3.exceptions import NewConnectionError, SSLError, TimeoutError

    log.info("a message was not taken: %s: %s", type(problem).__name__, problem)
    below = getattr(problem, "reason", None) or problem.__cause__ or problem.__context__
    why = (getattr(below, "strerror", "") or str(below or problem))[:200]
    if isinstance(problem, SSLError | ssl.SSLError):
        return Tried(0, str(say("Its certificate is not trusted ({reason}).", reason=why)))
    if isinstance(problem, NewConnectionError):
        return Tried(0, str(say("Nobody takes the connection ({reason}).", reason=why)))
    if isinstance(problem, ValueError):
        return Tried(0, str(problem))
    if isinstance(problem, TimeoutError):
        return Tried(0, str(say("It did not answer in time.")))
    return Tried(0, str(say("The connection broke off ({reason}).", reason=why)))


def _pool(hook: Webhook, scheme: str, host: str, address: str, port: int) -> urllib3.HTTPConnectionPool:
    import urllib3

    if scheme != "https":
        return urllib3.HTTPConnectionPool(address, port, maxsize=1)
    context = _trusting(hook)
    if not hook.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib3.HTTPSConnectionPool(address, port, maxsize=1, ssl_context=context, server_hostname=host,
                                       assert_hostname=host if hook.verify else False)
