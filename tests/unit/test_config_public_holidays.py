"""Public holidays: the library's own answers, with no more of the library than the country that was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_OURS = "from appliance.config.public_holidays import holidays_of as of"
_LIBRARY = "import holidays; of = lambda country, region, year: holidays.country_holidays(country, region or None, year)"
_ASKED = """
import json, sys
from holidays.registry import COUNTRIES
asked = [(names[1], "", year) for names in COUNTRIES.values() for year in (2026, 2027)] + [("DE", "BY", 2026), ("US", "CA", 2026)]
print(json.dumps([[*one, *sorted(map(str, of(*one)))] for one in asked]))
"""


def run(*code: str) -> Any:
    """What this prints, as JSON; in a process of its own, which has loaded nothing yet."""
    return json.loads(subprocess.run([sys.executable, "-c", "\n".join(code)], check=True, capture_output=True, timeout=60).stdout)


def test_every_country_has_the_holidays_that_the_library_knows() -> None:
    ours, library = run(_OURS, _ASKED), run(_LIBRARY, _ASKED)
    assert ours == library
    assert len(ours) > 400
    assert sum(len(one) for one in ours) > 5000


def test_only_the_country_that_was_asked_for_is_loaded() -> None:
    loaded = run(_OURS, "from appliance.config.public_holidays import knows_holidays", "import json, sys",
                 "known = [knows_holidays(*place) for place in (('FI',), ('DE', 'BY'), ('DE', 'ZZ'), ('ZZ',))]",
                 "print(json.dumps([known, [name for name in sys.modules if name.startswith('holidays.countries.')]]))")
    assert loaded == [[True, True, False, False], ["holidays.countries.finland", "holidays.countries.germany"]]


def test_nothing_is_loaded_before_somebody_asks() -> None:
    assert run("import appliance.config.load, sys, json", "print(json.dumps('holidays' in sys.modules))") is False
