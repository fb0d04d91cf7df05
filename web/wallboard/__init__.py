"""Figures for a TV on the wall: chosen by the address, without names or numbers of callers."""
