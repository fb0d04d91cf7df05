"""Legs, bridges and the call flows. A flow is a coroutine that reads like the call; decisions stand in pure modules."""
