"""The core process: drivers, media, calls, channels and the ledger's writer, wired together."""
