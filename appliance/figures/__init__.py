"""The figures of the office: each defined once, computed from quarter-hour sums that are folded from the ledger."""
