"""The audit log: who changed or looked at what, noted before it is done."""
