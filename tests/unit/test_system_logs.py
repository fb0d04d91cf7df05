"""Logs: one JSON object a line, with the fields of the event; sockets that fit the kernel; private folders."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from appliance.errors import SwitchroomError
from appliance.system import logs, paths


def _record(**extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "core", "levelname": "WARNING", "levelno": 30, "msg": "line %s", "args": ("a\nb",)})
    vars(record).update(extra)
    return record


def test_a_line_is_one_json_object() -> None:
    line = logs.JsonFormatter().format(_record(call="c1", odd=Path("x")))
    assert "\n" not in line
    found = json.loads(line)
    told = [found[key] for key in ("part", "level", "text", "call", "odd")]
    assert told == ["core", "warning", "line a\nb", "c1", "x"]


def test_a_trace_is_kept() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        import sys

        record = _record(exc_info=sys.exc_info())
    assert "ValueError: no" in json.loads(logs.JsonFormatter().format(record))["trace"]
    assert "ValueError: no" in logs.TerminalFormatter().format(record)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    loose = tmp_path / "mine"
    loose.mkdir(mode=0o777)
    loose.chmod(0o777)
    with pytest.raises(SwitchroomError) as refused:
        paths.private_dir(tmp_path, "mine")
    assert refused.value.id == "system.folder-not-ours"
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SwitchroomError):
        paths.private_dir(tmp_path, "link")


def test_sockets_fit_the_kernel(tmp_path: Path) -> None:
    assert paths.socket_path(tmp_path, "core") == tmp_path / "run" / "core"
    deep = tmp_path / ("x" * 90)
    assert len(str(paths.socket_path(deep, "core"))) <= paths.SOCKET_PATH_MAX


@pytest.mark.parametrize(("asked", "level"), [(None, logging.DEBUG), ("error", logging.ERROR)])
def test_the_configuration_says_the_level_unless_a_start_option_does(asked: str | None, level: int) -> None:
    root = logging.getLogger()
    before, handlers = root.level, root.handlers[:]
    try:
        logs.set_up(asked)
        logs.follow("debug")
        assert root.level == level
    finally:
        logs.set_up()
        root.setLevel(before)
        root.handlers[:] = handlers
