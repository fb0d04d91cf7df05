"""The call flows: each a coroutine that reads like the call it leads."""
