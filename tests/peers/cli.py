"""The command line in this very process: quick, and what is replaced for a test is replaced for it too. `commands.py` runs it in
one of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from appliance.cli.main import cli
from appliance.errors import SwitchroomError


def run(data: Path, *words: str) -> Any:
    """What it answers in JSON; None where it says nothing."""
    done = CliRunner().invoke(cli, ["--data", str(data), "--json", *words])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.output) if done.output else None


def refused(data: Path, *words: str) -> str:
    """The id of the error, which says what to do."""
    problem = CliRunner().invoke(cli, ["--data", str(data), *words]).exception
    assert isinstance(problem, SwitchroomError) and problem.hint, problem
    return problem.id
