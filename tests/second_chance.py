"""A test that is run once more (pytest-rerunfailures) begins as the first one of its file did: with boxes and peers made anew.

The plugin keeps what the file's fixtures made. A box that was left in the middle of a failed test (calls, agents on a break, a
campaign that runs) then fails the second chance too, whatever the first one's reason was. A plugin for pytest, named in
tests/conftest.py; every test must therefore be able to run alone in a fresh box.
"""

from __future__ import annotations

import pytest
import pytest_rerunfailures as rerun


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends what fixtures of the file made, before a second chance. Errors of their ends are its errors."""
    module = item.getparent(pytest.Module)
    if getattr(item, "execution_count", 1) == 1 or module is None:
        return
    stack = item.session._setupstate
    rerun._restore_suspended_finalizers(item)  # which the plugin put aside
    stack.teardown_exact(module.parent)  # type: ignore[arg-type]  # any node says what is to stay
