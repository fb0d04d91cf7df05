"""Webhooks: what other programs are told, and whether they take it."""
