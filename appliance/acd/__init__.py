"""The ACD's rooms: `rules.py` what it is configured with, `*.pxi` the parts of `appliance/_core.pyx`. See docs/acd.md."""
