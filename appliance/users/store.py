"""Users, sessions and tokens on disk: one LMDB (DATA/users), written by the web process and the command line.

Secrets are kept as hashes: a copy of the file lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import lmdb
import msgspec

from appliance.clock import Clock, SystemClock
from appliance.errors import SwitchroomError
from appliance.users.model import Session, Token, User
from appliance.users.rights import Right

MAP_BYTES = 64 << 20
MAX_USERS = 1000
MAX_SESSIONS = 20_000
SESSION_SECONDS = 12 * 3600
"""A session ends when nothing came of it for so long; and after a week in any case."""
SESSION_WHOLE_SECONDS = 7 * 86400
T = TypeVar("T", User, Session, Token)


class Owned(msgspec.Struct):
    """What sessions and tokens have in common."""

    login: str = ""


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class UserStore:
    """Safe for threads and for several processes (LMDB's own lock). One instance a process and folder."""

    def __init__(self, data: Path, clock: Clock | None = None) -> None:
        folder = data / "users"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.clock = clock or SystemClock()
        self._env = lmdb.open(str(folder), map_size=MAP_BYTES, max_dbs=4, max_readers=256, mode=0o600)
        names = (b"users", b"sessions", b"tokens", b"keys")
        self._users, self._sessions, self._tokens, self._keys = (self._env.open_db(name) for name in names)

    def close(self) -> None:
        self._env.close()

    def signing_key(self) -> bytes:
        """The key that forms are signed with, made at the first start and kept: what was typed before a restart can be sent."""
        with self._env.begin(write=True) as txn:
            key: bytes | None = txn.get(b"signing-key", db=self._keys)
            if key is None:
                key = secrets.token_bytes(32)
                txn.put(b"signing-key", key, db=self._keys)
        return key

    def setup_code(self) -> str:
        """Six digits that who sets the box up must know while there is nobody yet; "" once there is somebody."""
        with self._env.begin(write=True) as txn:
            if txn.stat(self._users)["entries"]:
                txn.delete(b"setup-code", db=self._keys)
                return ""
            code: bytes | None = txn.get(b"setup-code", db=self._keys)
            if code is None:
                code = f"{secrets.randbelow(10**6):06}".encode()
                txn.put(b"setup-code", code, db=self._keys)
        return code.decode()

    # ---- people --------------------------------------------------------------------------------------------------

    def user(self, login: str) -> User | None:
        return self._get(self._users, login.encode()[:64], User)

    def users(self) -> list[User]:
        """By login."""
        return [value for _, value in self._all(self._users, User)]

    def put_user(self, user: User, *, new: bool = False) -> None:
        """Whole, in place of who is there: for a change of one thing see `change_user`. `new`: nobody is there. Raises
        SwitchroomError "users.too-many", "users.taken"; "users.last-admin" where nobody could administer any more."""
        with self._env.begin(write=True) as txn:
            known = {value.login: value for value in self._in(txn, self._users, User)}
            if new and user.login in known:
                raise SwitchroomError("users.taken", "There is a user {login}.", "Choose another name.", login=user.login)
            if user.login not in known and len(known) >= MAX_USERS:
                raise SwitchroomError("users.too-many", "There are {most} users.", "Remove some who have left.",
                                      most=MAX_USERS)
            self._store_user(txn, user, known)

    def change_user(self, login: str, change: Callable[[User], User]) -> User:
        """`change` makes of the user as it stands now the one to be: what others change meanwhile stays. Raises SwitchroomError
        "users.unknown", "users.last-admin", and as `change` does: nothing is changed then."""
        with self._env.begin(write=True) as txn:
            known = {value.login: value for value in self._in(txn, self._users, User)}
            if login not in known:
                raise SwitchroomError("users.unknown", "There is no user {login}.", "See the list of users.", login=login[:64])
            return self._store_user(txn, change(known[login]), known)

    def _store_user(self, txn: Any, user: User, known: dict[str, User]) -> User:
        user = msgspec.convert(msgspec.to_builtins(user), User)  # the types' limits hold for whoever calls
        self._keep_an_admin({**known, user.login: user}, before=known)
        txn.put(user.login.encode(), msgspec.msgpack.encode(user), db=self._users)
        return user

    def remove_user(self, login: str) -> None:
        """The user with all sessions and tokens. Raises SwitchroomError "users.unknown", "users.last-admin"."""
        with self._env.begin(write=True) as txn:
            known = {value.login: value for value in self._in(txn, self._users, User)}
            if login not in known:
                raise SwitchroomError("users.unknown", "There is no user {login}.", "See `switchroom user list`.",
                                      login=login)
            self._keep_an_admin({name: user for name, user in known.items() if name != login}, before=known)
            txn.delete(login.encode(), db=self._users)
            for db in (self._sessions, self._tokens):
                for key, value in list(txn.cursor(db=db)):
                    if msgspec.msgpack.decode(value, type=Owned).login == login:
                        txn.delete(key, db=db)

    @staticmethod
    def _keep_an_admin(after: dict[str, User], before: dict[str, User]) -> None:
        def admins(users: dict[str, User]) -> int:
            return sum(user.role == "admin" and not user.disabled for user in users.values())

        if admins(before) and not admins(after):
            raise SwitchroomError("users.last-admin", "Nobody would be left who may administer.",
                                  "Make somebody else an administrator first.")

    # ---- sessions ------------------------------------------------------------------------------------------------

    def session(self, cookie: str) -> Session | None:
        """The session of this cookie, where it has not ended."""
        found = self._get(self._sessions, digest(cookie), Session)
        return found if found is not None and self._lives(found) else None

    def put_session(self, cookie: str, session: Session) -> None:
        with self._env.begin(write=True) as txn:
            if txn.stat(self._sessions)["entries"] >= MAX_SESSIONS:
                self._sweep(txn)
            txn.put(digest(cookie), msgspec.msgpack.encode(session), db=self._sessions)

    def drop_session(self, cookie: str) -> None:
        with self._env.begin(write=True) as txn:
            txn.delete(digest(cookie), db=self._sessions)

    def _lives(self, session: Session) -> bool:
        now = self.clock.utc()
        return now - session.seen < SESSION_SECONDS and now - session.began < SESSION_WHOLE_SECONDS

    def _sweep(self, txn: Any) -> None:
        """Ended sessions go; where none has ended, the half that was used longest ago."""
        found = [(msgspec.msgpack.decode(value, type=Session), key) for key, value in txn.cursor(db=self._sessions)]
        gone = [key for session, key in found if not self._lives(session)]
        found.sort(key=lambda each: (bool(each[0].login), each[0].seen))
        for key in gone or [key for _, key in found[: len(found) // 2]]:
            txn.delete(key, db=self._sessions)

    # ---- tokens --------------------------------------------------------------------------------------------------

    def make_token(self, user: User, name: str, scopes: list[Right], until: float = 0.0) -> tuple[Token, str]:
        """A new token and its secret, which is shown this once."""
        secret = f"sw_{secrets.token_urlsafe(32)}"
        token = Token(id=secrets.token_hex(4), name=name, login=user.login, epoch=user.epoch, scopes=scopes,
                      made=self.clock.utc(), until=until)
        self._put(self._tokens, digest(secret), token)
        return token, secret

    def token(self, secret: str) -> Token | None:
        found = self._get(self._tokens, digest(secret), Token)
        return found if found is not None and (not found.until or self.clock.utc() < found.until) else None

    def tokens(self) -> list[Token]:
        """By the time when they were made."""
        return sorted((value for _, value in self._all(self._tokens, Token)), key=lambda token: token.made)

    def drop_token(self, id: str) -> bool:
        with self._env.begin(write=True) as txn:
            for key, value in txn.cursor(db=self._tokens):
                if msgspec.msgpack.decode(value, type=Token).id == id:
                    return bool(txn.delete(key, db=self._tokens))
        return False

    # ---- LMDB ----------------------------------------------------------------------------------------------------

    def _get(self, db: Any, key: bytes, kind: type[T]) -> T | None:
        if not key:
            return None
        with self._env.begin() as txn:
            raw = txn.get(key, db=db)
        return msgspec.msgpack.decode(raw, type=kind) if raw is not None else None

    def _put(self, db: Any, key: bytes, value: User | Session | Token) -> None:
        with self._env.begin(write=True) as txn:
            txn.put(key, msgspec.msgpack.encode(value), db=db)

    def _all(self, db: Any, kind: type[T]) -> list[tuple[bytes, T]]:
        with self._env.begin() as txn:
            return [(key, msgspec.msgpack.decode(value, type=kind)) for key, value in txn.cursor(db=db)]

    def _in(self, txn: Any, db: Any, kind: type[T]) -> Iterator[T]:
        for _, value in txn.cursor(db=db):
            yield msgspec.msgpack.decode(value, type=kind)
