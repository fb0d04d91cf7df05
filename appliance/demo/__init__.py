"""The demonstration: an office with invented people, simulated lines and a simulated desk phone."""
