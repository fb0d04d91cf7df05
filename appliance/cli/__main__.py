"""`python -m appliance.cli`: the same as `switchroom`."""

from appliance.cli.main import main

main()
