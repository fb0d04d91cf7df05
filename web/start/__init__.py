"""The first start: from nothing to the first answered call from outside, a step at a time."""
