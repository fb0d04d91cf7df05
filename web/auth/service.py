"""What signing in decides, apart from pages."""

from __future__ import annotations

import hmac
import logging
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
    step = passwords.totp_step(user.totp, code.replace(" ", ""), box.users.clock.utc(), user.totp_used)
    if step:
        box.users.put_user(msgspec.structs.replace(user, totp_used=step))
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
    changed = msgspec.structs.replace(user, password=passwords.hashed(new), epoch=user.epoch + 1)
    box.users.put_user(changed)
    return changed


def safe_next(address: str) -> str:
    """Where to go after signing in: a page of ours, or the first one."""
    # Browsers leave out tabs and newlines, and take a backslash for a slash: "/\t/x" leads to another site (WHATWG URL, 4.4).
    odd = any(each < "!" or each in "\\\x7f" for each in address)
    return address if address.startswith("/") and not address.startswith("//") and not odd else "/"
