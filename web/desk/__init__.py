"""An agent's own desk: state, who calls, outcome, callers to be called."""
