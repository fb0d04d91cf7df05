"""Webhooks: other programs are told what happens, from the ledger, signed, until they have taken it."""
