"""What signing in decides, apart from pages."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from appliance.errors import SwitchroomError
from appliance.users import passwords
from appliance.users.model import User

if TYPE_CHECKING:
    from web.app import Services

log = logging.getLogger("web.auth")
_WRONG = SwitchroomError("web.wrong-password", "This name, password or code is wrong.",
                         "Check the keyboard's language and Caps Lock. An administrator can set a new password.")


def check_open(box: Services, login: str, address: str) -> None:
    """Raises SwitchroomError "web.too-many" while this door is shut."""
    wait = box.throttle.shut_for(login, address, box.users.clock.mono())
    if wait:
        raise SwitchroomError("web.too-many", "Too many wrong tries.", "Wait {minutes} min and try again.",
                              minutes=max(1, round(wait / 60)))


def sign_in(box: Services, login: str, password: str, code: str, address: str) -> User:
    """Raises SwitchroomError "web.wrong-password", "web.too-many". Which of the three was wrong is not said."""
    login = login.strip().lower()[:64]
    check_open(box, login, address)
    user = box.users.user(login)
    right = passwords.matches(user.password if user and not user.disabled else None, password)
    if user is None or not right or not _second(box, user, code):
        box.throttle.wrong(login, address, box.users.clock.mono())
        log.warning("a sign-in failed", extra={"login": login, "address": address})
        raise _WRONG
    box.throttle.right(login, address)
    return user


def _second(box: Services, user: User, code: str) -> bool:
    if not user.totp:
        return True
    try:
        box.users.change_user(user.login, lambda now: use_code(box, now, code))
    except SwitchroomError:
        return False
    return True


def use_code(box: Services, user: User, code: str, **change: object) -> User:
    """The user after this code, which nobody can use again, also not at the same moment. Raises SwitchroomError
    "web.wrong-code"."""
    step = passwords.totp_step(user.totp, code.replace(" ", ""), box.users.clock.utc(), user.totp_used) if user.totp else 0
    if not step:
        raise SwitchroomError("web.wrong-code", "This code is wrong.", "Type the code that the app shows now.")
    return msgspec.structs.replace(user, **({"totp_used": step} | change))


def change_own(box: Services, user: User, change: Callable[[User], User]) -> User:
    """Of somebody who is signed in as `user` was: not where an administrator changed that, or shut the user out, meanwhile.
    Raises SwitchroomError "web.sign-in"."""

    def of_now(now: User) -> User:
        if now.disabled or now.epoch != user.epoch:
            raise SwitchroomError("web.sign-in", "You are not signed in.", "Sign in, or send a valid token.")
        return change(now)

    return box.users.change_user(user.login, of_now)


def second_factor_off(box: Services, user: User, code: str, address: str, note: Callable[[], None]) -> None:
    """With a code, as signing in; `note` comes before. Raises SwitchroomError "web.wrong-code", "web.too-many"."""
    check_open(box, user.login, address)
    try:
        use_code(box, user, code)
    except SwitchroomError:
        box.throttle.wrong(user.login, address, box.users.clock.mono())
        raise
    note()
    change_own(box, user, lambda now: use_code(box, now, code, totp="", totp_used=0))


def second_factor_on(box: Services, user: User, secret: str, code: str, note: Callable[[], None]) -> bool:
    """Whether the code is one of this new secret, which counts from now on; `note` comes before. Raises SwitchroomError
    "web.second-factor-on": who has found a page open must not exchange the second factor."""
    try:
        step = passwords.totp_step(secret, code.replace(" ", ""), box.users.clock.utc(), 0)
    except ValueError:
        return False  # no base32: not a secret that we gave

    def on(now: User) -> User:
        if now.totp:
            raise SwitchroomError("web.second-factor-on", "The second factor is on already.",
                                  "Switch it off first, with a code of the old one.")
        return msgspec.structs.replace(now, totp=secret, totp_used=step)

    if step:
        on(user)
        note()
        change_own(box, user, on)
    return bool(step)


def first_admin(box: Services, code: str, login: str, name: str, password: str, address: str) -> User:
    """The first administrator, by whoever can read the code at the box. Raises SwitchroomError."""
    check_open(box, "", address)
    wanted = box.users.setup_code()
    if not wanted:
        raise SwitchroomError("web.set-up-done", "This box has an administrator already.", "Sign in.")
    if not hmac.compare_digest(wanted.encode(), code.replace(" ", "").encode()):
        box.throttle.wrong("", address, box.users.clock.mono())
        raise SwitchroomError("web.wrong-code", "This is not the set-up code.",
                              "It stands where Switchroom was started, or ask for it there: switchroom user setup-code.")
    passwords.check_new(password, login)
    user = User(login=login, name=name, role="admin", password=passwords.hashed(password))
    box.users.put_user(user)
    box.users.setup_code()  # there is somebody now: the code is gone
    return user


def change_password(box: Services, user: User, old: str, new: str, address: str) -> User:
    """All other sessions and tokens of this person end."""
    check_open(box, user.login, address)
    if not passwords.matches(user.password, old):
        box.throttle.wrong(user.login, address, box.users.clock.mono())
        raise SwitchroomError("web.wrong-password", "The present password is wrong.", "Try again.")
    passwords.check_new(new, user.login)
    hashed = passwords.hashed(new)  # takes long: what an administrator does meanwhile stays
    return change_own(box, user, lambda now: msgspec.structs.replace(now, password=hashed, epoch=now.epoch + 1))


def safe_next(address: str) -> str:
    """Where to go after signing in: a page of ours, or the first one."""
    # Browsers leave out tabs and newlines, and take a backslash for a slash: "/\t/x" leads to another site (WHATWG URL, 4.4).
    odd = any(each < "!" or each in "\\\x7f" for each in address)
    return address if address.startswith("/") and not address.startswith("//") and not odd else "/"
