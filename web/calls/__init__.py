"""Records: the calls of the past, what happened in each, and what was recorded of it."""
