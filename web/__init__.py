"""The web process: Flask, one folder per feature. It reads the ledger and speaks to the core over the bus."""
