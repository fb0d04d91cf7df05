"""Putting a version in force: in the store, then in the running core; where the core refuses, the store goes back."""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.store import Store, Version
from appliance.errors import SwitchroomError


def put_in_force(store: Store, make: Callable[[], Version], reload: Callable[[str], object] | None) -> tuple[Version, bool]:
    """`make` adds the version to the store; `reload` (given whose change it is) has the core take it over, None: no box runs.
    Returns the version, and whether it says anything new. Raises what `make` and `reload` raise; nothing has changed then."""
    before = store.in_force()
    now = make()
    changed = before is None or before.number != now.number
    if reload is not None:
        try:
            reload(now.by)
        except SwitchroomError:
            if changed and before is not None:
                store.rollback(before.number, by=now.by)
            raise
    return now, changed
