"""`python -m appliance.cli`: the same as `switchroom`."""

# ruff: noqa: E402
import gc

gc.set_threshold(20_000, 20, 50)  # loading modules makes no garbage; to look for some takes a tenth of the start

from appliance.cli.main import main

main()
